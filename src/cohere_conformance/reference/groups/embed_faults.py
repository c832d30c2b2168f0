"""Faults of embed, by the stage of the handler that they change."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import new_id
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.vectors import TYPES, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.reference.common import Truncate
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable
    from cohere_conformance.reference.vectors import InputPart, Vector

ANY_DIMENSION = fault("embed.any-dimension", "Any output dimension up to that of the model is accepted.")
IMAGE_UNTYPED = fault("embed.image-input-type-ignored", "Images are accepted with any input type.")
PURPOSE_OPTIONAL = fault("embed.input-type-optional", "Version 1 needs no input type, whatever the model.")

_Json = dict[str, Any]
_Parts = list[tuple["InputPart", ...]]

# -- the request

DIMENSION: FaultTable[int | None] = {
    fault("embed.dimension-ignored", "The requested output dimension is ignored."): lambda dimension, _: None,
}

FIELDS: FaultTable[list[str]] = {
    fault("embed.two-fields-accepted", "Texts are accepted together with images or inputs."): (
        lambda names, _: ["texts"] if len(names) > 1 and "texts" in names else names
    ),
}
"""Which of `texts`, `images` and `inputs` the request has."""

MOST_INPUTS: FaultTable[int] = {
    fault("embed.limit-97", "97 inputs are accepted, one more than the limit."): lambda most, _: most + 1,
}

TRUNCATE: FaultTable[Truncate] = {
    fault("embed.truncate-none-ignored", "A text that is too long is cut even with truncate NONE."): (
        lambda truncate, _: "END"
    ),
}

TOKEN_LIMIT: FaultTable[int] = {
    fault("embed.truncate-end-ignored", "Texts that are too long are embedded without being cut."): (
        lambda limit, call: limit if call.body.get("truncate") == "NONE" else sys.maxsize
    ),
}

# -- the vectors


def _types_dependent(inputs: _Parts, call: Call) -> _Parts:
    several = len(set(call.body.get("embedding_types") or ())) > 1
    return [(*parts, "types") for parts in inputs] if several else inputs


INPUTS: FaultTable[_Parts] = {
    fault("embed.not-deterministic", "The vector of a text differs from call to call."): (
        lambda inputs, _: [(*parts, new_id()) for parts in inputs]
    ),
    fault("embed.neighbour-dependent", "The vector of an input depends on the input before it."): (
        lambda inputs, _: [
            (*parts, *inputs[index - 1]) if index else parts for index, parts in enumerate(inputs)
        ]
    ),
    fault("embed.versions-differ", "Version 1 and version 2 return different vectors."): (
        lambda inputs, call: [(*parts, "version") for parts in inputs] if call.v1 else inputs
    ),
    fault("embed.types-dependent", "The vectors depend on the number of embedding types."): _types_dependent,
}
"""The parts of each input, as they are embedded."""

PURPOSE: FaultTable[str] = {
    fault("embed.input-type-ignored", "The vectors do not depend on the input type."): lambda purpose, _: "",
}

LONG_VECTORS: FaultTable[list[Vector]] = {
    fault("embed.shorter-is-end", "A shorter vector is the end of the long vector, reversed."): (
        lambda vectors, _: [vector[::-1] for vector in vectors]
    ),
}
"""Vectors that are about to be shortened to the output dimension."""

VECTORS: FaultTable[list[Vector]] = {
    fault("embed.order-swapped", "The vectors of the first two inputs are swapped."): (
        lambda vectors, _: [*vectors[1::-1], *vectors[2:]]
    ),
    fault("embed.wrong-dimension", "The vectors have eight components less than they should."): (
        lambda vectors, _: [shortened(vector, len(vector) - 8) for vector in vectors]
    ),
    fault("embed.missing-vector", "The vector of the last input is missing."): (
        lambda vectors, _: vectors[:-1]
    ),
}

# -- the vectors by type

REQUESTED_TYPES: FaultTable[list[str]] = {
    fault("embed.types-ignored", "Only floats are returned, whatever types are requested."): (
        lambda kinds, _: ["float"]
    ),
    fault("embed.extra-type", "One type more than requested is returned."): (
        lambda kinds, _: [*kinds, *[kind for kind in TYPES if kind not in kinds][:1]]
    ),
}


def _without_last(kind: str) -> Callable[[_Json, Call], _Json]:
    return lambda found, _: {**found, kind: found[kind][:-1]} if len(found) > 1 and kind in found else found


BY_TYPE: FaultTable[_Json] = {
    **{
        fault(f"embed.{kind}-vector-missing", f"With several types, the last {kind} vector is missing."): (
            _without_last(kind)
        )
        for kind in ("float", "int8", "base64")
    },
    fault("embed.null-types", "Types that were not requested are null instead of absent."): (
        lambda found, _: {**dict.fromkeys(TYPES), **found}
    ),
}
"""All vectors of a response, by type."""


def _floats(text: str) -> array[float]:
    """Return the components of a vector in base64."""
    found = array("f", base64.b64decode(text))
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _big_endian(text: str, call: Call) -> str:
    swapped = array("f", base64.b64decode(text))
    swapped.byteswap()
    return base64.b64encode(swapped.tobytes()).decode()


_UNNORMALISED = fault("embed.unnormalised", "Float vectors have the length 3.")
FLOATS: FaultTable[Vector] = {
    _UNNORMALISED: lambda vector, _: tuple(3 * component for component in vector),
}
"""One vector, before it becomes a list of floats or base64."""


def _bits(packed: list[int]) -> list[int]:
    return [int(bit) for byte in packed for bit in f"{byte:08b}"]


_NOT_PACKED = fault("embed.not-packed", "binary and ubinary vectors have one number for each dimension.")
ENCODED: Mapping[str, FaultTable[Any]] = {
    "int8": {
        fault("embed.int8-out-of-range", "The first component of each int8 vector is above 127."): (
            lambda found, _: [128 + abs(found[0]), *found[1:]]
        ),
        fault("embed.int8-shifted", "The components of int8 vectors are shifted by one position."): (
            lambda found, _: [*found[-1:], *found[:-1]]
        ),
    },
    "uint8": {
        fault("embed.uint8-signed", "uint8 vectors have the values of the int8 vectors."): (
            lambda found, _: [one - 128 for one in found]
        ),
        fault("embed.uint8-turned", "uint8 vectors have inverted values: 255 for the lowest."): (
            lambda found, _: [255 - one for one in found]
        ),
    },
    "base64": {
        fault("embed.base64-big-endian", "The floats in base64 are big-endian."): _big_endian,
        fault("embed.base64-doubles", "The floats in base64 have eight bytes each."): (
            lambda found, _: base64.b64encode(array("d", _floats(found)).tobytes()).decode()
        ),
    },
    "binary": {
        fault("embed.binary-unsigned", "binary vectors have the values of the ubinary vectors."): (
            lambda found, _: [one + 128 for one in found]
        ),
        fault("embed.binary-complement", "binary vectors are the ubinary bytes in two's complement."): (
            lambda found, _: [one + 128 if one < 0 else one - 128 for one in found]
        ),
        _NOT_PACKED: lambda found, _: _bits([one + 128 for one in found]),
    },
    "ubinary": {
        fault("embed.ubinary-inverted", "ubinary vectors have a 1 for negative components."): (
            lambda found, _: [255 - one for one in found]
        ),
        _NOT_PACKED: lambda found, _: _bits(found),
    },
}
"""One vector as it is sent, by type."""

# -- the response

TEXTS: FaultTable[list[str]] = {
    fault("embed.texts-changed", "The texts are returned without their last character."): (
        lambda texts, _: [text[:-1] for text in texts]
    ),
}


def _input_tokens(billed: dict[str, int], change: Callable[[int], int]) -> dict[str, int]:
    return billed | {name: change(count) for name, count in billed.items() if name == "input_tokens"}


BILLED: FaultTable[dict[str, int]] = {
    fault("embed.units-not-additive", "Each call bills three tokens more than its inputs have."): (
        lambda billed, _: _input_tokens(billed, lambda count: count + 3)
    ),
    fault("embed.negative-units", "The billed tokens are negative."): (
        lambda billed, _: _input_tokens(billed, lambda count: -count)
    ),
    fault("embed.units-untold", "Texts are billed as 0 images."): (
        lambda billed, _: billed if billed.get("images") or billed.get("image_tokens") else {"images": 0}
    ),
}

TEXT_TOKENS: FaultTable[int] = {
    fault("embed.text-tokens-above", "More text tokens are billed than input tokens."): (
        lambda count, _: count + 2
    ),
    fault("embed.text-tokens-missed", "No text tokens are billed for texts."): lambda count, _: 0,
}
"""The billed text_tokens."""


def _swapped(image: _Json) -> _Json:
    return {**image, "width": image["height"], "height": image["width"]}


_OTHER_TYPE = {
    "embeddings_by_type": "embeddings_floats",
    "embeddings_floats": "embeddings_by_type",
}

BODY: FaultTable[_Json] = {
    fault("embed.images-untold", "The response does not describe the images."): (
        lambda body, _: without(body, "images")
    ),
    fault("embed.image-size-swapped", "Width and height of an image are swapped."): (
        lambda body, _: (
            {**body, "images": [_swapped(image) for image in body["images"]]} if "images" in body else body
        )
    ),
    fault("embed.version-differs", "meta.api_version names the other version of the API."): (
        lambda body, call: {**body, "meta": _other_version(body["meta"], call)}
    ),
    fault("embed.response-type-wrong", "The response_type does not match the form of the embeddings."): (
        lambda body, _: {**body, "response_type": _OTHER_TYPE[body["response_type"]]}
    ),
    fault("embed.list-reversed", "Vectors without a type are in reverse order."): (
        lambda body, _: (
            {**body, "embeddings": body["embeddings"][::-1]} if isinstance(body["embeddings"], list) else body
        )
    ),
}


def _other_version(meta: _Json, call: Call) -> _Json:
    return {**meta, "api_version": {**meta["api_version"], "version": "2" if call.v1 else "1"}}
