from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from cohere_conformance.session.garbage import OBJECTS, rarely_collected
from cohere_conformance.session.suites import SuitesResult, pytest_arguments, run_suites

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_garbage_is_collected_rarely_until_the_context_ends() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    context = rarely_collected()
    context.__enter__()
    assert gc.get_threshold() == (OBJECTS, *before[1:])
    assert gc.get_freeze_count() > 0
    error = ValueError()
    assert not context.__exit__(ValueError, error, None)
    assert gc.get_threshold() == before
    assert bool(gc.get_freeze_count()) == bool(frozen)


def test_a_run_collects_rarely_and_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
