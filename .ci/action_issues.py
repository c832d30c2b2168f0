"""Keeps one issue of GitHub for each cause: `action_issues.py REPORT PAGE`, with `gh` on the search path.

A new cause opens an issue, one that is back opens it again, one that persists updates it, and a resolved one
closes it. The id of a cause is independent of wording, so that an issue is found again. Only a report with a
verdict changes anything: a cause that an interrupted run has not seen is not resolved.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohere_conformance.report import load
from cohere_conformance.report.render.safe import markdown_code, markdown_text, plain

if TYPE_CHECKING:
    from cohere_conformance.report import Report

LABEL = "conformance"
MOST = 10
"""Issues that one run opens at most: a server that is down would have one for everything."""
_MARK = re.compile(r"<!-- cohere-conformance cause=(\w+) target=(\w+) -->")
_JUDGED = frozenset({0, 1})


def gh(*arguments: str, text: str = "") -> str:
    """Return what `gh` prints; a body is passed on its standard input.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    done = subprocess.run(["gh", *arguments], input=text, capture_output=True, text=True, check=True)
    return done.stdout


def main(path: Path, page: str) -> int:
    """Update the issues, print a line for each change, and return 0; 1 where nothing can be compared."""
    report = load(path)
    if report.footer.exit_code not in _JUDGED:
        print(f"issues unchanged: {plain(report.footer.verdict)}")
        return 0
    if report.changes is None:
        print("::error title=Issues::expected a report with a history, got one without; set history to true")
        return 1
    target = re.sub(r"\W", "_", report.changes.target)
    known = _known(target)
    present = {cause.id: cause for cause in report.causes}
    opened = 0
    for cause in report.causes:
        issue = known.get(cause.id)
        body = _body(report, cause.id, target, page)
        if issue is None:
            opened += 1
            if opened <= MOST:
                title = plain(f"{cause.title} ({cause.id})", longest=200).replace("@", "(at)")
                url = gh("issue", "create", "--label", LABEL, "--title", title, "--body-file", "-", text=body)
                print(f"opened {url.strip()}")
            continue
        number = str(issue["number"])
        if issue["state"] == "CLOSED":
            gh("issue", "reopen", number, "--comment", f"It is back: {page}")
            print(f"reopened {number}")
        gh("issue", "edit", number, "--body-file", "-", text=body)
    if opened > MOST:
        print(f"::warning title=Issues::{opened - MOST} more causes have no issue; the report lists them")
    for name, issue in known.items():
        if name not in present and issue["state"] == "OPEN" and _resolved(report, name):
            gh("issue", "close", str(issue["number"]), "--comment", f"Resolved: {page}")
            print(f"closed {issue['number']}")
    return 0


def _known(target: str) -> dict[str, dict[str, Any]]:
    """Return the issues of a target by their causes; an open one before a closed one."""
    # The label may be there, which is fine.
    subprocess.run(
        ["gh", "label", "create", LABEL, "--description", "Deviations from the Cohere REST API"],
        capture_output=True,
        check=False,
    )
    fields = ("--json", "number,state,body", "--limit", "1000")
    issues = json.loads(gh("issue", "list", "--label", LABEL, "--state", "all", *fields))
    found: dict[str, dict[str, Any]] = {}
    for issue in sorted(issues, key=lambda one: (one["state"] == "OPEN", one["number"])):
        if (mark := _MARK.search(issue["body"] or "")) and mark[2] == target:
            found[mark[1]] = issue
    return found


def _resolved(report: Report, cause: str) -> bool:
    """Return whether a run shows that a cause is resolved: one that tested less may not show it at all."""
    changes = report.changes.causes if report.changes is not None else ()
    return any(one.id == cause and one.state == "resolved" for one in changes)


def _body(report: Report, name: str, target: str, page: str) -> str:
    cause = next(one for one in report.causes if one.id == name)
    change = next((one for one in report.changes.causes if one.id == name), None) if report.changes else None
    seen = f"First seen {change.first_seen[:10]}, in {change.runs} runs, last in {page}\n" if change else ""
    curl = cause.example.curl
    request = f"Reproduce: {markdown_code(curl, longest=4000)}\n\n" if curl else ""
    return (
        f"{markdown_text(cause.change)}\n\n"
        f"Shown by {', '.join(map(markdown_code, cause.operations[:10]))}; severity {cause.severity}.\n\n"
        f"{request}{seen}\n`cohere-conformance explain {name}`\n\n"
        f"<!-- cohere-conformance cause={name} target={target} -->\n"
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
