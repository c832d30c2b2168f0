"""Lifecycles: which orders of calls a target meets, with a seed and without, and what a run leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import exchange
from hypothesis import strategies
from hypothesis.stateful import rule
from running import ran

from cohere_conformance.session.api import Api, DeviatesError, InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.cases import Credential, RequestTemplate
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Expectation, Finding
    from cohere_conformance.session.api import Judged

GET, LIST = "GET /v1/models/{model}", "GET /v1/models"
ORDERS, STEPS = 5, 8


class Models(Lifecycle):
    """Reads that may come in any order."""

    @rule(number=strategies.integers(0, 99))
    @step
    def read(self, number: int) -> None:
        """Read one."""
        self.api.call(GET, path={"model": f"m{number}"})

    @rule()
    @step
    def list_all(self) -> None:
        """List all."""
        self.api.call(LIST)


class Deviating(Models):
    """The same, and one that deviates."""

    @rule()
    @step
    def deviate(self) -> None:
        """Read what deviates."""
        self.api.call(GET, path={"model": "odd"})
        raise DeviatesError("odd")


class Target:
    """What answers everything, and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        """Answer."""
        self.sent.append(template.operation.format(**template.path))
        return exchange("GET /v1/models", {"models": []}), (), ""

    def record(self, test: str, seen: Exchange, finding: Finding) -> None:
        """Refuse: nothing is found here."""
        raise AssertionError(finding)


def api_of(target: Target, contract: Contract, seed: int | None) -> Api:
    return Api(
        "models.lifecycle.any-order", contract, target.send, target.record,
        profile="contract", unique="a1b2c3", seed=seed,
    )  # fmt: skip


def sent(contract: Contract, seed: int | None) -> list[str]:
    target = Target()
    explore(api_of(target, contract, seed), Models)
    return target.sent


@pytest.mark.parametrize("seed", [None, 0, 7, 2**70])
def test_the_same_seed_and_no_seed_send_the_same_each_time(seed: int | None, amended: Contract) -> None:
    first = sent(amended, seed)
    assert len(first) == ORDERS * STEPS
    assert sent(amended, seed) == first


def test_each_seed_sends_in_other_orders(amended: Contract) -> None:
    orders = {tuple(sent(amended, seed)) for seed in (None, 0, 1, 2)}
    assert len(orders) == 4


class Unknown(Models):
    """The same, and one from which nothing can be concluded."""

    @rule()
    @step
    def unknown(self) -> None:
        """Read what says nothing."""
        self.api.call(GET, path={"model": "odd"})
        raise InconclusiveError("odd")


@pytest.mark.parametrize("seed", [None, 7])
def test_a_sequence_ends_at_its_first_deviation_and_others_go_on(seed: int | None, amended: Contract) -> None:
    target, sequences = Target(), []

    def machine(api: Api, ended: list[Exception]) -> Deviating:
        sequences.append(len(target.sent))
        return Deviating(api, ended)

    with pytest.raises(DeviatesError, match="odd"):
        explore(api_of(target, amended, seed), machine)
    ends = [*sequences[1:], len(target.sent)]
    sent = [target.sent[begin:end] for begin, end in zip(sequences, ends, strict=True)]
    deviating = [one for one in sent if "GET /v1/models/odd" in one]
    assert len(deviating) > 1
    assert all(one.index("GET /v1/models/odd") == len(one) - 1 for one in deviating)


@pytest.mark.parametrize("seed", [None, 7])
def test_nothing_is_sent_after_what_is_inconclusive(seed: int | None, amended: Contract) -> None:
    target = Target()
    with pytest.raises(InconclusiveError, match="odd"):
        explore(api_of(target, amended, seed), Unknown)
    assert target.sent.index("GET /v1/models/odd") == len(target.sent) - 1
    assert len(target.sent) < ORDERS * STEPS


def test_a_run_with_a_seed_leaves_its_report_only_and_says_the_seed_there(tmp_path: Path) -> None:
    done = ran(tmp_path, "--case", "connectors.lifecycle.any-order", "--seed", "0")
    assert done.code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["conformance-report"]
    assert done.report["header"]["target"]["seed"] == 0
    assert "--seed=0" in done.report["header"]["arguments"]
