"""Faults that `run` meets: whatever the transport does, it ends in order; what the cases see makes it red."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from running import measured

from cohere_conformance.contract import load_contract
from cohere_conformance.model import Severity
from cohere_conformance.reference import catalogue
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from running import Done

    Runs = dict[str, Future[tuple[Done, float]]]

LARGEST = 400.0
"""MiB that a run may take, whatever the target does."""
ONE = ("--case", "tokenize.plain")
TWO = (*ONE, "--case", "check-api-key.valid")
QUICK = ("--only", "check-api-key")
TRANSPORT = {
    # Each response takes the whole time limit.
    "slow-drip": ((*ONE, "--request-timeout", "3"), "answer-broken", "no complete response"),
    "hang": (TWO, "answer-broken", "no response was received"),
    "hang-in-body": (TWO, "answer-broken", "no more of the body"),
    "gzip-bomb": (TWO, "answer-broken", "more than"),
    "endless-body": (TWO, "answer-broken", "more than"),
    "reset": (QUICK, "answer-broken", "before a response"),
    "reset-in-body": (QUICK, "answer-broken", "in the middle of the body"),
    "close-early": (QUICK, "answer-broken", "before a response"),
    "truncated": (QUICK, "answer-broken", "before the body reached"),
    "stream-cut": (("--case", "chat.v2.stream"), "stream-unterminated", "the stream ends before it"),
    "wrong-length-short": (QUICK, "answer-broken", "more bytes received"),
    "wrong-length-long": (QUICK, "answer-broken", "before the body reached"),
    "gzip-garbage": (QUICK, "answer-broken", "not gzip"),
    "invalid-utf8": (QUICK, "body-malformed", "byte 0xff"),
    "chunked-garbage": (QUICK, "answer-broken", "not in chunked"),
    "garbage-status-line": (QUICK, "answer-broken", "no HTTP/1.1 response"),
    "header-flood": (QUICK, "answer-broken", "no HTTP/1.1 response"),
    "redirect-elsewhere": (QUICK, "status-undeclared", "307"),
}
"""By fault: what is run, the kind of what is found, and words of what is observed."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Start every run at once, a few side by side: most of them wait."""
    with ThreadPoolExecutor(3) as pool:
        yield {
            name: pool.submit(
                measured,
                tmp_path_factory.mktemp(name),
                *(*arguments[0], "--fault", f"transport.{name}"),
            )
            for name, arguments in TRANSPORT.items()
        }
        pool.shutdown(cancel_futures=True)


def test_every_fault_of_the_transport_is_run() -> None:
    assert {f"transport.{name}" for name in TRANSPORT} == {
        name for name in catalogue() if name.startswith("transport.")
    }


@pytest.mark.parametrize("name", TRANSPORT)
def test_whatever_the_transport_does_the_run_ends_red_and_small(name: str, runs: Runs) -> None:
    arguments, kind, words = TRANSPORT[name]
    done, memory = runs[name].result()
    assert "Traceback" not in done.output, done.output
    assert done.code == 1, done.output
    assert "DEVIATES" in done.output
    rows = [row for row in done.report["findings"] if row["kind"] == kind]
    assert any(words in row["observed"] for row in rows), rows
    assert 0 < memory < LARGEST
    journal = done.home / "conformance-report" / "journal-main.jsonl"
    assert journal.stat().st_size < 8 * 2**20
    cases = done.report["coverage"]["cases"]
    assert (cases["passed"], cases["not_run"]) == (0, 0), arguments
    assert not cases.get("failures"), arguments


# -- what the cases see

SEEN = {
    "audio.text-missing": ("audio.wav", "property-missing"),
    "batches.tokens-as-numbers": ("batches.create.plain", "type-changed"),
    "chat.v2.no-id": ("chat.v2.plain", "property-missing"),
    "check-api-key.no-verdict": ("check-api-key.valid", "property-missing"),
    "classify.one-missing": ("classify.plain", "expectation-failed"),
    "connectors.secret-returned": ("connectors.get.oauth", "expectation-failed"),
    "datasets.unknown-200": ("datasets.get.unknown", "status-unexpected"),
    "detokenize.loses-last": ("detokenize.several-tokens", "expectation-failed"),
    "embed.missing-vector": ("embed.v2.plain", "expectation-failed"),
    "embed-jobs.unknown-dataset-400": ("embed-jobs.create.unknown-dataset", "status-unexpected"),
    "finetuning.malformed-id-500": ("finetuning.get.malformed-id", "status-unexpected"),
    "generate.one-too-many": ("generate.plain", "expectation-failed"),
    "models.unknown-400": ("models.get.unknown", "status-unexpected"),
    "parse.category-unknown": ("parse.blocks", "enum-unknown"),
    "rerank.one-missing": ("rerank.v2.plain", "expectation-failed"),
    "summarize.empty": ("summarize.plain", "expectation-failed"),
    "tokenize.strings-short": ("tokenize.one-letter", "expectation-failed"),
}
"""A fault of each group, with a case that sees it, and as what."""


def test_of_each_group_there_is_a_fault() -> None:
    groups = {operation.group for operation in load_contract().operations.values()}
    assert {fault.split(".", 1)[0] for fault in SEEN} == groups


@pytest.mark.parametrize("fault", SEEN)
def test_a_fault_of_a_group_is_found_on_an_operation_of_that_group(fault: str, tmp_path: Path) -> None:
    wanted, kind = SEEN[fault]
    group = fault.split(".", 1)[0]
    campaign = Campaign(
        RunOptions(only=(group,), faults=(fault,)), folder=tmp_path, fail_on=Severity.ADDITIVE, environment={}
    )
    (case,) = (case for case in campaign.cases if case.id == wanted)
    campaign.begin()
    worker = campaign.worker("main")
    worker.open((case.id,))
    try:
        result = worker.run(case)
    finally:
        worker.close(interrupted=False)
    report, _ = campaign.report()
    assert result.outcome == "failed", result
    assert report.footer.exit_code == 1
    found = {row.operation for row in report.findings if row.kind == kind and row.amendment is None}
    assert found, report.findings
    assert {load_contract().operations[label].group for label in found} == {group}
