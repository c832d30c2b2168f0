"""`run --plan`: what a night would send, without sending it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running import called

LIVE = ("--url", "https://api.cohere.com", "--live")
PAGE = Path(__file__).parents[2] / "docs" / "live.md"


def test_the_documentation_shows_the_plan_of_a_first_night(tmp_path: Path) -> None:
    """No key is needed, and no history is made."""
    done = called(tmp_path, "run", *LIVE, "--plan", "--history", "nightly.sqlite")
    assert done.code == 0, done.output
    shown = re.search(
        r"^\$ cohere-conformance run .* --plan\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S
    )
    assert shown is not None
    actual = done.output.splitlines()
    for line in shown[1].splitlines():
        assert line == "..." or line in actual
    assert actual[-1] == "nothing was sent"
    assert list(tmp_path.iterdir()) == []


def test_without_a_history_the_plan_says_so(tmp_path: Path) -> None:
    done = called(
        tmp_path, "run", *LIVE, "--plan", "--only", "rerank", "--max-requests", "40", "--history", "none"
    )
    assert done.code == 0
    assert "with --history none" in done.output
    requests = re.search(r"(\d+) requests of at most 40", done.output)
    assert requests is not None
    assert int(requests[1]) <= 32
    assert "POST /v2/chat" not in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--plan",), "expected --url with --live"),
        ((*LIVE, "--plan", "--no-plan"), "neither --case nor --no-plan"),
        ((*LIVE, "--plan", "--max-billed", "gold=3"), "--max-billed gold: unknown name"),
        ((*LIVE, "--plan", "--max-billed", "tokens"), "expected UNIT=NUMBER"),
        ((*LIVE, "--plan", "--allow", "N9"), "--allow"),
    ],
)
def test_what_has_no_plan_is_a_usage_error(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = called(tmp_path, "run", *arguments)
    assert done.code == 4, done.output
    assert says in done.output


def test_the_old_names_of_tiers_mean_the_same(tmp_path: Path) -> None:
    plans = [called(tmp_path, "run", *LIVE, "--plan", "--allow", name).output for name in ("N2", "creates")]
    assert plans[0] == plans[1]
    assert "POST /v1/datasets " in plans[0]
