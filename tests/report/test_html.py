from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.model import Exchange, Kind, Request, Response, Source, StreamEvent
from cohere_conformance.report import Report, Tally, render_html
from cohere_conformance.report.render import page_data
from cohere_conformance.report.render.matrix import COLUMN_OF, matrix

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding

VOID = {"meta", "br", "link", "img", "input"}
HOSTILE = (
    '</script><img src=x onerror=alert(1)><script>alert(2)</script></pre></style> " onload=\' x=" {{ 7*7 }} '
    "{% raw %} \x00\x1b[31m\x9b\u202e\u2028 <!-- javascript:alert(3) ]]> &lt;"
)


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it was opened, and counted with its attributes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(raw.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]

    def text(self, tag: str) -> str:
        return "".join(self.texts.get(tag, []))

    def data(self, name: str) -> Any:
        """Return the JSON that the script reads."""
        place = [value for tag, found, value in self.attributes if (tag, found) == ("script", "id")].index(
            name
        )
        return json.loads(self.texts["script"][place])


def _evidence(exchange: Exchange, finding: MakeFinding, finish: Finish) -> tuple[str, str]:
    tally = Tally()
    tally.add(exchange, "POST /v2/chat", [finding(Kind.TYPE_CHANGED)], "")
    (row,) = finish(tally).findings
    return row.example.request_text, row.example.response_text


def test_the_page_is_complete_and_shows_the_verdict_first(run: Report, report: Report) -> None:
    for one in (run, report):
        page = Page(render_html(one))
        word, _, rest = one.footer.verdict.partition(": ")
        assert page.texts["strong"] == [word]
        assert rest in page.text("span")
        assert len(page.data("data")["rows"]) == len(one.findings)
        assert [name for name in page.values("id") if name.startswith("c-")] == [
            f"c-{cause.id}" for cause in one.causes
        ]
        assert page.tags["h1"] == page.tags["style"] == 1
        assert page.tags["script"] == 3, "the findings, their evidence and the script"
    assert page.text("h1") == "Conformance of recorded traffic"


def test_every_link_leads_to_one_place_of_the_page(run: Report, report: Report) -> None:
    for one in (run, report):
        page = Page(render_html(one))
        targets = Counter(page.values("id"))
        assert set(targets.values()) == {1}
        assert {f"#{name}" for name in targets} >= set(page.values("href"))


def test_nothing_is_loaded_and_the_policy_knows_the_script_and_the_style(run: Report) -> None:
    raw = render_html(run).decode()
    page = Page(raw.encode())
    assert not page.values("src")
    assert not page.values("style")
    assert not re.search(r"@import|url\(", raw)
    (policy,) = [value for value in page.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", raw, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_values_stay_text(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish, run: Report
) -> None:
    tally = Tally()
    found = [
        finding(Kind.TYPE_CHANGED, f"/{HOSTILE}", observed=HOSTILE, operation=HOSTILE),
        finding(Kind.REQUEST_INVALID, f"/{HOSTILE}", observed=HOSTILE, operation=HOSTILE),
        finding(Kind.ENUM_UNKNOWN, "", observed=HOSTILE, amendment=HOSTILE),
    ]
    request = Request("POST", HOSTILE, (("x", HOSTILE),), HOSTILE.encode())
    response = Response(200, ((HOSTILE, HOSTILE),), HOSTILE.encode())
    sent = Exchange(request, response, Source(HOSTILE, HOSTILE, HOSTILE))
    tally.add(sent, HOSTILE, found, HOSTILE, case=HOSTILE)
    tally.add_foreign(HOSTILE)
    tally.add_skipped(HOSTILE, HOSTILE)
    cases, exercise = run.coverage.cases, run.coverage.exercise
    assert cases is not None
    report = finish(tally, inputs=(HOSTILE,))
    report = msgspec.structs.replace(
        report,
        header=msgspec.structs.replace(
            run.header, arguments=(HOSTILE,), target=msgspec.structs.replace(run.header.target, url=HOSTILE)
        ),
        coverage=msgspec.structs.replace(
            report.coverage,
            cases=msgspec.structs.replace(
                cases,
                skipped_reasons={HOSTILE: 1},
                unclosed=(HOSTILE,),
                ends=tuple(msgspec.structs.replace(one, case=HOSTILE, reason=HOSTILE) for one in cases.ends),
            ),
            exercise=tuple(
                msgspec.structs.replace(one, operation=HOSTILE, missing=(HOSTILE,)) for one in exercise
            ),
            unseen=(HOSTILE,),
            groups={HOSTILE: HOSTILE},
        ),
    )
    raw = render_html(report, folder=HOSTILE)
    page = Page(raw)
    assert page.tags["img"] == 0
    assert page.tags["script"] == 3
    (first,) = [row["observed"] for row in page.data("data")["rows"] if row["severity"] == "breaking"]
    assert first.startswith("</script><img src=x"), "as text"
    assert "<" not in page.texts["script"][0]
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "x"]
    assert not {char for char in raw.decode() if not char.isprintable()} - {"\n", "\t"}
    assert "alert(2)" in page.text("pre")
    assert "{{ 7*7 }}" in page.text("pre")
    assert all(value.startswith("#") for value in page.values("href"))


@pytest.mark.parametrize(
    "body",
    [b'"' + b"x" * 2**20 + b'"', b"[" * 4000, b"[" * 1000 + b"]" * 1000, b"{" + b'"\\u2028":[' * 900],
    ids=["long", "deep and cut", "deep", "odd"],
)
def test_large_values_are_cut(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish, body: bytes
) -> None:
    tally = Tally()
    for number in range(3):
        sent = exchange(position=str(number), body=body)
        sent = msgspec.structs.replace(sent, response=Response(200, (), body))
        tally.add(sent, "POST /v2/chat", [finding(Kind.TYPE_CHANGED, f"/{number}", observed="y" * 2**20)], "")
    assert len(render_html(finish(tally))) < 200_000


def test_many_findings_are_cut_in_words(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> None:
    tally = Tally()
    for number in range(230):
        found = [finding(Kind.TYPE_CHANGED, f"/{number}")]
        tally.add(exchange(position=str(number)), "POST /v2/chat", found, "")
    page = Page(render_html(finish(tally)))
    assert sum(name.startswith("f-") for name in page.values("id")) == 200
    assert "30 more in " in page.text("p")
    assert len(page.data("data")["rows"]) == 230, "the script lists all of them"


def test_the_page_of_a_clean_run_is_small(exchange: MakeExchange, run: Report, finish: Finish) -> None:
    tally = Tally()
    operations = [f"POST /v2/group{number // 3}/operation-with-a-long-name/{number}" for number in range(41)]
    for operation in operations:
        tally.add(exchange(), operation, [], "application/json", case=operation)
    report = finish(tally)
    exercise = tuple(
        msgspec.structs.replace(run.coverage.exercise[1], operation=operation) for operation in operations
    )
    report = msgspec.structs.replace(
        report, coverage=msgspec.structs.replace(report.coverage, exercise=exercise)
    )
    assert len(render_html(report)) < 400_000


def test_requests_and_responses_are_bounded(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_data, "MOST_EVIDENCE", 10_000)
    tally = Tally()
    for number in range(9):
        sent = exchange(position=str(number), body=b"x" * 3000 + str(number).encode())
        found = [finding(Kind.TYPE_CHANGED, f"/{number}"), finding(Kind.ENUM_UNKNOWN, f"/{number}")]
        tally.add(sent, "POST /v2/chat", found, "")
    page = Page(render_html(finish(tally)))
    rows, evidence = page.data("data")["rows"], page.data("evidence")
    assert len(rows) == 18
    assert 0 < len(evidence) < 9
    assert {row.get("evidence") for row in rows} == {None, *range(len(evidence))}
    assert rows[0]["evidence"] == 0, "the worst findings keep theirs"


# -- the matrix ----------------------------------------------------------------------------------------------


def test_every_kind_has_its_column() -> None:
    assert COLUMN_OF.keys() == set(Kind)


def test_a_cell_says_passed_found_not_exercised_or_not_declared(run: Report, report: Report) -> None:
    cells = {
        (line.operation, column): cell.symbol
        for one in (run,)
        for group in matrix(one)
        for line in group.lines
        for column, cell in zip(
            ("body", "stream", "require", "expect", "status", "envelope", "media", "headers", "transport"),
            line.cells,
            strict=True,
        )
    }
    assert [group.name for group in matrix(run)] == ["chat", "embed", "models"]
    chat = {column: symbol for (operation, column), symbol in cells.items() if operation == "POST /v2/chat"}
    assert chat == {
        "transport": "✓",
        "status": "✗ 1",
        "media": "✗ 1",
        "headers": "✓",
        "body": "✗ 6",
        "stream": "○",
        "envelope": "○",
        "expect": "✓",
        "require": "✓",
    }
    assert cells["POST /v2/embed", "stream"] == "–"
    assert cells["POST /v2/embed", "body"] == "○"
    groups = {group.name: group for group in matrix(report)}
    assert sorted(groups) == ["chat", "embed", "models", "rerank"], "from the paths"
    assert groups["chat"].lines[0].cells[-1].symbol == "i 1", "the request"


# -- the evidence --------------------------------------------------------------------------------------------


def test_request_and_answer_are_kept_as_they_were(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    request, response = _evidence(exchange(), finding, finish)
    assert request == (
        'POST https://api.cohere.com/v2/chat\ncontent-type: application/json\n\n{"model": "command-a"}'
    )
    assert response == "HTTP 200\n\n{}"


def test_events_are_shown_as_a_stream(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> None:
    events = (StreamEvent("a\nb", "start"), StreamEvent("{}"))
    sent = msgspec.structs.replace(exchange(), response=Response(200, (), None, events))
    assert _evidence(sent, finding, finish)[1] == "HTTP 200\n\nevent: start\ndata: a\ndata: b\n\ndata: {}\n\n"


@pytest.mark.parametrize("end", [b'"}', b"\\", b""])
@pytest.mark.parametrize("before", [0, 4000, 4096, 16300])
def test_what_looks_like_a_secret_is_not_shown_even_in_part(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish, before: int, end: bytes
) -> None:
    body = b'{"x": "' + b"y" * before + b'", "api_key": "' + b"SECRET" * 3000 + end
    for text in _evidence(exchange(body=body), finding, finish):
        assert "SECRET" not in text
        assert len(text) < 4200


def test_a_character_is_not_cut_in_two(exchange: MakeExchange, finding: MakeFinding, finish: Finish) -> None:
    for before in range(4):
        body = b"x" * before + "世".encode() * 2000
        shown, _, rest = _evidence(exchange(body=body), finding, finish)[0].partition("... (+")
        assert shown.endswith("世")
        assert int(rest.removesuffix(" bytes)")) > 1900


def test_bodies_that_must_not_be_repeated_are_not(
    exchange: MakeExchange, finding: MakeFinding, finish: Finish
) -> None:
    tally = Tally(curl=False)
    tally.add(exchange(), "POST /v2/chat", [finding(Kind.TYPE_CHANGED)], "")
    (row,) = finish(tally).findings
    assert "command-a" not in row.example.request_text
