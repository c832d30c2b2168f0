from __future__ import annotations

import io
import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Kind
from cohere_conformance.report import (
    Report,
    Tally,
    render_html,
    render_json,
    render_markdown,
    render_terminal,
)

if TYPE_CHECKING:
    from markdown_it.token import Token
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

HOSTILE = (
    "caf\xe9 \u4e16 \x1b[31mred\x1b]0;title\x07 \x9b2J \r\nDEVIATES: forged\u2028 \u202eright to left\u200b "
    "[bold]markup[/bold] [/] :smile: | cell || `code` ``` <script>alert(1)</script> <!-- -->&lt; "
    "![img](https://evil.example/x.png) [link](javascript:alert(1)) @someone #12 https://evil.example "
    "www.evil.example $x$ ~~gone~~ **bold** __bold__ \\| \\` \\"
)


def _terminal(report: Report, width: int = 80, *, limit: int = 20) -> str:
    out = io.StringIO()
    render_terminal(report, Console(file=out, width=width), folder="out", verbose=True, limit=limit)
    return out.getvalue()


@pytest.fixture
def hostile(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> Report:
    tally = Tally()
    findings = [
        finding(Kind.TYPE_CHANGED, f"/{HOSTILE}", observed=HOSTILE, operation=HOSTILE),
        finding(Kind.REQUEST_INVALID, f"/{HOSTILE}", observed=HOSTILE, operation=HOSTILE),
        finding(Kind.ENUM_UNKNOWN, "", observed=HOSTILE, amendment=HOSTILE),
    ]
    source = exchange(file=HOSTILE, position=HOSTILE, recorded_at=HOSTILE, url=HOSTILE)
    tally.add(source, HOSTILE, findings, HOSTILE)
    tally.add_foreign(HOSTILE)
    tally.add_skipped(HOSTILE, HOSTILE)
    tally.add_unreadable(TrafficError(HOSTILE, HOSTILE, HOSTILE))
    return finish(tally, inputs=(HOSTILE,))


# -- terminal ------------------------------------------------------------------------------------------------


def test_the_verdict_is_printed_once_and_last(report: Report) -> None:
    for verbose in (True, False):
        out = io.StringIO()
        render_terminal(report, Console(file=out, width=80), verbose=verbose)
        assert out.getvalue().endswith(f"\n{report.footer.verdict}\n")
        assert out.getvalue().count(report.footer.verdict) == 1


def test_the_short_report_has_at_most_ten_causes_of_four_lines(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally()
    for number in range(12):
        tally.add(exchange(), "POST /v2/chat", [finding(Kind.TYPE_CHANGED, f"/{number}")], "")
    report = finish(tally)
    assert len(report.causes) == 12
    out = io.StringIO()
    render_terminal(report, Console(file=out, width=80), folder="out", files=(Path("out/report.html"),))
    lines = out.getvalue().splitlines()
    start = lines.index("12 causes of 12 findings") + 1
    for number, cause in enumerate(report.causes[:10]):
        head, change, shown_by, more = lines[start + 4 * number :][:4]
        assert head == f"{number + 1:>2} BREAKING {cause.title}"
        assert change.startswith("  change   ")
        assert shown_by == "  shown by POST /v2/chat; 1 finding"
        assert more == f"  more     cohere-conformance explain {cause.id} --report-dir out"
    assert lines[start + 40] == "(+2 more in report.json)"
    assert lines[-2:] == ["wrote out/report.html", report.footer.verdict]
    assert lines[start + 41 : -2] == [
        "",
        "Not looked at",
        "  3 operations never seen: GET /v1/models; POST /v2/embed; and 1 more",
    ]


def test_the_quiet_report_is_the_verdict(report: Report) -> None:
    out = io.StringIO()
    render_terminal(report, Console(file=out, width=80), quiet=True, files=(Path("out/report.html"),))
    assert out.getvalue() == f"{report.footer.verdict}\n"


def test_what_decides_is_first_of_what_was_not_looked_at(report: Report, run: Report) -> None:
    def below(shown: Report) -> list[str]:
        out = io.StringIO()
        render_terminal(shown, Console(file=out, width=300))
        return out.getvalue().partition("Not looked at\n")[2].splitlines()[:-1]

    assert below(report) == [
        "  1 unreadable input: broken.jsonl: line 3: expected an object, got the end of the file",
        "  2 operations never seen: GET /v1/models; POST /v2/rerank",
        "  1 other host: cdn.example.com (1)",
        "  1 skipped file: README.md: not a recording",
    ]
    assert below(run)[0] == "  2 cases without a response: chat.a: error: out of sockets; chat.c: not-run"


def test_the_short_report_of_what_conforms_has_few_lines(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally()
    known = finding(Kind.TYPE_CHANGED, "/known", amendment="embed.api-version")
    tally.add(exchange(), "POST /v2/chat", [known], "application/json")
    out = io.StringIO()
    render_terminal(finish(tally), Console(file=out, width=80))
    assert len(out.getvalue().splitlines()) <= 8
    assert "known spec defects: 1 finding of 1 amendment, not counted\n" in out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_but_what_is_copied_is_wider_than_the_terminal(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish, width: int
) -> None:
    tally = Tally()
    operation = "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics"
    long = finding(Kind.TYPE_CHANGED, "/steps/*/" + "deep/" * 30, observed="words " * 30, operation=operation)
    tally.add(exchange(), operation, [long], "application/json")
    tally.add_skipped("a file", "a reason that is long " * 8)
    shown = _terminal(finish(tally), width)
    wide = [line for line in shown.splitlines() if len(line) > width]
    assert all(line.startswith(("  first", "  more", "DEVIATES")) for line in wide)
    assert "judged" in shown
    assert "spec defects" in shown
    assert shown.replace("\n", "").replace(" ", "").count("deep/" * 30) == 1


def test_each_finding_is_shown_once_with_its_proof_and_command(report: Report) -> None:
    shown = _terminal(report)
    for row in report.findings:
        if row.amendment is None:
            assert shown.count(f"cohere-conformance explain {row.fingerprint} --report-dir out") == 1
    assert "BREAKING type-changed  POST /v2/chat  200  /id\n  expected `id` to be something\n" in shown
    assert "; first a.yaml: entry 1\n" in shown


def test_the_parts_have_their_own_headings(report: Report) -> None:
    shown = _terminal(report)
    titles = re.findall(r"^([A-Z][^:\n]*): \d+$", shown, re.MULTILINE)
    assert titles == [
        *("Operations", "Known spec defects", "Operations never seen"),
        *("Other hosts, not judged", "Skipped files", "Unreadable inputs"),
        *("Requests (client side)", "Findings"),
    ]
    client = shown.partition("Requests (client side)")[2].partition("Findings")[0]
    assert client.count("request-invalid") == shown.count("request-invalid") == 1
    assert re.search(r"^embed\.api-version +1 +1 +[0-9a-f]{12} *$", shown, re.MULTILINE)
    assert "broken.jsonl: line 3: expected an object, got the end of the file" in shown


def test_long_lists_are_cut_in_words(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> None:
    tally = Tally()
    many = [finding(Kind.TYPE_CHANGED, f"/{number}") for number in range(60)]
    tally.add(exchange(), "POST /v2/chat", many, "")
    report = finish(tally)
    assert _terminal(report, limit=20).count("BREAKING type-changed") == 20
    assert "(+40 more in report.json)" in _terminal(report, limit=20)
    assert "(+10 more in report.json)" in render_markdown(report)


def test_hostile_values_cannot_steer_a_terminal(hostile: Report) -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system="truecolor")
    render_terminal(hostile, console, folder=HOSTILE, verbose=True)
    ours = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert not [
        char for char in ours if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char != "\n"
    ]
    assert not any(line.startswith("DEVIATES: forged") for line in ours.splitlines())
    assert r"\x1b[31mred" in ours
    assert "[bold]markup[/bold]" in ours
    # Colours come from us alone: the value's own sequence is text by now.
    assert "\x1b[31mred" not in out.getvalue()


def test_a_terminal_that_knows_only_ascii_gets_ascii(hostile: Report) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    render_terminal(hostile, Console(file=out, width=80), verbose=True)
    out.flush()
    assert raw.getvalue().isascii()


def test_a_piped_report_has_no_colours(report: Report) -> None:
    assert "\x1b" not in _terminal(report)


# -- markdown ------------------------------------------------------------------------------------------------


def _tokens(markdown: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])
    blocks = parser.parse(markdown)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def test_hostile_values_cannot_steer_markdown(hostile: Report) -> None:
    shown = render_markdown(hostile, folder=HOSTILE)
    tokens = _tokens(shown)
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "em_open", "s_open", "fence", "code_block", "hr"}
    html = {token.content for token in tokens if token.type in {"html_inline", "html_block"}}
    assert {tag.strip() for tag in html} <= {
        *("<code>", "</code>", "</details>"),
        "<details>\n<summary>Operations never seen: 4</summary>",
    }
    visible = "".join(
        token.content for token in tokens if token.type in {"text", "text_special", "code_inline"}
    )
    assert "<script>alert(1)</script>" in visible
    assert "forged" in visible
    assert not re.search(r"^DEVIATES: forged", shown, re.MULTILINE)
    # Outside of code spans what GitHub links by itself must not survive as such.
    prose = re.sub(r"`[^`]*`", "", shown)
    assert not re.search(r"@|https?://|www\.|(?<!&)#\d", prose)


def test_a_pipe_does_not_split_a_table(hostile: Report) -> None:
    tokens = _tokens(render_markdown(hostile))
    cells = [token.type for token in tokens if token.type in {"tr_open", "td_open", "th_open"}]
    rows = "".join(cell[1] for cell in cells).split("r")[1:]
    assert rows == ["hhhhhhhh", "dddddddd", "hhhh", "dddd"]


@pytest.mark.parametrize("label", ["a|b", "a`|b", r"a\|b", r"a\\|b", "|", "`", " ", "a\n|b"])
def test_a_label_stays_in_its_cell(exchange: MakeExchange, finish: Finish, label: str) -> None:
    tally = Tally()
    tally.add(exchange(), label, [], "")
    tokens = _tokens(render_markdown(finish(tally)))
    cells = [after.content for token, after in pairwise(tokens) if token.type == "td_open"]
    assert cells[1:] == ["1", "1", "0", "0", "0", "200: 1", "0"]


def test_markdown_shows_the_same(report: Report) -> None:
    shown = render_markdown(report, folder="my out")
    headings = [line for line in shown.splitlines() if line.startswith("#")]
    assert headings == [
        "# Conformance report",
        "## Causes: 4",
        "## Operations: 2",
        "## Known spec defects: 1",
        "## Other hosts, not judged: 1",
        "## Skipped files: 1",
        "## Unreadable inputs: 1",
    ]
    assert f"**{report.footer.verdict}**" in shown
    assert f"1. **breaking** {report.causes[0].title}\n" in shown
    assert f"`{report.findings[0].fingerprint}` `type-changed  POST /v2/chat  200  /id`\n" in shown
    assert f"`cohere-conformance explain {report.causes[0].id} --report-dir 'my out'`" in shown
    assert "| `POST /v2/chat` | 3 | 1 | 1 | 1 | 0 | 200: 3 | 1 |" in shown


# -- runs ---------------------------------------------------------------------------------------------------


def test_a_run_shows_its_target_its_cases_and_what_was_covered(run: Report) -> None:
    target = "http://127.0.0.1:8080 (profile contract; with a key; declares chat, embed; seed 7; 2 workers)"
    cases = (
        "312 cases: 302 passed, 8 failed, 1 inconclusive, 1 could not be completed; "
        "14 skipped: 12 need a trial key, 2 tier N3; 1 not run"
    )
    missing = "POST /v2/chat: 512/540 response properties; not: /p0, /p1, /p2, /p3, /p4, and 23 more"
    shown = _terminal(run, 200)
    assert f"\ntarget {target}\n" in shown
    assert f"\n{cases}\n" in shown
    assert re.search(r"^  response properties +512/540 +\(94\.8 %\) *$", shown, re.MULTILINE)
    assert f"Declared, not covered: 1\n  {missing}\n" in shown
    assert "Cases without a response: 2\n  chat.a: error: out of sockets\n  chat.c: not-run\n" in shown
    assert "  cases    chat.case-0\n" in shown
    assert "At a glance\n" in shown
    text = render_markdown(run)
    assert f"- target: `{target}`\n- cases: {cases}\n" in text
    assert "| response properties | 512 | 540 | 94.8 % |\n" in text
    assert f"- `{missing}`\n" in text
    assert "| breaking | `type-changed` | 1 | 1 | 1 |\n" in text
    assert "    - cases: `chat.case-0" in text
    assert "traffic" not in shown + text


# -- json ----------------------------------------------------------------------------------------------------


def test_json_is_stable_and_ends_with_its_footer(report: Report) -> None:
    raw = render_json(report)
    assert raw == render_json(msgspec.json.decode(raw, type=Report))
    assert raw.endswith(b'    "complete": true\n  }\n}\n')


def test_json_maps_are_sorted(finish: Finish) -> None:
    hosts = ["c.example", "a.example", "b.example"]
    tally = Tally()
    for host in hosts:
        tally.add_foreign(host)
    raw = render_json(finish(tally))
    assert [raw.index(host.encode()) for host in sorted(hosts)] == sorted(
        raw.index(h.encode()) for h in hosts
    )


def test_hostile_values_cannot_steer_what_shows_json(hostile: Report) -> None:
    raw = render_json(hostile)
    shown = raw.decode("utf-8")
    assert not [
        char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char != "\n"
    ]
    assert msgspec.json.decode(raw, type=Report) == hostile


# -- operations that are not there


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [((404, 404, 404), True), ((404, 405, 501), True), ((404, 404), False), ((404, 404, 200), False)],
)
def test_an_operation_that_does_not_exist_comes_with_a_hint(
    statuses: tuple[int, ...],
    expected: bool,
    run: Report,
    exchange: MakeExchange,
    finding: MakeFinding,
    finish: Finish,
) -> None:
    tally = Tally()
    for status in statuses:
        wrong = finding(Kind.STATUS_UNEXPECTED, status=status)
        tally.add(exchange(status=status), "POST /v2/chat", [wrong], "application/json")
    tally.add(exchange(), "POST /v2/embed", [], "application/json")
    read = finish(tally)
    cases = run.coverage.cases
    sent = msgspec.structs.replace(
        read,
        header=msgspec.structs.replace(read.header, target=run.header.target),
        coverage=msgspec.structs.replace(read.coverage, cases=cases),
    )
    groups = {"POST /v2/chat": "chat", "POST /v2/embed": "embed"}
    sent = msgspec.structs.replace(sent, coverage=msgspec.structs.replace(sent.coverage, groups=groups))
    words = "if that is meant, add --declares embed"
    for shown in (_terminal(sent, 200), render_markdown(sent), render_html(sent).decode()):
        assert (words in shown) is expected
    assert words not in _terminal(read, 200), "what was recorded somewhere says nothing of a target"


def test_only_names_are_dim_in_a_cause(report: Report) -> None:
    out = io.StringIO()
    render_terminal(report, Console(file=out, width=200, force_terminal=True, color_system="standard"))
    change = next(line for line in out.getvalue().splitlines() if "  change" in line)
    assert change.startswith("\x1b[2m  change   \x1b[0m")
    assert "\x1b" not in change.removeprefix("\x1b[2m  change   \x1b[0m")
