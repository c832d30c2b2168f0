"""Three mocks with realistic mistakes, and whether the first causes of a report name these.

The mocks are in `benchmarks/mocks`; each lists its mistakes in its head, with words that its cause must have:
its rule, framework, title, or the kind, location, requirement and operation of its first finding. Express is
needed for one of them: `npm install --prefix DIR` with `benchmarks/mocks/package.json`, and `--npm DIR`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from implementations import OURS, Candidate, started

HOME = Path(__file__).parent / "mocks"
GROUPS = "chat,embed,rerank,models,tokenize"
DECLARED = ("--declares", "v2.chat,v2.embed,v2.rerank,models,v1.tokenize")
"""What all of them implement; the report proposes this option if it is forgotten."""
FIRST, FIRST_EIGHT = 5, 8
LINES = 10
FOLDER = "conformance-report"
WIDTH, HEIGHT = 1000, 800
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_MISTAKE = re.compile(r"^(\d+)\. (.+?) :: (.+)$", re.MULTILINE)


class Mistake(NamedTuple):
    """A mistake of a mock.

    Attributes:
        number: in the list of the mock.
        says: what is wrong.
        words: what its cause has, all of them.
    """

    number: int
    says: str
    words: frozenset[str]


class Tested(NamedTuple):
    """A report of a mock.

    Attributes:
        name: of the mock and the options.
        report: the content of `report.json`.
        terminal: what was printed.
        places: the place of the cause of each mistake, from 1; `None` if no cause names it.
    """

    name: str
    report: dict[str, Any]
    terminal: str
    places: dict[Mistake, int | None]


def mistakes(source: Path) -> list[Mistake]:
    """Return the mistakes that a mock lists in its head."""
    found = _MISTAKE.findall(source.read_text(encoding="utf-8"))
    return [Mistake(int(number), says, frozenset(words.split())) for number, says, words in found]


def places(report: dict[str, Any], listed: list[Mistake]) -> dict[Mistake, int | None]:
    """Return the place of the first cause that names each mistake."""
    rows = {row["fingerprint"]: row for row in report["findings"]}
    causes = [_words(cause, rows[cause["findings"][0]]) for cause in report["causes"]]
    return {
        one: next((place for place, words in enumerate(causes, 1) if one.words <= words), None)
        for one in listed
    }


def _words(cause: dict[str, Any], row: dict[str, Any]) -> set[str]:
    """Return the words of a cause; what only follows from it does not name a mistake."""
    texts = (cause["title"], " ".join(cause["operations"]), row["location"].replace("/", " "))
    names = (cause["rule"], cause["framework"] or "", row["kind"], row["requirement"] or "")
    return {word for text in (*texts, *names) for word in text.split()}


def candidates(npm: Path | None, port: int) -> list[tuple[Candidate, Path]]:
    """Return the mocks that can be started, each with its source."""
    found = []
    for number, name in enumerate(("fastapi_style.py", "openai_style.js", "version_one.py")):
        source, at = HOME / name, str(port + number)
        if source.suffix == ".py":
            found.append((Candidate(source.stem, "Starlette", (sys.executable, str(source), at)), source))
        elif npm and (node := shutil.which("node")):
            modules = {"NODE_PATH": str(npm.resolve() / "node_modules")}
            command = (node, str(source), at)
            found.append((Candidate(source.stem, "Express", command, environment=modules), source))
            canned = Candidate(f"{source.stem}, canned", "", command, ("--protocol-only",), modules)
            found.append((canned, source))
        else:
            print(f"{name}: needs node, and --npm DIR with Express", file=sys.stderr)
    return found


def tested(candidate: Candidate, source: Path, folder: Path, limit: str) -> Tested:
    """Test a mock that runs, and return its report."""
    url = f"http://127.0.0.1:{candidate.command[-1]}"
    options = [
        "--only",
        GROUPS,
        *DECLARED,
        "--time-limit",
        limit,
        *candidate.options,
    ]
    variables = {name: value for name, value in os.environ.items() if name != "CO_API_KEY"}
    command = [*OURS, "run", "--no-config", "--url", url, *options]
    folder.mkdir(parents=True, exist_ok=True)
    ended = subprocess.run(command, env=variables, cwd=folder, check=False, capture_output=True, text=True)
    if ended.returncode not in {0, 1}:
        raise SystemExit(
            f"{candidate.name}: expected a report, got exit code {ended.returncode}:\n{ended.stderr}"
        )
    report = json.loads((folder / FOLDER / "report.json").read_bytes())
    return Tested(candidate.name, report, ended.stdout, places(report, mistakes(source)))


def shown(one: Tested) -> str:
    """Return the first lines of the causes that the terminal has shown, and where each mistake is."""
    lines = one.terminal.splitlines()
    start = next((number for number, line in enumerate(lines) if " causes of " in line), 0)
    named = [f"  cause {place or 'none'}: {mistake.says}" for mistake, place in one.places.items()]
    return "\n".join([one.name, *lines[start : start + LINES], *named, ""])


def table(results: list[Tested]) -> str:
    """Return how many mistakes the first causes name, in Markdown."""
    rows = [
        "| mock | findings | causes | mistakes | by the first 5 | by the first 8 |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for one in results:
        found = [place for place in one.places.values() if place is not None]
        five, eight = (sum(place <= most for place in found) for most in (FIRST, FIRST_EIGHT))
        counts = (len(one.report["findings"]), len(one.report["causes"]), len(one.places), five, eight)
        rows.append(f"| {one.name} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


def photograph(path: str, page: Path, picture: Path) -> None:
    """Write what a browser shows first of a report."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        opened.goto(page.resolve().as_uri())
        opened.screenshot(path=picture)
        browser.close()


def main() -> int:
    """Test the mocks, print what their reports say, and return 1 if the first eight causes miss a mistake."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--npm", type=Path, metavar="DIR", help="folder with node_modules/express")
    parser.add_argument("--first-port", type=int, default=14410, help="the first of three free ports")
    parser.add_argument("--time-limit", default="5m", help="of each run")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="write a picture of each report.html")
    known = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    parser.add_argument("--browser", metavar="FILE", default=known, help="Chromium, for --screenshots")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep the reports in this folder")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0")
    given = parser.parse_args()
    results = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for candidate, source in candidates(given.npm, given.first_port):
            folder = (given.reports or home).resolve() / candidate.name.replace(", ", "-")
            with started(candidate, int(candidate.command[-1]), home / "log"):
                results.append(tested(candidate, source, folder, given.time_limit))
            print(shown(results[-1]))
            if given.screenshots and not candidate.options:
                given.screenshots.mkdir(parents=True, exist_ok=True)
                photograph(
                    given.browser,
                    folder / FOLDER / "report.html",
                    given.screenshots / f"{candidate.name}.png",
                )
    print(table(results))
    missed = [
        one for one in results for place in one.places.values() if (place or FIRST_EIGHT + 1) > FIRST_EIGHT
    ]
    return int(bool(missed) and not given.no_gate)


if __name__ == "__main__":
    sys.exit(main())
