"""A short month of `benchmarks/month.py`; the complete one is what `docs/live.md` shows the end of."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import month
import pytest
from month import EMPTY, STORY, TITLES, Month, Night

ROOT = Path(__file__).parents[1]
DAYS = (1, 3, 6, 14, 15, 19, 21, 22, 24)
"""A fault that is mended, one that is accepted until it expires, the server down, a newer contract."""


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Month, list[month.NightResult]]:
    made = Month(tmp_path_factory.mktemp("month"), "tokenize")
    return made, [made.night(night) for night in month.only(DAYS)]


def test_each_night_says_what_has_changed(nights: tuple[Month, list[month.NightResult]]) -> None:
    assert [(one.night.day, one.wrong) for one in nights[1]] == [(day, ()) for day in DAYS]
    lines = month.table(nights[1])
    assert "| 2026-12-06 | faultless | 0 | since 2026-12-03: 1 resolved |" in lines
    assert "| 2026-12-19 | tokenize.billed; down | 3 | no report |" in lines


def test_a_report_that_says_something_else_is_noticed(
    nights: tuple[Month, list[month.NightResult]],
) -> None:
    wrong = nights[0].night(Night(25, (EMPTY,), 0, {EMPTY: "new"}, since=23, event="prune")).wrong
    assert wrong == (
        "expected exit code 0, got 1",
        "expected changes since 2026-12-23, got 2026-12-24",
        f"expected {{'{EMPTY}': 'new'}}, got {{'{EMPTY}': 'regressed'}}",
    )


@pytest.mark.parametrize("page", ["docs/live.md", "README.md"])
def test_the_documentation_shows_the_end_of_the_month(page: str) -> None:
    page = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r"^since 2026-12-29: .*\n(?:\w+: .*\n)+", page, re.MULTILINE)
    assert len(shown) == 1
    first, *changes = shown[0].splitlines()
    last = STORY[-1].states
    numbers = {state: int(number) for number, state in re.findall(r"(\d+) (\w+)", first.partition(": ")[2])}
    assert numbers == Counter(last.values())
    for fault, state in last.items():
        assert [line.partition(": ")[0] for line in changes if TITLES[fault] in line] == [state]
