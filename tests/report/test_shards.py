"""Shards: which case is in which, and which of them may be merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from cohere_conformance.cases import belongs_to, resource_groups, shipped_suite
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.history import target_name
from cohere_conformance.model import Severity
from cohere_conformance.report import (
    Ended,
    GoldenCounts,
    Header,
    Journal,
    Mode,
    Opening,
    RoleModel,
    Target,
    merged_header,
    run_part,
    write_ended,
)
from cohere_conformance.report.header import Acceptance, AcceptedDrift
from cohere_conformance.report.shard import Shard, parse_shard

if TYPE_CHECKING:
    from pathlib import Path


def test_each_case_is_in_exactly_one_shard() -> None:
    cases = [case.id for case in shipped_suite().cases]
    groups = resource_groups(shipped_suite())
    shards = [Shard(number=number, of=4) for number in (1, 2, 3, 4)]
    held = [[case for case in cases if shard.holds(groups.get(case, case))] for shard in shards]
    assert sorted(case for one in held for case in one) == sorted(cases)
    assert min(map(len, held)) > len(cases) / 6


def test_cases_with_resources_in_common_are_in_one_shard() -> None:
    """Each resource is created once, and a list shows what it shows in one run."""
    suite = shipped_suite()
    groups = resource_groups(suite)
    names = {name for name in groups if "." not in name}
    assert set(groups) - names == {case.id for case in suite.cases if case.needs}
    assert {groups[name] for name in names} == {"batches", "connectors"}, "what is removed again is in lists"
    assert groups["datasets"] == groups["embed-jobs"], "jobs create datasets, which lists show"
    of_resource: dict[str, set[str]] = {}
    for case in suite.cases:
        for resource in suite.in_order(case.needs):
            of_resource.setdefault(resource.name, set()).add(groups[case.id])
            of_resource.setdefault(resource.name.partition(".")[0], set()).add(groups[case.id])
    assert {name: found for name, found in of_resource.items() if len(found) != 1} == {}
    assert len(set(groups.values())) > 3, "shards can share the work"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("connectors.get.oauth", "connectors"),
        ("connectors.relations.any-order", "connectors"),
        ("finetuning", "batches"),
        ("rerank.v2.plain", "rerank.v2.plain"),
        ("tokenize.relations.round-trip", "tokenize.relations.round-trip"),
        ("fuzz.positive.get-v1-connectors", "fuzz.positive.get-v1-connectors"),
    ],
)
def test_a_test_without_resources_belongs_to_the_lists_that_it_may_change(test: str, expected: str) -> None:
    assert belongs_to(test, resource_groups(shipped_suite())) == expected


def test_the_shard_of_a_case_never_changes() -> None:
    """Machines with another version of Python, or another seed of hashes, have to agree."""
    numbers = {
        case: next(number for number in range(1, 8) if Shard(number=number, of=7).holds(case))
        for case in ("rerank.v2.plain", "chat.v2.plain", "tokenize.relations.round-trip")
    }
    assert numbers == {"rerank.v2.plain": 4, "chat.v2.plain": 2, "tokenize.relations.round-trip": 6}


def test_the_tests_that_fuzz_one_operation_stay_together() -> None:
    """They begin with the same request, which one process sends once."""
    for label in ("post-v2-chat", "post-v1-tokenize", "get-v1-models"):
        first = Shard(number=1, of=2)
        held = {first.holds(f"fuzz.{mode}.{label}") for mode in ("positive", "negative", "protocol")}
        assert len(held) == 1


@pytest.mark.parametrize("text", ["", "2", "0/2", "3/2", "1/0", "-1/2", "1/1001", "one/two", "1/2/3"])
def test_a_shard_that_does_not_exist_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"--shard .*: expected I/N such as 2/4"):
        parse_shard(text)


# -- what may be merged

TARGET = Target(url="http://127.0.0.1:4000", key=True)
HEADER = Header(
    tool="cohere-conformance",
    version="1",
    contract_version="1",
    contract_digest="sha256:1",
    mode=Mode.AMENDED,
    inputs=(),
    started_at="2026-11-29T00:00:09Z",
    target=TARGET,
)


class Folder:
    """Writes shards as runs leave them."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def shard(
        self,
        number: int,
        of: int = 2,
        *,
        interrupted: bool = False,
        planned: tuple[str, ...] = (),
        **given: Any,
    ) -> Path:
        """Write a shard, and return its folder."""
        folder = self.home / f"{number}-{len(list(self.home.iterdir()))}"
        header = replace(HEADER, arguments=("run", "--only=chat", f"--shard={number}/{of}"))
        header = replace(
            header, **{name: value for name, value in given.items() if name in HEADER.__struct_fields__}
        )
        target = {name: value for name, value in given.items() if name not in HEADER.__struct_fields__}
        shard = Shard(number=number, of=of)
        header = replace(header, target=replace(TARGET, **{"shard": shard, **target}))
        opening = Opening(worker="main", header=header, run=str(folder), led=True, planned=planned)
        with Journal(folder, opening):
            pass
        write_ended(folder, Ended(run=str(folder), interrupted=interrupted))
        return folder


def role(name: str, model: str) -> RoleModel:
    return RoleModel(role=name, model=model, source="--model")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def merged(*folders: Path) -> Header:
    return merged_header([run_part(one) for one in folders], target_name)


def test_shards_become_one_run_in_any_order(folder: Folder) -> None:
    first = folder.shard(1, workers=2, started_at="2026-11-29T00:00:05Z")
    header = merged(folder.shard(2), first)
    assert header.started_at == "2026-11-29T00:00:05Z"
    assert header.arguments == ("run", "--only=chat")
    assert header.target == replace(TARGET, merged=2, workers=3)


def test_shards_may_be_of_machines_with_other_sdks(folder: Folder) -> None:
    """The responses are parsed where the shards are merged."""
    parts = folder.shard(1, sdks=("cohere 7.3.1",)), folder.shard(2, sdks=("cohere 7.3.0", "cohere 7.3.1"))
    assert merged(*parts).sdks == ("cohere 7.3.1", "cohere 7.3.0")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"contract_digest": "sha256:2"}, "the contract of"),
        ({"version": "2"}, "the version of cohere-conformance of"),
        ({"url": "http://127.0.0.1:5000"}, "the target of"),
        ({"of": 3}, "the number of shards of"),
        (
            {"golden": GoldenCounts(interactions=1, reference=1, live=0)},
            "the cassettes of .*, none, got another",
        ),
        ({"fail_on": Severity.BREAKING}, "the --fail-on of .* additive, got breaking"),
        ({"without": ("tools",)}, "the --without of .* none, got tools"),
        ({"key": False}, "the key of .* a key, got no key"),
        ({"arguments": ("run", "--only=embed")}, "the options of .* --only=chat, got run --only=embed"),
        (
            {"shard": None},
            "expected a shard, as in .*, got a run without --shard; merge all shards",
        ),
        (
            {
                "baseline": AcceptedDrift(
                    file="b.yaml", entries=(Acceptance(finding="0", reason="r", expires="2027-01-01"),)
                )
            },
            "the entries of the baseline of",
        ),
    ],
)
def test_shards_of_other_runs_are_refused(folder: Folder, other: dict[str, Any], words: str) -> None:
    with pytest.raises(ReportError, match=words):
        merged(folder.shard(1), folder.shard(2, **other))


def test_what_differs_between_jobs_does_not_matter(folder: Folder) -> None:
    arguments = ("run", "--only=chat", "--shard", "2/2", "--report-dir=elsewhere", "--history", "h.sqlite")
    assert merged(folder.shard(1), folder.shard(2, arguments=arguments)).target is not None


def test_every_shard_is_needed_once(folder: Folder) -> None:
    one, three = folder.shard(1, of=4), folder.shard(3, of=4)
    with pytest.raises(ReportError, match="expected all 4 shards, got 2 without 2/4, 4/4; name"):
        merged(one, three)
    with pytest.raises(ReportError, match="expected each shard once, got 3/4 here and in"):
        merged(one, three, folder.shard(3, of=4))


def test_a_shard_that_did_not_end_is_refused(folder: Folder) -> None:
    complete = folder.shard(1)
    killed, timed_out, unled = folder.shard(2), folder.shard(2), folder.shard(2)
    journal = killed / "journal-main.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    journal = timed_out / "journal-main.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"interrupted": false', b'"interrupted": true'))
    (unled / "run.json").unlink()
    for one in (killed, timed_out, unled, folder.shard(2, interrupted=True)):
        with pytest.raises(ReportError, match=r"expected a run that has ended, got .* run --shard 2/2 again"):
            merged(complete, one)


# -- runs of other cases each


def test_runs_of_other_groups_become_one_run(folder: Folder) -> None:
    chat, rerank = role("chat", "command-a"), role("rerank", "rerank-v3.5")
    header = merged(
        folder.shard(
            1, shard=None, arguments=("run", "--only=chat"), planned=("chat.v2.plain",), models=(chat,)
        ),
        folder.shard(
            2, shard=None, arguments=("run", "--only=rerank"), planned=("rerank.v2.plain",), models=(rerank,)
        ),
    )
    assert header.arguments == ("run", "--only=chat,rerank")
    assert header.target is not None
    assert (header.target.models, header.target.merged) == ((chat, rerank), 2)


def test_a_case_that_two_runs_have_sent_is_not_merged(folder: Folder) -> None:
    one, other = (folder.shard(1, shard=None, planned=("chat.v2.plain",)) for _ in range(2))
    with pytest.raises(ReportError, match=r"expected each case once, got chat\.v2\.plain here and in"):
        merged(one, other)


def test_runs_with_other_models_for_one_role_are_not_merged(folder: Folder) -> None:
    first = folder.shard(1, shard=None, models=(role("chat", "command-a"),))
    second = folder.shard(2, shard=None, models=(role("chat", "command-r"),))
    with pytest.raises(ReportError, match=r"expected the chat model of .*, command-a, got command-r"):
        merged(first, second)
