"""What each case sends and shows, as observed on the reference server: `suites/observed.json`."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

OBSERVED = "observed.json"
"""The name of the file in `suites/`."""


class SharedRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that several cases send, which a night sends once.

    Attributes:
        operation: its label.
        bills: the most that it can be charged, by unit.
    """

    operation: str
    bills: dict[str, int] = {}


class ObservedCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one case or test sends and shows.

    Attributes:
        calls: number of requests by label of the operation, without those that prepare the case.
        bills: the most that they can be charged, by unit.
        shows: numbers of the elements of the contract that the responses show, in ranges such as `3-7,9`.
        shared: names of the requests that other cases send as well.
    """

    calls: dict[str, int]
    bills: dict[str, int] = {}
    shows: str = ""
    shared: tuple[str, ...] = ()

    @property
    def mask(self) -> int:
        """The elements as the bits of a number."""
        mask = 0
        for part in self.shows.split(",") if self.shows else ():
            first, _, last = part.partition("-")
            mask |= (1 << (int(last or first) + 1)) - (1 << int(first))
        return mask


class Observations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        profile: of the server.
        elements: how many elements of the contract were shown altogether.
        cases: by id.
        requests: those that several cases send, by a name for each.
    """

    profile: str
    elements: int
    cases: dict[str, ObservedCase]
    requests: dict[str, SharedRequest] = {}


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers in ranges, such as `3-7,9`."""
    ordered = enumerate(sorted(set(numbers)))
    parts = []
    for _, group in groupby(ordered, key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ",".join(parts)


@cache
def load_observations(path: Path | None = None) -> Observations:
    """Return the observations of a file, the shipped ones if none is named.

    Raises:
        ContractError: it cannot be read, or has another form.
    """
    path = path or folder("suites") / OBSERVED
    try:
        return msgspec.json.decode(path.read_bytes(), type=Observations)
    except (OSError, msgspec.DecodeError) as error:
        raise ContractError(
            f"{path}: expected what each case sends and shows, got: {error}; write it with: make observed"
        ) from error
