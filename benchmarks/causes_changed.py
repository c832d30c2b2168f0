"""Whether a fault changes anything that a server answers beside its other faults.

A fault that drops the pages of a document removes what a fault of these pages would change. A server with
both cannot be told from one with the first alone, by no judge: it has one mistake less than was drawn.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.report.journal import read_journals
from cohere_conformance.report.line import Record

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.model import Exchange

_VARYING = re.compile(
    rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # an id
    rb"|(?<=[a-z]_)[0-9a-z]{12}\b"  # the end of the id of a tool call
    rb"|\bconformance[ -][\w-]+"  # a name that the run has given, and the id that the server has made of it
    rb"|(?<![.\w])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{6,}\b"  # of a trace or of a form; no fraction
    rb"|(?<=/storage/)[\w-]+|page_token(?:=|\":\")[\w.%-]+"  # of a download, and of a page
    rb"|(?<=127\.0\.0\.1)(?::|%3A)\d+"  # a port
    rb"|\d{4}-\d\d-\d\dT\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?Z?"  # a time
)
_CLOCKED = frozenset({"date", "x-envoy-upstream-service-time", "host"})
"""Header fields that differ from run to run."""


def same_answers(run: Path, again: Path, other: Path, prefix: str) -> bool:
    """Return whether another run has the same exchanges, apart from the values of ids, ports and times.

    These are numbered in the order in which a run has them first: two that are equal in one run have to be
    equal in the other one. What else differs when a run is repeated, such as the metrics of a training, says
    nothing; in a case that the question is about, it counts as another answer.

    Args:
        run: folder of the report of a run.
        again: that of its repetition.
        other: that of another run.
        prefix: of the ids of the cases that the question is about.
    """
    ours, repeated, theirs = map(_exchanges, (run, again, other))
    if not len(ours) == len(repeated) == len(theirs):
        return False
    return all(
        one == third or (one != second and not one[0].startswith(prefix))
        for one, second, third in zip(ours, repeated, theirs, strict=True)
    )


def _exchanges(folder: Path) -> list[tuple[str, object]]:
    """Return the exchanges of a run, each with the id of its case."""
    numbers: dict[bytes, bytes] = {}

    def steady(text: str | bytes | None) -> bytes | None:
        raw = text.encode() if isinstance(text, str) else text
        return raw and _VARYING.sub(lambda found: numbers.setdefault(found[0], b"#%d" % len(numbers)), raw)

    def comparable(exchange: Exchange) -> object:
        sent, got = exchange.request, exchange.response
        path = sent.url.split("/", 3)[3]
        fields = [(name, steady(value)) for name, value in got.headers if name.lower() not in _CLOCKED]
        events = got.events and [(event.event, steady(event.data)) for event in got.events]
        asked = (sent.method, steady(path), steady(sent.body), sent.has_key)
        return asked, got.status, fields, steady(got.body), events, got.failure

    return [
        (line.case, comparable(line.exchange))
        for journal in read_journals(folder)
        for line in journal.lines()
        if isinstance(line, Record) and line.exchange is not None
    ]
