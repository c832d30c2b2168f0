"""Relations with generated inputs: which inputs are tried, what ends them, and which faults they show."""

from __future__ import annotations

import ast
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies
from running import fuzzed

from cohere_conformance.data import folder
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
        self.breaches: list[str] = []

    def conclude(self) -> None:
        """End the relation where a MUST was violated."""
        if self.breaches:
            raise DeviatesError(self.breaches[0])


def checked(
    api: FakeApi, relation: Callable[[Any, list[int]], None], most: int | None = None
) -> list[list[int]]:
    """Return the inputs with which a relation was checked."""
    tried: list[list[int]] = []

    def noted(api: Any, value: list[int]) -> None:
        tried.append(value)
        relation(api, value)

    check_relation(api, LISTS, noted, most=most)  # type: ignore[arg-type]
    return tried


def test_a_relation_that_holds_is_checked_with_as_many_inputs_as_wanted() -> None:
    tried = checked(FakeApi(), lambda api, value: None)
    assert tried[0] == [0], "the smallest input comes first"
    assert len(tried) == 20
    assert len({tuple(value) for value in tried}) > 10
    assert checked(FakeApi(), lambda api, value: None) == tried, "the seed decides"


def test_a_relation_that_takes_many_requests_is_checked_with_few_inputs() -> None:
    assert len(checked(FakeApi(), lambda api, value: None, most=2)) == 2
    assert len(checked(FakeApi(1), lambda api, value: None, most=2)) == 1


@pytest.mark.parametrize("must", [True, False])
def test_an_input_that_violates_it_is_shrunk(must: bool) -> None:
    """A violated SHOULD is recorded, and fails nothing."""
    violating: list[list[int]] = []

    def relation(api: FakeApi, value: list[int]) -> None:
        if len(value) > 1:
            violating.append(value)
            api.violated.append("a.requirement")
            if must:
                api.breaches.append("a.requirement: expected one, observed several")

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
    "embed.neighbour-dependent": ("relations.embed-batch", "embed.batch"),
    "embed.shorter-is-end": ("relations.embed-beginning", "embed.shorter"),
    "embed.versions-differ": ("relations.embed-versions", "embed.versions-agree"),
    "embed.types-dependent": ("relations.embed-types", "embed.types-independent"),
    "embed.truncate-end-ignored": ("relations.embed-cut", "embed.cut-at-end"),
    "embed.input-type-ignored": ("relations.embed-purposes", "embed.purposes-differ"),
    "rerank.position-dependent": ("relations.rerank-order", "rerank.permutation"),
    "rerank.top-n-other": ("relations.rerank-top-n", "rerank.top-n-prefix"),
    "rerank.neighbour-dependent": ("relations.rerank-pointwise", "rerank.pointwise"),
    "rerank.duplicate-punished": ("relations.rerank-copies", "rerank.duplicates"),
    "rerank.not-deterministic": ("relations.rerank-repeatable", "rerank.repeatable"),
    "rerank.versions-differ": ("relations.rerank-versions", "rerank.versions-agree"),
    "rerank.off-topic-first": ("relations.rerank-on-topic", "rerank.on-topic"),
    "rerank.search-units-flat": ("relations.rerank-search-units", "rerank.search-units"),
    "rerank.too-many-accepted": ("relations.rerank-chunks", "rerank.documents-most"),
    "rerank.spans-max-other": ("relations.rerank-best-span", "rerank.spans-best"),
    "rerank.spans-score-relative": ("relations.rerank-selected-spans", "rerank.spans-selected"),
    "rerank.spans-rescored": ("relations.rerank-scores-with-spans", "rerank.spans-scores-kept"),
    "detokenize.foreign-accepted": ("relations.detokenize-foreign", "detokenize.foreign"),
    "detokenize.trimmed": ("relations.detokenize-inverse", "detokenize.inverse"),
    "tokenize.too-long-accepted": ("relations.tokenize-longest", "tokenize.text-longest"),
    "generate.sequences-change-text": (
        "relations-replies.generate-same-end",
        "generate.stop-is-end-and-sequence",
    ),
    "summarize.length-turned": ("relations-replies.summarize-length-order", "summarize.length-order"),
    "chat.v1.excluded-dropped": ("relations-replies.chat-v1-hidden", "v1.chat.documents-whole"),
    "chat.v1.json-with-documents": ("relations-replies.chat-v1-refused", "v1.chat.json-alone"),
    "chat.v1.roles-case-sensitive": ("relations-replies.chat-v1-role-case", "v1.chat.role-case"),
    "chat.v1.conversation-forgotten": ("relations-replies.chat-v1-continued", "v1.chat.conversation"),
    "chat.v2.max-tokens-capped": ("relations-replies.chat-tokens-refused", "v2.chat.max-tokens-above"),
    "chat.v2.strict-tools-unchecked": ("relations-replies.chat-optional-refused", "v2.chat.strict-tools"),
    "check-api-key.changing-owner": (
        "relations-replies.check-api-key-same-owner",
        "check-api-key.owner-same",
    ),
    "check-api-key.body-refused": (
        "relations-replies.check-api-key-body-ignored",
        "check-api-key.body-ignored",
    ),
    "audio.not-deterministic": ("relations-replies.audio-repeatable", "audio.repeatable"),
    "audio.container-matters": ("relations-replies.audio-container", "audio.container"),
    "audio.silence-heard": ("relations-replies.audio-silence", "audio.silence"),
    "parse.not-deterministic": ("relations-replies.parse-repeatable", "parse.repeatable"),
    "parse.markdown-shortened": ("relations-replies.parse-forms", "parse.forms-agree"),
    "models.page-drops-item": ("relations-resources.models-pages", "models.pages-whole"),
    "models.filter-drops": ("relations-resources.models-filtered", "models.filtered-whole"),
    "models.get-differs": ("relations-resources.models-as-listed", "models.get-as-listed"),
    "models.listed-in-vain": ("relations-resources.models-serving", "models.listed-serves"),
    "connectors.offset-ignored": ("relations-resources.connectors-offset", "connectors.offset"),
    "connectors.get-differs": ("lifecycles.connectors", "connectors.kept"),
    "connectors.patch-clears": ("lifecycles.connectors", "connectors.patch-keeps"),
    "datasets.name-differs": ("relations-resources.datasets-kept", "datasets.created-echo"),
    "datasets.rows-miscounted": ("relations-resources.datasets-kept", "datasets.row-count"),
    "datasets.malformed-accepted": ("relations-resources.datasets-malformed", "datasets.malformed-fails"),
    "datasets.keep-fields-ignored": ("relations-resources.datasets-kept", "datasets.columns"),
    "datasets.listed-differs": ("relations-resources.datasets-listed", "datasets.listed-as-read"),
    "datasets.offset-ignored": ("relations-resources.datasets-pages", "datasets.pages"),
    "datasets.usage-constant": ("relations-resources.datasets-usage", "datasets.usage-follows"),
    "embed-jobs.rows-dropped": ("relations-resources.embed-jobs-rows", "embed-jobs.row-count"),
    "embed-jobs.cancel-undoes": ("relations-resources.embed-jobs-end", "embed-jobs.cancel-ended"),
    "embed-jobs.listed-differs": ("relations-resources.embed-jobs-listed", "embed-jobs.listed-as-read"),
    "embed-jobs.truncate-differs": ("relations-resources.embed-jobs-stopped", "embed-jobs.created-echo"),
    "embed-jobs.unknown-dataset-400": (
        "relations-resources.embed-jobs-valid-dataset",
        "embed-jobs.unknown-dataset",
    ),
    "embed-jobs.cancel-ignored": ("sequences.embed-jobs", "embed-jobs.cancel-stops"),
    "batches.results-dropped": ("relations-resources.batches-results", "batches.results-complete"),
    "batches.page-drops-item": ("relations-resources.batches-pages", "batches.pages"),
    "batches.get-differs": ("relations-resources.batches-listed", "batches.listed-as-read"),
    "batches.status-goes-back": ("lifecycles.batches", "batches.never-back"),
    "batches.cancel-ignored": ("sequences.batches", "batches.cancel-works"),
    "finetuning.status-goes-back": ("lifecycles.finetuning", "finetuning.status-course"),
    "finetuning.page-drops-item": ("relations-resources.finetuning-metrics", "finetuning.pages"),
    "finetuning.total-size-wrong": ("relations-resources.finetuning-events", "finetuning.total-size"),
}
"""Faults that no single response shows, with the test and the requirement that do."""


def together() -> list[tuple[str, ...]]:
    """Return the faults in sets of one fault for each group: a process for each fault takes too long."""
    groups: dict[str, list[str]] = {}
    for fault in FAULTS:
        groups.setdefault(fault.rpartition(".")[0], []).append(fault)
    return [tuple(filter(None, faults)) for faults in zip_longest(*groups.values())]


@pytest.mark.parametrize("faults", together(), ids=lambda faults: faults[0])
def test_faults_that_only_several_responses_show_are_found(faults: tuple[str, ...], tmp_path: Path) -> None:
    """With one input for each relation, as in the profile smoke."""
    options = [
        option for fault in faults for option in ("--fault", fault, "--case", f"fuzz.{FAULTS[fault][0]}")
    ]
    done = fuzzed(tmp_path, *options, "--fuzz-profile", "smoke")
    found = {row["requirement"] for row in done.report["findings"]}
    assert {FAULTS[fault][1] for fault in faults} - found == set(), done.output


def test_each_relation_is_checked_by_its_suite_and_by_the_fuzzer() -> None:
    """A relation is a function `require_...` of a suite that its test calls with an input."""
    suites = folder("suites")
    modules = [*suites.glob("*/test_relations*.py"), suites / "rerank" / "test_spans.py"]
    fuzzer = [path for path in modules if path.parent.name == "fuzz"]
    drawn = {name for path in fuzzer for name in attributes(path)}
    written = {
        (path.parent.name, name) for path in modules if path not in fuzzer for name in called_by_tests(path)
    }
    assert len(written) > 60
    assert {relation for relation in written if relation[1] not in drawn} == set()
    assert drawn == {name for _, name in written}


def attributes(path: Path) -> set[str]:
    """Return the relations of other modules that a module of the fuzzer refers to."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("require_")
    }


def called_by_tests(path: Path) -> set[str]:
    """Return the relations that the tests of a module call."""
    tests = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    calls = [node.func for test in tests for node in ast.walk(test) if isinstance(node, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name) and call.id.startswith("require_")}


def test_the_sequences_of_a_group_are_run_with_it_alone(tmp_path: Path) -> None:
    """Its jobs need files, whose operations are of another group."""
    fault = "embed-jobs.cancel-ignored"
    done = fuzzed(tmp_path, "--only", "embed-jobs", "--fault", fault, "--", "-k", "sequences")
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
