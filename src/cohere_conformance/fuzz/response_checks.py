"""Checks of the response to a generated request, beyond those that apply to every response."""

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
"""Statuses with which a router responds where it finds no operation."""
_EDGE = frozenset({400, 413, 414, 415, 431})
"""Statuses with which a server may respond to a request that is too long, or that no client sends."""
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
"""Requirements whose findings name the rule already, where a request that breaks it is served."""


def status_findings(candidate: Candidate, exchange: Exchange, judged: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings about the status, given the request.

    Args:
        candidate: what was sent.
        exchange: with the response.
        judged: the findings of the judge about the response.
    """
    response = exchange.response
    if response.failure is not None or not response.status:
        return
    frame, status = Frame(candidate.template.operation, response.status), response.status
    location = (
        candidate.location if candidate.location.startswith(("query:", "path:", "form:", "header:")) else ""
    )
    # Where nothing is changed, no location in the request is to blame.
    location = location or (f"request:{candidate.location}" if candidate.location else "")
    seen = observed(exchange)
    changed = candidate.rule.keyword if candidate.rule else candidate.says
    if status >= 500:
        expected = f"an answer or a refusal: {candidate.says}"
        yield frame.finding(
            Kind.SERVER_ERROR, location=location, expected=cut(expected), observed=seen, value_class=changed
        )
    elif candidate.expected is Expected.SERVED and status >= 400:
        expected = f"an answer: the contract allows {candidate.says}"
        yield frame.finding(
            Kind.VALID_REFUSED, location=location, expected=cut(expected), observed=seen, value_class=changed
        )
    elif candidate.expected is Expected.REFUSED and not refused_for_size(candidate, exchange):
        yield from _unrefused(candidate, frame, location, seen, changed, judged)


def refused_for_size(candidate: Candidate, exchange: Exchange) -> bool:
    """Return whether a request was refused for its size, or for a media type that only a fuzzer sends.

    No operation declares these statuses: a proxy in front of the service sends them, with bodies of its own.
    """
    response, request = exchange.response, exchange.request
    if candidate.expected is Expected.SERVED or response.status not in _EDGE:
        return False
    if candidate.mode is GenerationMode.PROTOCOL and response.status != 400:
        return True
    head = sum(len(name) + len(value) for name, value in request.headers)
    # Redacted headers are short, so those of the template are counted as well.
    head += sum(len(name) + len(value) for name, value in candidate.template.headers)
    return len(request.url) > _LONG_URL or head > _LONG_HEAD or (len(request.body or b"") > _LARGE)


def may_be_misrouted(candidate: Candidate, exchange: Exchange) -> bool:
    """Return whether an odd path may have led to another operation, or to none.

    Routers differ in what they take for a slash, and a proxy in front of the service has its own responses.
    """
    if not candidate.location.startswith("path") or candidate.expected is Expected.SERVED:
        return False
    content_type = field(exchange.response.headers, "content-type") or ""
    nowhere = exchange.response.status in _NOWHERE and media_type(content_type) != "application/json"
    return nowhere or candidate.mode is GenerationMode.PROTOCOL


def _unrefused(
    candidate: Candidate, frame: Frame, location: str, observed: str, changed: str, judged: Iterable[Finding]
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
            value_class=changed,
        )
    elif candidate.statuses and frame.status not in candidate.statuses:
        yield frame.finding(
            Kind.STATUS_UNEXPECTED,
            location=location,
            expected=f"status {statuses}",
            observed=observed,
            value_class=f"{changed} {frame.status}",
        )


def observed(exchange: Exchange) -> str:
    """Return the status of a response with its message, or why there is none, for a reader."""
    response = exchange.response
    if response.failure is not None:
        return f"{response.failure.kind}: {cut(response.failure.detail)}"
    return cut(f"{response.status}: {message(exchange)}")


def message(exchange: Exchange) -> str:
    """Return the message of an error response."""
    body = exchange.response.body or b""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    text = value.get("message") if isinstance(value, dict) else None
    return " ".join((text if isinstance(text, str) else body.decode("utf-8", "replace")).split())
