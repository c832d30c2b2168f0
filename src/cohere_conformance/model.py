"""The vocabulary of the project: what was exchanged, what must hold, and what deviates.

- `Exchange`: one HTTP request with its response, whether live, recorded or replayed.
- `Requirement` and `Expectation`: what must hold beyond the schemas; the first for every exchange of an
  operation, the second for one written case.
- `Finding`: one deviation of one exchange from the contract. Its `fingerprint` identifies it across runs.
- `Element`: one thing that the contract declares and an exchange can exercise; the unit of coverage.

Everything here is an immutable value. Whatever produces an `Exchange` gets the same judgement, and every
judgement is a list of `Finding`.
"""

from __future__ import annotations

import enum
import hashlib
from functools import lru_cache

import msgspec

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.curl import KEY_VARIABLE, Command, command

Headers = tuple[tuple[str, str], ...]
"""Header fields in wire order, with lower-case names; a repeated field is repeated here."""


class Severity(enum.StrEnum):
    """How much a deviation matters to a typed client."""

    BREAKING = "breaking"
    """A typed client fails, or misreads the response."""
    ADDITIVE = "additive"
    """The server sends more than the contract declares; a tolerant client ignores it."""
    NOTICE = "notice"
    """Worth knowing; the server does not break the contract."""


class Kind(enum.StrEnum):
    """The kind of a deviation. The names never change: baselines and reports of users depend on them."""

    STATUS_UNDECLARED = "status-undeclared"
    MEDIA_TYPE_UNDECLARED = "media-type-undeclared"
    BODY_MALFORMED = "body-malformed"
    PROPERTY_MISSING = "property-missing"
    PROPERTY_UNDOCUMENTED = "property-undocumented"
    TYPE_CHANGED = "type-changed"
    NULL_UNEXPECTED = "null-unexpected"
    ENUM_UNKNOWN = "enum-unknown"
    FORMAT_INVALID = "format-invalid"
    BOUND_EXCEEDED = "bound-exceeded"
    PATTERN_MISMATCH = "pattern-mismatch"
    UNION_UNMATCHED = "union-unmatched"
    HEADER_MISSING = "header-missing"
    HEADER_INVALID = "header-invalid"
    STREAM_MALFORMED = "stream-malformed"
    STREAM_EVENT_UNKNOWN = "stream-event-unknown"
    STREAM_ORDER = "stream-order"
    STREAM_UNTERMINATED = "stream-unterminated"
    STREAM_FOLD_MISMATCH = "stream-fold-mismatch"
    STREAM_BUFFERED = "stream-buffered"
    ERROR_ENVELOPE = "error-envelope"
    REQUEST_INVALID = "request-invalid"
    ROUTE_UNKNOWN = "route-unknown"
    ANSWER_BROKEN = "answer-broken"
    STATUS_UNEXPECTED = "status-unexpected"
    EXPECTATION_FAILED = "expectation-failed"
    REQUIREMENT_VIOLATED = "requirement-violated"
    SERVER_ERROR = "server-error"
    VALID_REFUSED = "valid-refused"
    RULE_UNENFORCED = "rule-unenforced"
    GOLDEN_CHANGED = "golden-changed"
    SHAPE_VANISHED = "shape-vanished"
    SHAPE_NEW = "shape-new"
    SDK_INCOMPATIBLE = "sdk-incompatible"


SEVERITY: dict[Kind, Severity] = dict.fromkeys(Kind, Severity.BREAKING) | {
    Kind.PROPERTY_UNDOCUMENTED: Severity.ADDITIVE,
    Kind.REQUEST_INVALID: Severity.NOTICE,
    Kind.STREAM_BUFFERED: Severity.NOTICE,
    Kind.ROUTE_UNKNOWN: Severity.NOTICE,
    Kind.RULE_UNENFORCED: Severity.ADDITIVE,
    Kind.SHAPE_VANISHED: Severity.ADDITIVE,
    Kind.SHAPE_NEW: Severity.NOTICE,
}
"""The severity of each kind, unless a check sets another one."""


class StreamEvent(msgspec.Struct, frozen=True):
    """One event of a stream.

    Attributes:
        data: the payload as text; several `data:` lines are joined by a line feed.
        event: the name in the `event:` line; `None` if there is none, as in newline-delimited JSON.
        at: seconds since the request was sent, if the recording has the time.
    """

    data: str
    event: str | None = None
    at: float | None = None


class Request(msgspec.Struct, frozen=True):
    """An HTTP request.

    Attributes:
        method: in upper case.
        url: absolute URL, with the query.
        headers: empty if they were not recorded.
        body: the content without transfer and content coding; `None` if it was not recorded.
        has_key: false if the request is known to have had no API key. Recorders remove keys, so a missing
            `Authorization` header alone shows nothing.
        key_variable: the environment variable with the key of the request, for commands that repeat it; empty
            if the request had other credentials.
        access: how the server was reached besides the URL; the header fields in it are not among `headers`.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    has_key: bool = True
    key_variable: str = KEY_VARIABLE
    access: Access = DIRECT


class FailureKind(enum.StrEnum):
    """Why a response is incomplete."""

    REFUSED = "refused"
    """There was no connection."""
    TIMEOUT = "timeout"
    """There was no response, or no further part of it, within the time limit."""
    RESET = "reset"
    """The connection was closed or reset before the end of the response."""
    LENGTH = "length"
    """The body is shorter or longer than `Content-Length`."""
    PROTOCOL = "protocol"
    """The response is not HTTP."""
    ENCODING = "encoding"
    """The body cannot be decoded as `Content-Encoding` says."""
    TOO_LARGE = "too-large"
    """The body exceeds the size limit for one response."""


class Failure(msgspec.Struct, frozen=True):
    """Why there is no complete response.

    Attributes:
        kind: the category.
        detail: what happened, for a reader; without memory addresses, port numbers and times, so that two
            runs give the same text.
    """

    kind: FailureKind
    detail: str


class Response(msgspec.Struct, frozen=True):
    """An HTTP response.

    Attributes:
        status: HTTP status code; 0 if no status line was received.
        headers: empty if they were not recorded.
        body: the content without transfer and content coding; `None` if it was not recorded, or only as
            `events`.
        events: the events of a stream, if the recording has events instead of bytes.
        failure: why the response is incomplete; `None` if it is complete.
        seconds: from sending the request to the end of the response, if the recording has the time.
        arrivals: of a stream, pairs of the number of bytes received so far and the seconds since the request.
        undecoded: why a recorded body could not be decoded; empty if it could, or if there is none.
    """

    status: int
    headers: Headers = ()
    body: bytes | None = None
    events: tuple[StreamEvent, ...] | None = None
    failure: Failure | None = None
    seconds: float | None = None
    arrivals: tuple[tuple[int, float], ...] = ()
    undecoded: str = ""


class BodyState(enum.StrEnum):
    """Whether the body of a response was judged."""

    JUDGED = "judged"
    """It was judged, or the response has no body to judge."""
    NOT_RECORDED = "body not recorded"
    """The recording does not contain it."""
    NOT_DECODED = "body not decoded"
    """The recording contains it in a form that cannot be decoded."""


class Source(msgspec.Struct, frozen=True):
    """Where an exchange comes from.

    Attributes:
        file: path of the recording as given by the caller; for a live exchange, the name of the run.
        position: location in the file for a reader, such as `line 12` or `entry 3`.
        recorded_at: RFC 3339 time of the recording, if known.
    """

    file: str
    position: str = ""
    recorded_at: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """One request with its response, as on the wire, and where they come from."""

    request: Request
    response: Response
    source: Source

    def as_curl(self) -> str:
        """Return a shell command that repeats the request; it reads the key from the environment."""
        return self.curl.line

    @property
    def curl(self) -> Command:
        """The shell command that repeats the request, and what of the request it cannot repeat."""
        sent = self.request
        return command(
            sent.method,
            sent.url,
            sent.headers,
            sent.body,
            has_key=sent.has_key,
            key_variable=sent.key_variable,
            access=sent.access,
        )


class Expectation(msgspec.Struct, frozen=True):
    """What a written case expects of its response, in addition to the contract.

    Attributes:
        status: the allowed statuses.
        headers: JSON Schema of each header's text, by lower-case name; `False` if the header must be absent.
        body: JSON Schema of the values at each location of the body; `False` if the location must be absent.
            A location is a JSON pointer in which `*` matches every element of an array; in a stream it begins
            with the type of the event (`<message-end>/delta/finish_reason`).
    """

    status: tuple[int, ...]
    headers: dict[str, dict[str, object] | bool] = {}
    body: dict[str, dict[str, object] | bool] = {}


class Aspect(enum.StrEnum):
    """What kind of declaration an exchange can exercise."""

    STATUS = "status"
    """A declared status."""
    PROPERTY = "property"
    """A declared property of a 2xx response, or of a request body."""
    EVENT = "event"
    """A declared event of a stream."""
    ENUM_VALUE = "enum-value"
    """A declared value of an enum in a 2xx response, or anywhere in a request."""
    BRANCH = "branch"
    """A declared JSON type of a request value that may have several types."""
    PARAMETER = "parameter"
    """A declared path or query parameter, or a declared part of a form."""
    KEYWORD = "keyword"
    """A declared type, null, required property, format or bound of a 2xx response."""


class Element(msgspec.Struct, frozen=True, order=True):
    """One declaration of the contract that an exchange can exercise; coverage counts these.

    Attributes:
        operation: label such as `POST /v2/chat`.
        aspect: the kind of declaration.
        name: a status (`404`), a location (`/results/*/index`, `<message-end>/delta/usage`, `query:limit`),
            the type of an event, a location with a value (`/finish_reason = COMPLETE`), a location with a
            JSON type (`/documents/* is string`), or a location with a keyword (`/score: minimum`).
        declaration: where the OpenAPI document declares it (`Meta/api_version`). Many locations of many
            operations may share one declaration, and some of them never show all of it.
    """

    operation: str
    aspect: Aspect
    name: str
    declaration: str = ""


class Level(enum.StrEnum):
    """How strongly a requirement binds, as in RFC 2119."""

    MUST = "MUST"
    """The OpenAPI document, the documentation or observations prove it: a violation fails the run."""
    SHOULD = "SHOULD"
    """It is likely, but not proven: a violation is reported as a notice."""


class Subject(enum.StrEnum):
    """What a requirement is about."""

    CONTENT = "content"
    """What a response means: for its request, beside other responses, or by what the server stores."""
    PROTOCOL = "protocol"
    """The form of a response, its framing, and how invalid requests are refused."""


class Requirement(msgspec.Struct, frozen=True):
    """One rule for the behaviour of a server that no schema can express.

    Attributes:
        id: stable name, such as `v2.rerank.sorted`; it never changes its meaning and is never reused.
        level: how strongly it binds.
        says: the rule, in one sentence.
        source: how it is known: `spec`, `docs`, `sdk`, `observed 10/10`, `inferred`, or several of these.
        reason: the facts that support it, and what else there is to know.
        operations: labels of the operations to which it applies.
        faults: names of the faults of the reference server that violate it.
        group: the group whose file declares it.
        about: whether it is about content, which servers with canned answers do not claim.
        follows: ids of the requirements without which it says nothing: where one of them is violated, its own
            violation is a consequence.
    """

    id: str
    level: Level
    says: str
    source: str
    reason: str
    operations: tuple[str, ...]
    faults: tuple[str, ...]
    group: str
    about: Subject = Subject.PROTOCOL
    follows: tuple[str, ...] = ()


class Untestable(msgspec.Struct, frozen=True, order=True):
    """A requirement that an exchange cannot show, because a value that it needs is missing or invalid.

    Attributes:
        operation: label such as `POST /v2/chat`.
        requirement: id of the requirement.
        reason: the value that it needs, and what is wrong with it; without array positions and values.
    """

    operation: str
    requirement: str
    reason: str


class Finding(msgspec.Struct, frozen=True):
    """One deviation of one exchange from the contract.

    Attributes:
        kind: what deviates.
        severity: how much it matters to a typed client.
        operation: label such as `POST /v2/chat`; method and path of the request if no operation matches.
        status: HTTP status of the response.
        location: JSON pointer into the body, with `*` for array indexes and `{}` for free property names. In
            a stream it begins with the type of the event (`<message-end>/delta/usage`). `""` is the whole
            body, `header:NAME` a response header, `query:NAME` a query parameter.
        expected: what the contract declares, for a reader.
        observed: what the response contains instead, for a reader; long values are cut.
        value_class: distinguishes two findings at one location (an enum value, a JSON type). It is part of
            the identity, unlike `expected` and `observed`.
        requirement: id of the violated requirement, if the finding violates one.
        amendment: id of the amendment that makes this a known defect of the published OpenAPI document: the
            exchange deviates from the document as published, not from the amended one.
        omitted: minimum number of further findings of the same exchange that are not listed.
        correction: id of the amendment that corrects the document here, where the exchange was compared with
            the document as published; the finding is no known defect then.
    """

    kind: Kind
    severity: Severity
    operation: str
    status: int
    location: str
    expected: str
    observed: str
    value_class: str = ""
    requirement: str | None = None
    amendment: str | None = None
    omitted: int = 0
    correction: str | None = None

    @property
    def fingerprint(self) -> str:
        """Identity across runs, as 12 hex digits: independent of wording, order and array positions."""
        label, status, rule = self.operation, f"{self.status // 100}xx", self.requirement or ""
        return _fingerprint(label, status, self.kind.value, self.location, self.value_class, rule)


@lru_cache(maxsize=1024)
def _fingerprint(*parts: str) -> str:
    """Return the identity of a finding; most of them are about the same few things."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
