"""Embed: each check finds its violation and nothing else."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import pytest
from builders import UUID, exchange
from violations import looked_at, shipped, violated

from cohere_conformance.checks import judge
from cohere_conformance.reference import vectors

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

V1, V2 = "POST /v1/embed", "POST /v2/embed"
FLOATS = vectors.shortened(vectors.embed("embed-v4.0", 1536, ("plums",), ""), 256)
VALID = {kind: vectors.typed(FLOATS, kind) for kind in vectors.TYPES}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">II", 8, 4) + b"\x08\2\0\0\0"
IMAGE = {"width": 8, "height": 4, "format": "image/png", "bit_depth": 0}
PICTURE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PICTURES = {"texts": None, "images": [PICTURE], "input_type": "image"}


def request(*kinds: str, **further: Any) -> dict[str, Any]:
    sent = {"model": "embed-v4.0", "input_type": "search_query", "texts": ["Plums"], "output_dimension": 256}
    return sent | ({"embedding_types": list(kinds)} if kinds else {}) | further


def answer(embeddings: Any, version: str = "2", **further: Any) -> dict[str, Any]:
    meta = {"api_version": {"version": version}, "billed_units": {"input_tokens": 2}}
    flat = isinstance(embeddings, list)
    reported = {"id": UUID, "texts": ["Plums"], "embeddings": embeddings, "meta": meta}
    return reported | {"response_type": "embeddings_floats" if flat else "embeddings_by_type"} | further


def by_type(*kinds: str, **further: Any) -> dict[str, Any]:
    return answer({kind: [VALID[kind]] for kind in kinds} | further)


def shifted(vector: list[int]) -> list[int]:
    return [*vector[-1:], *vector[:-1]]


FULL = [list(vectors.embed("embed-v4.0", 1536, ("plums",), ""))]
FULL_V5 = vectors.embed("embed-v5.0", 2048, ("plums",), "")
ONE = by_type("float")
CONFORMING = [
    (V2, request(), ONE),
    (V2, request(*VALID), by_type(*VALID)),
    (V2, request("int8", "float", texts=["a", "b"]), by_type(int8=[VALID["int8"]] * 2, float=[FLOATS] * 2)
     | {"texts": ["a", "b"]}),
    (V2, request(output_dimension=None), by_type(float=FULL)),
    (V2, request(model="embed-v5.0-fast", output_dimension=None), by_type(float=[list(FULL_V5)])),
    (V2, request(model="embed-v5.0-pro", output_dimension=None), by_type(float=[[0.25] * 2048])),
    (V2, request(model="embed-v5.0-pro", output_dimension=768),
     by_type(float=[list(vectors.shortened(FULL_V5, 768))])),
    (V2, request(model="embed-v9.0-fast", output_dimension=None), by_type(float=[[0.5, 0.5]])),
    (V2, request(model="embed-english-light-v3.0", texts=["PLUM\u0301S"], output_dimension=None, max_tokens=3)
     | {"model": "my-embed"}, ONE | {"texts": ["plums"]}),
    (V2, request(**PICTURES), ONE | {"texts": [], "images": [IMAGE]}),
    (V2, request(texts=None, inputs=[{"content": [{"type": "text", "text": "Plums"}]}]), ONE | {"texts": []}),
    (V2, request(), {name: ONE[name] for name in ("id", "embeddings")}),
    (V1, request(output_dimension=None), answer(FULL, "1")),
    (V1, request("int8"), answer({"int8": [vectors.typed(tuple(FULL[0]), "int8")]}, "1")),
]  # fmt: skip


def billed(**units: float) -> dict[str, Any]:
    return ONE | {"meta": ONE["meta"] | {"billed_units": units}}


MIXED = {"texts": None, "inputs": [{"content": [{"type": "text", "text": "Plums"}]}]}
CONFORMING += [
    (V2, request(), billed(input_tokens=2, text_tokens=2.0)),
    (V2, request(), billed(input_tokens=2, text_tokens=2, image_tokens=0)),
    (V2, request(**MIXED), billed(input_tokens=9, text_tokens=2, image_tokens=7) | {"texts": []}),
    (V2, request(**PICTURES), billed(text_tokens=0, image_tokens=7) | {"texts": [], "images": [IMAGE]}),
]
OTHER_UNITS = {"meta": ONE["meta"] | {"billed_units": {"images": 1}}}
VIOLATING = [
    ("count", request(texts=["Plums", "Figs"]), ONE | {"texts": ["Plums", "Figs"]}),
    ("types", request("float", "int8"), ONE),
    ("types", request(), by_type("float", "int8")),
    ("shape", request(), ONE | {"response_type": "embeddings_floats"}),
    ("dimension", request(), by_type(float=[FLOATS[:248]])),
    ("dimension", request("int8"), by_type(int8=[VALID["int8"][:248]])),
    ("packed-dimension", request("ubinary"), by_type(ubinary=[[1] * 256])),
    ("base64-dimension", request("base64"), by_type(base64=["AAAA"])),
    ("base64-dimension", request("base64"), by_type(base64=["no base64"])),
    ("number-range", request("int8"), by_type(int8=[[*VALID["int8"][1:], 128]])),
    ("number-range", request("ubinary"), by_type(ubinary=[[*VALID["ubinary"][1:], -1]])),
    ("length-one", request(), by_type(float=[[3 * one for one in FLOATS]])),
    (
        "base64-floats",
        request("float", "base64"),
        by_type("float", base64=[vectors.typed(FLOATS, "base64", big_endian=True)]),
    ),
    (
        "ubinary-signs",
        request("float", "ubinary"),
        by_type("float", ubinary=[[255 - one for one in VALID["ubinary"]]]),
    ),
    (
        "binary-offset",
        request("binary", "ubinary"),
        by_type("ubinary", binary=[[one - 256 if one > 127 else one for one in VALID["ubinary"]]]),
    ),
    (
        "uint8-rises",
        request("int8", "uint8"),
        by_type("int8", uint8=[[255 - one for one in VALID["uint8"]]]),
    ),
    ("int8-direction", request("float", "int8"), by_type("float", int8=[shifted(VALID["int8"])])),
    ("texts-echo", request(), ONE | {"texts": ["plums"]}),
    ("texts-echo", request(), ONE | {"texts": []}),
    ("texts-echo", request(model="my-embed"), ONE | {"texts": ["Plum"]}),
    ("images-told", request(**PICTURES), ONE | {"texts": []}),
    ("image-size", request(**PICTURES), ONE | {"texts": [], "images": [IMAGE | {"width": 4, "height": 8}]}),
    ("most", request(texts=["a"] * 97), by_type(float=[FLOATS] * 97) | {"texts": ["a"] * 97}),
    ("one-field", request(inputs=[{"content": []}]), ONE),
    ("input-type", request(input_type=None), ONE),
    ("text-tokens", request(), billed(input_tokens=2, text_tokens=3)),
    ("text-tokens", request(), billed(input_tokens=2, text_tokens=1)),
    ("text-tokens", request(**MIXED), billed(input_tokens=2, text_tokens=3) | {"texts": []}),
    ("dimension-taken", request(output_dimension=8), by_type(float=[[1.0] + [0.0] * 7])),
    ("dimension-taken", request(model="embed-english-v3.0"), ONE),
    ("dimension-taken", request(output_dimension=2048), by_type(float=[list(FULL_V5)])),
    (
        "dimension-taken",
        request(model="embed-v5.0-pro", output_dimension=300),
        by_type(float=[list(vectors.shortened(FULL_V5, 300))]),
    ),
    ("dimension", request(model="embed-v5.0-pro", output_dimension=None), by_type(float=FULL)),
    ("image-purpose", request(**PICTURES | {"input_type": "clustering"}),
     ONE | {"texts": [], "images": [IMAGE]}),
    ("version-told", request(), ONE | {"meta": {"api_version": {"version": "1"}}}),
    ("units-told", request(), ONE | OTHER_UNITS),
]  # fmt: skip


@pytest.mark.parametrize(("call", "sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=sent), "embed") == []


@pytest.mark.parametrize(("name", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, sent: Any, body: Any) -> None:
    assert violated(exchange(V2, body, request=sent), "embed") == [name]


@pytest.mark.parametrize(
    ("kinds", "embeddings"), [((), {"float": FULL}), (("float",), FULL)], ids=["by-type", "flat"]
)
def test_version_1_answers_by_type_if_asked_to(kinds: tuple[str, ...], embeddings: Any) -> None:
    body = answer(embeddings, "1")
    assert "shape" in violated(exchange(V1, body, request=request(*kinds)), "embed")


def test_every_check_has_a_violation() -> None:
    assert {row[0] for row in VIOLATING} == looked_at("embed")


@pytest.mark.parametrize("sent", [None, b"{", [], {}, {"texts": 7, "embedding_types": 1, "model": []}])
@pytest.mark.parametrize("call", [V1, V2])
def test_with_an_invalid_request_little_is_reported(call: str, sent: Any) -> None:
    body = answer({"float": [[0.5], []], "ubinary": [[], [1]], "int8": [[0], [0]]}, call[7])
    assert violated(exchange(call, body, request=sent), "embed") == []
    assert violated(exchange(call, None, request=request()), "embed") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(one, "embed") for one in shipped("embed")]


@pytest.mark.parametrize(
    ("name", "texts", "vector", "location"),
    [
        ("embed.count", ["Plums", "Figs"], FULL[0], "/embeddings"),
        ("embed.dimension", ["Plums"], [1.0], "/embeddings/*"),
    ],
)
def test_a_flat_list_has_no_type_in_its_locations(
    amended: Contract, name: str, texts: list[str], vector: list[float], location: str
) -> None:
    body = answer([vector], "1", texts=texts)
    sent = request(output_dimension=None, texts=texts)
    found = [one for one in judge(amended, exchange(V1, body, request=sent)) if one.requirement == name]
    assert [one.location for one in found] == [location]
