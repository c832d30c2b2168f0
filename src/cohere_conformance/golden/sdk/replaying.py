"""Parses golden cassettes with the official SDK."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.golden.sdk.result import Loss, SdkFailure, SdkReplay
from cohere_conformance.report.render.safe import plain
from cohere_conformance.sdk.loss import LossKind
from cohere_conformance.sdk.parsing import failure_of, installed, lost, undisturbed
from cohere_conformance.sdk.transport import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.golden.cassette import Cassette, Provenance


def replay(cassettes: Iterable[Cassette]) -> SdkReplay:
    """Parse every recorded response with the official SDK, and return the result.

    Nothing is sent.

    Raises:
        UsageError: the SDK is not installed.
    """
    version = installed()
    tally = _Tally()
    with undisturbed():
        for cassette in cassettes:
            tally.add(cassette)
    return tally.result(version)


class _Tally:
    """Collects the results of the SDK."""

    def __init__(self) -> None:
        self._parsed = 0
        self._inexpressible = 0
        self._failed: list[SdkFailure] = []
        self._absent: set[str] = set()
        self._counts: Counter[tuple[str, str, LossKind]] = Counter()
        self._examples: dict[tuple[str, str, LossKind], str] = {}

    def add(self, cassette: Cassette) -> None:
        """Replay one cassette."""
        from cohere_conformance.sdk.calling import call

        provenance, response = cassette.provenance, cassette.exchange.response
        pieces = cut(response)
        answer = call(provenance.operation, cassette.exchange, pieces)
        if answer is None:
            self._absent.add(provenance.operation)
            return
        self._inexpressible += not answer.expressible
        reason = failure_of(response, answer)
        if reason and answer.foreign:
            self._lose(provenance, "", LossKind.REFUSED)
        elif reason:
            self._failed.append(SdkFailure(provenance.id, provenance.operation, plain(reason)))
        else:
            self._parsed += 1
            # A hundred results that all lose the same count once.
            for location, what in dict.fromkeys(lost(response, answer, pieces)):
                self._lose(provenance, location, what)

    def _lose(self, provenance: Provenance, location: str, what: LossKind) -> None:
        key = (provenance.operation, location, what)
        self._counts[key] += 1
        self._examples.setdefault(key, provenance.id)

    def result(self, version: str) -> SdkReplay:
        """Return the result."""
        return SdkReplay(
            version=version,
            parsed=self._parsed,
            failed=tuple(self._failed),
            losses=tuple(sorted(Loss(*key, n, self._examples[key]) for key, n in self._counts.items())),
            absent_operations=tuple(sorted(self._absent)),
            inexpressible=self._inexpressible,
        )
