"""Evidence is figures that add up in any order, and a file of them says the same as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remembering import RERANK, chat, evidence, rerank

from cohere_conformance.errors import UsageError
from cohere_conformance.observed.evidence import BEFORE, Counts, exchanges, together
from cohere_conformance.observed.file import as_text, load_observed, write_observed

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange

BODIES = (
    RERANK,
    {"results": []},
    {**RERANK, "results": [{"index": 0, "relevance_score": 0.5}, {"index": 1}]},
)


def history() -> list[Exchange]:
    """Return more days than are counted apart, with and without a date, of several shapes."""
    days = [f"2026-11-{day:02}" for day in range(1, 20)]
    calls: list[Exchange] = []
    for number, day in enumerate([*days, *days[::2], None]):
        calls.append(rerank(day, BODIES[number % 3], **({"relevant_spans": {}} if number % 2 else {})))
    calls += [chat(day, {"content": [{"type": "text", "text": "a"}]}) for day in days[:3]]
    return calls


@given(st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_order_and_the_grouping_of_exchanges_do_not_matter(
    amended: Contract, chance: random.Random
) -> None:
    calls = history()
    whole = evidence(amended, calls)
    chance.shuffle(calls)
    first, second = sorted((chance.randrange(len(calls)), chance.randrange(len(calls))))
    parts = [evidence(amended, part) for part in (calls[:first], calls[first:second], calls[second:])]
    assert together([together(parts[:2]), parts[2]]) == whole
    assert together([parts[0], together(parts[:0:-1])]) == whole
    assert exchanges(whole) == len(calls)


def test_only_the_last_days_are_counted_apart(amended: Contract) -> None:
    [one] = evidence(amended, [rerank(f"2026-11-{day:02}") for day in range(1, 21)]).values()
    assert one.days[BEFORE] == Counts(8, 8, 8)
    assert sorted(one.days)[1:] == [f"2026-11-{day:02}" for day in range(9, 21)]
    assert (one.first, one.last) == ("2026-11-01", "2026-11-20")


def test_a_property_counts_where_each_of_its_parents_has_it(amended: Contract) -> None:
    [one] = evidence(amended, [rerank("2026-11-01", BODIES[2])]).values()
    days = {name: at.days["2026-11-01"] for name, at in one.locations.items()}
    assert days["/results/*/index"] == Counts(1, 1, 0)
    assert days["/results/*/relevance_score"] == Counts(1, 0, 0), "one of two results lacks it"
    assert days["/meta"] == Counts(1, 1, 1)
    assert days["/meta/tokens"] == Counts(1, 0, 0), "declared, and absent"
    assert "/meta/tokens/input_tokens" not in days, "its parent was not there"


def test_a_file_holds_the_same_and_is_written_the_same_way(amended: Contract, tmp_path: Path) -> None:
    known = evidence(amended, history())
    write_observed(tmp_path / "observed.yaml", known)
    assert load_observed(tmp_path / "observed.yaml") == known
    assert as_text(load_observed(tmp_path / "observed.yaml")) == as_text(known)
    assert [path.name for path in tmp_path.iterdir()] == ["observed.yaml"], "nothing is left beside it"


def test_no_text_of_a_request_or_a_response_is_in_a_file(amended: Contract) -> None:
    secret = "s3cret"
    call = chat(
        "2026-11-01",
        {"content": [{"type": "text", "text": secret}], secret: 1, "note": secret},
        response_format={"type": "json_object", secret: secret},
        model=f"{secret}-ft",
    )
    text = as_text(evidence(amended, [call]))
    assert secret not in text
    assert "model=other" in text
    assert "response_format.type=json_object" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\n", "unknown field"),
        ("format: 2\nexchanges: 0\nscenarios: []\n", "expected observed shapes of format 1, got format 2"),
        ("{", "observed.yaml"),
        ("format: 1\nexchanges: -1\nscenarios: []\n", "exchanges"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "observed.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        load_observed(file)
