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
GROUPS = "--only=datasets,embed-jobs,batches,connectors,finetuning,tokenize,check-api-key"


@pytest.mark.parametrize("command", COMMANDS)
def test_without_allow_nothing_is_created(command: str, tmp_path: Path) -> None:
    """Every request that arrives is free-read or cheap-compute, also those that only prepare others."""
    with hosted(tmp_path) as counted:
        done = called(
            tmp_path, *COMMANDS[command], "--url", URL, "--live", "--profile", "contract", GROUPS,
            key=PRODUCTION, **counted.environment,
        )  # fmt: skip
    assert counted.above("free-read", "cheap-compute") == {}, [one for one in counted.sent if one[0] != "GET"]
    assert counted.tiers["free-read"] > 5, done.output
    assert "please report" not in done.output


@pytest.mark.parametrize("command", ["run", "fuzz"])
def test_when_creating_is_allowed_only_its_own_is_deleted(command: str, tmp_path: Path) -> None:
    """Datasets may be created with --allow creates, and are deleted again; nothing else is sent."""
    with hosted(tmp_path) as counted:
        done = called(
            tmp_path, *COMMANDS[command], "--url", URL, "--live", "--profile", "contract",
            "--allow", "creates", "--only=datasets,embed-jobs,batches,connectors", key=PRODUCTION,
            **counted.environment,
        )  # fmt: skip
    assert counted.above("free-read", "cheap-compute", "creates", "destroys") == {}, done.output
    assert counted.tiers["creates"] > 0
    created = [one for one in counted.sent if one[0] == "POST"]
    assert 0 < counted.tiers["destroys"] <= len(created)
