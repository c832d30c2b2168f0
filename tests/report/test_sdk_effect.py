"""The effect of a cause on an official SDK: what of a parsed example concerns which finding."""

from __future__ import annotations

import msgspec
import pytest

from cohere_conformance.model import SEVERITY, Kind
from cohere_conformance.report import Row, SdkParse
from cohere_conformance.report.causes.effect import MOST_LOCATIONS, effects_of
from cohere_conformance.report.sdk_effect import SdkEffect, SdkOutcome
from cohere_conformance.report.shape import Example

SDK = "cohere 7.3.1"


def row(
    location: str,
    *,
    kind: Kind = Kind.TYPE_CHANGED,
    status: int = 200,
    raised: str = "",
    lost: tuple[str, ...] = (),
    mistyped: tuple[str, ...] = (),
    unparsed: bool = False,
    sdk: str = SDK,
) -> Row:
    parse = SdkParse(sdk=sdk, raised=raised, lost=lost, mistyped=mistyped)
    return Row(
        fingerprint="0" * 12,
        kind=kind,
        severity=SEVERITY[kind],
        operation="POST /v2/chat",
        status=status,
        location=location,
        expected="type string",
        observed="3",
        requirement=None,
        amendment=None,
        count=1,
        example=Example(
            file="a",
            position="",
            recorded_at=None,
            request="POST /v2/chat",
            sdks=() if unparsed else (parse,),
        ),
    )


def outcome(*rows: Row) -> SdkOutcome | None:
    return next((effect.outcome for effect in effects_of(rows)), None)


def test_what_was_not_parsed_has_no_effect_that_is_known() -> None:
    assert effects_of([row("/a", unparsed=True)]) == ()


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (Kind.TYPE_CHANGED, 200, SdkOutcome.RAISES),
        (Kind.BODY_MALFORMED, 200, SdkOutcome.RAISES),
        (Kind.REQUIREMENT_VIOLATED, 200, SdkOutcome.UNAFFECTED),
        (Kind.PROPERTY_UNDOCUMENTED, 200, SdkOutcome.UNAFFECTED),
        (Kind.STATUS_UNEXPECTED, 404, SdkOutcome.RAISES),
        (Kind.SERVER_ERROR, 500, SdkOutcome.RAISES),
        (Kind.ERROR_ENVELOPE, 404, SdkOutcome.UNAFFECTED),
    ],
)
def test_an_exception_is_the_effect_of_what_can_cause_it(
    kind: Kind, status: int, expected: SdkOutcome
) -> None:
    assert outcome(row("", kind=kind, status=status, raised="ApiError")) is expected


@pytest.mark.parametrize(
    ("location", "lost", "concerned"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b", "/a", True),
        ("/a", "/a/b", True),
        ("/a", "/ab", False),
        ("", "/a", False),
        ("<message-end>", "<message-end>", True),
        ("<message-end>", "<message-end>/delta", False),
        ("<message-end>/delta", "<message-end>", True),
    ],
)
def test_a_loss_concerns_findings_at_above_and_below_its_location(
    location: str, lost: str, concerned: bool
) -> None:
    expected = SdkOutcome.LOSES_DATA if concerned else SdkOutcome.UNAFFECTED
    assert outcome(row(location, lost=(lost,))) is expected


def test_a_loss_below_does_not_concern_what_a_case_or_a_requirement_demands() -> None:
    assert outcome(row("/a", kind=Kind.EXPECTATION_FAILED, lost=("/a/b",))) is SdkOutcome.UNAFFECTED
    assert outcome(row("/a", kind=Kind.EXPECTATION_FAILED, lost=("/a",))) is SdkOutcome.LOSES_DATA


def test_the_worst_finding_decides() -> None:
    harmless, wrong = row("/a"), row("/b", mistyped=("/b",))
    lost, raises = row("/c", lost=("/c",)), row("/d", raised="TypeError")
    assert outcome(harmless, wrong) is SdkOutcome.WRONG_TYPE
    assert outcome(harmless, wrong, lost) is SdkOutcome.LOSES_DATA
    assert outcome(harmless, wrong, lost, raises) is SdkOutcome.RAISES


def test_each_sdk_has_an_effect_of_its_own() -> None:
    rows = [row("/a", lost=("/a",)), row("/a", sdk="cohere-ai 8.1.0", raised="ParseError")]
    assert [(one.sdk, one.outcome) for one in effects_of(rows)] == [
        (SDK, SdkOutcome.LOSES_DATA),
        ("cohere-ai 8.1.0", SdkOutcome.RAISES),
    ]


def test_the_request_of_a_client_has_no_effect_on_the_parser() -> None:
    assert outcome(row("/a", kind=Kind.REQUEST_INVALID, lost=("/a",))) is None


def test_locations_are_listed_once_and_not_without_end() -> None:
    many = [row(f"/p{number}", lost=(f"/p{number}",)) for number in range(20)]
    (effect,) = effects_of([many[0], *many])
    assert effect.locations == tuple(f"/p{number}" for number in range(MOST_LOCATIONS))


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        (
            SdkEffect(sdk=SDK, outcome=SdkOutcome.RAISES, exception="TypeError"),
            "cohere 7.3.1 raises TypeError",
        ),
        (
            SdkEffect(sdk=SDK, outcome=SdkOutcome.LOSES_DATA, locations=("/a", "/b")),
            "cohere 7.3.1: loses data silently (/a, /b)",
        ),
        (SdkEffect(sdk=SDK, outcome=SdkOutcome.UNAFFECTED), "cohere 7.3.1: unaffected"),
    ],
)
def test_an_effect_is_one_line(effect: SdkEffect, line: str) -> None:
    assert effect.line == line


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/message", SdkOutcome.RAISES),
        ("/message/content", SdkOutcome.RAISES),
        ("/id", SdkOutcome.WRONG_TYPE),
        ("/usage", SdkOutcome.UNAFFECTED),
    ],
)
def test_an_exception_is_the_effect_of_the_part_that_causes_it(location: str, expected: SdkOutcome) -> None:
    parse = SdkParse(sdk=SDK, raised="TypeError", raised_at="/message", mistyped=("/id",))
    made = row(location)
    example = msgspec.structs.replace(made.example, sdks=(parse,))
    assert outcome(msgspec.structs.replace(made, example=example)) is expected
