"""Finds parts of a known credential: half of a key may be enough to guess the rest or its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Span = tuple[int, int]

SHORTEST_OF_KEY = 8
"""Minimum characters of a part of the run's own key that is redacted everywhere."""
SHORTEST_OF_OTHERS = 16
"""Likewise for credentials of a recording: a cookie, for example, may also contain dates and names."""
_BLOCK = 4
_SHORTEST_LINK = 3
"""Minimum characters of a part that is separated from its neighbours: shorter ones are in every text."""
_SHORTEST_CHAIN = 12


class Fragments:
    """Searches for parts of one credential.

    Only for credentials with digits and letters: of others, only the complete value is secret.

    Args:
        value: the credential.
        shortest: minimum characters of a part.
    """

    __slots__ = ("_blocks", "_shortest", "_value")

    def __init__(self, value: str, shortest: int) -> None:
        self._value = value.encode("utf-8", "surrogatepass")
        self._shortest = shortest
        random = any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and value.isascii()
        # Every part that is long enough contains one of these blocks, because it is as long as two of them.
        ends = range(0, len(self._value) - _BLOCK + 1, _BLOCK) if random and len(value) > shortest else ()
        self._blocks = [(at, self._value[at : at + _BLOCK]) for at in ends]

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def spans(self, data: bytes) -> Iterator[Span]:
        """Yield where a part of the credential is, or all of it."""
        for offset, block in self._blocks:
            at = data.find(block)
            while at >= 0:
                start, end = self._extended(data, at, offset)
                if end - start >= self._shortest:
                    yield start, end
                at = data.find(block, at + 1)

    def _extended(self, data: bytes, at: int, offset: int) -> Span:
        start, end, value = at, at + _BLOCK, self._value
        while start > 0 and offset > 0 and data[start - 1] == value[offset - 1]:
            start, offset = start - 1, offset - 1
        offset += end - start
        while end < len(data) and offset < len(value) and data[end] == value[offset]:
            end, offset = end + 1, offset + 1
        return start, end

    def chained(self, texts: Sequence[bytes]) -> Iterator[tuple[int, Span]]:
        """Yield the parts of a credential that follow one another with other text in between.

        Args:
            texts: in order.
        """
        value = self._value
        if not self._blocks:
            return
        first = value[:_SHORTEST_LINK]
        chains: dict[int, list[tuple[int, Span]]] = {}
        """The parts of each incomplete chain, by its number of characters."""
        for number, text in enumerate(texts):
            if len(text) < _SHORTEST_LINK and not chains:
                continue
            for length, links in sorted(chains.items(), reverse=True):
                rest = value[length:]
                if text.startswith(rest):
                    yield from [*links, (number, (0, len(rest)))]
                    del chains[length]
                elif len(text) >= _SHORTEST_LINK and rest.startswith(text):
                    chains[length + len(text)] = [*links, (number, (0, len(text)))]
                    del chains[length]
            if first in text:  # or no beginning of the credential is at its end
                for length in range(min(len(text), len(value) - 1), _SHORTEST_LINK - 1, -1):
                    if text.endswith(value[:length]):
                        chains.setdefault(length, [(number, (len(text) - length, len(text)))])
                        break
        for length, links in chains.items():
            if length >= _SHORTEST_CHAIN:
                yield from links


def merged(spans: Iterator[Span] | Sequence[Span]) -> list[Span]:
    """Return the spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
