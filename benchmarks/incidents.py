"""Which of the breaks that users of the Cohere API have reported since 2023 this project sees.

    python benchmarks/incidents.py --page reports/incidents.md
    python benchmarks/incidents.py --only 4,46

`incidents.yaml` has each report in our own words, with its links and either what reproduces it or why nothing
can show it. What reproduces it is made up: an exchange that is judged (`exchange`), a reference server that
refuses, changes or loses something while our cases are run (`run`), or an older document (`diff`). An
incident is seen if the finding that the file expects is reported, and not without the change. Exits with 1 if
one is not seen as the file says.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import yaml
from drifted import DriftedServer, ran

from cohere_conformance.checks.judge import judge
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import load_contract, load_declarations
from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.drift.difference import difference
from cohere_conformance.drift.render import as_text
from cohere_conformance.drift.sources import facts_of
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.observed.compare import ObservedShapes
from cohere_conformance.observed.evidence import together
from cohere_conformance.observed.response import sample_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cohere_conformance.contract import Contract

HERE = Path(__file__).parent
COMMANDS = {"exchange": "check", "run": "run", "diff": "contract diff"}
FIRST = {"breaking": 0, "additive": 1, "notice": 2}


class Seen(NamedTuple):
    """What was reported about one reproduction, a line for each finding or difference."""

    lines: tuple[str, ...]

    def has(self, expected: Sequence[str]) -> bool:
        """Return whether one line has all of some texts."""
        return any(all(text in line for text in expected) for line in self.lines)


class IncidentResult(NamedTuple):
    """One incident with how it ended: `seen`, `unobservable`, or what is wrong."""

    incident: dict[str, Any]
    result: str
    line: str = ""


def incidents() -> list[dict[str, Any]]:
    """Return the incidents of the file."""
    found: list[dict[str, Any]] = yaml.safe_load((HERE / "incidents.yaml").read_text(encoding="utf-8"))
    return found


def edited(document: Any, edits: Iterable[dict[str, Any]]) -> Any:
    """Return a document with some values removed (`remove: POINTER`) or set (`set: POINTER`, `to: VALUE`).

    The last step to an element of an array is its value.
    """
    document = deepcopy(document)
    for edit in edits:
        pointer = edit.get("remove") or edit["set"]
        *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        node = document
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        if isinstance(node, list):
            node.remove(last)
        elif "remove" in edit:
            del node[last]
        else:
            node[last] = edit["to"]
    return document


# -- what is reported


def judged(given: dict[str, Any], *, with_change: bool) -> Seen:
    """Judge an exchange: by the contract, by the document as published, or by the contract of that time.

    With `nights` it is also compared with what the conforming response has had in so many nights before.
    """
    exchange, contract = _exchange(given, with_change=with_change), _contract(given)
    findings = judge(contract, exchange, requirements=given.get("by") != "published")
    if nights := given.get("nights", 0):
        earlier = [
            _exchange(given, with_change=False, day=f"2024-03-{1 + night:02}") for night in range(nights)
        ]
        samples = [sample_of(contract, ParsedExchange(one)) for one in (*earlier, exchange)]
        *known, tonight = [one for one in samples if one is not None]
        shapes = ObservedShapes(together({one.scenario: one.evidence} for one in known))
        findings = [*findings, *shapes.findings(tonight, {one.location for one in findings})]
    worst = sorted(findings, key=lambda one: (one.amendment is not None, FIRST[one.severity.value]))
    return Seen(
        tuple(
            f"{one.severity.value} {one.kind.value} {one.location or 'the response'} "
            f"{one.requirement or ''}".strip()
            for one in worst
        )
    )


def _exchange(given: dict[str, Any], *, with_change: bool, day: str = "2024-04-15") -> Exchange:
    sent, received = given["request"], given["response" if with_change else "conforming"]
    method, path = sent["operation"].split(" ")
    return Exchange(
        Request(
            method,
            f"https://api.cohere.com{path}",
            (("content-type", "application/json"),),
            json.dumps(sent.get("body", {})).encode() if method == "POST" else None,
        ),
        Response(
            received.get("status", 200),
            (("content-type", received.get("type", "application/json")),),
            _body(received),
        ),
        Source("incident", recorded_at=f"{day}T02:00:00Z"),
    )


def _body(received: dict[str, Any]) -> bytes:
    if "events" in received:
        framed = [_event(one, received.get("type", "")) for one in received["events"]]
        return "".join(framed).encode()
    if "text" in received:
        return str(received["text"]).encode()
    return json.dumps(received["body"]).encode()


def _event(event: Any, media_type: str) -> str:
    data = event if isinstance(event, str) else json.dumps(event)
    if media_type != "text/event-stream":
        return f"{data}\n"
    name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
    return f"{name}data: {data}\n\n"


def _contract(given: dict[str, Any]) -> Contract:
    if given.get("by") == "published":
        return load_contract(as_published=True)
    if "then" not in given:
        return load_contract()
    declarations = load_declarations()
    grammars = declarations.grammars
    if given.get("terminators") is False:
        grammars = {label: msgspec.structs.replace(one, terminators={}) for label, one in grammars.items()}
    return compile_contract(edited(declarations.amended, given["then"]), grammars)


def compared(given: dict[str, Any], *, with_change: bool) -> Seen:
    """Compare an older document, which differs from ours as said, with ours."""
    document = load_declarations().amended
    older = edited(document, given["then"]) if with_change else document
    with tempfile.TemporaryDirectory(prefix="incident-") as folder:
        paths = [Path(folder, name) for name in ("old.json", "new.json")]
        for path, one in zip(paths, (older, document), strict=True):
            path.write_text(json.dumps(one), encoding="utf-8")
        found = difference(*(facts_of(str(path), None) for path in paths))
    return Seen(tuple(as_text(found).splitlines())) if found.lines else Seen(())


def exercised(given: dict[str, Any], *, with_change: bool) -> Seen:
    """Run cases against a reference server that does what the file says."""
    server = DriftedServer(given if with_change else {})
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        report = ran(server, given)
    if report is None:
        return Seen((output.getvalue(),))
    lines = [
        f"{row['severity']} {row['kind']} {row['operation']} {row['location']} {row['requirement'] or ''} "
        f"{row['observed']}"
        for row in report["findings"]
    ]
    reasons = (report["coverage"]["cases"] or {}).get("inconclusive_reasons", {})
    return Seen((*lines, *(f"inconclusive {reason}" for reason in reasons)))


REPORTED: dict[str, Callable[..., Seen]] = {"exchange": judged, "run": exercised, "diff": compared}


def result_of(incident: dict[str, Any]) -> IncidentResult:
    """Reproduce an incident, with and without what was different."""
    if "unobservable" in incident:
        return IncidentResult(incident, "unobservable")
    (kind,) = REPORTED.keys() & incident.keys()
    given, expected = incident[kind], incident["expects"]
    expected = [expected] if isinstance(expected, str) else expected
    seen = REPORTED[kind](given, with_change=True)
    if not seen.has(expected):
        return IncidentResult(incident, f"not seen: expected {expected}, got {list(seen.lines[:8])}")
    # A mistake of a client is in the request, which is the same without it.
    compares = kind != "exchange" or "conforming" in given
    before = REPORTED[kind](given, with_change=False) if compares else Seen(())
    if before.has(expected) or (kind == "exchange" and before.has(["breaking"])):
        return IncidentResult(incident, f"reported without the change as well: {list(before.lines)}")
    line = next(one for one in seen.lines if all(text in one for text in expected))
    return IncidentResult(incident, "seen", line.strip())


# -- the page


def page(results: Sequence[IncidentResult]) -> str:
    """Return the table in Markdown."""
    counts = Counter(one.result if one.result in {"seen", "unobservable"} else "missed" for one in results)
    lines = [
        "# Reported incidents",
        "",
        "Breaks that users of the Cohere API have reported in public since 2023, and whether this project",
        "sees them. Each is reproduced by something made up (`benchmarks/incidents.yaml`). It counts as seen",
        "if the finding in the last column is reported, and is not reported without the change.",
        "",
        f"{len(results)} incidents: {counts['seen']} seen, {counts['unobservable']} unobservable"
        + (f", {counts['missed']} missed" if counts["missed"] else "")
        + ". Made by `python benchmarks/incidents.py --page reports/incidents.md`.",
        "",
        "| | reported | operation | what happened | seen by | as |",
        "|--:|---|---|---|---|---|",
    ]
    for one in results:
        incident = one.incident
        links = ", ".join(f"[{_name(link)}]({link})" for link in incident["links"])
        kind = next((COMMANDS[name] for name in COMMANDS if name in incident), "")
        how = f"`{kind}`" if one.result == "seen" else one.result
        why = f"`{_cell(one.line)}`" if one.result == "seen" else incident.get("unobservable", one.result)
        lines.append(
            f"| {incident['number']} | {incident['date']}: {links} | {incident['operation']} | "
            f"{_cell(incident['what'])} | {how} | {_cell(why)} |"
        )
    return "\n".join(lines) + "\n"


def _name(link: str) -> str:
    parts = link.split("/")
    return f"{parts[4]}#{parts[6]}" if "/commit/" not in link else f"{parts[4]}@{parts[6][:7]}"


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")[:260]


def main() -> int:
    """Reproduce the incidents, and return 1 if one is not seen as the file says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, help="the table in Markdown")
    parser.add_argument("--only", default="", help="numbers of incidents, such as 4,46")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever is missed")
    given = parser.parse_args()
    wanted = {int(number) for number in given.only.split(",") if number}
    results = [result_of(one) for one in incidents() if not wanted or one["number"] in wanted]
    for one in results:
        print(f"{one.incident['number']:>3} {one.result}{': ' if one.line else ''}{one.line[:150]}")
    if given.page:
        given.page.write_text(page(results), encoding="utf-8")
    missed = [one for one in results if one.result not in {"seen", "unobservable"}]
    print(f"{len(results)} incidents: {len(missed)} not as the file says")
    return 1 if missed and not given.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
