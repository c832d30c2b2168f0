"""Relations with generated inputs: which inputs are tried, what ends them, and which faults they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies
from running import fuzzed

from cohere_conformance.errors import ForbiddenError
from cohere_conformance.fuzz.relations import check_relation
from cohere_conformance.session.api import DeviatesError, InconclusiveError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LISTS = strategies.lists(strategies.integers(0, 9), min_size=1, max_size=6)


class FakeApi:
    """Stands in for the client: the relation of the test decides what is violated."""

    seed = 3

    def __init__(self, examples: int = 20) -> None:
        self.examples = examples
        self.violated: list[str] = []


def checked(api: FakeApi, relation: Callable[[Any, list[int]], None]) -> list[list[int]]:
    """Return the inputs with which a relation was checked."""
    tried: list[list[int]] = []

    def noted(api: Any, value: list[int]) -> None:
        tried.append(value)
        relation(api, value)

    check_relation(api, LISTS, noted)  # type: ignore[arg-type]
    return tried


def test_a_relation_that_holds_is_checked_with_as_many_inputs_as_wanted() -> None:
    tried = checked(FakeApi(), lambda api, value: None)
    assert tried[0] == [0], "the smallest input comes first"
    assert len(tried) == 20
    assert len({tuple(value) for value in tried}) > 10
    assert checked(FakeApi(), lambda api, value: None) == tried, "the seed decides"


@pytest.mark.parametrize("must", [True, False])
def test_an_input_that_violates_it_is_shrunk(must: bool) -> None:
    """A violated SHOULD is recorded, but does not end the relation by itself."""
    violating: list[list[int]] = []

    def relation(api: FakeApi, value: list[int]) -> None:
        if len(value) > 1:
            violating.append(value)
            api.violated.append("a.requirement")
            if must:
                raise DeviatesError("a.requirement")

    api = FakeApi()
    if must:
        with pytest.raises(DeviatesError, match=r"a\.requirement"):
            checked(api, relation)
    else:
        checked(api, relation)
    assert min(map(len, violating)) == 2
    assert len(api.violated) == len(violating) <= 15, "a slow target is not asked for ever"


def test_a_target_that_violates_it_once_is_no_error_of_the_fuzzer() -> None:
    def relation(api: FakeApi, value: list[int]) -> None:
        if not api.violated:
            api.violated.append("a.requirement")
            raise DeviatesError("only once")

    with pytest.raises(DeviatesError, match="only once"):
        checked(FakeApi(), relation)


def test_inputs_that_cannot_be_compared_are_left_out() -> None:
    def relation(api: FakeApi, value: list[int]) -> None:
        if len(value) == 1:
            raise InconclusiveError("one element")

    assert len(checked(FakeApi(), relation)) == 20
    with pytest.raises(InconclusiveError, match="nothing"):
        check_relation(FakeApi(), strategies.just(1), inconclusive)  # type: ignore[arg-type]


def inconclusive(api: Any, value: int) -> None:
    """Have nothing to compare."""
    raise InconclusiveError("nothing")


def test_nothing_more_is_sent_once_a_request_is_forbidden() -> None:
    tried = []

    def relation(api: FakeApi, value: list[int]) -> None:
        tried.append(value)
        raise ForbiddenError("not on this target")

    with pytest.raises(ForbiddenError):
        checked(FakeApi(), relation)
    assert len(tried) == 1


def test_a_defect_of_a_relation_is_not_a_violation() -> None:
    def relation(api: FakeApi, value: list[int]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        checked(FakeApi(), relation)


FAULTS = {
    "embed.order-swapped": ("relations.embed-order", "embed.order"),
    "embed.not-deterministic": ("relations.embed-repeatable", "embed.repeatable"),
    "generate.sequences-change-text": ("relations.generate-same-end", "generate.stop-is-end-and-sequence"),
    "chat.v1.excluded-dropped": ("relations.chat-v1-hidden", "v1.chat.documents-whole"),
    "detokenize.foreign-accepted": ("relations.detokenize-foreign", "detokenize.foreign"),
    "datasets.name-differs": ("relations.datasets-echo", "datasets.created-echo"),
    "batches.cancel-ignored": ("sequences.batches", "batches.cancel-works"),
    "embed-jobs.cancel-ignored": ("sequences.embed-jobs", "embed-jobs.cancel-stops"),
}
"""Faults that no single response shows, with the test and the requirement that do."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_only_several_responses_show_is_found(fault: str, tmp_path: Path) -> None:
    test, requirement = FAULTS[fault]
    done = fuzzed(tmp_path, "--case", f"fuzz.{test}", "--fault", fault)
    assert requirement in {row["requirement"] for row in done.report["findings"]}, done.output


def test_the_sequences_of_a_group_are_run_with_it_alone(tmp_path: Path) -> None:
    """Its jobs need files, whose operations are of another group."""
    fault = "embed-jobs.cancel-ignored"
    done = fuzzed(tmp_path, "--only", "embed-jobs", "--max-examples", "1", "--fault", fault)
    assert [row["requirement"] for row in done.report["findings"]] == ["embed-jobs.cancel-stops"], done.output


def test_a_server_without_a_fault_satisfies_every_relation(tmp_path: Path) -> None:
    cases = [
        option
        for name in ("rerank-order", "detokenize-joined")
        for option in ("--case", f"fuzz.relations.{name}")
    ]
    done = fuzzed(tmp_path, *cases, "--seed", "5")
    assert done.code == 0, done.output
    assert done.report["findings"] == []
