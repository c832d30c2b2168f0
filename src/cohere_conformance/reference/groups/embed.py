"""Embed: vectors of texts, of images, and of inputs with both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import images, tokens, validation
from cohere_conformance.reference.common import (
    characters,
    fitted,
    integer,
    meta_with_notices,
    model_of,
    sunset,
)
from cohere_conformance.reference.groups import embed_faults as faults
from cohere_conformance.reference.groups.embed_types import embeddings
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.images import Image
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.vectors import embed, shortened

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model
    from cohere_conformance.reference.vectors import InputPart, Vector

MOST = 96
"""The maximum number of inputs of a call."""
_USUAL = 1536
"""The dimension of a model that embeds only with an injected fault."""
_NAMES_TEXT_TOKENS = 5
"""The first generation whose billed units have text_tokens."""
_PATCH = 64
"""The side of a patch in pixels; an image is billed by its patches."""

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


@operation("POST /v1/embed", "POST /v2/embed", in_thread="large")
def create(call: Call) -> JsonResponse:
    """Return the vectors of the inputs and what they cost."""
    model = model_of(call, "embed")
    kinds = _kinds(call, model)
    dimension = _dimension(call, model)
    inputs = _inputs(call, model)
    notices = sunset(call, model)
    texts = _texts(call)
    billed = _with_text_tokens(call, model, inject(call, faults.BILLED, _billed(model, inputs)))
    images = [_image_info(call, image) for one in inputs for image in one.images]
    body = {
        "id": new_id(),
        "texts": inject(call, faults.TEXTS, [_echo(model, text) for text in texts]),
        **({"images": images} if images else {}),
        "embeddings": embeddings(call, _vectors(call, model, inputs, dimension), kinds),
        "meta": meta_with_notices(call, notices, **billed),
        "response_type": "embeddings_by_type" if kinds else "embeddings_floats",
    }
    body = inject(call, faults.BODY, body)
    if not texts:
        return JsonResponse(body, warnings=notices)
    return JsonResponse(body, billed.get("input_tokens"), characters(call, texts), notices)


def _texts(call: Call) -> list[str]:
    found: list[str] = call.body.get("texts") or []
    return found


def _kinds(call: Call, model: Model) -> list[str]:
    """Return the requested types, each once; none for the list of float vectors of version 1."""
    requested: list[str] = call.body.get("embedding_types") or []
    quantised = set(requested) - {"float", "base64"}
    if quantised and model.generation < 3:
        raise ApiError(400, f"embedding_types: {model.name} has no {', '.join(sorted(quantised))} vectors")
    return list(dict.fromkeys(requested)) or ([] if call.v1 else ["float"])


def _dimension(call: Call, model: Model) -> int:
    requested = inject(call, faults.DIMENSION, _v2_field(call, "output_dimension"))
    longest = model.dimension or _USUAL
    if requested is None:
        return longest
    allowed = model.facts.output_dimension or ()
    if call.faulty(faults.ANY_DIMENSION) and 0 < requested <= longest:
        return int(requested)
    if not allowed:
        raise ApiError(400, f"output_dimension is not supported by model '{model.name}'")
    if requested not in allowed:
        options = ", ".join(map(str, allowed))
        raise ApiError(400, f"output_dimension must be one of {options}, got {requested}")
    return int(requested)


def _v2_field(call: Call, name: str) -> Any:
    """Return a field that only version 2 has; version 1 ignores it with a warning (V-02)."""
    return None if call.v1 else call.body.get(name)


def _inputs(call: Call, model: Model) -> list[_Input]:
    """Return the inputs, with texts cut to the context of the model (EMB-R01 to EMB-R08)."""
    sent = [name for name in ("texts", "images") if call.body.get(name)]
    if _v2_field(call, "inputs"):
        sent.append("inputs")
    sent = inject(call, faults.FIELDS, sent)
    if len(sent) != 1:
        names = "texts or images" if call.v1 else "texts, images or inputs"
        raise ApiError(400, f"invalid request: exactly one of {names} must be given")
    (name,) = sent
    many = len(call.body[name])
    if many > inject(call, faults.MOST_INPUTS, MOST):
        raise ApiError(400, f"invalid request: total number of {name} must be at most {MOST}, got {many}")
    purpose = call.body.get("input_type")
    if purpose is None and model.generation > 2 and not call.faulty(faults.PURPOSE_OPTIONAL):
        raise ApiError(400, f"valid input_type must be provided with model '{model.name}'")
    limit = model.context
    if not call.v1:
        limit = min(integer(call, "max_tokens", 1, None, limit), limit)
    limit = inject(call, faults.TOKEN_LIMIT, limit)
    match name:
        case "texts":
            inputs = [_Input((_fit(call, text, limit, f"text {n}"),)) for n, text in enumerate(_texts(call))]
        case "images":
            if purpose != "image" and not call.faulty(faults.IMAGE_UNTYPED):
                raise ApiError(400, "invalid request: images need the input_type image")
            inputs = [_Input((images.inspect(uri),)) for uri in call.body["images"]]
        case _:
            if purpose == "image":
                raise ApiError(400, "invalid request: inputs must not have the input_type image")
            if model.generation < 4:
                raise ApiError(400, f"inputs are not supported by model '{model.name}'")
            inputs = [_mixed(call, one, limit, n) for n, one in enumerate(call.body["inputs"])]
    _check_images([image for one in inputs for image in one.images], model)
    return inputs


def _fit(call: Call, text: str, limit: int, what: str) -> str:
    return fitted(text, limit, inject(call, faults.TRUNCATE, call.body.get("truncate", "END")), what)


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
    limits = model.facts.limits
    if found and "image" not in model.facts.modalities:
        raise ApiError(400, f"images are not supported by model '{model.name}'")
    if len(found) > limits.get("images", len(found)):
        raise ApiError(400, f"invalid request: model '{model.name}' takes one image a call")
    size = sum(len(image.bytes) for image in found)
    if size > limits.get("bytes", size):
        raise ApiError(400, f"invalid request: the images have {size} bytes, which is too much")


def _vectors(call: Call, model: Model, inputs: list[_Input], dimension: int) -> list[Vector]:
    purpose = inject(call, faults.PURPOSE, call.body.get("input_type") or "")
    longest = model.dimension or dimension
    embedded = inject(call, faults.INPUTS, [one.parts for one in inputs])
    vectors = [embed(model.space, longest, parts, purpose) for parts in embedded]
    if dimension < longest:
        vectors = inject(call, faults.LONG_VECTORS, vectors)
        vectors = [shortened(vector, dimension) for vector in vectors]
    return inject(call, faults.VECTORS, vectors)


def _echo(model: Model, text: str) -> str:
    """Return a text as the response repeats it: one old model lower-cases it (EMB-S04)."""
    if not model.facts.lower_case:
        return text
    # A letter whose lower case has two characters stays: the header num_chars counts the characters.
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


def _image_info(call: Call, image: Image) -> dict[str, Any]:
    """Return the description of an image; the live service does not know its bit depth (EMB-S05)."""
    depth = 0 if call.profile is Profile.LIVE_2026 else image.bit_depth
    return {"width": image.width, "height": image.height, "format": image.format, "bit_depth": depth}


def _billed(model: Model, inputs: list[_Input]) -> dict[str, int]:
    """Return the billed units: tokens of texts, tokens of images from v4 on, images before (B-04)."""
    found = [image for one in inputs for image in one.images]
    spent = sum(one.tokens for one in inputs)
    if model.generation >= 4:
        return {"input_tokens": spent, "image_tokens": sum(_image_tokens(image) for image in found)}
    return {"images": len(found)} if found else {"input_tokens": spent}


def _with_text_tokens(call: Call, model: Model, billed: dict[str, int]) -> dict[str, int]:
    """Add the tokens of texts, which are named apart from the fifth generation on (B-10)."""
    if model.generation < _NAMES_TEXT_TOKENS or "input_tokens" not in billed:
        return billed
    return billed | {"text_tokens": inject(call, faults.TEXT_TOKENS, billed["input_tokens"])}


def _image_tokens(image: Image) -> int:
    """Return the tokens of an image, which is scaled to at least 256 and at most 2048 patches."""
    patches = math.ceil(image.width / _PATCH) * math.ceil(image.height / _PATCH)
    return min(2048, max(256, patches))
