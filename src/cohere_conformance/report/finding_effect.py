"""The effect of one finding on an official SDK: what of a parsed response it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.model import Kind
from cohere_conformance.report.sdk_effect import FOR_SOME, SdkOutcome, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cohere_conformance.model import Finding
    from cohere_conformance.report.sdk_effect import SdkParse

_REFUSED = frozenset({Kind.STATUS_UNEXPECTED, Kind.STATUS_UNDECLARED, Kind.VALID_REFUSED, Kind.SERVER_ERROR})
"""What is wrong with the status itself: an application gets the exception instead of a value."""
_VALID_FOR_A_PARSER = frozenset(
    {
        Kind.HEADER_MISSING,
        Kind.HEADER_INVALID,
        Kind.STREAM_BUFFERED,
        Kind.REQUIREMENT_VIOLATED,
        Kind.EXPECTATION_FAILED,
        Kind.PROPERTY_UNDOCUMENTED,
        Kind.GOLDEN_CHANGED,
        Kind.RULE_UNENFORCED,
    }
)
"""No parser raises because of these: what does is another finding of the same response."""
_WITH_ALL_BELOW = frozenset({Kind.TYPE_CHANGED, Kind.PROPERTY_UNDOCUMENTED, Kind.UNION_UNMATCHED})
"""What concerns everything below a location; other findings are about the value itself."""
_OF_THE_CLIENT = frozenset({Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN})


class FindingEffect(NamedTuple):
    """The effect of a finding in one response.

    Attributes:
        outcome: what happens.
        exception: class of the exception, if the SDK raises.
        locations: of what is lost or has a wrong type.
    """

    outcome: SdkOutcome
    exception: str = ""
    locations: tuple[str, ...] = ()


def has_effect(finding: Finding) -> bool:
    """Return whether a finding is about a response and no known spec defect."""
    return finding.amendment is None and is_about_response(finding.kind)


def is_about_response(kind: Kind) -> bool:
    """Return whether findings of a kind are about responses."""
    return kind not in _OF_THE_CLIENT


def effect_of(finding: Finding, parses: Sequence[SdkParse]) -> FindingEffect:
    """Return the effect of a finding on one SDK.

    Args:
        finding: about the response.
        parses: how the SDK parsed it; several where that depends on a request which was not recorded.
    """
    effects = [_effect(finding, parse) for parse in parses]
    outcome = worst(one.outcome for one in effects)
    bad = [one for one in effects if one.outcome is outcome]
    return FindingEffect(
        outcome if len(bad) == len(effects) else FOR_SOME[outcome],
        bad[0].exception,
        tuple(dict.fromkeys(location for one in bad for location in one.locations)),
    )


def _effect(finding: Finding, parse: SdkParse) -> FindingEffect:
    if parse.raised and _raises(finding, parse.raised_at):
        return FindingEffect(SdkOutcome.RAISES, parse.raised)
    for outcome, locations in (
        (SdkOutcome.LOSES_DATA, parse.lost),
        (SdkOutcome.WRONG_TYPE, parse.mistyped),
    ):
        if found := tuple(_concerned(finding, locations)):
            return FindingEffect(outcome, locations=found)
    return FindingEffect(SdkOutcome.UNAFFECTED)


def _raises(finding: Finding, at: str) -> bool:
    """Return whether a finding is why the SDK raises.

    Args:
        finding: about the response.
        at: the part of the response that makes the SDK raise; empty if it is not known.
    """
    if finding.status >= 400:
        return finding.kind in _REFUSED
    return finding.kind not in _VALID_FOR_A_PARSER and (not at or any(_concerned(finding, [at])))


def _concerned(finding: Finding, locations: Iterable[str]) -> Iterator[str]:
    """Yield the locations that a finding is about: its own, those above, and for some kinds those below.

    What is wrong with a response as a whole, such as the order of a stream, changes no single value.
    """
    at = finding.location
    below = bool(at) and finding.kind in _WITH_ALL_BELOW and not (at.startswith("<") and at.endswith(">"))
    for one in locations:
        if one == at or _above(one, at) or (below and _above(at, one)):
            yield one


def _above(one: str, other: str) -> bool:
    return bool(one) and other.startswith(f"{one}/")
