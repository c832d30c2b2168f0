"""The vocabulary: what was exchanged, what deviates, and how it is told apart.

Everything here is a frozen value without behaviour of its own beyond its identity. Whatever can produce an
`Exchange` gets the same judgement, and every judgement is a list of `Finding`.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec

from cohere_conformance.curl import KEY_VARIABLE, Command, command

Headers = tuple[tuple[str, str], ...]
"""Header fields in wire order: lower-case names, repeated fields kept apart."""


class Severity(enum.StrEnum):
    """How much a deviation matters to a typed client."""

    BREAKING = "breaking"
    """A typed client fails or misreads the answer."""
    ADDITIVE = "additive"
    """The server sends more than is declared; tolerant clients do not notice."""
    NOTICE = "notice"
    """Worth knowing, nobody's contract is broken by the server."""


class Kind(enum.StrEnum):
    """What deviates. The names are stable: baselines and reports of other people depend on them."""

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


SEVERITY: dict[Kind, Severity] = dict.fromkeys(Kind, Severity.BREAKING) | {
    Kind.PROPERTY_UNDOCUMENTED: Severity.ADDITIVE,
    Kind.REQUEST_INVALID: Severity.NOTICE,
    Kind.STREAM_BUFFERED: Severity.NOTICE,
    Kind.ROUTE_UNKNOWN: Severity.NOTICE,
    Kind.RULE_UNENFORCED: Severity.ADDITIVE,
}
"""The severity a kind has unless a check says otherwise."""


class StreamEvent(msgspec.Struct, frozen=True):
    """One event of a stream, already cut out of the body.

    Attributes:
        data: the payload as text; several `data:` lines are joined by a line feed.
        event: the name on the `event:` line; `None` where there is none, as in newline-delimited JSON.
        at: seconds since the request was sent, if the recorder kept the time.
    """

    data: str
    event: str | None = None
    at: float | None = None


class Request(msgspec.Struct, frozen=True):
    """What the client sent.

    Attributes:
        method: upper-case HTTP method.
        url: absolute URL, query included.
        headers: empty where the recorder kept none.
        body: the decoded content (no transfer or content coding); `None` where it was not recorded.
        keyed: false where it is known to have gone without any key. Recorders drop keys, so a missing header
            says nothing.
        variable: the environment variable that holds the key that it was sent with; empty where it was sent
            with other credentials.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    has_key: bool = True
    key_variable: str = KEY_VARIABLE


class FailureKind(enum.StrEnum):
    """How an answer ended before it was whole."""

    REFUSED = "refused"
    """No connection could be made."""
    TIMEOUT = "timeout"
    """Nothing came, or no more, within the time that was given."""
    RESET = "reset"
    """The connection was closed or reset before the answer was whole."""
    LENGTH = "length"
    """The body is shorter or longer than the answer says it is."""
    PROTOCOL = "protocol"
    """What came is no HTTP."""
    ENCODING = "encoding"
    """The body cannot be decoded as its content coding says."""
    TOO_LARGE = "too-large"
    """More came than is read of one answer."""


class Failure(msgspec.Struct, frozen=True):
    """Why there is no whole answer.

    Attributes:
        kind: how it ended.
        detail: what happened, for a reader; without addresses of memory, numbers of ports, times.
    """

    kind: FailureKind
    detail: str


class Response(msgspec.Struct, frozen=True):
    """What the server answered.

    Attributes:
        status: HTTP status code; 0 where no status line came.
        headers: empty where the recorder kept none.
        body: the decoded content; `None` where it was not recorded (or is told by `events`).
        events: the stream already split, where the recorder kept events instead of bytes.
        failure: why the answer is not whole, where it is not.
        seconds: from sending the request to the end of the answer, if the recorder kept it.
        arrivals: of a stream, how many bytes of the body had come after how many seconds.
        undecoded: why a recorded body could not be decoded; empty where it could, or where there is none.
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
    """Whether the body of a response could be judged."""

    JUDGED = "judged"
    """It was, or the response has none to judge."""
    NOT_RECORDED = "body not recorded"
    """The recorder left it out."""
    NOT_DECODED = "body not decoded"
    """It was recorded in a form that cannot be read here."""


class Source(msgspec.Struct, frozen=True):
    """Where an exchange was seen.

    Attributes:
        file: path of the recording, as the caller named it.
        position: place in the file that a person can go to, such as `line 12` or `entry 3`.
        recorded_at: RFC 3339 time of the recording, if known.
    """

    file: str
    position: str = ""
    recorded_at: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """One request with its response, as on the wire, and where it comes from."""

    request: Request
    response: Response
    source: Source

    def as_curl(self) -> str:
        """Return a shell command that repeats the request; a key is read from the environment."""
        return self.curl.line

    @property
    def curl(self) -> Command:
        """The shell command that repeats the request, with what it cannot repeat."""
        sent = self.request
        return command(
            sent.method,
            sent.url,
            sent.headers,
            sent.body,
            has_key=sent.has_key,
            key_variable=sent.key_variable,
        )


class Expectation(msgspec.Struct, frozen=True):
    """What a written case demands of its answer beyond the contract.

    Attributes:
        status: the statuses that are right.
        headers: JSON Schema of a header's text by lower-case name; `False` where the header must be absent.
        body: JSON Schema of what stands at a place of the body; `False` where nothing must stand there. A
            place is a JSON pointer in which `*` stands for every element of an array; in a stream the type of
            the event comes first (`<message-end>/delta/finish_reason`).
    """

    status: tuple[int, ...]
    headers: dict[str, dict[str, object] | bool] = {}
    body: dict[str, dict[str, object] | bool] = {}


class Aspect(enum.StrEnum):
    """What of an operation can be exercised or left out."""

    STATUS = "status"
    """A declared status."""
    PROPERTY = "property"
    """A declared property of a 2xx answer, or of the body of a request."""
    EVENT = "event"
    """A declared event of a stream."""
    ENUM_VALUE = "enum-value"
    """A declared value of an enumeration in a 2xx answer, or anywhere in a request."""
    BRANCH = "branch"
    """A declared JSON type of a value in a request that may have several."""
    PARAMETER = "parameter"
    """A declared parameter of a path or a query, or a declared part of a form."""


class Element(msgspec.Struct, frozen=True, order=True):
    """One thing that the contract declares and that an exchange can show.

    Attributes:
        operation: label such as `POST /v2/chat`.
        aspect: what it is.
        name: a status (`404`), a place (`/results/*/index`, `<message-end>/delta/usage`, `query:limit`), the
            type of an event, a place with a value (`/finish_reason = COMPLETE`) or with the JSON type of a
            value (`/documents/* is string`).
        declaration: where the document says it (`Meta/api_version`): one declaration may serve many places
            of many operations, some of which can never show all of it.
    """

    operation: str
    aspect: Aspect
    name: str
    declaration: str = ""


class Level(enum.StrEnum):
    """How strongly a requirement binds."""

    MUST = "MUST"
    """Shown by the document, by the documentation or by observation: a violation fails."""
    SHOULD = "SHOULD"
    """Likely, but not shown: a violation is worth a look."""


class Requirement(msgspec.Struct, frozen=True):
    """One clause that a server can violate and that no schema says.

    Attributes:
        id: stable name, such as `v2.rerank.sorted`; it never changes its meaning and is never used again.
        level: how strongly it binds.
        says: the clause, in one sentence.
        source: where it is known from: `spec`, `docs`, `sdk`, `observed 10/10`, `inferred`; or several.
        reason: the facts behind it, by their ids, and what else there is to know.
        operations: labels of the operations that it is about.
        faults: names of the reference server's faults that violate it.
        group: the group whose file declares it.
    """

    id: str
    level: Level
    says: str
    source: str
    reason: str
    operations: tuple[str, ...]
    faults: tuple[str, ...]
    group: str


class Untestable(msgspec.Struct, frozen=True, order=True):
    """One requirement that one exchange cannot show, because what it depends on is missing or broken.

    Attributes:
        operation: label such as `POST /v2/chat`.
        requirement: id of the requirement.
        reason: what it depends on, and what is wrong with that; without positions and values.
    """

    operation: str
    requirement: str
    reason: str


class Finding(msgspec.Struct, frozen=True):
    """One deviation of one exchange from the contract.

    Attributes:
        kind: what deviates.
        severity: how much it matters.
        operation: label such as `POST /v2/chat`; method and path of the request where no operation matches.
        status: HTTP status of the response.
        location: JSON pointer into the body with array indexes folded to `*` and free keys to `{}`; the tag
            of the event comes first in a stream (`<message-end>/delta/usage`); `""` is the whole body;
            `header:NAME` is a response header, `query:NAME` a query parameter.
        expected: what the contract declares, for a reader.
        observed: what came, for a reader; long values are cut.
        value_class: what tells two findings at one place apart (an enum value, a JSON type); part of the
            identity, unlike `expected` and `observed`.
        requirement: id of the requirement that is violated, if it is one of the catalogue.
        amendment: id of the amendment that explains it: the published document says so, the amended does not.
        omitted: how many more findings of the same exchange there are at least that are not listed.
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

    @property
    def fingerprint(self) -> str:
        """Identity across runs (12 hex digits): independent of wording, order and array positions."""
        parts = (
            self.operation,
            f"{self.status // 100}xx",
            self.kind.value,
            self.location,
            self.value_class,
            self.requirement or "",
        )
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
