"""Passes conforming responses through official SDKs: what they do not return as it was sent is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.report.finding_effect import has_effect
from cohere_conformance.sdk.parsing import succeeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cohere_conformance.model import Exchange
    from cohere_conformance.report import SdkParse, Tally
    from cohere_conformance.sdk.parsers import SdkParsers

_SOME = " with some requests"


def with_incompatible(
    exchange: Exchange, label: str, findings: Sequence[Finding], sdks: SdkParsers, tally: Tally
) -> Sequence[Finding]:
    """Return the findings about an exchange with those about SDKs, if its response conforms.

    Args:
        exchange: that was judged.
        label: of its operation.
        findings: of the judge.
        sdks: that parse the response.
        tally: counts the responses that conform.
    """
    if any(map(has_effect, findings)):
        return findings
    parses = sdks(exchange, label)
    found = list(_findings(exchange, label, parses))
    tally.effects.add_conforming((one.sdk for one in parses), unaffected=not found)
    return [*findings, *found]


def _findings(exchange: Exchange, label: str, parses: Iterable[SdkParse]) -> Iterator[Finding]:
    by_sdk: dict[str, list[SdkParse]] = {}
    for parse in parses:
        by_sdk.setdefault(parse.sdk, []).append(parse)
    for sdk, ways in by_sdk.items():
        counted: dict[tuple[str, str, Severity], int] = {}
        for way in ways:
            for what in _what(exchange, way):
                counted[what] = counted.get(what, 0) + 1
        for (location, says, severity), number in counted.items():
            yield Finding(
                kind=Kind.SDK_INCOMPATIBLE,
                severity=severity,
                operation=label,
                status=exchange.response.status,
                location=location,
                expected="returned by the SDK as it was sent",
                observed=f"{sdk} {says}{_SOME if number < len(ways) else ''}",
                value_class=f"{sdk.partition(' ')[0]} {says}",
            )


def _what(exchange: Exchange, parse: SdkParse) -> Iterator[tuple[str, str, Severity]]:
    """Yield where a parser does not return what was sent, what it does there, and how bad that is."""
    if parse.raised and succeeded(exchange.response):
        yield parse.raised_at, f"raises {parse.raised}", Severity.BREAKING
    for location in parse.lost:
        yield location, "loses it", Severity.BREAKING
    for location in parse.mistyped:
        yield location, "returns it with a wrong type", Severity.ADDITIVE
