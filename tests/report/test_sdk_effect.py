"""The effect of findings on an official SDK: what of a parsed response concerns which finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohere_conformance.model import SEVERITY, Finding, Kind
from cohere_conformance.report import SdkParse
from cohere_conformance.report.entry import key_of
from cohere_conformance.report.finding_effect import effect_of, has_effect
from cohere_conformance.report.sdk_effect import MOST_LOCATIONS, SdkEffect, SdkOutcome, SdkResponses
from cohere_conformance.report.sdk_tally import MOST_COMBINATIONS, SdkTally

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


SDK = "cohere 7.3.1"


def about(location: str, kind: Kind = Kind.TYPE_CHANGED, status: int = 200, value: str = "int") -> Finding:
    return Finding(
        kind=kind,
        severity=SEVERITY[kind],
        operation="POST /v2/chat",
        status=status,
        location=location,
        expected="type string",
        observed="3",
        value_class=value,
    )


def outcome(finding: Finding, *parses: SdkParse) -> SdkOutcome:
    return effect_of(finding, parses).outcome


def parse(
    lost: tuple[str, ...] = (), mistyped: tuple[str, ...] = (), raised: str = "", at: str = "", sdk: str = SDK
) -> SdkParse:
    return SdkParse(sdk=sdk, raised=raised, raised_at=at, lost=lost, mistyped=mistyped)


# -- one response


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
    assert outcome(about("", kind, status), parse(raised="ApiError")) is expected


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
    assert outcome(about(location), parse((lost,))) is expected


def test_a_loss_below_does_not_concern_what_a_case_or_a_requirement_demands() -> None:
    assert outcome(about("/a", Kind.EXPECTATION_FAILED), parse(("/a/b",))) is SdkOutcome.UNAFFECTED
    assert outcome(about("/a", Kind.EXPECTATION_FAILED), parse(("/a",))) is SdkOutcome.LOSES_DATA


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
    assert outcome(about(location), parse(mistyped=("/id",), raised="TypeError", at="/message")) is expected


@pytest.mark.parametrize(
    ("bad", "expected", "depends"),
    [
        (parse(raised="TypeError"), SdkOutcome.RAISES, SdkOutcome.MAY_RAISE),
        (parse(("/a",)), SdkOutcome.LOSES_DATA, SdkOutcome.MAY_LOSE_DATA),
        (parse(mistyped=("/a",)), SdkOutcome.WRONG_TYPE, SdkOutcome.MAY_BE_WRONG_TYPE),
    ],
)
def test_an_effect_that_depends_on_an_unknown_request_is_not_certain(
    bad: SdkParse, expected: SdkOutcome, depends: SdkOutcome
) -> None:
    assert outcome(about("/a"), bad, bad) is expected
    assert outcome(about("/a"), bad, parse()) is outcome(about("/a"), parse(), bad) is depends


@pytest.mark.parametrize("kind", [Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN])
def test_what_is_not_about_a_response_has_no_effect(kind: Kind) -> None:
    assert not has_effect(about("/a", kind))


# -- many responses


def counted(responses: Sequence[tuple[Sequence[Finding], Sequence[SdkParse]]]) -> SdkTally:
    tally = SdkTally()
    for findings, parses in responses:
        tally.add({key_of(one): [one] for one in findings}, parses)
    return tally


def of(tally: SdkTally, *findings: Finding) -> tuple[SdkEffect, ...]:
    return tally.of_cause([key_of(one) for one in findings])


A, B, C = about("/a"), about("/b"), about("/c")


def test_a_cause_counts_each_response_once_and_with_its_worst_outcome() -> None:
    tally = counted(
        [
            ([A, B], [parse(("/a",), mistyped=("/b",))]),
            ([A, B], [parse(mistyped=("/b",))]),
            ([B], [parse()]),
            ([A], [parse(raised="TypeError")]),
            ([C], [parse(("/c",))]),
        ]
    )
    (both,) = of(tally, A, B)
    assert both.responses == {
        SdkOutcome.RAISES: 1,
        SdkOutcome.LOSES_DATA: 1,
        SdkOutcome.WRONG_TYPE: 1,
        SdkOutcome.UNAFFECTED: 1,
    }
    assert both.line == f"{SDK} raises TypeError in 1 of 4 responses"
    (alone,) = tally.of_finding(key_of(B))
    assert alone.line == f"{SDK}: returns a wrong type in 2 of 3 responses (/b)"
    (every,) = tally.responses()
    assert every == SdkResponses(
        sdk=SDK,
        responses={
            SdkOutcome.RAISES: 1,
            SdkOutcome.LOSES_DATA: 2,
            SdkOutcome.WRONG_TYPE: 1,
            SdkOutcome.UNAFFECTED: 1,
        },
    )


def test_what_was_not_parsed_has_no_effect_that_is_known() -> None:
    tally = counted([([A], [])])
    assert (of(tally, A), tally.responses()) == ((), ())


def test_each_sdk_has_an_effect_of_its_own() -> None:
    tally = counted([([A], [parse(("/a",)), parse(raised="ParseError", sdk="cohere-ai 8.1.0")])])
    assert [(one.sdk, one.outcome) for one in of(tally, A)] == [
        (SDK, SdkOutcome.LOSES_DATA),
        ("cohere-ai 8.1.0", SdkOutcome.RAISES),
    ]


def test_the_most_frequent_exception_is_named() -> None:
    names = ["TypeError", "AttributeError", "TypeError"]
    (effect,) = of(counted([([A], [parse(raised=name)]) for name in names]), A)
    assert effect.line == f"{SDK} raises TypeError in all 3 responses"


def test_locations_are_listed_once_and_not_without_end() -> None:
    many = tuple(f"/a/{number:02}" for number in range(20))
    (effect,) = of(counted([([A], [parse(many[::-1])]), ([A], [parse(many)])]), A)
    assert effect.locations == many[:MOST_LOCATIONS]


PARSES = [
    parse(),
    parse(("/a",)),
    parse(("/b",), mistyped=("/a",)),
    parse(raised="TypeError"),
    parse(raised="ApiError", at="/b"),
    parse(("/c",), sdk="cohere-ai 8.1.0"),
]
RESPONSES = st.lists(
    st.tuples(st.sets(st.sampled_from(["/a", "/b", "/c"]), min_size=1), st.sampled_from(PARSES)), max_size=30
)


@given(RESPONSES, st.integers(1, 5), st.randoms(use_true_random=False))
def test_counts_do_not_depend_on_how_the_work_was_divided(
    drawn: list[tuple[set[str], SdkParse]], workers: int, dice: random.Random
) -> None:
    responses = [([about(one) for one in sorted(locations)], [made]) for locations, made in drawn]
    whole = counted(responses)
    dice.shuffle(responses)
    merged = SdkTally()
    for worker in range(workers):
        merged.merge(counted(responses[worker::workers]))
    for some in ([A], [A, B], [A, B, C]):
        assert of(merged, *some) == of(whole, *some)
    assert merged.responses() == whole.responses()


def test_memory_is_bounded_and_what_is_left_out_does_not_depend_on_the_order() -> None:
    """Beyond the limit, a cause has the numbers of the finding that shows most of its effect."""
    number = MOST_COMBINATIONS + 200
    responses = [([A, about(f"/p{one}")], [parse(("/a",))]) for one in range(number)] + [([B], [parse()])] * 7
    whole, merged = counted(responses), counted(responses[::-2])
    merged.merge(counted(responses[-2::-2]))
    assert len(whole._combinations) == len(merged._combinations) == MOST_COMBINATIONS
    assert whole._combinations == merged._combinations
    assert of(whole, A, B) == of(merged, A, B)
    (effect,) = of(whole, A, B)
    assert effect.responses == {SdkOutcome.LOSES_DATA: number}


@pytest.mark.parametrize(
    ("effect", "line"),
    [
        (
            SdkEffect(sdk=SDK, outcome=SdkOutcome.RAISES, exception="TypeError"),
            "cohere 7.3.1 raises TypeError",
        ),
        (
            SdkEffect(
                sdk=SDK,
                outcome=SdkOutcome.MAY_RAISE,
                exception="TypeError",
                responses={SdkOutcome.MAY_RAISE: 12, SdkOutcome.UNAFFECTED: 28},
            ),
            "cohere 7.3.1 raises TypeError with some requests in 12 of 40 responses",
        ),
        (
            SdkEffect(sdk=SDK, outcome=SdkOutcome.LOSES_DATA, locations=("/a", "/b")),
            "cohere 7.3.1: loses data silently (/a, /b)",
        ),
        (SdkEffect(sdk=SDK, outcome=SdkOutcome.UNAFFECTED), "cohere 7.3.1: unaffected"),
        (
            SdkEffect(sdk=SDK, outcome=SdkOutcome.UNAFFECTED, responses={SdkOutcome.UNAFFECTED: 1}),
            "cohere 7.3.1: unaffected",
        ),
    ],
)
def test_an_effect_is_one_line(effect: SdkEffect, line: str) -> None:
    assert effect.line == line
