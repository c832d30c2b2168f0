"""The figures of a fuzzing run: how many requests of each way were sent, and what they have reached."""

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
"""The class of statuses with which a request of a way ought to be answered."""


@dataclass(frozen=True)
class Fuzzing:
    """How exchanges are looked at that the fuzzer derived.

    Attributes:
        requestable: everything that a request could show.
        requested: what of it the request of one exchange shows.
        shape: what tells answers apart that look different; `None` where an answer is not whole.
    """

    requestable: Iterable[Element]
    requested: Callable[[Exchange], Iterable[Element]]
    shape: Callable[[Exchange], Hashable | None]


class FuzzTally:
    """Counts derived requests; what it holds is bounded by operations, distinct shapes and elements.

    Args:
        fuzzing: how exchanges are looked at.
    """

    def __init__(self, fuzzing: Fuzzing) -> None:
        self._fuzzing = fuzzing
        self._numbers: dict[str, Counter[str]] = {}
        self._shapes: dict[str, set[Hashable]] = {}
        self._requested: dict[str, set[str]] = {}

    def add(self, record: Record) -> None:
        """Count one exchange, or what was not sent; what the fuzzer did not derive counts for nothing."""
        exchange, label = record.exchange, record.operation
        if record.unsent:
            self._numbers.setdefault(label, Counter())["unsent"] += record.unsent
        if not record.way or exchange is None:
            return
        numbers = self._numbers.setdefault(label, Counter())
        numbers[record.way] += 1
        if (shape := self._fuzzing.shape(exchange)) is not None:
            self._shapes.setdefault(label, set()).add(shape)
        if exchange.response.status // 100 != _MEANT.get(record.way):
            return
        numbers[f"{record.way} as meant"] += 1
        if record.way == "positive":
            # An odd path may lead to another operation, whose elements are not those that were meant.
            shown = {one.name for one in self._fuzzing.requested(exchange) if one.operation == label}
            self._requested.setdefault(label, set()).update(shown)

    def coverage(self, exercise: Iterable[Exercise]) -> tuple[FuzzCoverage, ...]:
        """Return the figures of each operation that was fuzzed.

        Args:
            exercise: how much of what is declared of answers the whole run has shown.
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
                )
            )
        return tuple(rows)
