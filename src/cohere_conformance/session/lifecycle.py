"""Lifecycles: what a resource goes through in any order of calls, told as a state machine of Hypothesis."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from cohere_conformance.errors import RefusedError
from cohere_conformance.session.api import DeviatesError, InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.session.api import Api

_SETTINGS = settings(
    max_examples=5,
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=True,
    # Nothing is sent again to make a failure smaller: a target need not answer the same twice.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Lifecycle(RuleBasedStateMachine):
    """A machine whose rules call the target.

    What the rules may draw on is known before they run, never what the target has answered: Hypothesis wants
    the same choices to be there whenever it comes the same way.

    Args:
        api: the target.
        ended: the deviation that ended the test, once there is one.

    Attributes:
        api: the target.
        ended: the same list.
    """

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__()
        self.api = api
        self.ended = ended


_Machine = TypeVar("_Machine", bound=Lifecycle)
_Drawn = ParamSpec("_Drawn")


def step(
    run: Callable[Concatenate[_Machine, _Drawn], None],
) -> Callable[Concatenate[_Machine, _Drawn], None]:
    """Let nothing come after the first deviation: it is told when all is over, as it was found."""

    @wraps(run)
    def guarded(machine: _Machine, /, *args: _Drawn.args, **drawn: _Drawn.kwargs) -> None:
        if machine.ended:
            return
        try:
            run(machine, *args, **drawn)
        except (DeviatesError, InconclusiveError, RefusedError) as error:
            machine.ended.append(error)

    return guarded


def explore(api: Api, machine: Callable[[Api, list[Exception]], Lifecycle]) -> None:
    """Call the target in several orders, each short: the same ones each time, or those of the seed.

    Raises:
        DeviatesError: it deviates in one of them.
        InconclusiveError: it gave no chance to judge.
        RefusedError: a request was not sent.
    """
    ended: list[Exception] = []
    made = partial(machine, api, ended)
    if api.seed is not None:
        # Hypothesis lets a seed take precedence over `derandomize`.
        made = seed(api.seed)(made)
    with _leaving_nothing():
        # What Hypothesis calls a class may be anything that makes a machine.
        run_state_machine_as_test(cast("type[RuleBasedStateMachine]", made), settings=_SETTINGS)
    if ended:
        raise ended[0]


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """Keep what Hypothesis writes out of the folder that the caller works in.

    Without a database it still stores the constants of the modules that it has read.
    """
    with TemporaryDirectory() as home:
        set_hypothesis_home_dir(home)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
