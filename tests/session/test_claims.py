"""What a target does not claim is neither sent nor judged; everything else is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from canned_mock import Canned, canned_mock
from running import called, fuzzed, ran

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.features import Feature, FeatureRequest, shipped_features
from cohere_conformance.contract.named import implemented
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Subject
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.session.claims import waived
from cohere_conformance.session.plan import RunOptions, plan

if TYPE_CHECKING:
    from pathlib import Path

    from running import Done

FEATURES = shipped_features()
CHAT = "POST /v2/chat"


def needed(operation: str, **given: Any) -> set[str]:
    return set(FEATURES.needed(FeatureRequest(operation, **given)))


# -- the data


def test_operations_parameters_and_faults_of_features_exist() -> None:
    contract, faults = load_contract(), catalogue()
    for name, feature in FEATURES.known.items():
        assert feature.requests, name
        for trait in feature.requests:
            assert {*trait.operations} <= {*contract.operations}, name
            for label in trait.operations:
                assert {*trait.query} & {*contract.operations[label].query} or not trait.query, name
        for pattern in feature.faults:
            lonely = Feature("", "", (), faults=(pattern,))
            assert lonely.faults_of(faults), (name, pattern)


@pytest.mark.parametrize("name", FEATURES.known)
def test_each_feature_has_cases_that_need_it(name: str) -> None:
    cases = [
        case
        for case in shipped_suite().cases
        if name in needed(case.operation, query=case.template.query, body=case.template.body, key=case.key)
    ]
    assert any(any(status < 300 for status in case.expect.status) for case in cases) or name == "trial-limits"
    assert len(cases) < len(shipped_suite().cases) / 10


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tools": []}, {"tools"}),
        ({"tools": None, "stream": False, "logprobs": False}, set()),
        ({"stream": True, "documents": ["a"]}, {"streaming", "documents"}),
        ({"stream": "yes"}, {"streaming"}),
        ({"messages": [{"role": "tool", "content": "x"}]}, {"tools"}),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, {"images"}),
        ({"messages": [{"role": "user", "content": "tools"}]}, set()),
        ("tools", set()),
        (None, set()),
    ],
)
def test_features_are_recognised_by_the_request(body: Any, expected: set[str]) -> None:
    assert needed(CHAT, body=body) == expected


def test_features_are_recognised_by_query_and_key() -> None:
    models = "GET /v1/models"
    assert needed(models, query=(("page_size", "1"),)) == {"paging"}
    assert needed(models, query=(("page_size", "1000"),)) == set()
    assert needed(models, query=(("page_token", "a"), ("page_size", "50"))) == {"paging"}
    assert needed(CHAT, key="trial") == {"trial-limits"}


def test_an_unknown_feature_is_a_usage_error_with_near_misses() -> None:
    with pytest.raises(UsageError, match="--without tolls: unknown name; did you mean tools"):
        FEATURES.chosen(["tolls"])
    assert FEATURES.chosen(["thinking", "tools", "tools"]) == ("tools", "thinking")


def test_features_and_operations_can_be_left_out_together() -> None:
    groups = load_contract().groups
    options = RunOptions(declares=("v2.chat",), without=("thinking", "tools"))
    made = plan(options, groups, {})
    assert made.declares == implemented(("v2.chat",), groups)
    assert made.without == ("tools", "thinking")


def test_only_what_every_request_shows_is_waived() -> None:
    assert waived(["tools", "citations", "streaming"], protocol_only=False) == frozenset()
    assert "models.page-size" in waived(["paging"], protocol_only=False)
    assert "connectors.kept" not in waived(["paging"], protocol_only=False)


def test_requirements_about_the_protocol_are_not_waived() -> None:
    unjudged = waived([], protocol_only=True)
    assert {"common.key-missing", "common.required-refused", "v1.chat.stream-asked"} & unjudged == set()
    assert {"rerank.sorted", "v2.chat.json-schema", "datasets.listed"} <= unjudged
    requirements = shipped_requirements().requirements.values()
    assert unjudged == {one.id for one in requirements if one.about is Subject.CONTENT}


# -- runs


def found(done: Done) -> set[str]:
    return {row["requirement"] or row["kind"] for row in done.report["findings"]}


def test_what_needs_a_feature_is_not_sent_and_counted_apart(tmp_path: Path) -> None:
    done = ran(tmp_path, "--only", "chat", "--without", "tools,thinking")
    assert done.code == 0, done.output
    cases = done.report["coverage"]["cases"]
    assert cases["unclaimed"] == sum(cases["not_claimed"].values()) > 25
    assert {*cases["not_claimed"]} == {"tools", "thinking"}
    assert not any("tools" in reason for reason in cases["skipped_reasons"])
    assert done.report["header"]["target"]["without"] == ["tools", "thinking"]
    assert "without tools, thinking" in done.output
    assert f"{cases['unclaimed']} not claimed: " in done.output


def test_a_wrong_name_is_a_usage_error(tmp_path: Path) -> None:
    done = ran(tmp_path, "--without", "tolls")
    assert done.code == 4
    assert "did you mean tools?" in done.output


def test_the_fuzzer_sends_nothing_that_needs_a_feature(tmp_path: Path) -> None:
    arguments = ("--only", "models", "--fuzz-profile", "smoke", "--without", "paging")
    done = fuzzed(tmp_path, *arguments)
    assert done.code == 0, done.output
    journal = "".join(path.read_text() for path in (tmp_path / "conformance-report").glob("*.jsonl"))
    assert "/v1/models" in journal
    assert "page_token=" not in journal
    assert sum(one["unclaimed"] for one in done.report["coverage"]["fuzzed"]) > 0


def test_verify_and_record_leave_out_what_needs_a_feature(tmp_path: Path) -> None:
    done = called(tmp_path, "record", "--only", "models", "--without", "paging")
    assert done.code == 0, done.output
    recorded = {path.stem for path in (tmp_path / "cassettes").glob("*/*.yaml")}
    assert "models.all" in recorded or recorded
    shipped = str(folder("cassettes"))
    done = called(tmp_path, "verify", "--only", "models", "--without", "paging", "--cassettes", shipped)
    assert done.code == 0, done.output
    assert done.report["coverage"]["cases"]["not_claimed"]["paging"] > 5


SEED = 15
FAULTS = catalogue()
ELSEWHERE = {name: FAULTS.keys() - feature.faults_of(FAULTS) for name, feature in FEATURES.known.items()}
"""By feature, the faults that show without it."""


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("streaming", "chat.v1.stream-always"),
        ("tools", "chat.v2.duplicate-documents"),
        *random.Random(SEED).sample(
            [
                (name, fault)
                for name in FEATURES.known
                for fault in FAULTS
                if fault.partition(".")[0] in {"tokenize", "detokenize", "rerank", "models", "classify"}
                and fault in ELSEWHERE[name]
            ],
            4,
        ),
    ],
)
def test_claiming_less_hides_no_fault_elsewhere(name: str, fault: str, tmp_path: Path) -> None:
    group, version = fault.split(".")[:2]
    where = ("--only", group, *(("--declares", f"{version}.chat") if group == "chat" else ()))
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    whole = ran(tmp_path / "whole", *where, "--fault", fault)
    part = ran(tmp_path / "part", *where, "--fault", fault, "--without", name)
    assert part.code == whole.code
    assert found(part) == found(whole) != set()


# -- protocol only


def canned_run(home: Path, url: str, *arguments: str) -> Done:
    return ran(home, "--url", url, *arguments, key=PRODUCTION)


def test_a_mock_with_canned_answers_conforms_to_the_protocol(tmp_path: Path) -> None:
    with canned_mock() as server:
        done = canned_run(tmp_path, server.url, "--protocol-only")
        assert done.code == 0, done.output
        assert done.report["coverage"]["cases"]["passed"] > 600
        assert done.report["coverage"]["cases"]["not_claimed"]["content"] > 100
        assert done.report["header"]["target"]["protocol_only"] is True
        assert "protocol only: no demand on content" in done.output
        done = canned_run(tmp_path, server.url, "--case", "rerank.v2.top-n")
    assert done.code == 1, done.output


def _with(old: bytes, new: bytes) -> Any:
    return lambda _, canned: canned._replace(body=canned.body.replace(old, new))


def _served(_: str, canned: Canned) -> Canned:
    return (
        Canned(200, "application/json", b'{"tokens":[1],"token_strings":["a"]}')
        if canned.status >= 400
        else canned
    )


def _unstreamed(_: str, canned: Canned) -> Canned:
    return canned._replace(media_type="application/json") if "stream" in canned.media_type else canned


@pytest.mark.parametrize(
    ("change", "selected", "expected"),
    [
        (_with(b'"relevance_score"', b'"score"'), "--only=rerank", "property-missing"),
        (_with(b'"tokens":', b'"tokens":"x","ids":'), "--only=tokenize", "type-changed"),
        (_served, "--only=tokenize", "common.key-missing"),
        (_served, "--only=tokenize", "status-unexpected"),
        (_unstreamed, "--case=chat.v2.stream", "media-type-undeclared"),
        (_with(b"event: message-start\n", b""), "--case=chat.v2.stream", "stream-order"),
        (_with(b'"message"', b'"detail"'), "--only=tokenize", "error-envelope"),
    ],
)
def test_a_wrong_mock_deviates_from_the_protocol(
    change: Any, selected: str, expected: str, tmp_path: Path
) -> None:
    with canned_mock(change) as server:
        done = canned_run(tmp_path, server.url, selected, "--protocol-only")
    assert done.code == 1, done.output
    assert expected in found(done)


def test_the_fuzzer_demands_of_canned_answers_only_what_the_contract_says(tmp_path: Path) -> None:
    def smoked(url: str, *arguments: str) -> Done:
        return fuzzed(tmp_path, "--url", url, "--fuzz-profile", "smoke", *arguments, key=PRODUCTION)

    with canned_mock() as server:
        done = smoked(server.url, "--only", "tokenize,rerank", "--protocol-only")
        assert done.code == 0, done.output
        done = smoked(server.url, "--case", "fuzz.negative.post-v2-rerank")
    assert "rule-unenforced" in done.kinds
    with canned_mock(_served) as server:
        done = smoked(server.url, "--case", "fuzz.negative.post-v1-tokenize", "--protocol-only")
    assert done.code == 1, done.output
    assert "rule-unenforced" in done.kinds
