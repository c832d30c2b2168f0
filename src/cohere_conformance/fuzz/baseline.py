"""The fuzzer's starting requests, sent unchanged: no change is blamed for what shows without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.fuzz.candidate import Candidate, Expected, GenerationMode
from cohere_conformance.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.fuzz.candidate import Anchor

ToBlame = Callable[[tuple[Finding, ...]], tuple[Finding, ...]]
"""Keeps of the findings about a changed request those that its change may be blamed for."""
_TRIES = 2
"""A server may stumble once, over its first request for example, and be fine from then on.

Where two starting requests were not served, each of the others is sent once.
"""


class Attempt(NamedTuple):
    """A derived request that was sent.

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
        """Tell whether a starting request is served; it is sent when it is needed first.

        Args:
            case: id of its case.
            send: sends, judges and records a request.
        """
        if case not in self._served and case not in self.refused:
            self._look(case, send)
        return case in self._served

    def to_blame(
        self, candidate: Candidate, findings: tuple[Finding, ...], send: Send
    ) -> tuple[Finding, ...]:
        """Return the findings about a changed request that do not show without the change.

        Where the starting request is not served any more, the findings stay: this change may have broken the
        server. It is the last one that is sent, however.

        Args:
            candidate: the changed request.
            findings: what was found, all of it.
            send: sends, judges and records a request.
        """
        left = self._unshown(candidate.anchor, findings)
        new = {one.fingerprint for one in left if one.amendment is None} - self._blamed
        if new and candidate.anchor in self._served:
            self._served.discard(candidate.anchor)
            self._look(candidate.anchor, send)
            left = self._unshown(candidate.anchor, left)
            if candidate.anchor not in self._served:
                self._served.clear()  # whether the others still are is not known any more
            self._blamed |= {one.fingerprint for one in left}
        return left

    def _unshown(self, case: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        shown = self._shown[case]
        return tuple(one for one in findings if one.amendment is not None or one.fingerprint not in shown)

    def _look(self, case: str, send: Send) -> None:
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
