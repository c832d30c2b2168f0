"""Embed: number, types and lengths of vectors, echoed texts and images, and refusals."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.images import png_size
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.contract.models import known, shipped_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

TYPES = ("float", "int8", "uint8", "binary", "ubinary", "base64")
"""Every type of vector that is declared."""
_MOST = 96


def vectors(evidence: Evidence) -> dict[str, list[Any]]:
    """Return the vectors of a response by type; a flat list has floats."""
    reported = evidence.response.get("embeddings")
    if isinstance(reported, list):
        return {"float": reported}
    found = reported if isinstance(reported, dict) else {}
    return {kind: found[kind] for kind in TYPES if isinstance(found.get(kind), list)}


def place(evidence: Evidence, kind: str) -> str:
    """Return where a response has the vectors of a type; a flat list has no types."""
    flat = isinstance(evidence.response.get("embeddings"), list)
    return "/embeddings" if flat else f"/embeddings/{kind}"


def v1(evidence: Evidence) -> bool:
    """Return whether the operation is of version 1."""
    return " /v1/" in evidence.operation.label


def inputs(evidence: Evidence) -> list[tuple[str, list[Any]]]:
    """Return the inputs by the name of their field; more than one is invalid."""
    names = ("texts", "images") if v1(evidence) else ("texts", "images", "inputs")
    return [(name, value) for name in names if isinstance(value := evidence.sent.get(name), list) and value]


@check("embed.count")
def count(evidence: Evidence) -> Iterator[Breach]:
    """The embeddings of each type have one vector for each input (EMB-O01)."""
    sent = inputs(evidence)
    if len(sent) != 1:
        return
    ((_, wanted),) = sent
    for kind, found in vectors(evidence).items():
        if len(found) != len(wanted):
            yield Breach(place(evidence, kind), f"{len(wanted)} vectors, one an input", str(len(found)))


@check("embed.types")
def types(evidence: Evidence) -> Iterator[Breach]:
    """The embeddings have exactly the requested types (EMB-S02)."""
    reported = evidence.response.get("embeddings")
    asked = _asked(evidence)
    if not isinstance(reported, dict) or asked is None:
        return
    for kind in TYPES:
        if kind in asked and not isinstance(reported.get(kind), list):
            yield Breach(f"/embeddings/{kind}", "vectors of this requested type", "none", "lacks")
        elif kind in reported and kind not in asked:
            yield Breach(f"/embeddings/{kind}", "no vectors of this type", "vectors", "has")


@check("embed.shape")
def shape(evidence: Evidence) -> Iterator[Breach]:
    """Version 1 without embedding_types returns a list of vectors, otherwise vectors by type; response_type
    names the form (EMB-S01).
    """
    if not evidence.response:
        return
    flat = isinstance(evidence.response.get("embeddings"), list)
    asked = _asked(evidence)
    if asked is not None and flat != (not asked):
        yield Breach(
            "/embeddings",
            "vectors by type, as types are requested" if asked else "a flat list, as no type is requested",
            "a flat list" if flat else "vectors by type",
            "flat" if flat else "by-type",
        )
    reported = evidence.response.get("response_type")
    fitting = "embeddings_floats" if flat else "embeddings_by_type"
    if reported is not None and reported != fitting:
        yield Breach("/response_type", fitting, str(reported))


def _asked(evidence: Evidence) -> tuple[str, ...] | None:
    """Return the requested types, none for the flat list of version 1, `None` if unknown."""
    sent = evidence.sent
    reported = sent.get("embedding_types")
    if not sent or not (reported is None or isinstance(reported, list)):
        return None
    if reported:
        return tuple(one for one in reported if isinstance(one, str))
    return () if v1(evidence) else ("float",)


@check("embed.texts-echo", returns="texts")
def texts_echo(evidence: Evidence) -> Iterator[Breach]:
    """The texts are echoed in order, for older models up to case, spaces and accents; images have none.

    Source: EMB-S04, EMB-S05.
    """
    sent, reported = inputs(evidence), evidence.response.get("texts")
    if len(sent) != 1 or not isinstance(reported, list):
        return
    ((name, texts),) = sent
    if name == "images" and reported:
        yield Breach("/texts", "no texts, images were sent", f"{len(reported)} texts", "images")
    if name != "texts" or not all(isinstance(text, str) for text in texts):
        return
    if len(reported) != len(texts):
        yield Breach("/texts", f"the {len(texts)} texts that were sent", f"{len(reported)} texts", "number")
        return
    model = known(evidence.sent.get("model"))
    exact = model is not None and model.keeps_text
    for text, other in zip(texts, reported, strict=True):
        if text != other and (exact or _folded(text) != _folded(other)):
            yield Breach("/texts/*", f"the text that was sent, {text[:100]!r}", repr(other[:100]), "text")
            return


def _folded(text: str) -> str:
    """Return a text without case, spaces, accents and invisible characters."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in folded if not one.isspace() and unicodedata.category(one)[0] not in "MC")


@check("embed.images-told", sends="images")
def images_described(evidence: Evidence) -> Iterator[Breach]:
    """Every embedded image is described in images (EMB-S05)."""
    sent, reported = inputs(evidence), evidence.response.get("images")
    if len(sent) != 1 or sent[0][0] != "images" or not evidence.response:
        return
    found = len(reported) if isinstance(reported, list) else 0
    if found != len(sent[0][1]):
        yield Breach("/images", f"{len(sent[0][1])} images, as many as were sent", str(found))


@check("embed.image-size", sends="images", returns="images")
def image_size(evidence: Evidence) -> Iterator[Breach]:
    """Width and height in images are those of the image that was sent (EMB-S05)."""
    sent, reported = evidence.sent.get("images"), evidence.response.get("images")
    if not isinstance(sent, list) or not isinstance(reported, list) or len(sent) != len(reported):
        return
    for uri, image in zip(sent, reported, strict=True):
        size = png_size(uri)
        if size is not None and size != (image["width"], image["height"]):
            shown = f"{image['width']:g} x {image['height']:g}"
            yield Breach("/images/*", f"{size[0]} x {size[1]} pixels", shown)
            return


@check("embed.most")
def most(evidence: Evidence) -> Iterator[Breach]:
    """More than 96 texts or inputs are refused (EMB-R01, EMB-R02)."""
    for name, value in inputs(evidence):
        if name != "images" and len(value) > _MOST:
            yield Breach("", f"a refusal of more than {_MOST} {name}", f"vectors of {len(value)}", name)


@check("embed.one-field")
def one_field(evidence: Evidence) -> Iterator[Breach]:
    """A request with more than one of texts, images and inputs is refused (EMB-R01)."""
    names = [name for name, _ in inputs(evidence)]
    if len(names) > 1:
        yield Breach("", f"a refusal of {' and '.join(names)} in one request", "vectors")


@check("embed.dimension-taken", sends="output_dimension")
def dimension_taken(evidence: Evidence) -> Iterator[Breach]:
    """An output_dimension that the model does not support is refused (EMB-R07)."""
    model, asked = str(evidence.sent.get("model")), evidence.sent.get("output_dimension")
    found = known(model)
    lengths = None if found is None else found.output_dimension
    if lengths is None or not isinstance(asked, int) or asked in lengths:
        return
    taken = ", ".join(map(str, lengths)) or "no output_dimension at all"
    yield Breach("", f"a refusal: {model} takes {taken}", f"vectors for {asked}", model)


@check("embed.input-type")
def input_type(evidence: Evidence) -> Iterator[Breach]:
    """Models since v3 refuse a request without input_type (EMB-R03)."""
    sent = evidence.sent
    if str(sent.get("model")) in shipped_models().embed and sent.get("input_type") is None:
        yield Breach("", "a refusal, as there is no input_type", f"vectors of {sent['model']}")


@check("embed.image-purpose")
def image_purpose(evidence: Evidence) -> Iterator[Breach]:
    """Images need the input_type image, and mixed inputs must not have it (EMB-R04)."""
    purpose = evidence.sent.get("input_type")
    for name, _ in inputs(evidence):
        if isinstance(purpose, str) and name != "texts" and (purpose == "image") != (name == "images"):
            yield Breach("", f"a refusal of {name} with the input_type {purpose}", "vectors", name)


@check("embed.version-told", returns="meta")
def version_matches(evidence: Evidence) -> Iterator[Breach]:
    """The api_version of a response is that of the endpoint (EMB-S03)."""
    version = ((evidence.response.get("meta") or {}).get("api_version") or {}).get("version")
    called = "1" if v1(evidence) else "2"
    if version is not None and version != called:
        yield Breach("/meta/api_version/version", called, str(version))


@check("embed.units-told")
def units_are_tokens(evidence: Evidence) -> Iterator[Breach]:
    """The billed units of texts are tokens (EMB-S03)."""
    if [name for name, _ in inputs(evidence)] != ["texts"]:
        return
    units = (evidence.response.get("meta") or {}).get("billed_units")
    if units is not None and units.get("input_tokens") is None:
        yield Breach("/meta/billed_units/input_tokens", "how many tokens are billed", "nothing")


@check("embed.text-tokens", returns="meta")
def text_tokens(evidence: Evidence) -> Iterator[Breach]:
    """The billed text_tokens are at most the input_tokens, and equal to them if only texts are sent.

    Source: B-10.
    """
    units = (evidence.response.get("meta") or {}).get("billed_units") or {}
    spent, billed = units.get("text_tokens"), units.get("input_tokens")
    if spent is None or billed is None:
        return
    only_texts = [name for name, _ in inputs(evidence)] == ["texts"]
    if spent > billed or (only_texts and spent != billed):
        limit = "" if only_texts else "at most "
        yield Breach(
            "/meta/billed_units/text_tokens", f"{limit}the {billed:g} billed input tokens", f"{spent:g}"
        )
