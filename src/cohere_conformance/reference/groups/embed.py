"""Embed: vectors of texts, images and inputs that mix both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.models import shipped_models
from cohere_conformance.reference import images, mangle, tokens, validation
from cohere_conformance.reference.common import fitted, model_of, sunset, told, whole
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.groups.embed_types import answered
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.images import Image
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.vectors import embed, shortened

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model
    from cohere_conformance.reference.vectors import InputPart, Vector

MISSING = fault("embed.missing-vector", "The vector of the last input is missing.")
SHORT = fault("embed.wrong-dimension", "Vectors are eight components shorter than they should be.")
ANY_DIMENSION = fault("embed.any-dimension", "Vectors of any length up to that of the model are made.")
DIMENSION_IGNORED = fault("embed.dimension-ignored", "The output dimension that is asked for is ignored.")
SWAPPED = fault("embed.order-swapped", "The vectors of the first two inputs change places.")
TEXTS_CHANGED = fault("embed.texts-changed", "The texts come back without their last character.")
RANDOM = fault("embed.not-deterministic", "The vector of a text differs from call to call.")
PURPOSE_IGNORED = fault("embed.input-type-ignored", "The input type makes no difference to the vectors.")
NEGATIVE = fault("embed.negative-units", "The billed tokens are negative.")
NOT_ADDITIVE = fault("embed.units-not-additive", "Each call bills three tokens that no input has.")
LIMIT_97 = fault("embed.limit-97", "97 inputs are accepted, one more than there may be.")
CUT_ANYWAY = fault("embed.truncate-none-ignored", "A text that is too long and must not be cut is cut.")
IMAGE_UNTYPED = fault(
    "embed.image-input-type-ignored", "Images are embedded whatever the input type, not only as images."
)
IMAGE_SIZE = fault("embed.image-size-swapped", "Width and height of an image are told the wrong way round.")
IMAGES_UNTOLD = fault("embed.images-untold", "Nothing is told about images.")
TWO_FIELDS = fault(
    "embed.two-fields-accepted", "Where texts come with images or inputs, the texts are embedded."
)
PURPOSE_OPTIONAL = fault("embed.input-type-optional", "Version 1 needs no input type, whatever the model.")
SHAPE = fault("embed.response-type-wrong", "The response type is that of the other form of the embeddings.")
VERSION = fault("embed.version-differs", "The answer tells the other version of the API.")
UNITS_UNTOLD = fault("embed.units-untold", "Texts are billed as images of no number.")
NEIGHBOURS = fault("embed.neighbour-dependent", "The vector of an input depends on the input before it.")
VERSIONS = fault("embed.versions-differ", "Version 1 has vectors of its own.")
KINDS = fault("embed.types-dependent", "Vectors depend on how many types are asked for.")
END = fault("embed.shorter-is-end", "Shorter vectors are the long ones from their end backwards.")
UNCUT = fault("embed.truncate-end-ignored", "Texts that are too long are embedded whole.")

MOST = 96
"""Inputs of one call."""
_DIMENSIONS = (256, 512, 1024, 1536)
_V3_BYTES = 5 * 2**20
_ALL_BYTES = 20 * 2**20
_PATCH = 64
"""Pixels of a side of the squares that an image is billed by."""

for _field in ("texts", "images", "inputs"):
    validation.leave("embed", _field, "maxItems")


@dataclass(frozen=True)
class _Input:
    parts: tuple[InputPart, ...]

    @property
    def images(self) -> list[Image]:
        return [part for part in self.parts if isinstance(part, Image)]

    @property
    def tokens(self) -> int:
        return sum(tokens.count(part) for part in self.parts if isinstance(part, str))


@operation("POST /v1/embed", "POST /v2/embed", beside="large")
def create(call: Call) -> JsonResponse:
    """Answer with the vectors of what is sent, and what it costs."""
    model = model_of(call, "embed")
    kinds = _kinds(call, model)
    dimension = _dimension(call, model)
    inputs = _inputs(call, model)
    notices = sunset(call, model)
    body: dict[str, Any] = {"id": new_id(), "texts": [_echo(call, model, text) for text in _texts(call)]}
    found = [_info(call, image) for one in inputs for image in one.images]
    if found and not call.faulty(IMAGES_UNTOLD):
        body["images"] = found
    body["embeddings"] = answered(call, _vectors(call, model, inputs, dimension, kinds), kinds)
    billed = _billed(call, model, inputs)
    body["meta"] = told(call, notices, **billed)
    if call.faulty(VERSION):
        body["meta"]["api_version"]["version"] = "2" if call.v1 else "1"
    by_type = bool(kinds) != call.faulty(SHAPE)
    body["response_type"] = "embeddings_by_type" if by_type else "embeddings_floats"
    if not _texts(call):
        return JsonResponse(body, warnings=notices)
    in_bytes = call.faulty(mangle.CHARS_BYTES)
    chars = sum(len(text.encode("utf-8", "replace") if in_bytes else text) for text in _texts(call))
    return JsonResponse(body, billed.get("input_tokens"), chars, notices)


def _texts(call: Call) -> list[str]:
    found: list[str] = call.body.get("texts") or []
    return found


def _generation(model: Model) -> int:
    """Return which generation of models it is: 2, 3 or 4."""
    return next((number for number in (2, 3) if f"v{number}." in model.name), 4)


def _kinds(call: Call, model: Model) -> list[str]:
    """Return the types that are asked for, each once; none asks for the flat list of version 1."""
    asked: list[str] = call.body.get("embedding_types") or []
    quantised = set(asked) - {"float", "base64"}
    if quantised and _generation(model) < 3:
        raise ApiError(400, f"embedding_types: {model.name} has no {', '.join(sorted(quantised))} vectors")
    return list(dict.fromkeys(asked)) or ([] if call.v1 else ["float"])


def _dimension(call: Call, model: Model) -> int:
    asked = _v2_field(call, "output_dimension")
    longest = model.dimension or _DIMENSIONS[-1]
    if asked is None or call.faulty(DIMENSION_IGNORED):
        return longest
    known = shipped_models().embed.get(model.name)
    taken = known.output_dimension if known is not None else _DIMENSIONS if _generation(model) >= 4 else ()
    if call.faulty(ANY_DIMENSION) and 0 < asked <= longest:
        return int(asked)
    if not taken:
        raise ApiError(400, f"output_dimension is not supported by model '{model.name}'")
    if asked not in taken:
        raise ApiError(400, f"output_dimension must be one of {', '.join(map(str, taken))}, got {asked}")
    return int(asked)


def _v2_field(call: Call, name: str) -> Any:
    """Return a field that version 1 does not know: there it is warned of and otherwise ignored (V-02)."""
    return None if call.v1 else call.body.get(name)


def _inputs(call: Call, model: Model) -> list[_Input]:
    """Return what is to be embedded, texts cut to what the model reads (EMB-R01 to EMB-R08)."""
    sent = [name for name in ("texts", "images") if call.body.get(name)]
    if _v2_field(call, "inputs"):
        sent.append("inputs")
    if len(sent) > 1 and "texts" in sent and call.faulty(TWO_FIELDS):
        sent = ["texts"]
    if len(sent) != 1:
        names = "texts or images" if call.v1 else "texts, images or inputs"
        raise ApiError(400, f"invalid request: exactly one of {names} must be given")
    (name,) = sent
    many = len(call.body[name])
    most = MOST + 1 if call.faulty(LIMIT_97) else MOST
    if many > most:
        raise ApiError(400, f"invalid request: total number of {name} must be at most {MOST}, got {many}")
    purpose = call.body.get("input_type")
    if purpose is None and _generation(model) > 2 and not call.faulty(PURPOSE_OPTIONAL):
        raise ApiError(400, f"valid input_type must be provided with model '{model.name}'")
    limit = model.context
    if not call.v1:
        limit = min(whole(call, "max_tokens", 1, None, limit), limit)
    match name:
        case "texts":
            inputs = [_Input((_fit(call, text, limit, f"text {n}"),)) for n, text in enumerate(_texts(call))]
        case "images":
            if purpose != "image" and not call.faulty(IMAGE_UNTYPED):
                raise ApiError(400, "invalid request: images need the input_type image")
            inputs = [_Input((images.inspect(uri),)) for uri in call.body["images"]]
        case _:
            if purpose == "image":
                raise ApiError(400, "invalid request: inputs must not have the input_type image")
            if _generation(model) < 4:
                raise ApiError(400, f"inputs are not supported by model '{model.name}'")
            inputs = [_mixed(call, one, limit, n) for n, one in enumerate(call.body["inputs"])]
    _check_images([image for one in inputs for image in one.images], model)
    return inputs


def _fit(call: Call, text: str, limit: int, what: str) -> str:
    truncate = call.body.get("truncate", "END")
    if truncate != "NONE" and call.faulty(UNCUT):
        return text
    return fitted(text, limit, "END" if call.faulty(CUT_ANYWAY) else truncate, what)


def _mixed(call: Call, one: dict[str, Any], limit: int, number: int) -> _Input:
    parts: list[InputPart] = []
    for part in one.get("content") or ():
        if part.get("type") == "image_url" and part.get("image_url"):
            parts.append(images.inspect(part["image_url"]["url"]))
        elif part.get("type") == "text" and part.get("text") is not None:
            parts.append(_fit(call, part["text"], limit, f"text in input {number}"))
        else:
            raise ApiError(400, f"invalid request: input {number} has a part without a text or an image")
    if not parts:
        raise ApiError(400, f"invalid request: input {number} has no content")
    return _Input(tuple(parts))


def _check_images(found: list[Image], model: Model) -> None:
    generation = _generation(model)
    if found and generation < 3:
        raise ApiError(400, f"images are not supported by model '{model.name}'")
    if generation == 3 and len(found) > 1:
        raise ApiError(400, f"invalid request: model '{model.name}' takes one image a call")
    size = sum(len(image.bytes) for image in found)
    if size > (_V3_BYTES if generation == 3 else _ALL_BYTES):
        raise ApiError(400, f"invalid request: the images have {size} bytes, which is too much")


def _vectors(
    call: Call, model: Model, inputs: list[_Input], dimension: int, kinds: list[str]
) -> list[Vector]:
    purpose = "" if call.faulty(PURPOSE_IGNORED) else call.body.get("input_type") or ""
    longest = model.dimension or dimension
    found: list[Vector] = []
    for position, one in enumerate(inputs):
        parts = one.parts
        if call.faulty(RANDOM):
            parts = (*parts, new_id())
        if call.faulty(NEIGHBOURS) and position:
            parts = (*parts, *inputs[position - 1].parts)
        if call.faulty(VERSIONS) and call.v1:
            parts = (*parts, "version")
        if call.faulty(KINDS) and len(kinds) > 1:
            parts = (*parts, "types")
        vector = embed(model.name, longest, parts, purpose)
        found.append(
            shortened(vector[::-1] if call.faulty(END) and dimension < longest else vector, dimension)
        )
    if call.faulty(SWAPPED):
        found[:2] = found[1::-1]
    if call.faulty(SHORT):
        found = [shortened(vector, dimension - 8) for vector in found]
    return found[:-1] if call.faulty(MISSING) else found


def _echo(call: Call, model: Model, text: str) -> str:
    """Return a text as it comes back: one old model lower-cases it (EMB-S04)."""
    if call.faulty(TEXTS_CHANGED):
        return text[:-1]
    if model.name != "embed-english-light-v3.0":
        return text
    # A letter whose small form is two would change the number of characters, which the header tells.
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


def _info(call: Call, image: Image) -> dict[str, Any]:
    """Return what is told about an image; the live service does not know its depth (EMB-S05)."""
    width, height = image.width, image.height
    if call.faulty(IMAGE_SIZE):
        width, height = height, width
    depth = 0 if call.profile is Profile.LIVE_2026 else image.bit_depth
    return {"width": width, "height": height, "format": image.format, "bit_depth": depth}


def _billed(call: Call, model: Model, inputs: list[_Input]) -> dict[str, int]:
    """Return the billed units (B-04): tokens of texts, tokens of images from v4 on, images before."""
    found = [image for one in inputs for image in one.images]
    spent = sum(one.tokens for one in inputs)
    if call.faulty(NOT_ADDITIVE):
        spent += 3
    if call.faulty(NEGATIVE):
        spent = -spent
    if call.faulty(UNITS_UNTOLD) and not found:
        return {"images": 0}
    if _generation(model) >= 4:
        return {"input_tokens": spent, "image_tokens": sum(_image_tokens(image) for image in found)}
    return {"images": len(found)} if found else {"input_tokens": spent}


def _image_tokens(image: Image) -> int:
    """Return how many tokens an image counts as: small ones are enlarged, large ones shrunk."""
    patches = math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH)
    return min(2048, max(256, patches))
