from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.session.garbage import OBJECTS, frozen_until_the_end, rarely_collected
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


@pytest.mark.parametrize("before", [0, 7])
def test_what_was_frozen_before_stays_frozen(before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    thawed: list[int] = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: before)
    monkeypatch.setattr(gc, "unfreeze", lambda: thawed.append(before))
    with pytest.raises(ValueError, match="x"), frozen_until_the_end():
        raise ValueError("x")
    assert thawed == ([] if before else [0])


def test_a_run_collects_rarely_and_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(gc, "unfreeze", lambda: thawed.append(True))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)
    thawed: list[bool] = []
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
