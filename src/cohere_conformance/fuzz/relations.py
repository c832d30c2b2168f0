"""Relations of several responses, checked with inputs that Hypothesis generates and shrinks.

A relation is a function of the suites, such as `require_order` of `suites/embed/test_relations.py`: it sends
two or more requests and requires what their responses have in common. The suites call it with one input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from cohere_conformance.errors import RefusedError
from cohere_conformance.session.api import DeviatesError, InconclusiveError
from cohere_conformance.session.draws import independent_of_installation
from cohere_conformance.session.lifecycle import temporary_home

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from cohere_conformance.session.api import Api

_Input = TypeVar("_Input")
_MAX_SHRINK_ATTEMPTS = 12
"""Inputs that are tried to find a smaller one, after the first that violates the relation."""


class ViolatedError(Exception):
    """An input violates the relation; Hypothesis looks for a smaller one."""


def check_relation(
    api: Api,
    inputs: SearchStrategy[_Input],
    relation: Callable[[Api, _Input], None],
    *,
    most: int | None = None,
) -> None:
    """Check a relation with several inputs, the smallest first; one that violates it is shrunk.

    Every violation is recorded. The report shows the one with the smallest request.

    Args:
        api: the client of the test, which knows how many inputs are tried.
        inputs: of the relation.
        relation: sends requests and requires what their responses have in common.
        most: inputs, for a relation that takes many requests.

    Raises:
        DeviatesError: a response deviates, or a relation that is a MUST is violated.
        InconclusiveError: there was no input with which the relation could be compared.
        RefusedError: a request was not sent.
    """
    attempts = _Attempts(api, relation)
    configured = settings(
        max_examples=api.examples if most is None else min(most, api.examples),
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    with temporary_home(), independent_of_installation():
        try:
            configured(seed(api.seed or 0)(given(inputs)(attempts.attempt)))()
        except (ViolatedError, Flaky, BaseExceptionGroup):
            # What was found is recorded, also where the target does not respond alike twice.
            if not attempts.violated:
                raise
    attempts.conclude()


class _Attempts(Generic[_Input]):
    """The inputs that were tried, and what ended them.

    Attributes:
        violated: whether an input has violated the relation.
    """

    def __init__(self, api: Api, relation: Callable[[Api, _Input], None]) -> None:
        self._api = api
        self._relation = relation
        self._left = _MAX_SHRINK_ATTEMPTS
        self._compared = False
        self._ended: Exception | None = None
        self._deviation: DeviatesError | None = None
        self._inconclusive: InconclusiveError | None = None
        self.violated = False

    def attempt(self, value: _Input) -> None:
        """Check the relation with one input.

        Raises:
            ViolatedError: the input violates it.
        """
        if self._ended is not None or self._left <= 0:
            return
        self._left -= self.violated
        before = len(self._api.violated)
        try:
            self._relation(self._api, value)
        except DeviatesError as error:
            self._deviation = self._deviation or error
            self._violate()
        except InconclusiveError as error:
            self._inconclusive = error
            return
        except RefusedError as error:
            self._ended = error
            return
        self._compared = True
        if len(self._api.violated) > before:
            self._violate()

    def _violate(self) -> None:
        self.violated = True
        raise ViolatedError

    def conclude(self) -> None:
        """Raise what the inputs have shown, if they have shown something."""
        for error in (self._deviation, self._ended):
            if error is not None:
                raise error
        self._api.conclude()
        if self._inconclusive is not None and not (self._compared or self.violated):
            raise self._inconclusive
