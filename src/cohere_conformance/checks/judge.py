"""Compares one exchange with the contract and its requirements: a pure function, used by every command."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.checks.body import judge_text, malformed
from cohere_conformance.checks.damaged import DamagedEvidence
from cohere_conformance.checks.envelope import judge_envelope
from cohere_conformance.checks.evidence import Evidence
from cohere_conformance.checks.frame import Frame, shown
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.headers import field, judge_headers, media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.checks.registry import judge_requirements
from cohere_conformance.checks.request import judge_request
from cohere_conformance.checks.selection import Selection
from cohere_conformance.checks.streams import judge_stream
from cohere_conformance.model import (
    Exchange,
    Failure,
    FailureKind,
    Finding,
    Kind,
    Response,
    Severity,
    Untestable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract import (
        Contract,
        Events,
        Media,
        Operation,
        ResponseDeclaration,
        Validator,
    )
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.contract.route import Route


def judge(contract: Contract, exchange: Exchange, *, requirements: bool = True) -> list[Finding]:
    """Return the deviations of one exchange from the contract and its requirements, each distinct one once.

    Of very many the most severe ones are returned, and the first of them has the number of omitted ones.

    What was not recorded is not judged: no headers, no header rules; no body, no body rules. An exchange with
    another server than the API has no findings. Of an incomplete response, the status and the received
    headers are judged.

    Args:
        contract: what the exchange is compared with.
        exchange: to judge.
        requirements: whether to judge by the requirements, too.
    """
    return judge_parsed(contract, ParsedExchange(exchange), requirements=requirements)


class Judgement(msgspec.Struct, frozen=True):
    """The result of judging one exchange.

    Attributes:
        findings: the deviations, each distinct one once.
        untestable: the requirements that are not testable, because what they depend on is missing or invalid.
    """

    findings: list[Finding]
    untestable: tuple[Untestable, ...] = ()


def judge_parsed(contract: Contract, parsed: ParsedExchange, *, requirements: bool = True) -> list[Finding]:
    """Return the same as `judge`, for an exchange that is already parsed.

    Args:
        contract: what the exchange is compared with.
        parsed: the exchange.
        requirements: whether to judge by the requirements, too.
    """
    return judgement_of(contract, parsed, requirements=requirements).findings


def judgement_of(contract: Contract, parsed: ParsedExchange, *, requirements: bool = True) -> Judgement:
    """Return the findings that `judge` returns, with the requirements that could not be checked.

    Args:
        contract: what the exchange is compared with.
        parsed: the exchange.
        requirements: whether to judge by the requirements, too.
    """
    exchange = parsed.exchange
    route = contract.route(exchange.request.method, exchange.request.url)
    if route.operation is None:
        return Judgement(list(_unrouted(route, exchange)))
    operation = contract.operations[route.operation]
    frame = Frame(route.operation, exchange.response.status)
    found = chain(judge_request(frame, operation, parsed), _response(frame, operation, parsed))
    selection = Selection()
    selection.take(found)
    if not requirements:
        return Judgement(selection.findings())
    findings = selection.findings()
    untestable: list[Untestable] = []
    evidence = evidence_of(operation, parsed, findings)
    selection.take(judge_requirements(frame, evidence, untestable, findings))
    return Judgement(selection.findings(), tuple(untestable))


def evidence_of(operation: Operation, parsed: ParsedExchange, findings: Iterable[Finding] = ()) -> Evidence:
    """Return an exchange as the checks of requirements see it.

    Args:
        operation: of the request.
        parsed: the exchange.
        findings: its deviations from the contract; checks cannot read the invalid values.
    """
    broken = [finding for finding in findings if finding.severity is Severity.BREAKING]
    declared = operation.response(parsed.exchange.response.status)
    if not broken:
        return Evidence(operation, parsed, _framing_of(declared, parsed))
    declared = declared or _alike(operation, parsed.exchange.response.status)
    return DamagedEvidence(operation, parsed, _framing_of(declared, parsed), declared, broken)


def _alike(operation: Operation, status: int) -> ResponseDeclaration | None:
    """Return the declaration of another status of the same kind: success or failure."""
    served = 200 <= status < 300
    return next((one for name, one in operation.responses.items() if name.startswith("2") is served), None)


def _framing_of(declared: ResponseDeclaration | None, parsed: ParsedExchange) -> Framing:
    """Return the framing of a response."""
    if declared is None or not declared.media:
        return "json"
    reported = parsed.headers.get("content-type")
    media = declared.media.get(media_type(reported)) if reported else None
    plain = parsed.exchange.response.events is None
    return media.framing if media is not None and plain else _framing(declared, parsed)


_WEB = frozenset({"HEAD", "OPTIONS"})
_IDENTIFIER = re.compile(r"[0-9]+|(?=.*[0-9])[0-9A-Za-z_-]{12,}")
"""The form of ids in an undeclared path: a finding must not depend on them."""


def _unrouted(route: Route, exchange: Exchange) -> Iterator[Finding]:
    if not route.ours:
        return
    request, status = exchange.request, exchange.response.status
    path = "/".join(
        "*" if _IDENTIFIER.fullmatch(part) else part for part in urlsplit(request.url).path.split("/")
    )
    frame = Frame(f"{request.method} {path or '/'}", status)
    if exchange.response.failure is not None:
        yield _broken(frame, exchange.response, exchange.response.failure)
        if not status:
            return
    methods = f"one of {', '.join(route.methods)} on this path" if route.methods else "a declared path"
    answered = status < 400
    yield frame.finding(
        Kind.ROUTE_UNKNOWN,
        expected=methods,
        observed=f"{request.method} {path or '/'} with status {status}",
        value_class="answered" if answered else "refused",
        # A server that serves an undeclared route has more routes than its contract.
        # HEAD and OPTIONS (a browser's preflight) are never declared.
        severity=Severity.ADDITIVE if answered and request.method not in _WEB else Severity.NOTICE,
    )


_FRAMINGS: dict[Framing, str] = {
    "sse": "server-sent events",
    "ndjson": "lines of JSON",
    "json": "JSON",
}


def _response(frame: Frame, operation: Operation, parsed: ParsedExchange) -> Iterator[Finding]:
    response = parsed.exchange.response
    if response.failure is not None:
        yield _broken(frame, response, response.failure)
        if not response.status:
            return
    declared = operation.response(response.status)
    if declared is None:
        yield frame.finding(
            Kind.STATUS_UNDECLARED,
            expected=f"one of {', '.join(operation.responses)}",
            observed=str(response.status),
            value_class=str(response.status),
        )
        return
    yield from judge_headers(frame, declared, response.headers)
    if not declared.media:
        return  # the body of this status is not declared
    reported = field(response.headers, "content-type")
    media = declared.media.get(media_type(reported)) if reported else None
    if media is not None and response.events is not None and media.events is None:
        media = _closest(declared, _framing(declared, parsed))  # the recorder split it as a stream
    if media is None:
        framing = _framing(declared, parsed)
        if reported or (response.headers and response.body):
            yield frame.finding(
                Kind.MEDIA_TYPE_UNDECLARED,
                expected=f"one of {', '.join(declared.media)}",
                observed=media_type(reported) if reported else "no content-type",
                value_class=media_type(reported) if reported else "absent",
            )
        media = _closest(declared, framing)
    else:
        framing = media.framing
        if framing == "json" and (framing := _framing_instead(declared, parsed)) != "json":
            yield _stream_media_type(frame, declared, framing, reported or "")
            media = _closest(declared, framing)
    if response.failure is None:
        yield from _body(frame, declared, media, framing, parsed)


def _broken(frame: Frame, response: Response, failure: Failure) -> Finding:
    """Return the finding of an incomplete response; the received part of its body is not judged."""
    # Only the beginning of an endless body is stored.
    counted = response.status and failure.kind is not FailureKind.TOO_LARGE
    received = f" ({len(response.body or b'')} bytes of the body received)" if counted else ""
    return frame.finding(
        Kind.ANSWER_BROKEN,
        expected="a complete response",
        observed=f"{failure.detail}{received}",
        value_class=failure.kind.value,
    )


def _framing_instead(declared: ResponseDeclaration, parsed: ParsedExchange) -> Framing:
    """Return the framing of a body with the media type of JSON: it may be a stream, where one is declared."""
    tags = {media.events.tag for media in declared.media.values() if media.events is not None}
    if not tags or not parsed.exchange.response.body or not parsed.response[1]:
        return "json"
    framing, first = _framing(declared, parsed), parsed.response[0]
    # A response that is sent twice is no stream: its lines are no events.
    repeated = framing == "ndjson" and not (isinstance(first, dict) and tags & first.keys())
    return "json" if repeated else framing


def _stream_media_type(
    frame: Frame, declared: ResponseDeclaration, framing: Framing, reported: str
) -> Finding:
    """Return the finding of a stream that has the media type of JSON."""
    streams = {name: media.framing for name, media in declared.media.items() if media.events is not None}
    named = [f"{name} ({_FRAMINGS[one]})" if len(streams) > 1 else name for name, one in streams.items()]
    return frame.finding(
        Kind.MEDIA_TYPE_UNDECLARED,
        expected=f"{' or '.join(named)} for a stream",
        observed=f"{_FRAMINGS[framing]} as {media_type(reported)}",
        value_class=f"stream as {media_type(reported)}",
    )


def _framing(declared: ResponseDeclaration, parsed: ParsedExchange) -> Framing:
    """Return the framing of a body with an unknown or undeclared media type: by its content."""
    response = parsed.exchange.response
    if response.events is not None:
        named = any(event.event for event in response.events)
        return "sse" if named else "ndjson"
    if response.body is None or all(media.framing == "json" for media in declared.media.values()):
        return "json"
    return sniff(parsed.text)


def _closest(declared: ResponseDeclaration, framing: Framing) -> Media:
    """Return the declared media type that is closest to a body of this framing."""
    media = list(declared.media.values())
    streams = [one for one in media if one.events is not None]
    if framing == "json" or not streams:
        return next((one for one in media if one.framing == "json"), media[0])
    return next((one for one in streams if one.framing == framing), streams[0])


def _body(
    frame: Frame, declared: ResponseDeclaration, media: Media, framing: Framing, parsed: ParsedExchange
) -> Iterator[Finding]:
    response = parsed.exchange.response
    if media.events is not None:
        plain = next((one.body for one in declared.media.values() if one.framing == "json"), None)
        yield from _stream(frame, media.events, framing, parsed, plain)
        return
    if media.body is None or response.body is None:
        return
    received = parsed.received
    value, defects = received.parsed
    if defects:
        yield from malformed(frame, Kind.BODY_MALFORMED, defects)
    if value is NOTHING:
        return
    if not received.conforms(media.body):
        yield from judge_text(frame, media.body, received)
    if frame.status >= 400:
        yield from judge_envelope(frame, value)


def _stream(
    frame: Frame, declared: Events, framing: Framing, parsed: ParsedExchange, plain: Validator | None
) -> Iterator[Finding]:
    events, body = parsed.exchange.response.events, parsed.exchange.response.body
    if events is None and body is None:
        return
    if events is not None and not any(event.event for event in events):
        framing = "ndjson"  # the recorder stored no names, so there are none to judge
    parsed_events = parsed.events(framing)
    if events is None and body is not None:
        if "\ufffd" in parsed.text:
            yield from _invalid_utf8(frame, body)
        if not parsed_events and framing == "sse" and parsed.text.strip() and sniff(parsed.text) != "sse":
            yield frame.finding(
                Kind.STREAM_MALFORMED,
                expected="server-sent events",
                observed=f"no event in {shown(parsed.text)}",
                value_class="no-events",
            )
            return
    yield from judge_stream(frame, declared, parsed_events, framing, plain, parsed.folded)


def _invalid_utf8(frame: Frame, body: bytes) -> Iterator[Finding]:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        yield frame.finding(
            Kind.STREAM_MALFORMED,
            expected="UTF-8",
            observed=f"byte 0x{body[error.start]:02x}",
            value_class="utf-8",
        )
