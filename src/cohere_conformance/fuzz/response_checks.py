"""What the answer to a derived request says about the server, beside what the judge says about any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.frame import Frame, cut
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.fuzz.candidate import Expected, GenerationMode
from cohere_conformance.model import Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.fuzz.candidate import Candidate
    from cohere_conformance.model import Exchange, Finding

_NOWHERE = frozenset({301, 307, 308, 400, 404, 405, 414})
"""What a router answers where it finds no operation."""
_EDGE = frozenset({400, 413, 414, 415, 431})
"""What a server may answer to a request that is too long, or of a kind that nobody sends."""
_LONG_URL, _LONG_HEAD, _LARGE = 2_000, 4_000, 2**20
"""Characters of a URL, of header fields, and bytes of a body, up to which a request is an ordinary one."""
_REFUSALS = frozenset(
    {
        "common.invalid-refused",
        "common.required-refused",
        "common.v2-unknown-field",
        "common.v2-unknown-nested-field",
    }
)
"""Requirements that name the rule themselves where a request that breaks it is served."""


def status_findings(candidate: Candidate, exchange: Exchange, judged: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is wrong with a status, given what was sent.

    Args:
        candidate: what was sent.
        exchange: what came back.
        judged: what the judge says about the answer by itself.
    """
    response = exchange.response
    if response.failure is not None or not response.status:
        return
    frame, status = Frame(candidate.template.operation, response.status), response.status
    location = (
        candidate.location if candidate.location.startswith(("query:", "path:", "form:", "header:")) else ""
    )
    # Where nothing is changed, no place in the request is to blame.
    location = location or (f"request:{candidate.location}" if candidate.location else "")
    seen = observed(exchange)
    told = candidate.rule.keyword if candidate.rule else candidate.says
    if status >= 500:
        expected = f"an answer or a refusal: {candidate.says}"
        yield frame.finding(
            Kind.SERVER_ERROR, location=location, expected=cut(expected), observed=seen, value_class=told
        )
    elif candidate.expected is Expected.SERVED and status >= 400:
        expected = f"an answer: the contract allows {candidate.says}"
        yield frame.finding(
            Kind.VALID_REFUSED, location=location, expected=cut(expected), observed=seen, value_class=told
        )
    elif candidate.expected is Expected.REFUSED and not refused_for_size(candidate, exchange):
        yield from _unrefused(candidate, frame, location, seen, told, judged)


def refused_for_size(candidate: Candidate, exchange: Exchange) -> bool:
    """Tell whether a server has refused what only a fuzzer sends: for its size, or for what it is said to be.

    No operation declares these statuses: what stands before a service sends them, in words of its own.
    """
    response, request = exchange.response, exchange.request
    if candidate.expected is Expected.SERVED or response.status not in _EDGE:
        return False
    if candidate.mode is GenerationMode.PROTOCOL and response.status != 400:
        return True
    head = sum(len(name) + len(value) for name, value in request.headers)
    # Redacted headers are short, so what was sent is looked at as well.
    head += sum(len(name) + len(value) for name, value in candidate.template.headers)
    return len(request.url) > _LONG_URL or head > _LONG_HEAD or (len(request.body or b"") > _LARGE)


def led_elsewhere(candidate: Candidate, exchange: Exchange) -> bool:
    """Tell whether nobody knows which operation an odd path has led to.

    Routers differ in what they take for a slash, and what stands before a service has words of its own.
    """
    if not candidate.location.startswith("path") or candidate.expected is Expected.SERVED:
        return False
    told = field(exchange.response.headers, "content-type") or ""
    nowhere = exchange.response.status in _NOWHERE and media_type(told) != "application/json"
    return nowhere or candidate.mode is GenerationMode.PROTOCOL


def _unrefused(
    candidate: Candidate, frame: Frame, location: str, observed: str, told: str, judged: Iterable[Finding]
) -> Iterator[Finding]:
    statuses = " or ".join(map(str, candidate.statuses))
    if frame.status < 400:
        said = (one for one in judged if one.requirement in _REFUSALS)
        if any(one.severity is not Severity.NOTICE for one in said):
            return
        limit = candidate.rule.limit if candidate.rule else "it cannot be understood"
        yield frame.finding(
            Kind.RULE_UNENFORCED,
            location=location,
            expected=cut(f"a refusal of what is {candidate.says}: {limit}"),
            observed=str(frame.status),
            value_class=told,
        )
    elif candidate.statuses and frame.status not in candidate.statuses:
        yield frame.finding(
            Kind.STATUS_UNEXPECTED,
            location=location,
            expected=f"status {statuses}",
            observed=observed,
            value_class=f"{told} {frame.status}",
        )


def observed(exchange: Exchange) -> str:
    """Return the status of a response with what it says, or why there is none, for a reader."""
    response = exchange.response
    if response.failure is not None:
        return f"{response.failure.kind}: {cut(response.failure.detail)}"
    return cut(f"{response.status}: {message(exchange)}")


def message(exchange: Exchange) -> str:
    """Return what a refusal says."""
    body = exchange.response.body or b""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    told = value.get("message") if isinstance(value, dict) else None
    return " ".join((told if isinstance(told, str) else body.decode("utf-8", "replace")).split())
