"""Fails a test in the phase of its call, so that pytest reports it as failed and not as an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class CallPhase:
    """A plugin of pytest for one test: it looks for a problem when the function of the test has ended.

    Args:
        item: the test.
        problem: returns why the test fails, in some lines; `None` if it does not.
    """

    def __init__(self, item: pytest.Item, problem: Callable[[], str | None]) -> None:
        self._item = item
        self._problem = problem
        self._reported: str | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail the test if there is a problem; where it has failed itself, add the problem to its message."""
        if item is not self._item:
            return (yield)
        try:
            result = yield
        except (Exception, pytest.fail.Exception) as error:
            if (problem := self._new()) is not None:
                error.add_note(problem)
            raise
        self.check()
        return result

    def check(self) -> None:
        """Fail if there is a problem that was not reported yet.

        Raises:
            pytest.fail.Exception: there is one.
        """
        if (problem := self._new()) is not None:
            pytest.fail(problem, pytrace=False)

    def _new(self) -> str | None:
        problem = self._problem()
        if problem == self._reported:
            return None
        self._reported = problem
        return problem
