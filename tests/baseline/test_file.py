"""The file of accepted drift: read with the line of each mistake, edited without losing what people wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.baseline import append, in_force, load_baseline, remove
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = """\
# Ours.
accepted:
  # The gateway drops it.
  - finding: 0332ba7bedad
    reason: Fixed in release 4.2
    expires: 2027-01-31

  # Patterns.
  # Two lines.
  - operation: POST /v2/*   # all of them
    kind: type-changed
    location: ""
    reason: Whatever it is, we know
    owner: me
    link: https://example.com/1
    expires: "2027-02-28"
# The end.
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "conformance-baseline.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    return path


def test_entries_are_read_with_their_lines(file: Path) -> None:
    first, second = load_baseline(file).entries
    assert (first.finding, first.location, first.line) == ("0332ba7bedad", None, 4)
    assert first.expires == "2027-01-31"
    assert (second.operation, second.location, second.owner, second.line) == ("POST /v2/*", "", "me", 10)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("accepted:", "acepted:", "expected one key, accepted"),
        ("finding: 0332ba7bedad", "finding: XYZ!", ":4: finding: expected a fingerprint"),
        ("finding: 0332ba7bedad", "findings: 0332", ":4: "),
        ("finding: 0332ba7bedad", "owner: me", ":4: expected one of finding, cause"),
        ("finding: 0332ba7bedad", "finding: 1234567", ":4: finding: expected a text"),
        ("finding: 0332ba7bedad", "operation: POST /v2/chatt", "POST /v2/chat"),
        ("reason: Fixed in release 4.2", "reason: no", ":5: reason: expected why"),
        ("reason: Fixed in release 4.2", "owner: me", "reason: expected why"),
        ("expires: 2027-01-31", "expires: 2027-02-30", ":6: expires: expected the last day"),
        ("expires: 2027-01-31", "expires: soon", ":6: expires: expected the last day"),
        ("expires: 2027-01-31", "expires: 20270131", ":6: expires: expected"),
        ("kind: type-changed", "kind: type-change", "type-changed"),
        ("owner: me", "owner: [me]", ":14: owner: expected a text"),
        ("owner: me", "owner: &a [*a]", "conformance-baseline.yaml"),
        ("  - finding", "  finding", "conformance-baseline.yaml"),
        ("# Ours.", "%", "conformance-baseline.yaml"),
    ],
)
def test_a_mistake_is_reported_with_its_line(file: Path, old: str, new: str, expected: str) -> None:
    file.write_text(WRITTEN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(expected)):
        load_baseline(file)


def test_the_file_of_the_current_folder_is_used_without_being_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert in_force("") == in_force(file.name)
    file.unlink()
    assert in_force("") is None
    with pytest.raises(UsageError, match=re.escape(file.name)):
        in_force(file.name)


@pytest.mark.parametrize(
    "reason",
    [
        "Fixed in 4.2",
        "a: b # c",
        "'quoted' \"twice\"",
        "- 1",
        "2027-01-31",
        "Größe \U0001f600",
        "yes yes yes",
    ],
)
def test_what_is_appended_is_read_back(file: Path, reason: str) -> None:
    reason = reason.ljust(10, "x")
    append(file, {"cause": "12345678", "owner": "", "reason": reason, "expires": "2027-03-01"}, "a title")
    text = file.read_text(encoding="utf-8")
    assert text.startswith(WRITTEN)
    added = load_baseline(file).entries[-1]
    assert (added.cause, added.reason, added.expires) == ("12345678", reason, "2027-03-01")


def test_a_file_is_created_for_the_first_entry(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    append(path, {"finding": "0123", "reason": "agreed with them", "expires": "2027-03-01"}, "a title")
    [entry] = load_baseline(path).entries
    assert entry.finding == "0123"


def test_only_what_is_removed_is_gone(file: Path) -> None:
    assert remove(file, {4}) == 1
    text = file.read_text(encoding="utf-8")
    assert [one.operation for one in load_baseline(file).entries] == ["POST /v2/*"]
    assert "# The gateway drops it." not in text
    assert "# Ours." in text
    assert "# Two lines." in text


def test_the_last_entry_can_be_removed_and_another_added(file: Path) -> None:
    assert remove(file, {4, 10}) == 2
    assert load_baseline(file).entries == ()
    append(file, {"finding": "0123", "reason": "agreed with them", "expires": "2027-03-01"}, "a title")
    assert [one.finding for one in load_baseline(file).entries] == ["0123"]


def test_other_lines_remove_nothing(file: Path) -> None:
    assert remove(file, {1, 5, 99}) == 0
    assert file.read_text(encoding="utf-8") == WRITTEN


NEW = {"finding": "abcd", "reason": "agreed with them", "expires": "2027-03-01"}


@pytest.mark.parametrize(
    "written",
    [
        "accepted:\n- finding: '0123'\n  reason: agreed with us\n  expires: 2027-03-01\n",
        "accepted:\n      - finding: '0123'\n        reason: agreed with us\n        expires: 2027-03-01",
        "accepted:\r\n  - finding: '0123'\r\n    reason: agreed with us\r\n    expires: 2027-03-01\r\n",
        "accepted:\n  - {finding: '0123', reason: agreed with us, expires: 2027-03-01}\n",
        "---\naccepted:  # ours\n  - {finding: '0123', reason: agreed with us, expires: 2027-03-01}\n",
        "accepted: []",
        "# Nothing yet.\naccepted: [ ]  # nothing\n",
    ],
)
def test_every_layout_of_a_list_can_be_added_to_and_removed_from(tmp_path: Path, written: str) -> None:
    path = tmp_path / "ours.yaml"
    path.write_bytes(written.encode())
    before = [one.finding for one in load_baseline(path).entries]
    append(path, NEW, "a title")
    entries = load_baseline(path).entries
    assert [one.finding for one in entries] == [*before, "abcd"]
    assert remove(path, {entries[-1].line}) == 1
    assert [one.finding for one in load_baseline(path).entries] == before


@pytest.mark.parametrize(
    "written",
    [
        "accepted: [{finding: '0123', reason: agreed with us, expires: 2027-03-01}]\n",
        "{accepted: [{finding: '0123', reason: agreed with us, expires: 2027-03-01}]}\n",
        '{"accepted":\n [{"finding": "0123", "reason": "agreed with us", "expires": "2027-03-01"}]}\n',
        "accepted:\n  - finding: '0123'\n    reason: agreed with us\n    expires: 2027-03-01\n...\n",
    ],
)
def test_a_layout_that_cannot_be_edited_by_line_is_left_as_it_is(tmp_path: Path, written: str) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(UsageError, match=r"nothing was written(.|\n)*by hand:\n.*- finding: abcd"):
        append(path, NEW, "a title")
    assert path.read_text(encoding="utf-8") == written


def test_a_flow_list_is_not_pruned_by_line(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    one = '{"finding": "0123", "reason": "agreed with us", "expires": "2027-03-01"}'
    path.write_text(f'{{"accepted": [{one},\n{one}]}}\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"nothing was written.*remove by hand the entries at lines 2"):
        remove(path, {2})
    assert one in path.read_text(encoding="utf-8")


def test_a_wrong_entry_is_not_written(file: Path) -> None:
    with pytest.raises(UsageError, match="reason: expected why"):
        append(file, NEW | {"reason": "known"}, "a title")
    assert file.read_text(encoding="utf-8") == WRITTEN
