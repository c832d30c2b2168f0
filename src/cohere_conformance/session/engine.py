"""Names the engine that judges recorded traffic: this machine, or a cluster."""

from __future__ import annotations

import msgspec

from cohere_conformance.errors import UsageError
from cohere_conformance.recordings.parts import PART

_EXPECTED = "expected dask for a cluster on this machine, or dask=ADDRESS for that of a scheduler"


class Engine(msgspec.Struct, frozen=True):
    """A Dask cluster.

    Attributes:
        address: of its scheduler, such as `tcp://10.0.0.7:8786`; empty for a cluster on this machine that
            ends with the run.
        workers: number of workers of a cluster on this machine; 0 for one of each core.
        part: bytes of the parts into which large recordings are divided.
    """

    address: str = ""
    workers: int = 0
    part: int = PART


def engine_of(name: str, workers: int = 0) -> Engine:
    """Return the engine of this name.

    Args:
        name: `dask` or `dask=ADDRESS`.
        workers: number of workers of a cluster on this machine; 0 for one of each core.

    Raises:
        UsageError: it is neither.
    """
    kind, given, address = name.partition("=")
    if kind != "dask" or (given and not address.strip()):
        raise UsageError(f"--engine {name[:80]!a}: {_EXPECTED}")
    return Engine(address.strip(), workers)
