"""What a host that is not this machine gets: no command sends it anything that was not allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hosted import URL, hosted
from running import called

from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {
    "run": ("run",),
    "fuzz": ("fuzz", "--fuzz-profile", "smoke", "--max-requests", "3000"),
    "record": ("record",),
    "verify": ("verify",),
}
"""Whole commands over groups that create, compute and read."""
GROUPS = "--only=datasets,embed-jobs,batches,connectors,finetuning,models,tokenize,rerank,check-api-key"


@pytest.mark.parametrize("command", COMMANDS)
def test_without_allow_nothing_above_n1_is_sent(command: str, tmp_path: Path) -> None:
    """Every request that arrives is of tier N0 or N1, also those that only prepare others."""
    with hosted(tmp_path) as counted:
        done = called(
            tmp_path, *COMMANDS[command], "--url", URL, "--live", "--profile", "contract", GROUPS,
            key=PRODUCTION, **counted.environment,
        )  # fmt: skip
    assert counted.above("N0", "N1") == {}, [one for one in counted.sent if one[0] != "GET"]
    assert counted.tiers["N0"] > 5, done.output
    assert "please report" not in done.output


@pytest.mark.parametrize("command", ["run", "fuzz"])
def test_with_n2_only_its_own_is_deleted(command: str, tmp_path: Path) -> None:
    """Datasets may be created with --allow N2, and are deleted again; nothing of N3 or X is sent."""
    with hosted(tmp_path) as counted:
        done = called(
            tmp_path, *COMMANDS[command], "--url", URL, "--live", "--profile", "contract", "--allow", "N2",
            "--only=datasets,embed-jobs,batches,connectors", key=PRODUCTION, **counted.environment,
        )  # fmt: skip
    assert counted.above("N0", "N1", "N2", "D") == {}, done.output
    assert counted.tiers["N2"] > 0
    created = [one for one in counted.sent if one[0] == "POST"]
    assert 0 < counted.tiers["D"] <= len(created)
