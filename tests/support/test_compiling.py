from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from compiling import compiled_once

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def test_the_others_wait_for_the_first_one_and_then_for_nobody(tmp_path: Path) -> None:
    done = tmp_path / "__pycache__" / "collected"
    order: list[str] = []
    asking, together = threading.Semaphore(0), threading.Barrier(2)

    def other() -> None:
        asking.release()
        with compiled_once(done):
            order.append(f"goes on: {done.exists()}")
            together.wait()

    others = [threading.Thread(target=other) for _ in range(2)]
    with compiled_once(done):
        for one in others:
            one.start()
        for _ in others:
            asking.acquire()
        order.append("first")
    for one in others:
        one.join()
    assert order == ["first", "goes on: True", "goes on: True"]


def test_what_was_interrupted_is_not_done(tmp_path: Path) -> None:
    done = tmp_path / "collected"
    with pytest.raises(KeyboardInterrupt), compiled_once(done):
        raise KeyboardInterrupt
    assert not done.exists()


def test_without_bytecode_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    done = tmp_path / "collected"
    with compiled_once(done), compiled_once(done):
        assert not done.exists()
