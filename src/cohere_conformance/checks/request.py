"""The request of a recorded exchange: a client's mistake is not the server's drift, so it is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.body import judge_value
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.rawjson import NOTHING, parse
from cohere_conformance.model import Finding, Kind, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.frame import Frame
    from cohere_conformance.contract import RequestDeclaration


def judge_request(frame: Frame, declared: RequestDeclaration | None, request: Request) -> Iterator[Finding]:
    """Yield where a request body breaks the contract, as `request-invalid`.

    An empty body is taken for one that was not recorded, unless the contract demands a body.
    """
    if declared is None or request.body is None:
        return
    if not request.body:
        if declared.required:
            yield _invalid(frame, "", "a body", "an empty body", "empty")
        return
    sent = field(request.headers, "content-type")
    media = media_type(sent) if sent else next(iter(declared.media))
    if media not in declared.media:
        yield _invalid(frame, "", f"one of {', '.join(declared.media)}", media, f"media-type:{media}")
        return
    if media != "application/json":
        return  # a multipart body has no JSON to judge
    value, defects = parse(request.body)
    for defect in defects:
        yield _invalid(frame, "", defect.expected, defect.observed, f"body-malformed:{defect.rule}")
    if value is NOTHING:
        return
    for finding in judge_value(frame, declared.media[media], value):
        told = f"{finding.kind}:{finding.value_class}"
        yield _invalid(frame, finding.place, finding.expected, finding.observed, told)


def _invalid(frame: Frame, place: str, expected: str, observed: str, told: str) -> Finding:
    return frame.finding(
        Kind.REQUEST_INVALID, place=place, expected=expected, observed=observed, value_class=told
    )
