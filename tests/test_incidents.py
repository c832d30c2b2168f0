"""`reports/incidents.md` is what `benchmarks/incidents.py` makes, tried with some incidents of each kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from incidents import IncidentResult, edited, incidents, page, result_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "reports" / "incidents.md").read_text(encoding="utf-8")
EVERY = {one["number"]: one for one in incidents()}


@pytest.mark.parametrize("number", [4, 7, 8, 15, 27, 44, 46, 47])
def test_an_incident_is_seen_as_the_page_says(number: int) -> None:
    result = result_of(EVERY[number])
    assert result.result == ("unobservable" if number == 44 else "seen")
    assert page([result]).splitlines()[-1] in PAGE.splitlines()


def test_the_page_has_all_incidents_with_links_and_a_reason_for_each_that_is_not_seen() -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert [int(number) for number in rows] == [*EVERY] == [*range(1, 49)]
    unobservable = [one for one in EVERY.values() if "unobservable" in one]
    assert f"48 incidents: {48 - len(unobservable)} seen, {len(unobservable)} unobservable." in PAGE
    assert all(len(one["unobservable"]) > 40 for one in unobservable)
    assert all(link.startswith("https://github.com/") for one in EVERY.values() for link in one["links"])


def test_what_is_not_seen_or_always_reported_is_no_success() -> None:
    missing = EVERY[4] | {"expects": ["breaking", "enum-unknown"]}
    assert result_of(missing).result.startswith("not seen: expected ['breaking', 'enum-unknown'], got [")
    exchange = EVERY[4]["exchange"]
    always = EVERY[4] | {"exchange": exchange | {"conforming": exchange["response"]}}
    assert result_of(always).result.startswith("reported without the change as well")
    assert "1 missed" in page([IncidentResult(EVERY[4], "not seen")])


def test_documents_are_edited_as_the_file_says() -> None:
    document = {"a/b": {"required": ["x", "y"], "old": 1}}
    edits = [
        {"remove": "/a~1b/required/x"},
        {"remove": "/a~1b/old"},
        {"set": "/a~1b/new", "to": 2},
    ]
    assert edited(document, edits) == {"a/b": {"required": ["y"], "new": 2}}
    assert document == {"a/b": {"required": ["x", "y"], "old": 1}}
