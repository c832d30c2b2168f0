"""Lifecycle tests: random sequences of calls about a resource, as a state machine of Hypothesis."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from cohere_conformance.errors import NotClaimedError, RefusedError
from cohere_conformance.session.api import DeviatesError, InconclusiveError
from cohere_conformance.session.draws import independent_of_installation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.session.api import Api

_SETTINGS = settings(
    max_examples=5,
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=True,
    # No shrinking, which would repeat the requests: a target may respond differently the second time.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Lifecycle(RuleBasedStateMachine):
    """A machine whose rules call the target.

    What the rules choose from must not depend on responses of the target: Hypothesis requires the same
    choices whenever it repeats a sequence.

    Args:
        api: the target.
        ended: receives the exception that ends the test, if there is one.

    Attributes:
        api: the target.
        ended: the same list.
    """

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__()
        self.api = api
        self.ended = ended
        self._ended_before, self._breaches_before = len(ended), len(api.breaches)

    @property
    def stopped(self) -> bool:
        """Whether nothing more is done: this sequence has deviated, or nothing can be concluded in any."""
        return (
            len(self.ended) > self._ended_before
            or len(self.api.breaches) > self._breaches_before
            or any(not isinstance(one, DeviatesError) for one in self.ended)
        )


_Machine = TypeVar("_Machine", bound=Lifecycle)
_Drawn = ParamSpec("_Drawn")


def step(
    run: Callable[Concatenate[_Machine, _Drawn], None],
) -> Callable[Concatenate[_Machine, _Drawn], None]:
    """Decorate a rule to do nothing after a deviation in its sequence, which `explore` raises at the end.

    Other sequences go on, as they may show something else; where nothing can be concluded, they end as well.
    """

    @wraps(run)
    def guarded(machine: _Machine, /, *args: _Drawn.args, **drawn: _Drawn.kwargs) -> None:
        if machine.stopped:
            return
        try:
            run(machine, *args, **drawn)
        except NotClaimedError:
            pass  # another step may need less
        except (DeviatesError, InconclusiveError, RefusedError) as error:
            machine.ended.append(error)

    return guarded


def explore(api: Api, machine: Callable[[Api, list[Exception]], Lifecycle]) -> None:
    """Run several short sequences of calls: the same ones each time, or those of the seed.

    Args:
        api: the client of the test.
        machine: returns a state machine for the client and the list of exceptions.

    Raises:
        DeviatesError: the target deviates in one of the sequences.
        InconclusiveError: nothing can be concluded about the target.
        RefusedError: a request was not sent.
    """
    ended: list[Exception] = []
    factory = partial(machine, api, ended)
    if api.seed is not None:
        # Hypothesis lets a seed take precedence over `derandomize`.
        factory = seed(api.seed)(factory)
    with temporary_home(), independent_of_installation():
        # Hypothesis declares a class here, but accepts any callable that returns a machine.
        run_state_machine_as_test(cast("type[RuleBasedStateMachine]", factory), settings=_SETTINGS)
    if ended:
        raise ended[0]
    api.conclude()


@contextmanager
def temporary_home() -> Iterator[None]:
    """Keep files of Hypothesis out of the current folder: it caches tables even without a database."""
    with TemporaryDirectory() as home:
        set_hypothesis_home_dir(home)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
