"""The embeddings of a response: a list of float vectors, or lists of vectors by type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.groups import embed_faults as faults
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.vectors import remembered, typed

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.vectors import Vector


def embeddings(call: Call, vectors: list[Vector], kinds: list[str]) -> Any:
    """Return the vectors as a list, or by type.

    Args:
        call: the call being handled.
        vectors: the floats.
        kinds: the requested types; none for the list.
    """
    if not kinds:
        return [_typed(call, vector, "float") for vector in vectors]
    kinds = inject(call, faults.REQUESTED_TYPES, kinds)
    found = {kind: [_typed(call, vector, kind) for vector in vectors] for kind in kinds}
    return inject(call, faults.BY_TYPE, found)


def _typed(call: Call, vector: Vector, kind: str) -> Any:
    if not call.state.faults:
        return remembered(vector, kind)
    if kind in {"float", "base64"}:
        vector = inject(call, faults.FLOATS, vector)
    return inject(call, faults.ENCODED.get(kind, {}), typed(vector, kind))
