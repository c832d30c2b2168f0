"""Compares the request of a recorded exchange with the contract: an error of a client is not drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.body import judge_text, judge_value
from cohere_conformance.checks.form import part_names
from cohere_conformance.checks.frame import shown
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.fields import typed
from cohere_conformance.model import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cohere_conformance.checks.frame import Frame
    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Operation, QueryParameter, RequestDeclaration


def judge_request(frame: Frame, operation: Operation, parsed: ParsedExchange) -> Iterator[Finding]:
    """Yield the deviations of the query and the body of a request, as `request-invalid`."""
    if operation.query or "?" in parsed.exchange.request.url:
        yield from _query(frame, operation.query, parsed.query)
    yield from _body(frame, operation.request, parsed)


def _query(
    frame: Frame, declared: Mapping[str, QueryParameter], sent: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    for name, value in sent:
        location = f"query:{name}"
        parameter = declared.get(name)
        if parameter is None:
            known = ", ".join(declared) or "no query parameters"
            yield _invalid(frame, location, f"one of {known}", name, "property-undocumented:")
            continue
        for finding in judge_value(frame, parameter.value, typed(value, parameter.value.schema)):
            reported = f"{finding.kind}:{finding.value_class}"
            yield _invalid(frame, location, finding.expected, shown(value, location), reported)
    for name in sorted(declared.keys() - {name for name, _ in sent}):
        if declared[name].required:
            yield _invalid(
                frame, f"query:{name}", "a required parameter", "no such parameter", "property-missing:"
            )


def _body(frame: Frame, declared: RequestDeclaration | None, parsed: ParsedExchange) -> Iterator[Finding]:
    """Judge the body; an empty one counts as not recorded unless it is required."""
    request = parsed.exchange.request
    if declared is None or request.body is None:
        return
    if not request.body:
        if declared.required:
            yield _invalid(frame, "", "a body", "an empty body", "empty")
        return
    reported = field(request.headers, "content-type")
    media = media_type(reported) if reported else next(iter(declared.media))
    if media not in declared.media:
        yield _invalid(frame, "", f"one of {', '.join(declared.media)}", media, f"media-type:{media}")
        return
    if media != "application/json":
        yield from _form(frame, declared.last.get(media), parsed)
        return  # a multipart body has no JSON to judge
    sent = parsed.sent
    value, defects = sent.parsed
    for defect in defects:
        yield _invalid(frame, "", defect.expected, defect.observed, f"body-malformed:{defect.rule}")
    if value is NOTHING or sent.conforms(declared.media[media]):
        return
    for finding in judge_text(frame, declared.media[media], sent):
        reported = f"{finding.kind}:{finding.value_class}"
        yield _invalid(frame, finding.location, finding.expected, finding.observed, reported)


def _form(frame: Frame, last: str | None, parsed: ParsedExchange) -> Iterator[Finding]:
    """Yield the deviation of a form whose last part is not the declared one."""
    names = part_names(parsed.exchange.request) if last is not None else []
    if last in names and names[-1] != last:
        behind = ", ".join(names[names.index(last) + 1 :])
        yield _invalid(
            frame, f"form:{last}", "the last part of the form", f"{behind} behind it", "part-order"
        )


def _invalid(frame: Frame, location: str, expected: str, observed: str, reported: str) -> Finding:
    return frame.finding(
        Kind.REQUEST_INVALID, location=location, expected=expected, observed=observed, value_class=reported
    )
