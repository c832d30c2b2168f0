"""A golden cassette as a value, and as the text of its file.

The file is a cassette of VCR.py (version 1, one interaction). What that format has no place for is under the
key `conformance`, which VCR.py ignores: the origin of the exchange, and when the parts of a stream arrived.
"""

from __future__ import annotations

import enum
from http import HTTPStatus
from typing import Any, Literal

import msgspec
import yaml

from cohere_conformance.errors import CassetteError
from cohere_conformance.inputs.yamlevents import ExceededError
from cohere_conformance.model import Exchange, Headers, Request, Response, Source
from cohere_conformance.recordings.scalars import UnusableError, typed
from cohere_conformance.recordings.yamlstream import document

FORMAT = 1
"""Version of the record under `conformance`."""
_VCR = 1
_WIDTH = 110
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Origin(enum.StrEnum):
    """The kind of server that responded."""

    REFERENCE = "reference"
    """The reference server of this package."""
    LIVE = "live"
    """The API itself."""
    OTHER = "other"
    """Some other server: a mock, a gateway, a server of models."""


ELSEWHERE = "imported"
"""The kind of a cassette that was imported."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a cassette comes from.

    Attributes:
        id: of the written case or of the imported exchange; the name of the file.
        operation: label such as `POST /v2/chat`.
        origin: kind of server that responded.
        profile: what the server was expected to be, such as `contract`; empty where that is unknown.
        recorded_at: RFC 3339 time of the exchange; empty where it is unknown, and of the reference server.
        contract: digest of the contract at that time; likewise.
        suite: version of this package that wrote the cassette; likewise.
        case: digest of the written case; empty where it was imported.
        values: values of the placeholders of the case.
        models: the model of each role in the case, where the default of the profile is another one or may
            become another one.
        imported: name of the file that the exchange was taken from; empty where a case was recorded.
        seconds: from sending the request to the end of the response; `None` where it was not measured.
        arrivals: of a stream, how many bytes of the body had arrived after how many seconds.
        format: version of this record.
    """

    id: str
    operation: str
    origin: Origin
    profile: str
    recorded_at: str = ""
    contract: str = ""
    suite: str = ""
    case: str = ""
    values: dict[str, str] = {}
    models: dict[str, str] = {}
    imported: str = ""
    seconds: float | None = None
    arrivals: tuple[tuple[int, float], ...] = ()
    format: int = FORMAT

    @property
    def kind(self) -> str:
        """The origin of a recorded case, or that the exchange was imported."""
        return ELSEWHERE if self.imported else str(self.origin)

    @property
    def role_models(self) -> dict[str, str]:
        """The model that each role meant."""
        from cohere_conformance.cases.roles import default_models  # imports every module of the cases

        return {**default_models(self.profile), **self.models}

    @property
    def group(self) -> str:
        """The group of the operation, which is the folder of the file."""
        return self.id.partition(".")[0]


class Cassette(msgspec.Struct, frozen=True):
    """One recorded exchange and where it comes from."""

    provenance: Provenance
    exchange: Exchange


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    uri: str
    body: Any
    headers: dict[str, list[str]]


class _Status(msgspec.Struct, forbid_unknown_fields=True):
    code: int
    message: str


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    string: Any


class _Response(msgspec.Struct, forbid_unknown_fields=True):
    status: _Status
    headers: dict[str, list[str]]
    body: _Body


class _Interaction(msgspec.Struct, forbid_unknown_fields=True):
    request: _Request
    response: _Response


class _File(msgspec.Struct, forbid_unknown_fields=True):
    conformance: Provenance
    interactions: tuple[_Interaction]
    version: Literal[1]


def dump(cassette: Cassette) -> bytes:
    """Return the text of the file.

    Raises:
        CassetteError: the response is incomplete, so that it cannot be replayed.
    """
    request, response, provenance = cassette.exchange.request, cassette.exchange.response, cassette.provenance
    if response.failure is not None or response.body is None:
        reason = (
            "no body" if response.failure is None else f"an incomplete response ({response.failure.kind})"
        )
        raise CassetteError(provenance.id, f"expected a complete response, got {reason}; record it again")
    return yaml.dump(
        {
            "conformance": msgspec.to_builtins(provenance),
            "interactions": [
                {
                    "request": {
                        "method": request.method,
                        "uri": request.url,
                        "body": _readable(request.body),
                        "headers": _listed(request.headers),
                    },
                    "response": {
                        "status": {"code": response.status, "message": _phrase(response.status)},
                        "headers": _listed(response.headers),
                        "body": {"string": _readable(response.body)},
                    },
                }
            ],
            "version": _VCR,
        },
        Dumper=_DUMPER,
        encoding="utf-8",
        allow_unicode=True,
        sort_keys=False,
        width=_WIDTH,
    )


def parse(text: bytes, file: str) -> Cassette:
    """Parse the text of a file.

    Args:
        text: all of it.
        file: its path, for errors.

    Raises:
        CassetteError: it is not a valid cassette.
    """
    try:
        raw = msgspec.convert(typed(document(text)), _File)
    except ExceededError as error:
        raise CassetteError(file, _invalid(f"too much{_where(error)}: {error.problem}")) from error
    except yaml.YAMLError as error:
        raise CassetteError(file, _invalid(f"broken YAML{_where(error)}")) from error
    except (msgspec.ValidationError, UnusableError) as error:
        raise CassetteError(file, _invalid(f"something else ({error})")) from error
    provenance, (interaction,) = raw.conformance, raw.interactions
    if provenance.format != FORMAT:
        raise CassetteError(
            file, f"expected format {FORMAT}, got {provenance.format}; read it with the version that wrote it"
        )
    request, response = interaction.request, interaction.response
    sent, answered = _bytes(request.body, file), _bytes(response.body.string, file)
    headers = _fields(request.headers)
    # Other recorders leave the key out.
    has_key = bool(provenance.imported) or "authorization" in request.headers
    return Cassette(
        provenance,
        Exchange(
            Request(request.method, request.uri, headers, sent, has_key=has_key),
            Response(
                status=response.status.code,
                headers=_fields(response.headers),
                body=answered or b"",
                seconds=provenance.seconds,
                arrivals=provenance.arrivals,
            ),
            Source(file, provenance.id, provenance.recorded_at),
        ),
    )


def _invalid(received: str) -> str:
    advice = "record it again, or `cassettes import` it"
    return f"expected a cassette as `record` writes it, got {received}; {advice}"


def _where(error: yaml.YAMLError) -> str:
    # Only the position: the complete message may quote the text.
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"


def _readable(body: bytes | None) -> str | bytes | None:
    """Return a body as text where it is text, so that a difference between two cassettes reads well."""
    if body is None:
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body


def _bytes(body: object, file: str) -> bytes | None:
    match body:
        case None | bytes():
            return body
        case str():
            return body.encode("utf-8")
    raise CassetteError(file, _invalid(f"a body that is a {type(body).__name__}"))


def _listed(headers: Headers) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for name, value in headers:
        listed.setdefault(name, []).append(value)
    return listed


def _fields(listed: dict[str, list[str]]) -> Headers:
    return tuple((name, value) for name, values in listed.items() for value in values)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
