from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError
from cohere_conformance.model import SEVERITY, Kind
from cohere_conformance.report import Report, Tally, Target, explain_finding, explain_kind, render_html

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

HEADINGS = ["What it means", "Why it matters", "Example", "What to do", "How findings are grouped"]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_page(kind: Kind) -> None:
    page = explain_kind(kind)
    assert page.startswith(f"# {kind}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS
    sections = re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]
    assert all(section.strip() for section in sections)
    assert sections[1].strip().startswith(f"**{SEVERITY[kind].capitalize()}")
    assert re.findall(r"^(Declared|Received):$", sections[2], re.MULTILINE) == ["Declared", "Received"]
    assert re.findall(r"^- \*\*(You [^:]+):\*\*", sections[3], re.MULTILINE) == [
        "You call the server",
        "You serve it (mock, gateway)",
    ]


def test_every_page_has_its_kind() -> None:
    pages = {path.stem for path in (folder("reports") / "kinds").iterdir()}
    assert pages == {kind.value for kind in Kind}


def test_json_examples_are_json() -> None:
    for path in (folder("reports") / "kinds").iterdir():
        for example in re.findall(r"```json\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            msgspec.json.decode(example)


@pytest.mark.parametrize("name", ["type-changed", " TYPE_CHANGED ", "Type-Changed"])
def test_names_are_read_generously(name: str) -> None:
    assert explain_kind(name).startswith("# type-changed")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("type-chnged", "did you mean type-changed"),
        ("stream", "did you mean stream-"),
        ("zzz", "the kinds are status-undeclared, "),
        ("", "the kinds are status-undeclared, "),
        ("../README", "the kinds are"),
        ("\x1b[31m", r"got '\\\\x1b\[31m'"),
    ],
)
def test_unknown_names_get_a_hint(name: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        explain_kind(name)


def test_a_finding_is_explained_in_full(report: Report) -> None:
    row = report.known_defects[0]
    shown = explain_finding(report, row.fingerprint[:6].upper())
    for text in (
        row.fingerprint,
        "BREAKING property-missing",
        "location     /api_version",
        "amendment    embed.api-version",
        "example      b.yaml: entry 1",
        "recorded at  2026-08-13T09:30:00Z",
        "request      POST https://api.cohere.com/v2/chat",
        "curl -sS -X POST https://api.cohere.com/v2/chat",
        "# property-missing",
    ):
        assert text in shown


def test_a_finding_without_a_command_says_so(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally(curl=False)
    tally.add(exchange(), "POST /v2/chat", [finding(Kind.TYPE_CHANGED)], "")
    report = finish(tally)
    assert "The request is not repeated here" in explain_finding(report, report.findings[0].fingerprint)


@pytest.mark.parametrize(
    ("serve", "url", "expected"),
    [
        (
            ("serve", "--fault=a.b"),
            "http://127.0.0.1:4242/v2/chat",
            "serve --fault=a.b --port 4242 (it prints its key).",
        ),
        ((), "http://127.0.0.1:4242/v2/chat", ""),
        (("serve",), "http://127.0.0.1/v2/chat", ""),
        (("serve",), "http://127.0.0.1:x/v2/chat", ""),
    ],
    ids=["embedded", "somebody's", "no port", "no address"],
)
def test_a_server_that_has_ended_with_the_run_can_be_started_again(
    serve: tuple[str, ...],
    url: str,
    expected: str,
    exchange: MakeExchange,
    finding: MakeFinding,
    finish: Finish,
) -> None:
    tally = Tally()
    tally.add(exchange(url=url), "POST /v2/chat", [finding(Kind.TYPE_CHANGED)], "")
    report = finish(tally)
    header = msgspec.structs.replace(report.header, target=Target(url="embedded", serve=serve))
    report = msgspec.structs.replace(report, header=header)
    words = "The server of this run has stopped. Start it again: cohere-conformance "
    for shown in (explain_finding(report, report.findings[0].fingerprint), render_html(report).decode()):
        assert (f"{words}{expected}" in shown) if expected else (words not in shown)


def test_control_characters_do_not_pass_and_a_command_is_one_line(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    """What does not print is shown as an escape, and the command writes it so that a shell undoes it."""
    tally = Tally()
    one = finding(Kind.TYPE_CHANGED, observed="\x1b[2J\nforged")
    tally.add(exchange(body=b'{\n\t"a": "\x1b"\n}'), "POST /v2/chat", [one], "")
    report = finish(tally)
    shown = explain_finding(report, report.findings[0].fingerprint)
    assert "\x1b" not in shown
    assert r"observed     \x1b[2J\nforged" in shown
    assert r"""printf '{\n\t"a": "\033"\n}' | curl -sS -X POST""" in shown


def test_a_prefix_must_lead_to_one_finding(report: Report) -> None:
    with pytest.raises(UsageError, match=r"one of the 5 findings of this report, or the id .* got 'zz'"):
        explain_finding(report, "zz")
    with pytest.raises(UsageError, match="one of the 5 findings"):
        explain_finding(report, "")
    same = tuple(
        msgspec.structs.replace(row, fingerprint=f"abc{number}") for number, row in enumerate(report.findings)
    )
    with pytest.raises(UsageError, match="'abc' is the beginning of 4 fingerprints; name one of abc0, abc1"):
        explain_finding(msgspec.structs.replace(report, findings=same), "abc")


def test_a_cause_is_explained_with_its_findings_and_its_smallest_exchange(report: Report) -> None:
    cause = report.causes[0]
    shown = explain_finding(report, cause.id)
    assert shown.startswith(f"{cause.severity.upper()} {cause.title}\n")
    assert cause.change in shown
    assert all(f"  {name}  " in shown for name in cause.findings)
    assert cause.example.request_text.splitlines()[0] in shown
    assert "HTTP 200" in shown
    assert cause.example.curl
    assert cause.example.curl in shown


def test_one_fingerprint_may_have_two_rows(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally()
    for amendment in ("known", None):
        tally.add(exchange(), "POST /v2/chat", [finding(Kind.TYPE_CHANGED, amendment=amendment)], "")
    report = finish(tally)
    shown = explain_finding(report, report.findings[0].fingerprint)
    assert shown.count("BREAKING type-changed") == 2
    assert shown.count("# type-changed") == 1
