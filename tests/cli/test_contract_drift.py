"""`contract drift`: what witnesses show that the contract lacks, by which of them, and the lock file."""

from __future__ import annotations

import datetime
import functools
import http.server
import json
import re
import shutil
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from contract_changes import planted
from wheels import sdk_wheel

from cohere_conformance.cli import run
from cohere_conformance.data import folder
from cohere_conformance.model import Kind, Severity
from cohere_conformance.report.coverage import Coverage, OtherHosts
from cohere_conformance.report.header import Header, Mode
from cohere_conformance.report.shape import Example, Footer, Report, Row, Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.contract import Declarations

WORDS = {"components/schemas/RerankV2Result/properties/matched_words": {"type": "array"}}
WORDS_LINE = re.compile(
    r"additive  POST /v2/rerank response\.results\[\]\.matched_words: added \(1 operation\)  "
    r"contracts/openapi/rerank\.yaml:\d+  \[(.*)\]"
)


@pytest.fixture
def document(declarations: Declarations, tmp_path: Path) -> Callable[..., str]:
    """Write the published document with some edits, and return its path."""

    def write(edits: dict[str, Any] | None = None, name: str = "document.json") -> str:
        path = tmp_path / name
        path.write_text(json.dumps(planted(declarations.published, edits or {})), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the contract without a lock."""
    path = tmp_path / "contracts"
    shutil.copytree(folder("contracts"), path)
    (path / "upstream.lock").unlink(missing_ok=True)
    return path


def row(kind: Kind, location: str, *, operation: str = "POST /v2/rerank", **other: Any) -> Row:
    example = Example(
        file="a.har",
        position=f"{kind} {location}",
        recorded_at="2026-11-02T00:00:00Z",
        request=operation,
        request_text=other.pop("request_text", ""),
        response_text=other.pop("response_text", ""),
    )
    given = {"status": 200, "observed": "x", "count": 12, "first_seen": "2026-11-01T08:00:00Z"} | other
    return Row(
        fingerprint="0" * 12,
        kind=kind,
        severity=Severity.ADDITIVE,
        operation=operation,
        location=location,
        expected="",
        requirement=None,
        amendment=None,
        example=example,
        **given,
    )


@pytest.fixture
def traffic(tmp_path: Path) -> Callable[..., str]:
    """Write a report with some findings, and return its folder."""

    def write(*rows: Row) -> str:
        counts = dict.fromkeys(Totals.__struct_fields__, 0) | {"exchanges": 40}
        coverage = Coverage(
            operations=(),
            unseen=(),
            unrouted=0,
            amendments=(),
            other_hosts=OtherHosts(exchanges=0, hosts={}),
            unreadable=(),
            skipped=(),
        )
        report = Report(
            header=Header(
                tool="t",
                version="1",
                contract_version="1",
                contract_digest="d",
                mode=Mode.AMENDED,
                inputs=(),
                started_at="",
            ),
            findings=rows,
            coverage=coverage,
            footer=Footer(totals=Totals(**counts), exit_code=1, verdict="", finished_at=""),
        )
        (tmp_path / "report.json").write_bytes(msgspec.json.encode(report))
        return str(tmp_path)

    return write


def lines(out: str) -> list[str]:
    """Return the lines about differences and models."""
    return [one for one in out.splitlines() if re.match(r"(breaking|additive|notice|model|only ours) ", one)]


def test_the_published_document_is_nothing_new(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "drift", "--document", document(), "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert lines(out) == []
    assert "nothing that the contract lacks" in out
    assert out.endswith("The contract lacks nothing that the witnesses show.\n")


def test_witnesses_of_one_difference_share_a_line(
    document: Callable[..., str], traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    seen = row(Kind.PROPERTY_UNDOCUMENTED, "/results/*/matched_words")
    arguments = ["contract", "drift", "--document", document(WORDS), "--traffic", traffic(seen)]
    assert run(arguments) == 1
    [line] = lines(capsys.readouterr().out)
    found = WORDS_LINE.fullmatch(line)
    assert found is not None
    assert found[1] == "document; traffic: 12 exchanges, since 2026-11-01"
    assert run([*arguments, "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["gaps"], one["only_ours"]) for one in report["witnesses"]] == [
        ("document", 1, 1),  # without the frame that ends a stream of chat
        ("traffic", 1, 0),
    ]
    assert report["gaps"][0]["witnesses"] == [
        {"name": "document", "exchanges": None, "since": None},
        {"name": "traffic", "exchanges": 12, "since": "2026-11-01T08:00:00Z"},
    ]
    assert run([*arguments, "--format", "markdown"]) == 1
    rows = [one for one in capsys.readouterr().out.splitlines() if one.startswith("| additive")]
    assert len(rows) == 1
    assert rows[0].count("|") == 7


def test_what_only_the_contract_has_is_counted_and_listed_with_v(
    document: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = sdk_wheel(tmp_path)
    arguments = ["contract", "drift", "--sdk", str(wheel)]
    assert run(arguments) == 1
    out = capsys.readouterr().out
    count = re.search(r"things 1\.0\.0 .*; (\d+) in the contract only \(-v lists them\)", out)
    assert count is not None
    assert int(count[1]) > 30
    assert not any(one.startswith("only ours") for one in lines(out))
    assert any("POST /v2/things: added" in one and one.endswith("[things 1.0.0]") for one in lines(out))
    assert run([*arguments, "-v"]) == 1
    listed = [one for one in lines(capsys.readouterr().out) if one.startswith("only ours")]
    assert len(listed) == int(count[1])
    assert "only ours POST /v2/chat: absent (1 operation)  [not in things 1.0.0]" in listed


def test_only_the_new_values_of_an_enumeration_are_missing(
    document: Callable[..., str], traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    values = ["COMPLETE", "BORED"]
    edited = document({"components/schemas/ChatV2FinishReason/enum": values})
    seen = row(Kind.ENUM_UNKNOWN, "/finish_reason", operation="POST /v2/chat", observed='"TIRED"')
    assert run(["contract", "drift", "--document", edited, "--traffic", traffic(seen), "-v"]) == 1
    gap, other, *rest = lines(capsys.readouterr().out)
    assert 'values +"BORED" (2 places in 1 operation)' in gap
    assert gap.endswith("[document]")
    assert '"COMPLETE"' not in gap
    assert 'values +"TIRED" (1 operation)' in other
    assert other.endswith("[traffic: 12 exchanges, since 2026-11-01]")
    assert any(one.startswith("only ours") and '-"ERROR"' in one for one in rest)


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (
            row(Kind.STREAM_EVENT_UNKNOWN, "<nap>", operation="POST /v2/chat"),
            "POST /v2/chat events<nap>: added",
        ),
        (row(Kind.NULL_UNEXPECTED, "/results/*/index"), "response.results[].index: may now be null"),
        (row(Kind.STATUS_UNDECLARED, "", status=418), "POST /v2/rerank error.418: added"),
        (
            row(Kind.MEDIA_TYPE_UNDECLARED, "", observed="text/csv"),
            "media types application/json -> application",
        ),
        (row(Kind.ROUTE_UNKNOWN, "", operation="POST /v2/nap"), "POST /v2/nap: added"),
    ],
    ids=lambda value: str(value.kind) if isinstance(value, Row) else "",
)
def test_findings_that_are_news(
    finding: Row, expected: str, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["contract", "drift", "--traffic", traffic(finding)]) == 1
    [line] = lines(capsys.readouterr().out)
    assert expected in line
    assert line.endswith("[traffic: 12 exchanges, since 2026-11-01]")


def test_findings_that_are_no_news(traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    """Deviations, routes that do not exist, and what the contract has learned since."""
    rows = (
        row(Kind.PROPERTY_MISSING, "/results"),
        row(Kind.TYPE_CHANGED, "/results"),
        row(Kind.ROUTE_UNKNOWN, "", operation="POST /v2/nap", status=404),
        row(Kind.PROPERTY_UNDOCUMENTED, "/results/*/index"),
        row(Kind.ENUM_UNKNOWN, "/finish_reason", operation="POST /v2/chat", observed='"COMPLETE"'),
        row(Kind.STATUS_UNDECLARED, "", status=400),
    )
    assert run(["contract", "drift", "--traffic", traffic(*rows)]) == 0
    assert lines(capsys.readouterr().out) == []


def test_models_that_the_list_does_not_know_or_has_as_retired(
    document: Callable[..., str], traffic: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "models.yaml").write_text(
        "models:\n  nap-1: {retired: {date: 2025-09-15, source: [docs]}, source: [docs]}\n"
        "  nap-5: {retired: {date: 2026-11-03, source: [docs]}, source: [docs]}\n",
        encoding="utf-8",
    )
    edited = document(
        {"components/schemas/RerankV2Request/properties/model": {"type": "string", "default": "nap-3"}}
    )
    rows = (
        row(Kind.PROPERTY_MISSING, "/a", request_text='POST /v2/rerank\n\n{"model": "nap-1"}'),
        row(Kind.PROPERTY_MISSING, "/b", request_text='POST /v2/rerank\n\n{"model": "nap-2"}', status=404),
        row(Kind.PROPERTY_MISSING, "/e", request_text='POST /v2/rerank\n\n{"model": "nap-5"}'),
        row(Kind.PROPERTY_MISSING, "/c", request_text='{"model": "mine-ft"}'),
        row(
            Kind.PROPERTY_MISSING,
            "/d",
            operation="GET /v1/models",
            response_text='{"models": [{"name": "nap-4"}]}',
        ),
    )
    arguments = ["contract", "drift", "--document", edited, "--traffic", traffic(*rows), "--root", str(root)]
    assert run(arguments) == 1
    found = [one for one in lines(capsys.readouterr().out) if one.startswith("model")]
    served = "traffic: 1 exchange, since 2026-11-02"
    assert found == [
        f"model     nap-1: retired since 2025-09-15, but served  contracts/models.yaml:2  [{served}]",
        "model     nap-3: unknown model  contracts/models.yaml:1  [document]",
        f"model     nap-4: unknown model  contracts/models.yaml:1  [{served}]",
    ]


def test_an_id_in_a_path_is_a_parameter(
    document: Callable[..., str], traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A report has `*` where an undeclared path seems to have an id."""
    edited = document({"paths/~1v2~1naps~1{id}": {"get": {"responses": {}}}})
    seen = row(Kind.ROUTE_UNKNOWN, "", operation="GET /v2/naps/*")
    assert run(["contract", "drift", "--document", edited, "--traffic", traffic(seen)]) == 1
    [line] = lines(capsys.readouterr().out)
    assert "GET /v2/naps/{id}: added (1 operation)" in line
    assert line.endswith("[document; traffic: 12 exchanges, since 2026-11-01]")


def test_the_output_is_the_same_in_every_order_of_findings(
    traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(Kind.PROPERTY_UNDOCUMENTED, "/results/*/nap", count=number) for number in (3, 4)]
    rows[1] = msgspec.structs.replace(rows[1], status=201, first_seen="2026-10-01T00:00:00Z")
    shown = []
    for order in (rows, rows[::-1]):
        assert run(["contract", "drift", "--traffic", traffic(*order)]) == 1
        shown.append(lines(capsys.readouterr().out))
    assert shown[0] == shown[1]
    assert shown[0][0].endswith("[traffic: 7 exchanges, since 2026-10-01]")


def test_the_lock_says_since_when_a_witness_is_unchanged(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["contract", "drift", "--root", str(root), "--document"]
    lock = root / "upstream.lock"
    assert run([*arguments, document()]) == 0
    assert not lock.exists()
    assert run([*arguments, document(), "--update-lock"]) == 0
    assert "unchanged" not in capsys.readouterr().out
    text = lock.read_text(encoding="utf-8")
    today = str(datetime.datetime.now(datetime.UTC).date())
    lock.write_text(text.replace(f"since: {today}", "since: 2026-08-20"), encoding="utf-8")
    prose = {"components/schemas/RerankV2Result/description": "new words"}
    assert run([*arguments, document(prose), "--update-lock"]) == 0
    assert "unchanged since 2026-08-20; nothing" in capsys.readouterr().out
    assert "since: 2026-08-20" in lock.read_text(encoding="utf-8")
    assert run([*arguments, document(WORDS)]) == 1
    assert "unchanged" not in capsys.readouterr().out


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server of the files of a folder."""
    handler = functools.partial(_QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_document_is_fetched_from_its_url(
    document: Callable[..., str], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document(WORDS, "document.json")
    assert run(["contract", "drift", "--document", f"{address}/document.json?token=planted"]) == 1
    out = capsys.readouterr().out
    assert f"document {address}/document.json " in out
    assert "planted" not in out
    assert run(["contract", "drift", "--document", f"{address}/other.json?token=planted"]) == 3
    said = capsys.readouterr().err
    assert f"{address}/other.json: the response: expected status 200, got 404" in said
    assert "planted" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--document", "missing.yaml"],
        ["--document", "http://127.0.0.1:1/document.yaml"],
        ["--sdk", "missing.whl"],
        ["--traffic", "missing"],
    ],
)
def test_what_cannot_be_read_is_3(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "drift", *arguments]) == 3
    said = capsys.readouterr()
    assert arguments[1] in said.err
    assert said.out == ""


def test_a_broken_lock_is_3(
    document: Callable[..., str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "upstream.lock").write_text("witnesses: [1]\n", encoding="utf-8")
    assert run(["contract", "drift", "--document", document(), "--root", str(root)]) == 3
    assert "expected what --update-lock writes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["--update-lock", "--traffic", "x"], ["--sdk", "ours"], ["--document", "ours:published"], ["ours"]],
)
def test_a_wrong_call_is_4(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contract", "drift", *arguments]) == 4
    assert capsys.readouterr().out == ""
