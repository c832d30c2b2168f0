"""Says in a step of GitHub Actions how a command ended: outputs, summary and annotations, on every exit code.

Called by `action.yml` as `action_outputs.py REPORT_DIR EXIT_CODE`.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

LARGEST_SUMMARY = 900_000
"""Bytes; GitHub refuses a summary of more than 1 MiB."""
WITHOUT = {
    0: "the command ended without a report",
    1: "the command deviates without a report",
    2: "interrupted, or out of time, before anything was judged",
    3: "the target cannot be reached, or the tool failed: look at the log of this step",
    4: "wrong input: look at the log of this step, and correct the inputs of the action",
    5: "nothing was sent or judged: look at `only` and `declares`",
}


def main(folder: Path, code: int, ledger: Path) -> None:
    """Write everything that the step says."""
    job = re.sub(r"[^A-Za-z0-9_-]", "-", os.environ.get("GITHUB_JOB", "job"))
    attempt = re.sub(r"[^0-9]", "", os.environ.get("GITHUB_RUN_ATTEMPT", "")) or "1"
    outputs = {
        "exit-code": str(code),
        "artifact": f"conformance-report-{job}-{attempt}-{secrets.token_hex(3)}",
    }
    summary = _reported(folder, outputs) if (folder / "report.json").is_file() else ""
    if not summary:
        reason = WITHOUT.get(code, "the command failed: look at the log of this step")
        print(f"::error title=No report (exit code {code})::{reason}")
        summary = f"**No report, exit code {code}**: {reason}\n"
    if left := _left(ledger):
        print(f"::warning title=Left on the target::{left}")
        summary = f"**Left on the target**: {left}\n\n{summary}"
    _append("GITHUB_STEP_SUMMARY", summary.encode("utf-8")[:LARGEST_SUMMARY].decode("utf-8", "ignore"))
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))


def _left(ledger: Path) -> str:
    """Return what may be left on the target, and what to do about it; empty if nothing is."""
    if not ledger.is_file():
        return ""
    from cohere_conformance.client.ledger import open_entries
    from cohere_conformance.errors import LedgerError

    try:
        number = len(open_entries(ledger))
    except LedgerError:
        return "the ledger in the cache cannot be read: give the action another `state-key`"
    if not number:
        return ""
    return (
        f"{number} that runs have created and not removed: set `sweep` to true, or run "
        "`cohere-conformance sweep` with the ledger of the artifact"
    )


def _reported(folder: Path, outputs: dict[str, str]) -> str:
    """Print the annotations of a report, add its outputs, and return its summary; empty for none."""
    # Slow to import, and not needed where there is no report.
    from cohere_conformance.errors import ConformanceError
    from cohere_conformance.report import load
    from cohere_conformance.report.formats import convert
    from cohere_conformance.report.render.safe import plain

    try:
        report = load(folder)
    except ConformanceError as error:
        print(f"::error title=Unreadable report::{plain(str(error))}")
        return ""
    outputs |= {"verdict": plain(report.footer.verdict), "report": str(folder / "report.json")}
    outputs["causes"] = str(len(report.causes))
    if report.changes is not None:
        outputs["new"] = str(sum(one.state in {"new", "regressed"} for one in report.changes.causes))
    sys.stdout.write(convert(report, "github").decode("utf-8"))
    page = folder / "report.md"
    # A link of that name could show another file of the runner on the page of the run.
    linked = page.is_symlink() or not page.is_file()
    return f"{plain(report.footer.verdict)}\n" if linked else page.read_text(encoding="utf-8")


def _append(variable: str, text: str) -> None:
    with Path(os.environ[variable]).open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
