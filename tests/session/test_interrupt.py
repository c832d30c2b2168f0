"""Ctrl-C waits until what is being made is noted, once."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.session.interrupt import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Whoever starts the tests in the background has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_one_waits_for_the_end() -> None:
    steps = []

    def make() -> None:
        with uninterrupted():
            steps.append("sent")
            signal.raise_signal(signal.SIGINT)
            steps.append("noted")

    with pytest.raises(KeyboardInterrupt):
        make()
    assert steps == ["sent", "noted"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_one_does_not() -> None:
    steps = []

    def make() -> None:
        with uninterrupted():
            steps.append("sent")
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("noted")

    with pytest.raises(KeyboardInterrupt):
        make()
    assert steps == ["sent"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_exception_goes_through_and_another_thread_is_left_alone() -> None:
    def fail() -> None:
        with uninterrupted():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    seen = []

    def elsewhere() -> None:
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(10)
    assert seen == [signal.default_int_handler]
