from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.session import garbage
from cohere_conformance.session.garbage import (
    OBJECTS,
    freeze_for_good,
    frozen_until_the_end,
    rarely_collected,
)
from cohere_conformance.session.suites import SuitesResult, pytest_arguments, run_suites

if TYPE_CHECKING:
    from pathlib import Path


def test_garbage_is_collected_rarely_until_the_context_ends() -> None:
    before = gc.get_threshold()
    context = rarely_collected()
    context.__enter__()
    assert gc.get_threshold() == (OBJECTS, *before[1:])
    error = ValueError()
    assert not context.__exit__(ValueError, error, None)
    assert gc.get_threshold() == before


@pytest.fixture
def thawed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """In a process that has frozen nothing for good; how often it was thawed."""
    calls: list[bool] = []
    monkeypatch.setattr(garbage, "_lasting", False)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "unfreeze", lambda: calls.append(True))
    return calls


@pytest.mark.parametrize("lasting", [False, True])
def test_what_is_frozen_for_good_stays_frozen(lasting: bool, thawed: list[bool]) -> None:
    if lasting:
        freeze_for_good()
    with pytest.raises(ValueError, match="x"), frozen_until_the_end():
        raise ValueError("x")
    assert thawed == ([] if lasting else [True])


def test_a_run_collects_rarely_and_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thawed: list[bool]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    before = gc.get_threshold()
    seen: list[tuple[int, int, int]] = []
    finish = SuitesResult.pytest_collection_finish

    def finish_and_look(self: SuitesResult) -> None:
        finish(self)
        seen.append(gc.get_threshold())

    monkeypatch.setattr(SuitesResult, "pytest_collection_finish", finish_and_look)
    run_suites(pytest_arguments({"only": ["tokenize"]}, ["--co"]))
    assert seen == [(OBJECTS, *before[1:])]
    assert gc.get_threshold() == before
    assert thawed == [True]
