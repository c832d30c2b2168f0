"""The effect on official SDKs by every deviating response: by default, and once for equal ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange
from running import environment

from cohere_conformance import check
from cohere_conformance.cli import run
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.report import SdkParse, load
from cohere_conformance.report.sdk_effect import SdkOutcome
from cohere_conformance.sdk import parsers
from cohere_conformance.sdk.parsers import NODE, PYTHON, VARIABLE, SdkParsers, wanted
from cohere_conformance.sdk.repeated import ParseOnce

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.model import Exchange
    from cohere_conformance.report import Report

RERANK = "POST /v2/rerank"
SEARCH = {"model": "m", "query": "q", "documents": ["a"]}


def row(body: Any, status: int = 200) -> str:
    return json.dumps(
        {
            "method": "POST",
            "url": "https://api.cohere.com/v2/rerank",
            "request_headers": {"content-type": "application/json"},
            "request_body": SEARCH,
            "status": status,
            "response_headers": {"content-type": "application/json"},
            "response_body": body,
        }
    )


def result(score: Any) -> dict[str, Any]:
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "i", "results": [{"index": 0, "relevance_score": score}], "meta": meta}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE)
    return tmp_path


def checked(here: Path, *options: str) -> Report:
    assert run(["check", "traffic.jsonl", *options]) == 1
    return load(here / "conformance-report")


def test_every_deviating_response_is_parsed_and_counted_in_any_number_of_processes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal, conforming and different responses; the largest file is divided."""
    lines = [row(result("high"))] * 5 + [row(result({}))] * 3 + [row(result(0.5))] * 4
    lines += [row(result("much")), row({"results": 3})]
    (here / "traffic.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = checked(here)
    assert "SDK cohere 7" in capsys.readouterr().out
    (all_,) = report.coverage.sdks
    assert sum(all_.responses.values()) == 10
    score = next(
        one for one in report.findings if one.location.endswith("relevance_score") and one.count == 6
    )
    (effect,) = score.sdk_effects
    assert effect.responses == {SdkOutcome.WRONG_TYPE: 6}
    causes = {cause.title: cause.sdk_effects for cause in report.causes}
    assert all(causes.values())
    assert any("in all 9 responses" in effect.line for effects in causes.values() for effect in effects)
    several = checked(here, "-j", "3")
    assert (several.findings, several.causes, several.coverage) == (
        report.findings,
        report.causes,
        report.coverage,
    )


def test_nothing_of_the_sdk_is_imported_where_nothing_deviates(here: Path) -> None:
    (here / "traffic.jsonl").write_text(row(result(0.5)), encoding="utf-8")
    program = (
        "import sys\nfrom cohere_conformance.cli import run\n"
        "for options in ([], ['--sdk-effect']):\n"
        "    assert run(['check', 'traffic.jsonl', *options]) == 0\n"
        "    print('cohere' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=here, env=environment(**{VARIABLE: ""}), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.count("\nFalse\n") == 2
    assert load(here / "conformance-report").header.sdks[0].startswith("cohere ")


@pytest.mark.parametrize("option", ["--no-sdk-effect", VARIABLE])
def test_it_can_be_switched_off(here: Path, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "traffic.jsonl").write_text(row(result("high")), encoding="utf-8")
    if option == VARIABLE:
        monkeypatch.setenv(VARIABLE, "0")
    report = checked(here, *([option] if option != VARIABLE else []))
    assert (report.header.sdks, report.coverage.sdks) == ((), ())
    assert report.causes[0].sdk_effects == ()


def test_without_the_sdk_nothing_is_missing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers, "_has_python", lambda: False)
    (here / "traffic.jsonl").write_text(row(result("high")), encoding="utf-8")
    assert checked(here).header.sdks == ()


def test_an_sdk_that_does_not_work_is_left_out_and_named_unless_it_was_asked_for(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> object:
        raise UsageError("expected the official SDK, got a package cohere that fails to import")

    monkeypatch.setattr(parsers, "_parse_with_python", broken)
    parsers._loaded.cache_clear()
    (here / "traffic.jsonl").write_text(row(result("high")), encoding="utf-8")
    report = checked(here)
    assert report.coverage.sdks == ()
    assert "parsed no deviating response" in capsys.readouterr().out
    assert run(["check", "traffic.jsonl", "--sdk-effect"]) == 4
    parsers._loaded.cache_clear()


def test_known_spec_defects_and_requests_of_clients_are_not_parsed(here: Path) -> None:
    refused = json.loads(row({"message": "invalid request: query has to be text"}, status=400))
    (here / "traffic.jsonl").write_text(
        json.dumps(refused | {"request_body": {"query": 3}}), encoding="utf-8"
    )
    run(["check", "traffic.jsonl"])
    report = load(here / "conformance-report")
    assert report.findings
    assert report.coverage.sdks == ()


def test_the_function_parses_as_the_command_does(here: Path) -> None:
    (here / "traffic.jsonl").write_text(row(result("high")), encoding="utf-8")
    assert check("traffic.jsonl").causes == checked(here).causes
    assert check("traffic.jsonl", sdk_effect=False).causes[0].sdk_effects == ()
    with pytest.raises(UsageError, match="--sdk-effect-node"):
        check("traffic.jsonl", sdk_effect_node=here)


# -- which are used


def test_what_is_here_is_used_and_what_is_named_is_not_merely_found(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsers.shutil, "which", lambda _: "/usr/bin/node")
    assert wanted(None) == SdkParsers(python=True, found=(PYTHON,))
    (here / "node_modules" / "cohere-ai").mkdir(parents=True)
    assert wanted(None) == SdkParsers(True, ".", (PYTHON, NODE))
    assert wanted(True) == SdkParsers(True, ".", (NODE,))
    assert wanted(False) == SdkParsers()
    assert wanted(False, "there") == SdkParsers(node="there")
    monkeypatch.setattr(parsers.shutil, "which", lambda _: None)
    assert wanted(None) == SdkParsers(python=True, found=(PYTHON,))


@pytest.mark.parametrize(("said", "expected"), [("0", False), ("1", True), ("", True)])
def test_the_environment_says_it_where_no_option_does(
    said: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, said)
    assert (wanted(None).python, wanted(True).python, wanted(False).python) == (expected, True, False)


def test_another_value_of_the_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "maybe")
    with pytest.raises(UsageError, match="expected 0 or 1, got maybe"):
        wanted(None)


def test_a_process_that_ends_is_an_error_only_if_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(exchange: Exchange, label: str) -> SdkParse | None:
        raise ReportError("ended")

    monkeypatch.setattr(parsers, "_parse_with_node", lambda _: ended)
    made = exchange(RERANK, result("high"))
    assert SdkParsers(node="a", found=(NODE,))(made, RERANK) == ()
    with pytest.raises(ReportError, match="ended"):
        SdkParsers(node="b")(made, RERANK)
    parsers._loaded.cache_clear()


# -- equal responses


def test_equal_responses_are_parsed_once_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[bytes] = Counter()

    def parse(made: Exchange, label: str) -> SdkParse:
        calls[made.response.body or b""] += 1
        return SdkParse(sdk="an SDK", lost=(str(made.response.status),))

    once = ParseOnce(parse)
    for number in (1, 2, 1, 2, 1):
        assert once(exchange(RERANK, {"n": number}, request=SEARCH), RERANK)[0].lost == ("200",)
    assert once(exchange(RERANK, {"n": 1}, request=SEARCH, status=404), RERANK)[0].lost == ("404",)
    assert calls == {b'{"n": 1}': 2, b'{"n": 2}': 1}
    monkeypatch.setattr("cohere_conformance.sdk.repeated._MOST", 3)
    for number in range(10):
        once(exchange(RERANK, {"n": number}, request=SEARCH), RERANK)
    assert len(once._known) <= 4


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"request": {"model": "m", "texts": ["a"]}}, {"request": {"model": "m", "images": ["a"]}}),
        ({"request": {"model": "m", "texts": ["a"]}}, {}),
    ],
)
def test_the_same_response_to_another_kind_of_request_is_another_one(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Whatever is parsed first."""
    label, body = "POST /v1/embed", {"id": "i", "texts": ["a"], "embeddings": [[0.1]]}
    parse = SdkParsers(python=True)
    results = [
        [parse(exchange(label, body, **one), label) for one in pair]
        for pair in ((first, second), (second, first))
    ]
    assert results[0] == results[1][::-1]
    assert results[0][0] != results[0][1]
