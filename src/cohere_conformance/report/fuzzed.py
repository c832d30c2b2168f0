"""The figures of a fuzzing run: how many requests were sent for each purpose, and what they covered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.report.coverage import FuzzCoverage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from cohere_conformance.model import Element, Exchange
    from cohere_conformance.report.coverage import Exercise
    from cohere_conformance.report.line import Record

_MEANT = {"positive": 2, "negative": 4}
"""The class of statuses that a request should receive."""


@dataclass(frozen=True)
class Fuzzing:
    """How exchanges of the fuzzer are counted.

    Attributes:
        requestable: every declared element of requests.
        requested: returns the elements that the request of an exchange has.
        shape: returns what distinguishes responses that look different; `None` if one is incomplete.
    """

    requestable: Iterable[Element]
    requested: Callable[[Exchange], Iterable[Element]]
    shape: Callable[[Exchange], Hashable | None]


class FuzzTally:
    """Counts derived requests; what it holds is bounded by operations, distinct shapes and elements.

    Args:
        fuzzing: how exchanges are counted.
    """

    def __init__(self, fuzzing: Fuzzing) -> None:
        self._fuzzing = fuzzing
        self._numbers: dict[str, Counter[str]] = {}
        self._shapes: dict[str, set[Hashable]] = {}
        self._requested: dict[str, set[str]] = {}

    def add(self, record: Record) -> None:
        """Count one exchange of the fuzzer, or requests that it did not send."""
        exchange, label = record.exchange, record.operation
        for name, number in (("unsent", record.unsent), ("unclaimed", record.unclaimed)):
            if number:
                self._numbers.setdefault(label, Counter())[name] += number
        if not record.mode or exchange is None:
            return
        numbers = self._numbers.setdefault(label, Counter())
        numbers[record.mode] += 1
        if (shape := self._fuzzing.shape(exchange)) is not None:
            self._shapes.setdefault(label, set()).add(shape)
        if exchange.response.status // 100 != _MEANT.get(record.mode):
            return
        numbers[f"{record.mode} as meant"] += 1
        if record.mode == "positive":
            # An unusual path may match another operation, whose elements do not count here.
            shown = {one.name for one in self._fuzzing.requested(exchange) if one.operation == label}
            self._requested.setdefault(label, set()).update(shown)

    def coverage(self, exercise: Iterable[Exercise]) -> tuple[FuzzCoverage, ...]:
        """Return the figures of each operation that was fuzzed.

        Args:
            exercise: how many of the declared elements of responses the whole run has covered.
        """
        requestable: dict[str, set[str]] = {}
        for element in self._fuzzing.requestable:
            requestable.setdefault(element.operation, set()).add(element.name)
        declared, seen = Counter[str](), Counter[str]()
        for row in exercise:
            declared[row.operation] += row.declared
            seen[row.operation] += row.seen
        rows = []
        for label, numbers in sorted(self._numbers.items()):
            names = requestable.get(label, set())
            missing = names - self._requested.get(label, set())
            rows.append(
                FuzzCoverage(
                    operation=label,
                    positive=numbers["positive"],
                    served=numbers["positive as meant"],
                    negative=numbers["negative"],
                    refused=numbers["negative as meant"],
                    protocol=numbers["protocol"],
                    shapes=len(self._shapes.get(label, ())),
                    request_declared=len(names),
                    request_reached=len(names) - len(missing),
                    request_missing=tuple(sorted(missing)),
                    response_declared=declared[label],
                    response_reached=seen[label],
                    unsent=numbers["unsent"],
                    unclaimed=numbers["unclaimed"],
                )
            )
        return tuple(rows)
