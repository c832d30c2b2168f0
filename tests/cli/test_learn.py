"""`learn` and `--observed`, as somebody meets them who records the API every night."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import exchange
from remembering import RERANK, line, rerank

from cohere_conformance import Kind, UsageError, check
from cohere_conformance.cli import run
from cohere_conformance.model import Source
from cohere_conformance.observed.evidence import exchanges
from cohere_conformance.observed.file import shipped_observed

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

Capture = pytest.CaptureFixture[str]
NIGHTS = [f"2026-11-{day:02}" for day in range(1, 13)]
WITHOUT_ID = {name: value for name, value in RERANK.items() if name != "id"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(here: Path, name: str, *exchanges: Exchange) -> str:
    (here / name).write_text("".join(f"{line(one)}\n" for one in exchanges), encoding="utf-8")
    return name


def checked(here: Path, traffic: str, *options: str) -> tuple[int, list[tuple[str, str, str]]]:
    code = run(["check", traffic, "-q", *options])
    report = json.loads((here / "conformance-report" / "report.json").read_bytes())
    return code, [(one["kind"], one["severity"], one["location"]) for one in report["findings"]]


@pytest.fixture
def learned(here: Path) -> str:
    assert run(["learn", recorded(here, "nights.jsonl", *map(rerank, NIGHTS)), "-o", "observed.yaml"]) == 0
    return "observed.yaml"


def test_what_vanishes_fails_a_check_with_learned_shapes(here: Path, learned: str, capsys: Capture) -> None:
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29", WITHOUT_ID))
    assert checked(here, tonight, "--observed", "none") == (0, [])
    assert checked(here, tonight, "--observed", learned) == (1, [("shape-vanished", "additive", "/id")])
    shown = capsys.readouterr().out
    assert "1 additive finding" in shown
    report = json.loads((here / "conformance-report" / "report.json").read_bytes())
    [cause] = report["causes"]
    assert cause["title"] == "id has vanished: present, as in all 12 earlier responses of 12 days"
    assert run(["explain", "shape-vanished"]) == 0
    assert "learn TRAFFIC -o FILE --merge --accept-absent" in capsys.readouterr().out


def test_the_output_in_the_documentation_is_real(here: Path, capsys: Capture) -> None:
    (here / "recordings").mkdir()
    recorded(here, "recordings/nights.jsonl", *map(rerank, NIGHTS))
    recorded(here, "tonight.jsonl", rerank("2026-11-29", WITHOUT_ID))
    page = (Path(__file__).parents[2] / "docs" / "observed.md").read_text(encoding="utf-8")
    shown = page.partition("```console\n")[2].partition("```")[0].splitlines()
    for command in (one.removeprefix("$ cohere-conformance ") for one in shown if one[:2] == "$ "):
        run(command.split())
    actual = capsys.readouterr().out.splitlines()
    assert [one for one in shown if one != "..." and one[:2] != "$ " and one not in actual] == []


def test_one_bad_night_does_not_teach_that_something_may_be_absent(
    here: Path, learned: str, capsys: Capture
) -> None:
    before = (here / learned).read_text(encoding="utf-8")
    broken = recorded(here, "broken.jsonl", *[rerank("2026-11-13", WITHOUT_ID)] * 30)
    assert run(["learn", broken, "-o", learned, "--merge"]) == 5
    assert "30 exchanges without something that was always there" in capsys.readouterr().out
    assert (here / learned).read_text(encoding="utf-8") == before
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29", WITHOUT_ID))
    assert checked(here, tonight, "--observed", learned)[0] == 1


def test_what_is_gone_for_good_is_accepted(here: Path, learned: str) -> None:
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29", WITHOUT_ID))
    assert run(["learn", tonight, "-o", learned, "--merge", "--accept-absent"]) == 0
    assert checked(here, tonight, "--observed", learned) == (0, [])


def test_what_no_document_has_ever_declared_is_missed_when_it_vanishes(here: Path) -> None:
    """As token_count in April 2024, which clients read."""
    body = {**RERANK, "token_count": {"total_tokens": 7}, "x9": "s3cret", "s3cret id": 1}
    nights = recorded(here, "counted.jsonl", *(rerank(night, body) for night in NIGHTS))
    assert run(["learn", nights, "-o", "all.yaml"]) == 0
    assert "s3cret" not in (here / "all.yaml").read_text(encoding="utf-8")
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29"))
    assert checked(here, tonight, "--observed", "all.yaml")[1] == [
        ("shape-vanished", "additive", "/token_count")
    ]
    assert run(["learn", nights, "-o", "declared.yaml", "--declared-only"]) == 0
    assert "token_count" not in (here / "declared.yaml").read_text(encoding="utf-8")
    assert checked(here, tonight, "--observed", "declared.yaml") == (0, [])


def test_what_is_no_evidence_is_left_out_with_the_reason(here: Path, capsys: Capture) -> None:
    traffic = recorded(
        here,
        "mixed.jsonl",
        rerank("2026-11-01"),
        rerank("2026-11-01", {"results": "none"}),
        rerank("2026-11-01", top_n="many"),
    )
    elsewhere = (here / traffic).read_text(encoding="utf-8").splitlines()[0]
    other = elsewhere.replace("https://api.cohere.com", "http://localhost:8765")
    failed = elsewhere.replace('"status": 200', '"status": 429')
    (here / traffic).write_text(
        (here / traffic).read_text(encoding="utf-8") + f"{other}\n{failed}\n", encoding="utf-8"
    )
    assert run(["learn", traffic, "-o", "observed.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "not learned from: 1 exchange of a request that breaks the contract",
        "not learned from: 1 exchange with a breaking finding",
        "not learned from: 1 exchange with another host",
        "not learned from: 1 exchange without a complete successful response that the contract declares",
        "observed.yaml: learned from 1 exchange; 1 exchange in all",
    ]
    assert run(["learn", traffic, "-o", "own.yaml", "--server", "http://localhost:8765"]) == 0
    assert "own.yaml: learned from 1 exchange" in capsys.readouterr().out


def test_a_recording_that_cannot_be_read_is_named_and_the_rest_is_learned_from(
    here: Path, capsys: Capture
) -> None:
    assert run(["learn", "missing.har", "-o", "observed.yaml"]) == 3
    assert not (here / "observed.yaml").exists()
    traffic = recorded(here, "night.jsonl", rerank("2026-11-01"))
    assert run(["learn", "missing.har", traffic, "-o", "observed.yaml"]) == 3
    assert "not read: missing.har" in capsys.readouterr().out
    assert "exchanges: 1\n" in (here / "observed.yaml").read_text(encoding="utf-8")


def test_a_file_is_not_replaced(here: Path, learned: str, capsys: Capture) -> None:
    before = (here / learned).read_bytes()
    assert run(["learn", "nights.jsonl", "-o", learned]) == 4
    assert "add --merge" in capsys.readouterr().err
    assert (here / learned).read_bytes() == before


def test_a_file_of_something_else_is_a_usage_error(here: Path, capsys: Capture) -> None:
    traffic = recorded(here, "tonight.jsonl", rerank("2026-11-29"))
    for file in ("nothing.yaml", traffic):
        assert run(["check", traffic, "--observed", file]) == 4
        assert "cohere-conformance learn" in capsys.readouterr().err


def test_the_shapes_that_ship_are_compared_with_the_vendors_responses_only(here: Path) -> None:
    gone = {**RERANK, "meta": {"api_version": {"version": "2"}}}
    vendors = recorded(here, "vendors.jsonl", rerank("2026-11-29", gone))
    assert checked(here, vendors) == (0, [("shape-vanished", "notice", "/meta/billed_units")])
    text = (
        (here / vendors).read_text(encoding="utf-8").replace("https://api.cohere.com", "http://localhost:1")
    )
    (here / "mock.jsonl").write_text(text, encoding="utf-8")
    assert checked(here, "mock.jsonl") == (0, [])
    assert [one[1] for one in checked(here, "mock.jsonl", "--observed", "shipped")[1]] == ["notice"]


def test_what_public_recordings_have_not_shown_is_new_only_if_somebody_asks(here: Path) -> None:
    body = {
        "id": "6f4b6c7e-2f3a-4d7b-9c1e-5a6b7c8d9e01",
        "finish_reason": "MAX_TOKENS",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
        "usage": {
            "billed_units": {"input_tokens": 1, "output_tokens": 1},
            "tokens": {"input_tokens": 9, "output_tokens": 1},
        },
    }
    sent = {"model": "command-r-08-2024", "messages": [{"role": "user", "content": "q"}], "max_tokens": 1}
    tonight = recorded(
        here,
        "tonight.jsonl",
        exchange("POST /v2/chat", body, request=sent, source=Source("n", recorded_at="2026-11-29T02:00:00Z")),
    )
    assert checked(here, tonight) == (0, [])
    assert checked(here, tonight, "--observed", "shipped")[1] == [("shape-new", "notice", "/finish_reason")]


def test_a_file_of_the_user_knows_better_than_what_ships(here: Path) -> None:
    gone = {**RERANK, "meta": {"api_version": {"version": "2"}}}
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29", gone))
    assert run(["learn", recorded(here, "a.jsonl", rerank("2026-11-01")), "-o", "observed.yaml"]) == 0
    assert checked(here, tonight, "--observed", "observed.yaml")[1] == [
        ("shape-vanished", "notice", "/meta/billed_units")
    ]
    assert run(["learn", tonight, "-o", "observed.yaml", "--merge"]) == 0
    assert checked(here, tonight, "--observed", "observed.yaml") == (0, [])


def test_the_report_says_which_shapes_were_compared(here: Path, learned: str, capsys: Capture) -> None:
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29"))
    checked(here, tonight, "--observed", learned)
    report = check(tonight, observed=here / learned, sdk_effect=False)
    file, shipped = report.header.observed
    assert (file.source, file.responses, file.scenarios) == (str(here / learned), 12, 1)
    assert (file.first, file.last) == (NIGHTS[0], NIGHTS[-1])
    assert (shipped.source, shipped.responses) == ("shipped", exchanges(shipped_observed()))
    capsys.readouterr()
    assert run(["check", tonight, "--observed", learned]) == 0
    line = "observed shapes observed.yaml: 12 responses in 1 scenario, 2026-11-01 to 2026-11-12"
    assert line in capsys.readouterr().out
    page, markdown = ((here / "conformance-report" / f"report.{name}").read_text() for name in ("html", "md"))
    assert line in page
    assert line.replace("observed.yaml", "") in markdown.replace("observed.yaml", "")


def test_what_was_not_compared_is_not_named(here: Path) -> None:
    """Responses of another host, and of the vendor's without a date, with no option and with `none`."""
    text = line(rerank("2026-11-29")).replace("https://api.cohere.com", "http://localhost:1")
    (here / "mock.jsonl").write_text(text, encoding="utf-8")
    dated = recorded(here, "dated.jsonl", rerank("2026-11-29"))
    assert check("mock.jsonl", sdk_effect=False).header.observed == ()
    assert check(dated, sdk_effect=False, observed="none").header.observed == ()
    assert check(dated, sdk_effect=False, as_published=True).header.observed == ()
    assert [one.source for one in check(dated, sdk_effect=False).header.observed] == ["shipped"]
    (one,) = check("mock.jsonl", sdk_effect=False, observed="shipped").header.observed
    assert one.source == "shipped"


def test_the_function_compares_as_the_command_does(here: Path, learned: str) -> None:
    tonight = recorded(here, "tonight.jsonl", rerank("2026-11-29", WITHOUT_ID))
    assert [row.kind for row in check(tonight, observed=learned).findings] == [Kind.SHAPE_VANISHED]
    assert check(tonight, observed="none").findings == ()
    with pytest.raises(UsageError, match="cohere-conformance learn"):
        check(tonight, observed="nothing.yaml")


def test_a_run_that_conforms_is_learned_from_and_one_that_does_not_is_not(here: Path) -> None:
    case = ["run", "-q", "--case", "tokenize.plain", "--observed", "observed.yaml", "--learn"]
    assert run(case) == 0
    first = (here / "observed.yaml").read_text(encoding="utf-8")
    assert "exchanges: 1\n" in first
    shutil.rmtree(here / "conformance-report")
    assert run([*case, "--fault", "tokenize.negative-id"]) == 1
    assert (here / "observed.yaml").read_text(encoding="utf-8") == first
    assert run(case) == 0
    assert "exchanges: 2\n" in (here / "observed.yaml").read_text(encoding="utf-8")


def test_learning_needs_a_file(capsys: Capture) -> None:
    assert run(["run", "--case", "tokenize.plain", "--learn"]) == 4
    assert "expected a file of yours in --observed, got auto" in capsys.readouterr().err
