"""Observes what each case sends and shows on the reference server, for the plan of a night.

`python -m cohere_conformance.session.observing` writes `suites/observed.json` anew (`make observed`).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.checks.exercised import exercised_with_keywords
from cohere_conformance.client.billed import billed_units
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.planning import (
    Observations,
    ObservedCase,
    SharedRequest,
    most_billed,
    ranges,
    total,
)
from cohere_conformance.planning.observed import OBSERVED
from cohere_conformance.report import Record, read_journals
from cohere_conformance.session.sharing import shareable
from cohere_conformance.session.suites import pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Element, Exchange

PROFILE = "live-2026"
"""The profile of the server: what the live API still serves."""


def observed(journals: Path) -> Observations:
    """Return what each case of a run sent and showed.

    Args:
        journals: folder of the report of a run against the embedded server.

    Raises:
        ReportError: there are no journals.
    """
    contract = load_contract()
    calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
    bills: defaultdict[str, list[dict[str, int]]] = defaultdict(list)
    shown: defaultdict[str, set[Element]] = defaultdict(set)
    requests: dict[str, SharedRequest] = {}
    senders: defaultdict[str, set[str]] = defaultdict(set)
    for record in _records(journals):
        exchange = record.exchange
        if exchange is None or record.setup or record.operation not in contract.operations:
            continue
        calls[record.case][record.operation] += 1
        status = exchange.response.status
        most = _most(record.operation, exchange, status)
        bills[record.case].append(most)
        if shareable(record.operation, exchange):
            name = _name(exchange)
            requests[name] = SharedRequest(record.operation, most)
            senders[name].add(record.case)
        shown[record.case] |= exercised_with_keywords(contract, exchange)
    shared = {name for name, cases in senders.items() if len(cases) > 1}
    numbers = {element: number for number, element in enumerate(sorted(set().union(*shown.values())))}
    return Observations(
        PROFILE,
        len(numbers),
        {
            case: ObservedCase(
                calls=dict(sorted(calls[case].items())),
                bills=total(bills[case]),
                shows=ranges(numbers[element] for element in shown[case]),
                shared=tuple(sorted(name for name in shared if case in senders[name])),
            )
            for case in sorted(calls)
        },
        {name: requests[name] for name in sorted(shared)},
    )


def _name(exchange: Exchange) -> str:
    """Return a name of a request, the same for the same request."""
    request = exchange.request
    fields = [request.method, urlsplit(request.url)[2:4], request.headers, request.body]
    return hashlib.sha256(repr(fields).encode()).hexdigest()[:8]


def _most(operation: str, exchange: Exchange, status: int) -> dict[str, int]:
    """Return the estimate of what a request costs, or what the reference server billed if that is more."""
    estimated, billed = most_billed(operation, exchange.request.body, status), billed_units(exchange.response)
    return {unit: max(number, math.ceil(billed.get(unit, 0))) for unit, number in estimated.items()}


def _records(journals: Path) -> Iterator[Record]:
    for journal in read_journals(journals):
        yield from (line for line in journal.lines() if isinstance(line, Record))


def main() -> None:
    """Run the suites against the embedded server, and write the file."""
    with TemporaryDirectory() as name:
        run_suites(pytest_arguments({"profile": [PROFILE], "report-dir": [name]}, ["-qq"]))
        content = msgspec.json.format(msgspec.json.encode(observed(Path(name))), indent=1)
    (folder("suites") / OBSERVED).write_bytes(content + b"\n")


if __name__ == "__main__":
    main()
