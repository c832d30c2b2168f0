"""The processes of `-n`: forked from the one that distributes the tests, or started where that is unsafe."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from reachable import reachable
from running import called

from cohere_conformance.session import distributed

if TYPE_CHECKING:
    from pathlib import Path

RUN = ("run", "--only", "check-api-key", "-n", "2")
NOTING = """
import os, random, sys
with open("imported", "a") as file:
    file.write(f"{os.getpid()}\\n")
def pytest_runtest_setup(item):
    with open("tested", "a") as file:
        file.write(f"{os.getpid()} {os.getppid()} {random.getrandbits(64)}\\n")
    print("what a test prints")
"""
DYING = """
import os
def pytest_collection(session):
    if getattr(session.config, "workerinput", {}).get("workerid") == "gw0":
        os._exit(9)
"""
WITH_A_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


def lines(home: Path, name: str) -> list[list[str]]:
    return [line.split() for line in (home / name).read_text().splitlines()]


def test_processes_are_forked_from_the_one_that_distributes_the_tests(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    done = called(tmp_path, *RUN, "--", "-p", "noting")
    assert done.code == 0, done.output
    assert "what a test prints" not in done.output
    ((distributing,),) = lines(tmp_path, "imported")
    tested = lines(tmp_path, "tested")
    assert {parent for _, parent, _ in tested} == {distributing}
    assert len({process for process, _, _ in tested}) == 2
    assert len({number for _, _, number in tested}) == len(tested), "they draw different numbers"


def test_a_process_in_place_of_one_that_has_died_is_started(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    (tmp_path / "dying.py").write_text(DYING)
    done = called(tmp_path, *RUN, "--", "-p", "noting", "-p", "dying")
    assert done.code == 3, done.output
    assert len(lines(tmp_path, "imported")) == 2
    assert done.report["coverage"]["cases"]["passed"] > 0


def test_with_threads_processes_are_started(tmp_path: Path) -> None:
    (tmp_path / "noting.py").write_text(NOTING)
    (tmp_path / "with_a_thread.py").write_text(WITH_A_THREAD)
    done = called(tmp_path, *RUN, "--", "-p", "noting", "-p", "with_a_thread")
    assert done.code == 0, done.output
    assert len(lines(tmp_path, "imported")) == 3


def test_only_linux_forks_safely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(distributed.sys, "platform", "linux")
    assert distributed.can_fork()
    monkeypatch.setattr(distributed.sys, "platform", "darwin")
    assert not distributed.can_fork()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_that_nobody_needs_can_be_killed() -> None:
    first = distributed.ForkedProcess([])
    second = distributed.ForkedProcess([first])
    second.kill()
    assert second.wait() == second.wait() == -9
    os.close(first.pipes[1])  # the end of its standard input, which the second one must not hold open
    assert first.wait() == 0
    first.kill()


def test_a_list_changes_only_in_the_process_that_reads_it(tmp_path: Path) -> None:
    """The target is shared: what another process creates would be on the next page of a list."""
    groups = ("connectors", "datasets")
    with reachable() as server:
        selected = ("run", "--url", server.url, "--only", ",".join((*groups, "check-api-key")))
        done = called(tmp_path, *selected, "-n", "2")
    assert done.code == 0, done.output
    journals = [path.read_text("utf-8") for path in (tmp_path / "conformance-report").glob("journal-*")]
    created = [{name for name in groups if f'"POST /v1/{name}"' in journal} for journal in journals]
    assert sorted(map(sorted, created)) == [["connectors"], ["datasets"]]
