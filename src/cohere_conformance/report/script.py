"""A shell script that repeats what a case has sent: several requests, and what they need to exist.

One curl command shows what one response has wrong. It cannot show what only a comparison of responses shows,
and nothing about a dataset that the run has removed again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from cohere_conformance.errors import UsageError
from cohere_conformance.privacy import redact
from cohere_conformance.report.journal import read_journals
from cohere_conformance.report.line import Record
from cohere_conformance.report.loading import load
from cohere_conformance.report.render import hints
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cohere_conformance.model import Exchange, Request
    from cohere_conformance.report.shape import Cause, Report

MOST_REQUESTS = 60
"""A case that sends more is not repeated, if another one shows the cause: such a script would not be read."""
_SHORTEST_ID = 8
"""Characters of an id that is recognised in later requests; shorter texts could be anything."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
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


@dataclass
class _Step:
    """One exchange of the script.

    Attributes:
        number: of the exchange in its journal.
        exchange: as it was sent.
        case: id of the case or name of the resource that sent it.
        gives: locations of the ids in its response that later requests have, by id.
        polls: whether it only waits for something to be ready.
    """

    number: int
    exchange: Exchange
    case: str
    gives: dict[str, str] = field(default_factory=dict)
    polls: bool = False


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
    found: list[tuple[str, list[_Step]]] = []
    for journal in read_journals(folder):
        records = [line for line in journal.lines() if isinstance(line, Record) and line.exchange is not None]
        tried = ((case, _steps(records, case)) for case in (cause.example.position, *cause.case_ids))
        found += [(case, steps) for case, steps in tried if steps]
    if found:
        # A list shows nothing where nothing exists: a case that creates what it looks at says more.
        case, steps = next(((case, steps) for case, steps in found if len(steps) > 1), found[0])
        return _written(report, cause, case, steps)
    raise UsageError(
        f"expected a journal beside the report with a case of at most {MOST_REQUESTS} requests that shows "
        f"{cause.id}, got none; `report export --har` writes all exchanges of a run"
    )


def _steps(records: Sequence[Record], case: str) -> list[_Step]:
    """Return what a case sent, after what its requests need and its responses list, in the order of the
    journal.
    """
    exchanges = [record.exchange for record in records if record.exchange is not None]
    own = [number for number, record in enumerate(records) if record.case == case]
    if len(own) > MOST_REQUESTS:
        return []
    given = _given(exchanges)
    complete = _needed(records, exchanges, own, [*own, *_listed(exchanges, own, given)], given)
    return complete if len(complete) <= MOST_REQUESTS else _needed(records, exchanges, own, own, given)


def _listed(exchanges: Sequence[Exchange], own: Sequence[int], given: Mapping[str, int]) -> list[int]:
    """Return the requests that created what responses list: a list shows nothing where nothing exists."""
    addressed = "\n".join(exchange.request.url for exchange in exchanges)
    return [
        given[name]
        for number in own
        if exchanges[number].request.method == "GET"
        for name in _ids(exchanges[number])
        if given.get(name, number) < number
        and exchanges[given[name]].request.method == "POST"
        and f"/{name}" in addressed
    ]


def _needed(
    records: Sequence[Record],
    exchanges: Sequence[Exchange],
    own: Sequence[int],
    wanted: Sequence[int],
    given: Mapping[str, int],
) -> list[_Step]:
    """Return wanted requests after what they need.

    Args:
        records: of the journal.
        exchanges: of the records.
        own: numbers of the requests of the case.
        wanted: numbers of all requests that are wanted.
        given: the number of the exchange that has an id first, by the id.
    """
    steps: dict[int, _Step] = {}
    waiting = [*wanted]
    while waiting:
        number = waiting.pop()
        if number in steps:
            continue
        steps[number] = _Step(number, exchanges[number], records[number].case)
        text = _sent(exchanges[number].request)
        for name, origin in given.items():
            if origin < number and name in text:
                waiting.append(origin)
                waiting += _polls(exchanges, name, origin, min(own), number)
    ordered = [steps[number] for number in sorted(steps)]
    for place, step in enumerate(ordered):
        later = "".join(_sent(one.exchange.request) for one in ordered[place + 1 :])
        ids = _ids(step.exchange)
        step.gives = {
            name: at for name, at in ids.items() if given.get(name) == step.number and name in later
        }
        step.polls = step.number not in own and step.exchange.request.method == "GET"
    return ordered


def _given(exchanges: Sequence[Exchange]) -> dict[str, int]:
    """Return the number of the exchange whose response has an id before any request has it, by the id."""
    given: dict[str, int] = {}
    chosen: set[str] = set()
    for number, exchange in enumerate(exchanges):
        ids, sent = _ids(exchange), _sent(exchange.request)
        chosen |= {name for name in ids if name not in given and name in sent}
        for name in ids.keys() - chosen:
            given.setdefault(name, number)
    return given


def _polls(exchanges: Sequence[Exchange], name: str, origin: int, first: int, before: int) -> list[int]:
    """Return the requests that waited for what an exchange has created, until another one used it."""
    return [
        number
        for number in range(origin + 1, min(first, before))
        if exchanges[number].request.method == "GET" and exchanges[number].request.url.endswith(f"/{name}")
    ]


def _ids(exchange: Exchange) -> dict[str, str]:
    """Return the ids in a successful response, with their locations."""
    if not 200 <= exchange.response.status < 300 or not exchange.response.body:
        return {}
    try:
        body = json.loads(exchange.response.body)
    except (ValueError, RecursionError):
        return {}
    return dict(_named_ids(body, ""))


def _named_ids(value: Any, location: str, depth: int = 6) -> Iterator[tuple[str, str]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members if depth else ():
        at = f"{location}/{name}"
        if not _PLAIN.fullmatch(str(name)):
            continue  # it would have to be quoted in the script, and no API names its ids so
        if isinstance(inner, str) and str(name).endswith("id") and len(inner) >= _SHORTEST_ID:
            yield inner, at
        yield from _named_ids(inner, at, depth - 1)


def _sent(request: Request) -> str:
    return f"{request.url}\n{(request.body or b'').decode('utf-8', 'replace')}\n"


def _written(report: Report, cause: Cause, case: str, steps: Sequence[_Step]) -> str:
    again = hints.revival(report, cause)
    parts: list[str] = [
        _HEAD.format(
            title=plain(cause.title, longest=None),
            requests=quantity(len(steps), "request"),
            case=plain(case),
            again=f"\n# {plain(again, longest=None)}" if again else "",
        )
    ]
    variables: dict[str, str] = {}
    place = 1
    for polled, several in groupby(steps, key=_waits_for):
        group = list(several)
        if polled:
            parts.append(_waiting(place, group, variables))
        else:
            parts += [_commands(place + number, step, variables) for number, step in enumerate(group)]
        place += len(group)
    return "\n".join(parts)


def _waits_for(step: _Step) -> str:
    """Return the URL that a request asks again and again until it is ready; empty for any other request."""
    return step.exchange.request.url if step.polls and not step.gives else ""


def _waiting(place: int, steps: Sequence[_Step], variables: dict[str, str]) -> str:
    line, _ = _line(steps[0].exchange, variables)
    numbers = " ".join(str(place + number) for number in range(len(steps)))
    return "\n".join(
        [
            f"# {numbers.replace(' ', ', ')}. the run waited until {plain(steps[0].case)} was ready",
            f"for request in {numbers}; do",
            "  sleep 1",
            f"  {line}",
            "  echo",
            "done",
            "",
        ]
    )


def _commands(place: int, step: _Step, variables: dict[str, str]) -> str:
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
        lines.append(f"{variable}=$(printf '%s' \"$ANSWER{place}\" | value '{at}')")
    return "\n".join([*lines, ""])


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
