"""A shell script that repeats what a case has sent: several requests, and what they need to exist.

One curl command shows what one response has wrong. It cannot show what only a comparison of responses shows,
and nothing about a dataset that the run has removed again.
"""

from __future__ import annotations

import shlex
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import UsageError
from cohere_conformance.privacy import redact
from cohere_conformance.report.journal import read_journals
from cohere_conformance.report.line import Record
from cohere_conformance.report.loading import load
from cohere_conformance.report.render import hints
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.steps import MOST_REQUESTS, Requests, ScriptStep
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.model import Exchange
    from cohere_conformance.report.shape import Cause, Report, Row

_QUOTE = "'\"'\"'"
"""A single quote inside single quotes, as `shlex.quote` writes it."""
_HEAD = """#!/bin/sh
# {title}
# Sends the {requests} of case {case}, and shows each response. What is created is not removed.
# Keys are read from variables such as CO_API_KEY.{again}
set -u

value() {{  # the value at a JSON pointer
  python3 -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("/")[1:]:
    value = value[int(name) if isinstance(value, list) else name]
print(value)' "$1"
}}
"""
_NEWEST = """newest() {  # the id of the newest resource with a name: the list, its ids, and the name
  python3 -c '
import json, sys
items, key, name = sys.argv[1:]
named = [one for one in json.load(sys.stdin)[items] if str(one.get("name")).lower() == name.lower()]
print(max(named, key=lambda one: str(one.get("created_at")))[key])' "$@"
}
"""
_UNTIL = r"""until_is() {  # repeats a command, at most 60 times, until a JSON pointer has a value
  pointer=$1 text=$2 looks=0
  shift 2
  while [ "$looks" -lt 60 ]; do
    sleep 1
    answer=$("$@")
    printf '%s\n' "$answer"
    [ "$(printf '%s' "$answer" | value "$pointer" 2> /dev/null)" != "$text" ] || return 0
    looks=$((looks + 1))
  done
  echo "expected $text at $pointer, not seen in 60 requests: what follows may show nothing" >&2
  echo "if the server only needs longer than that, change 60 in until_is" >&2
}
"""


def script_of(folder: Path, cause_id: str) -> str:
    """Return a shell script that repeats the case of the example of a cause.

    The ids that a server gives are read from its responses, and put into the requests that follow.

    Args:
        folder: of the report of a run, with its journals.
        cause_id: id of one of the causes in the report.

    Raises:
        ReportError: the report or a journal cannot be read.
        UsageError: there is no such cause, or the journals have no case that shows it in few requests.
    """
    report = load(folder)
    cause = next((one for one in report.causes if one.id == cause_id.strip().lower()), None)
    if cause is None:
        known = ", ".join(one.id for one in report.causes[:10]) or "none"
        raise UsageError(
            f"expected the id of a cause of the report in {folder}, got {plain(cause_id)!r}; known: {known}"
        )
    members = {row.fingerprint: row for row in report.findings if row.fingerprint in cause.findings}
    rows = [members[name] for name in cause.findings]
    named = "\n".join(f"{row.expected}\n{row.observed}" for row in rows)
    found: list[tuple[str, list[ScriptStep], set[str]]] = []
    for journal in read_journals(folder):
        requests = Requests([line for line in journal.lines() if isinstance(line, Record)])
        tried = dict.fromkeys((cause.example.position, *cause.case_ids))
        found += [
            (case, steps, requests.shown(case, members))
            for case in tried
            if (steps := requests.steps(case, members, named))
        ]
    if found:
        case, steps, _ = min(found, key=lambda one: _order(rows, *one))
        return _written(report, cause, case, steps)
    raise UsageError(
        f"expected a journal beside the report with a case of at most {MOST_REQUESTS} requests that shows "
        f"{cause.id}, got none; `report export --har` writes all exchanges of a run"
    )


def _order(
    rows: Sequence[Row], case: str, steps: Sequence[ScriptStep], early: Collection[str]
) -> tuple[bool, int, bool, bool, int]:
    """Return a key that orders cases by how well their requests show a cause, the best one first.

    A list shows nothing where nothing exists, and may show what others have created; of cases that show the
    same finding, those that show it before they remove something are better, and of these the shortest.

    Args:
        rows: findings of the cause.
        case: id of the case.
        steps: its requests, and what they need.
        early: fingerprints of the findings that it shows before it removes something.
    """
    first = (rows[0].kind, rows[0].requirement)
    shown = [
        place for place, row in enumerate(rows) if (row.fingerprint in early if early else case in row.cases)
    ]
    same = [place for place in shown if (rows[place].kind, rows[place].requirement) == first]
    lists = [rows[place].operation.startswith("GET ") and "{" not in rows[place].operation for place in shown]
    by_rows = 0 if same else min(shown, default=0)
    return len(steps) == 1, by_rows, not early, bool(lists) and all(lists), len(steps)


def _written(report: Report, cause: Cause, case: str, steps: Sequence[ScriptStep]) -> str:
    again = hints.revival(report, cause)
    parts: list[str] = [
        _HEAD.format(
            title=plain(cause.title, longest=None),
            requests=quantity(len(steps), "request"),
            case=plain(case),
            again=f"\n# {plain(again, longest=None)}" if again else "",
        )
    ]
    if any(step.names for step in steps):
        parts.append(_NEWEST)
    if any(step.reached for step in steps):
        parts.append(_UNTIL)
    variables: dict[str, str] = {}
    place = 1
    for polled, several in groupby(steps, key=_waits_for):
        group = list(several)
        if polled:
            parts += _waiting(place, group, variables)
        else:
            parts += [_commands(place + number, step, variables) for number, step in enumerate(group)]
        place += len(group)
    return "\n".join(parts)


def _waits_for(step: ScriptStep) -> str:
    """Return the URL that a request asks again and again until it is ready; empty for any other request."""
    return step.exchange.request.url if step.polls and not step.gives else ""


def _waiting(place: int, steps: Sequence[ScriptStep], variables: dict[str, str]) -> Iterator[str]:
    """Yield commands that wait until a resource has each status that it had reached in the run.

    Requests after the last one are sent as often as in the run.
    """
    line, _ = _line(steps[0].exchange, variables)
    case = plain(steps[0].case)
    begun = 0
    for number, step in enumerate(steps, 1):
        if (reached := step.reached) is not None and line.startswith("curl "):
            status = shlex.quote(plain(redact.text(reached.status), longest=None))
            shown = ", ".join(str(place + one) for one in range(begun, number))
            yield (
                f"# {shown}. the run waited for {case}: until it is {status}\n"
                f"until_is {reached.location} {status} {line}\n"
            )
            begun = number
    if begun < len(steps):
        numbers = " ".join(str(place + number) for number in range(begun, len(steps)))
        shown = numbers.replace(" ", ", ")
        yield "\n".join(
            [
                f"# {shown}. the run waited until {case} was ready",
                f"for request in {numbers}; do",
                "  sleep 1",
                f"  {line}",
                "  echo",
                "done",
                "",
            ]
        )


def _commands(place: int, step: ScriptStep, variables: dict[str, str]) -> str:
    request = step.exchange.request
    url = plain(request.url.partition("?")[0], longest=200)
    lines = [f"# {place}. {plain(request.method)} {url} for {plain(step.case)}"]
    line, inexact = _line(step.exchange, variables)
    if inexact:
        lines.append(f"# not exact: {plain('; '.join(inexact), longest=None)}")
    if not step.gives:
        return "\n".join([*lines, line, "echo", ""])
    lines += [f"ANSWER{place}=$({line})", f"printf '%s\\n' \"$ANSWER{place}\""]
    for name, at in step.gives.items():
        variable = variables[name] = f"ID{len(variables) + 1}"
        reads = _newest(at, step.names[name]) if name in step.names else f"value '{at}'"
        lines.append(f"{variable}=$(printf '%s' \"$ANSWER{place}\" | {reads})")
    return "\n".join([*lines, ""])


def _newest(at: str, name: str) -> str:
    """Return the command that reads an id from a list, where it was at a location such as `/batches/0/id`."""
    _, items, _, key = at.split("/")
    return f"newest {items} {key} {shlex.quote(plain(redact.text(name), longest=None))}"


def _line(exchange: Exchange, variables: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the command of a request, with variables in place of ids."""
    marks = {name: _mark(number, len(name)) for number, name in enumerate(variables)}
    request = exchange.request
    url, body = request.url, request.body
    for name in sorted(variables, key=len, reverse=True):
        url = url.replace(name, marks[name])
        body = body and body.replace(name.encode(), marks[name].encode())
    command = redact.exchange(replace(exchange, request=replace(request, url=url, body=body))).curl
    line = command.line
    for name, variable in variables.items():
        line = _expanded(line, marks[name], variable)
    return line, command.inexact


def _mark(number: int, length: int) -> str:
    """Return a text of the length of an id, which a shell takes literally and no request contains."""
    return f"Zq{number}x".ljust(length, "Q")[:length]


def _expanded(line: str, mark: str, variable: str) -> str:
    """Return a command in which a variable is expanded where a mark is, inside single quotes or outside."""
    text, quoted = "", False
    pieces = line.split(mark)
    for piece in pieces[:-1]:
        quoted ^= piece.replace(_QUOTE, "").count("'") % 2 == 1
        text += piece + (f"'\"${variable}\"'" if quoted else f'"${variable}"')
    return text + pieces[-1]
