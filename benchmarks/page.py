"""How long a browser takes to open report.html with many findings, and to search them.

    python benchmarks/page.py [FINDINGS] [--no-gate]

Needs Chromium; each figure is the median of five pages. Exits with 1 if a page takes two seconds to open.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from playwright.sync_api import Browser, sync_playwright

from cohere_conformance.model import SEVERITY, Exchange, Finding, Kind, Request, Response, Source
from cohere_conformance.report import Header, Mode, Report, Row, Tally, render_html

ROUNDS = 5
GOAL = 2.0
"""Seconds in which a page has to be open."""
HEADERS = (("content-type", "application/json"),)


def many(number: int) -> Report:
    """Return a report with so many findings, each with an exchange of its own."""
    tally = Tally()
    for at, label in enumerate(f"POST /v2/{name}" for name in ("chat", "embed", "rerank", "classify")):
        kind = (Kind.TYPE_CHANGED, Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED)[at % 3]
        found = Finding(kind, SEVERITY[kind], label, 200, "/results", "a string", str(at))
        request = Request("POST", f"http://127.0.0.1:8080{label[5:]}", HEADERS, b"{}")
        sent = Exchange(request, Response(200, HEADERS, b"{}", seconds=0.02), Source("run"))
        tally.add(sent, label, [found], "application/json", case=f"case.{at}")
    header = Header(
        tool="cohere-conformance",
        version="0",
        contract_version="0",
        contract_digest="0",
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026-11-22T22:00:00Z",
    )
    report = tally.finish(header, ["POST /v2/chat"], finished_at="2026-11-22T22:01:00Z")
    several = [row(report.findings[at % len(report.findings)], at) for at in range(number)]
    return msgspec.structs.replace(report, findings=tuple(several))


def row(like: Row, number: int) -> Row:
    """Return a finding with a location and an exchange of its own."""
    body = f'{{"model": "command-a", "number": {number}, "text": "{"words " * 20}"}}'
    example = msgspec.structs.replace(
        like.example,
        request_text=f"{like.operation}\ncontent-type: application/json\n\n{body}",
        response_text=f"HTTP 200\ncontent-type: application/json\n\n{body}",
        curl=f"curl -X POST -H 'content-type: application/json' --data-raw '{body}' http://127.0.0.1:8080/",
    )
    return msgspec.structs.replace(
        like, fingerprint=f"{number:012x}", location=f"/results/*/field_{number}", example=example
    )


def opened(browser: Browser, path: Path, last: int) -> tuple[float, float, int]:
    """Return the seconds until a page can be used, those of a search, and how many elements it has."""
    page = browser.new_page()
    began = time.perf_counter()
    page.goto(path.as_uri(), wait_until="load")
    page.locator("#list details").first.wait_for()
    shown = time.perf_counter() - began
    elements = int(page.evaluate("document.querySelectorAll('*').length"))
    seconds = page.evaluate(
        """name => {
          const began = performance.now(), search = document.getElementById("search");
          search.value = name;
          search.dispatchEvent(new Event("input", {bubbles: true}));
          return (performance.now() - began) / 1000;
        }""",
        f"field_{last}",
    )
    assert page.locator("#list details").count() == 1
    page.close()
    return shown, float(seconds), elements


def main() -> int:
    """Print the figures, and return the exit code."""
    number = next((int(one) for one in sys.argv[1:] if one.isdigit()), 10_000)
    report = many(number)
    began = time.process_time()
    page = render_html(report)
    rendered = time.process_time()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "report.html"
        path.write_bytes(page)
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        figures = [opened(browser, path, number - 1) for _ in range(ROUNDS)]
        browser.close()
    opening, searching = (statistics.median(one[at] for one in figures) for at in (0, 1))
    print(f"findings   {number}")
    print(f"render     {rendered - began:.1f} s of CPU time")
    print(f"page       {len(page) / 1e6:.1f} MB, {figures[0][2]} elements when opened")
    print(f"open       {opening:.2f} s")
    print(f"search     {searching:.2f} s, the first one")
    return int(opening >= GOAL and "--no-gate" not in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
