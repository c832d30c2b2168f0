"""A server that answers creations with the ids of what others have: nothing of theirs is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lying import lying
from running import called

if TYPE_CHECKING:
    from pathlib import Path

RUN, RECORD = ("run",), ("record",)
FUZZ = ("fuzz", "--fuzz-profile", "smoke", "--case", "fuzz.positive.post-v1-connectors",
        "--case", "fuzz.positive.patch-v1-connectors-id", "--case", "fuzz.sequences.connectors")  # fmt: skip


@pytest.mark.parametrize(
    ("command", "lists", "seed"),
    [
        (RUN, "honest", 1),
        (FUZZ, "empty", 2),
        (RUN, "failing", 3),
        (FUZZ, "half", 4),
        (RUN, "empty", 5),
        (RECORD, "honest", 6),
    ],
)
def test_what_others_have_is_not_touched(
    command: tuple[str, ...], lists: str, seed: int, tmp_path: Path
) -> None:
    """Whatever the lists show: nothing is deleted, changed or authorised that was there before the run."""
    seeded = ("--seed", str(seed)) if command != RECORD else ()
    with lying(lists, seed) as (url, liar):
        done = called(tmp_path, *command, "--url", url, "--only", "connectors", *seeded)
    assert liar.touched == []
    assert liar.lied > 3
    assert done.code == 1, done.output
    assert "please report" not in done.output
    named = [row for row in done.report["findings"] if row["location"] == "/connector/id"]
    assert "POST /v1/connectors" in {row["operation"] for row in named}


def test_several_workers_take_each_others_for_no_ones(tmp_path: Path) -> None:
    """What one worker made is in the list of another one: that is no finding, and each removes its own."""
    with lying("honest", 1) as (url, liar):
        liar.lies = False
        done = called(tmp_path, "run", "-n", "2", "--url", url, "--only", "connectors")
        assert liar.created == liar.deleted
    assert liar.touched == []
    assert done.code == 0, done.output
