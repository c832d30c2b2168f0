"""The starting requests of the fuzzer, sent unchanged: a finding that they show is not blamed on a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.fuzz.candidate import Candidate, Expected, GenerationMode
from cohere_conformance.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.fuzz.candidate import Anchor

ToBlame = Callable[[tuple[Finding, ...]], tuple[Finding, ...]]
"""Returns, of the findings about a changed request, those that the change causes."""
_TRIES = 2
"""A server may fail once, on its first request for example, and work from then on.

After two starting requests that were not served, each of the others is sent once.
"""


class Attempt(NamedTuple):
    """A generated request that was sent.

    Attributes:
        failing: the findings that fail it.
        served: whether a complete 2xx response was received.
        observed: what was received instead, for a reader; empty where it was served.
        gone: why nothing more should be sent to this operation, if so.
    """

    failing: tuple[Finding, ...]
    served: bool = True
    observed: str = ""
    gone: str = ""


Send = Callable[[Candidate], Attempt]
"""Sends a request, judges and records it."""


class Baseline:
    """What the starting requests of one operation show without any change.

    Args:
        start: the starting requests.

    Attributes:
        refused: why a starting request cannot be fuzzed, by the id of its case.
    """

    def __init__(self, start: Iterable[Anchor]) -> None:
        self._start = {anchor.case: anchor for anchor in start}
        self._served: set[str] = set()
        self._shown: dict[str, set[str]] = {case: set() for case in self._start}
        self._blamed: set[str] = set()
        self.refused: dict[str, str] = {}

    def usable(self, case: str, send: Send) -> bool:
        """Return whether a starting request is served; it is sent when it is first needed.

        Args:
            case: id of its case.
            send: sends, judges and records a request.
        """
        if case not in self._served and case not in self.refused:
            self._measure(case, send)
        return case in self._served

    def to_blame(
        self, candidate: Candidate, findings: tuple[Finding, ...], send: Send
    ) -> tuple[Finding, ...]:
        """Return the findings about a changed request that its starting request does not show.

        Where the starting request is no longer served, the findings stay: the change may have broken the
        server. No further change of that request is sent then.

        Args:
            candidate: the changed request.
            findings: all findings about it.
            send: sends, judges and records a request.
        """
        left = self._unshown(candidate.anchor, findings)
        new = {one.fingerprint for one in left if one.amendment is None} - self._blamed
        if new and candidate.anchor in self._served:
            self._served.discard(candidate.anchor)
            self._measure(candidate.anchor, send)
            left = self._unshown(candidate.anchor, left)
            if candidate.anchor not in self._served:
                self._served.clear()  # the others may not be served any more either
            self._blamed |= {one.fingerprint for one in left}
        return left

    def _unshown(self, case: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        shown = self._shown[case]
        return tuple(one for one in findings if one.amendment is not None or one.fingerprint not in shown)

    def _measure(self, case: str, send: Send) -> None:
        """Send a starting request unchanged, and keep whether it is served and what it shows."""
        anchor = self._start[case]
        candidate = anchor.candidate(
            GenerationMode.POSITIVE,
            anchor.template,
            location="",
            says="nothing is changed",
            expected=Expected.SERVED,
        )
        attempt = Attempt((), served=False)
        for _ in range(1 if len(self.refused) > 1 else _TRIES):
            attempt = send(candidate)
            self._shown[case] |= {one.fingerprint for one in attempt.failing}
            if attempt.served or attempt.gone:
                break
        if attempt.served:
            self._served.add(case)
        else:
            self.refused[case] = attempt.observed
