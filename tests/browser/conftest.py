"""A real browser, headless; without one these tests are skipped, except in CI."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from cohere_conformance.report import render_html

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from cohere_conformance.report import Report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120_000
"""Milliseconds after which what a test waits for counts as missing; a busy machine takes a while."""


class Opened(NamedTuple):
    """A report in the browser, and everything that it should not have done."""

    page: Page
    complaints: list[str]


class Open(Protocol):
    def __call__(self, report: Report, *, fragment: str = ..., **context: object) -> Opened: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"expected one of {', '.join(BROWSERS)} in CI; .ci/run installs it")
        pytest.skip("needs Chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # Containers run as root, where the sandbox of Chromium does not work.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open a report as a file; at the end nothing may have been requested, logged or asked."""
    opened: list[Opened] = []

    def made(report: Report, *, fragment: str = "", **context: object) -> Opened:
        file = tmp_path / "report.html"
        file.write_bytes(render_html(report))
        surroundings = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        page, complaints = surroundings.new_page(), []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(file.as_uri()) else complaints.append(sent.url),
        )
        page.goto(file.as_uri() + fragment)
        opened.append(Opened(page, complaints))
        return opened[-1]

    yield made
    for one in opened:
        assert one.complaints == []
        one.page.context.close()
