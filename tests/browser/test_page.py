"""The HTML report in a real browser."""

from __future__ import annotations

import io
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import pypdf
import pytest
from playwright.sync_api import expect

from cohere_conformance.model import SEVERITY, Exchange, Finding, Kind, Request, Response, Source
from cohere_conformance.report import CaseCoverage, Header, Mode, Report, Sentences, Tally, Target
from cohere_conformance.report.causes import Background
from cohere_conformance.report.shape import Cause

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from tests.browser.conftest import Open

HOSTILE = (
    '</script><img src=http://192.0.2.1/x onerror=alert(1)><script>alert(2)</script>"><svg onload=alert(3)> '
    "javascript:alert(4) {{ 7*7 }} <!-- \x1b[31m\u202e\u2028"
)
OPERATIONS = {
    f"{method} /v{version}/{name}": name
    for name in ("chat", "embed", "rerank", "datasets", "models", "tokenize", "classify")
    for method, version in (("POST", 1), ("POST", 2), ("GET", 1))
}
LABELS = list(OPERATIONS)
JSON = (("content-type", "application/json"),)
KINDS = (
    Kind.TYPE_CHANGED,
    Kind.PROPERTY_MISSING,
    Kind.PROPERTY_UNDOCUMENTED,
    Kind.REQUIREMENT_VIOLATED,
    Kind.STREAM_BUFFERED,
)


def make_report(number: int, hostile: str = "") -> Report:
    """Return a report with so many findings, in four causes."""
    tally = Tally()
    for at in range(number):
        label, kind = LABELS[at % len(LABELS)], KINDS[at % len(KINDS)]
        method, path = label.split(" ")
        body = f'{{"model": "command-a", "number": {at}, "text": "{hostile}"}}'.encode()
        request = Request(
            method, f"http://127.0.0.1:8080{path}", (("content-type", "application/json"),), body
        )
        response = Response(
            200, (("content-type", "application/json"),), b'{"id": 7}', seconds=0.004 * (1 + at % 40)
        )
        finding = Finding(
            kind=kind,
            severity=SEVERITY[kind],
            operation=label,
            status=200,
            location=f"/results/*/field_{at}{hostile}",
            expected="a string",
            observed=f"{at}{hostile}",
            requirement="rerank.sorted" if kind is Kind.REQUIREMENT_VIOLATED else None,
        )
        source = Source("run", f"case {at}{hostile}")
        tally.add(
            Exchange(request, response, source),
            label,
            [finding],
            "application/json",
            case=f"case.{at}{hostile}",
        )
    says = Sentences(requirements={"rerank.sorted": "Results are sorted by relevance."})
    report = tally.finish(
        Header(
            tool="cohere-conformance",
            version="0.2.0",
            contract_version="2026-08-20",
            contract_digest="sha256:e5ae7eef90c2d3f4",
            mode=Mode.AMENDED,
            inputs=(),
            started_at="2026-11-22T22:00:00Z",
            target=Target(url=f"http://127.0.0.1:8080{hostile}", key=True),
        ),
        OPERATIONS,
        finished_at="2026-11-22T22:01:31Z",
        cases=CaseCoverage(run=number, passed=0, failed=number, inconclusive=0, error=0, skipped=0),
        background=Background(sentences=says),
    )
    causes = []
    for at in range(min(4, number)):
        rows = report.findings[at::4]
        causes.append(
            Cause(
                id=f"{at:08x}",
                rule="declaration",
                title=f"Mistake {at}{hostile}",
                severity=rows[0].severity,
                change=f"Send a string{hostile}.",
                operations=tuple(dict.fromkeys(row.operation for row in rows)),
                findings=tuple(row.fingerprint for row in rows),
                cases=len(rows),
                case_ids=rows[0].cases,
                example=rows[0].example,
            )
        )
    return msgspec.structs.replace(report, causes=tuple(causes))


def grown(report: Report, number: int) -> Report:
    """Return a report with so many findings like those that it has."""
    rows = []
    for at in range(number):
        row = report.findings[at % len(report.findings)]
        rows.append(msgspec.structs.replace(row, fingerprint=f"{at:012x}", location=f"/results/*/field_{at}"))
    return msgspec.structs.replace(report, findings=tuple(rows))


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report(94)


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def expect_listed(page: Page, locations: list[str]) -> None:
    """Wait until the list has the findings of these locations."""
    expect(page.locator("#list .at")).to_have_text(locations)


def expect_number_listed(page: Page, number: int) -> None:
    expect(page.locator("#list .at")).to_have_count(number)


# -- what is shown -------------------------------------------------------------------------------------------


def test_causes_come_first_and_their_findings_are_below_them(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    heights = [
        page.locator(name).bounding_box() for name in (".verdict", "#causes", "#findings", "#operations")
    ]
    tops = [box["y"] for box in heights if box]
    assert tops == sorted(tops)
    assert len(tops) == 4
    cause = page.locator("details.cause").nth(1)
    expect(cause.locator("pre").first).to_be_hidden()
    cause.locator("summary").first.click()
    assert "curl" in cause.locator(".copy pre").inner_text()
    cause.get_by_role("button", name="List all 24").wait_for()
    expect(cause.locator(".members details.finding")).to_have_count(20)
    cause.get_by_role("button", name="List all 24").click()
    expect(page.locator("#count")).to_have_text("24 of 94 findings")


def evidence_of(finding: Locator) -> str:
    """Return the text of an open finding, which an event fills after the click that opens it."""
    finding.locator("pre").first.wait_for()
    return finding.inner_text()


def test_a_finding_opens_with_its_evidence(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    row = next(one for one in report.findings if one.requirement)
    page.locator("#search").fill(row.fingerprint)
    finding = page.locator("#list details.finding")
    expect(finding.locator("pre")).to_have_count(0)
    finding.locator("summary").click()
    text = evidence_of(finding)
    assert "Results are sorted by relevance." in text
    assert f"cohere-conformance explain {row.fingerprint}" in text
    assert '"command-a"' in text
    expect(finding.locator("a[href^='#c-']")).to_have_count(1)


def test_hostile_strings_are_text(open_report: Open) -> None:
    opened = open_report(make_report(12, HOSTILE))
    page = opened.page
    # What is there now: a cause that opens has its findings as further items.
    for summary in page.locator("details.item > summary").element_handles():
        summary.click()
    page.locator("#search").fill("onerror=alert(1)")
    expect(page.locator("#count")).to_have_text("12 findings")
    expect(page.locator("img, main script, main svg[onload]")).to_have_count(0)
    assert "<img src=http://192.0.2.1/x" in page.locator("#list").inner_text()
    assert opened.complaints == []


def test_without_scripts_there_is_a_table(report: Report, open_report: Open) -> None:
    page = open_report(report, java_script_enabled=False).page
    assert page.locator("noscript tr[id]").count() == len(report.findings)
    expect(page.locator("noscript tr[id]").first).to_be_visible()


# -- search, filters and order -------------------------------------------------------------------------------


def test_search_finds_every_word_anywhere(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    page.locator("#search").fill("FIELD_17 type")
    expect_listed(page, [])
    page.locator("#search").fill("FIELD_17 buffered")
    expect_listed(page, [])
    page.locator("#search").fill("FIELD_17 undocumented")
    expect_listed(page, ["/results/*/field_17"])
    expect(page.locator("#count")).to_have_text("1 of 94 findings")
    page.locator("#clear").click()
    expect(page.locator("#count")).to_have_text("94 findings")
    assert page.evaluate("document.activeElement.id") == "search"


def test_filters_combine(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    rows = report.findings
    page.get_by_label("additive").check()
    expect_number_listed(page, sum(row.severity == "additive" for row in rows))
    page.get_by_label("notice").check()
    expect_number_listed(page, sum(row.severity != "breaking" for row in rows))
    page.locator("#by-kind").select_option("stream-buffered")
    expect_number_listed(page, sum(row.kind == "stream-buffered" for row in rows))
    page.get_by_label("notice").uncheck()
    expect_listed(page, [])
    page.locator("#clear").click()
    page.locator("#by-operation").select_option(label=f"{LABELS[0]} (5)")
    assert sum(row.operation == LABELS[0] for row in rows) == 5
    expect_number_listed(page, 5)
    page.locator("#clear").click()
    page.locator("#by-cause").select_option(label="2. Mistake 1")
    expect_number_listed(page, len(report.causes[1].findings))


def test_the_list_is_ordered_as_somebody_wants(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    kinds = "#list summary b"
    page.locator("#order").select_option("kind")
    expect(page.locator(kinds)).to_have_text(sorted(row.kind for row in report.findings))
    page.locator("#order").select_option("cause")
    first = {row.fingerprint: row.location for row in report.findings}
    expect_listed(page, [first[name] for cause in report.causes for name in cause.findings])
    page.locator("#order").select_option("severity")
    expect_listed(page, [row.location for row in report.findings])


# -- keys, links and copying ---------------------------------------------------------------------------------


def test_everything_works_with_the_keyboard(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    where = "document.activeElement.closest('details.item')?.id"
    page.keyboard.press("j")
    assert page.evaluate(where) == "c-00000000"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate(where) == "c-00000001"
    page.keyboard.press("Enter")
    expect(page.locator("#c-00000001")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("#c-00000001")).not_to_have_attribute("open", "")
    page.keyboard.press("/")
    page.keyboard.type("field_33")
    expect(page.locator("#count")).to_have_text("1 of 94 findings")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#list details.finding[open]")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("#count")).to_have_text("94 findings")


def test_the_keys_are_documented_on_the_page(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    shown = page.locator("#keys kbd").all_inner_texts()
    assert shown == ["/", "j", "k", "Enter", "c", "Esc", "?"]
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    expect(page.locator("#keys")).to_be_visible()


def test_a_command_is_copied_by_button_and_by_key(report: Report, open_report: Open) -> None:
    page = open_report(report, permissions=["clipboard-read", "clipboard-write"]).page
    page.locator("#c-00000000 > summary").click()
    button = page.locator("#c-00000000 .copy button").first
    button.click()
    page.get_by_text("copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == report.causes[0].example.curl
    page.locator("#list details.finding > summary").nth(2).focus()
    page.keyboard.press("c")
    page.locator("#list").get_by_text("copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == report.findings[2].example.curl


def test_a_link_opens_its_finding_wherever_it_is(report: Report, open_report: Open) -> None:
    report = grown(report, 430)
    last = report.findings[-1].fingerprint
    page = open_report(report, fragment=f"#f-{last}").page
    expect(page.locator(f"#f-{last}")).to_have_attribute("open", "")
    page.locator("#search").fill("nothing like that")
    cell = page.locator(".matrix td.cell a").first
    target = (cell.get_attribute("href") or "").removeprefix("#")
    cell.click()
    expect(page.locator(f"#{target}[open]")).to_be_visible()


# -- sizes ---------------------------------------------------------------------------------------------------


def test_ten_thousand_findings_open_as_few_elements_and_all_are_found(
    report: Report, open_report: Open
) -> None:
    page = open_report(grown(report, 10_000)).page
    expect(page.locator("#count")).to_have_text("10,000 findings")
    assert elements(page) < 4000
    page.locator("#search").fill("field_9999")
    expect_listed(page, ["/results/*/field_9999"])
    page.locator("#list summary").click()
    assert '"command-a"' in evidence_of(page.locator("#list details[open]"))
    page.locator("#clear").click()
    page.locator("#more").click()
    expect(page.locator("#list details.finding")).to_have_count(300)


def test_it_fits_on_a_phone(report: Report, open_report: Open) -> None:
    page = open_report(report, viewport={"width": 390, "height": 844}).page
    for summary in page.locator("details.cause > summary").all():
        summary.click()
    expect(page.locator("details.cause .members:has(details.finding)")).to_have_count(len(report.causes))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    matrix = page.get_by_role("region", name="Operations by what was checked")
    label = page.locator(".matrix tbody th[scope=row]").first
    before = label.bounding_box()
    matrix.evaluate("box => { box.scrollLeft = 120; }")
    after = label.bounding_box()
    assert before
    assert after
    assert before["x"] == after["x"], "the first column stays where it is"
    headings = page.locator(".matrix thead th.cell").all_inner_texts()
    assert headings[:3] == ["body", "stream", "requirements"]


def test_the_matrix_fits_on_a_desk(report: Report, open_report: Open) -> None:
    matrix = open_report(report).page.get_by_role("region", name="Operations by what was checked")
    assert matrix.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_94_findings_are_printed_on_at_most_12_pages(report: Report, open_report: Open) -> None:
    page = open_report(report).page
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4")))
    text = "".join(one.extract_text() for one in printed.pages)
    assert len(printed.pages) <= 12
    assert all(f"field_{at}" in text for at in range(94))
    assert "Mistake 3" in text
    assert "curl" in text


# -- accessibility -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_no_fault(report: Report, open_report: Open, context: dict[str, Any]) -> None:
    page = open_report(make_report(15), **context).page
    page.locator("details.cause > summary").first.click()
    page.locator("#list details.finding > summary").first.click()
    evidence_of(page.locator("#list details.finding[open]").first)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    assert _faults(page, "html") == []
    page.keyboard.press("?")
    assert _faults(page, "dialog[open]") == []


def _faults(page: Page, part: str) -> list[str]:
    # Of what is in order axe would describe every element as well, which takes longer than to find no fault.
    options = {"resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("([part, options]) => axe.run(part, options)", [part, options])
    assert found["passes"]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]
