"""Lines about what official SDKs made of deviating responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.finding_effect import is_about_response
from cohere_conformance.report.sdk_effect import SEVEREST, SdkOutcome
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report.sdk_effect import SdkResponses
    from cohere_conformance.report.shape import Cause, Report, Row


def effect_lines(shown: Cause | Row) -> list[str]:
    """Return what an application with an official SDK gets, one line for each SDK that parsed some."""
    return [effect.line for effect in shown.sdk_effects]


def effects_in_short(cause: Cause) -> list[str]:
    """Return what goes wrong in applications with official SDKs, without the places and numbers."""
    return [
        f"{effect.sdk.partition(' ')[0]} {effect.outcome}"
        for effect in cause.sdk_effects
        if effect.outcome is not SdkOutcome.UNAFFECTED
    ]


def sdk_lines(report: Report) -> list[str]:
    """Return how many deviating responses each official SDK parsed, and with which outcome."""
    parsed = {one.sdk: _numbers(one) for one in report.coverage.sdks}
    deviates = any(is_about_response(row.kind) for row in (*report.findings, *report.accepted))
    none = [
        f"{name} parsed no deviating response (not recorded completely, or the SDK does not work here)"
        for name in report.header.sdks
        if name not in parsed and deviates
    ]
    return [*parsed.values(), *none]


def _numbers(one: SdkResponses) -> str:
    deviating = sum(one.responses.values()) - one.conforming
    parsed = quantity(deviating, "deviating response")
    if one.conforming:
        also = quantity(one.conforming, "conforming response")
        parsed = f"{also} and {parsed}" if deviating else also
    numbers = [f"{name} {one.responses[name]}" for name in SEVEREST if name in one.responses]
    return f"{one.sdk} parsed {parsed}: {', '.join(numbers)}"
