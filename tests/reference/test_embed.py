"""Embed: every oracle on the faultless server, and every fault seen once."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import Profile, ServerState, catalogue
from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.images import inspect
from cohere_conformance.reference.vectors import TYPES
from reference import GARBLED, CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\x20\x40\x60" * width for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


TEXTS = ["Plums ripen in August.", "Zwetschgen sind süß.", "The crane lifts twelve tonnes."]
BASE: dict[str, Any] = {"model": "embed-v4.0", "texts": TEXTS, "input_type": "search_document"}
ALL = BASE | {"embedding_types": list(TYPES), "output_dimension": 256}
PICTURE = {
    "model": "embed-v4.0",
    "images": [uri(png(3, 5))],
    "input_type": "image",
    "embedding_types": ["float"],
}
OTHERS = {"texts": ["Plums ripen in August."] * 97}
LONG = {"model": "embed-english-v3.0", "input_type": "clustering", "texts": ["word " * 600]}


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


@pytest.fixture
def send(server: CheckedServer) -> Callable[..., Any]:
    def send(body: dict[str, Any], path: str = "/v2/embed", status: int | None = 200) -> Any:
        return server.ask(f"POST {path}", body, status=status)

    return send


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / length


def floats(response: Any) -> list[list[float]]:
    found: list[list[float]] = response.json()["embeddings"]["float"]
    return found


@pytest.mark.parametrize(
    ("model", "dimension"),
    [("embed-english-v3.0", 1024), ("embed-multilingual-light-v3.0", 384), ("embed-v4.0", 1536)],
)
def test_vectors_have_the_length_and_the_norm_of_the_model(send: Any, model: str, dimension: int) -> None:
    answer = send(BASE | {"model": model})
    assert [len(vector) for vector in floats(answer)] == [dimension] * 3
    assert all(abs(math.hypot(*vector) - 1) < 1e-5 for vector in floats(answer))
    assert set(answer.json()["embeddings"]) == {"float"}
    assert int(answer.headers["num_tokens"]) == answer.json()["meta"]["billed_units"]["input_tokens"]
    assert int(answer.headers["num_chars"]) == sum(map(len, answer.json()["texts"]))


def test_the_six_types_encode_the_same_vector(send: Any) -> None:
    types = send(ALL).json()["embeddings"]
    for n, vector in enumerate(types["float"]):
        assert list(struct.unpack("<256f", base64.b64decode(types["base64"][n]))) == vector
        assert cosine(vector, types["int8"][n]) > 0.999
        assert [one - 128 for one in types["uint8"][n]] == types["int8"][n]
        bits = "".join("1" if one > 0 else "0" for one in vector)
        assert bytes(types["ubinary"][n]) == int(bits, 2).to_bytes(32)
        assert [one + 128 for one in types["binary"][n]] == types["ubinary"][n]


def test_a_shorter_vector_is_the_beginning_of_the_long_one(send: Any) -> None:
    long, short = floats(send(BASE))[0], floats(send(ALL))[0]
    assert cosine(long[:256], short) > 0.9996


def test_version_1_returns_a_list_or_the_same_vectors_by_type(send: Any) -> None:
    flat = send(BASE, "/v1/embed").json()
    assert flat["response_type"] == "embeddings_floats"
    assert flat["embeddings"] == floats(send(BASE))
    typed = send(BASE | {"embedding_types": ["float"]}, "/v1/embed").json()
    assert (typed["response_type"], typed["embeddings"]["float"]) == (
        "embeddings_by_type",
        flat["embeddings"],
    )


def test_a_vector_depends_on_its_own_text_and_purpose(send: Any) -> None:
    together = floats(send(BASE))
    alone = [floats(send(BASE | {"texts": [text]}))[0] for text in TEXTS]
    assert together == alone
    query = floats(send(BASE | {"input_type": "search_query"}))[0]
    assert 0.9 < cosine(query, together[0]) < 0.9996
    near = floats(send(BASE | {"texts": ["When are plums ripe in August?"]}))[0]
    assert cosine(near, together[0]) > 0.3 > cosine(near, together[2])


def test_tokens_are_billed_by_input_and_a_notice_is_given_of_an_old_model(send: Any) -> None:
    units = [send(BASE | {"texts": [text]}).json()["meta"]["billed_units"]["input_tokens"] for text in TEXTS]
    assert send(BASE).json()["meta"]["billed_units"] == {"input_tokens": sum(units), "image_tokens": 0}
    old = send({"model": "embed-english-v2.0", "texts": ["a"]}, "/v1/embed")
    assert "is deprecated and will be removed" in old.headers["x-api-warning"]
    assert old.json()["meta"]["warnings"] == [old.headers["x-api-warning"]]


def test_truncate_cuts_a_text_at_its_start_or_end(send: Any) -> None:
    cut = floats(send(LONG | {"texts": ["word " * 600 + "and more of it"]}))
    assert floats(send(LONG)) == cut
    start = LONG | {"truncate": "START"}
    assert floats(send(start)) != floats(send(start | {"texts": ["word " * 600 + "and more of it"]}))
    assert "NONE" in send(LONG | {"truncate": "NONE"}, status=400).json()["message"]


def test_images_and_mixed_inputs(send: Any) -> None:
    answer = send(PICTURE).json()
    assert answer["texts"] == []
    assert answer["images"] == [{"width": 3, "height": 5, "format": "image/png", "bit_depth": 24}]
    assert answer["meta"]["billed_units"] == {"input_tokens": 0, "image_tokens": 256}
    third = send(PICTURE | {"model": "embed-english-v3.0"}).json()
    assert third["meta"]["billed_units"] == {"images": 1}
    content = [
        {"type": "text", "text": "a tile"},
        {"type": "image_url", "image_url": {"url": uri(png(2, 2))}},
    ]
    mixed = send({"model": "embed-v4.0", "input_type": "clustering", "inputs": [{"content": content}]}).json()
    assert (len(mixed["embeddings"]["float"]), mixed["images"][0]["width"]) == (1, 2)


def test_the_models_of_embed_5_have_longer_vectors_in_one_space(send: Any) -> None:
    pro, fast = (floats(send(BASE | {"model": f"embed-v5.0-{kind}"})) for kind in ("pro", "fast"))
    assert {len(vector) for vector in pro} == {2048}
    assert pro == fast != floats(send(BASE))
    short = floats(send(BASE | {"model": "embed-v5.0-fast", "output_dimension": 768}))
    assert {len(vector) for vector in short} == {768}


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("/v2/embed", OTHERS, "at most 96"),
        ("/v2/embed", {"images": [uri(png(1, 1))]}, "exactly one of"),
        ("/v1/embed", {"texts": None}, "exactly one of"),
        ("/v1/embed", {"input_type": None}, "valid input_type must be provided"),
        ("/v2/embed", {"output_dimension": 300}, "output_dimension must be one of"),
        ("/v2/embed", {"output_dimension": 256, "model": "embed-english-v3.0"}, "not supported"),
        ("/v2/embed", {"output_dimension": 2048}, "256, 512, 1024, 1536, got 2048"),
        ("/v2/embed", {"output_dimension": 300, "model": "embed-v5.0-pro"}, "768, 1024, 1536, 2048, got 300"),
        ("/v2/embed", {"max_tokens": 0}, "max_tokens must be at least 1"),
        ("/v2/embed", {"model": "embed-english-v2.0", "embedding_types": ["int8"]}, "no int8"),
        ("/v2/embed", {"texts": None, "images": [uri(png(1, 1))]}, "input_type image"),
        ("/v2/embed", {"texts": None, "images": ["x"], "input_type": "image"}, "data URI"),
        ("/v2/embed", {"texts": None, "inputs": [{"content": []}]}, "has no content"),
        ("/v2/embed", {"texts": None, "inputs": [{"content": [{"type": "text"}]}]}, "without a text"),
    ],
)
def test_invalid_requests_are_rejected(send: Any, path: str, change: dict[str, Any], message: str) -> None:
    body = {name: value for name, value in (BASE | change).items() if value is not None}
    assert message in send(body, path, 400).json()["message"]


def test_the_live_service_knows_no_depth_and_no_old_models() -> None:
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        image = live.ask("POST /v2/embed", PICTURE)
        gone = live.ask("POST /v2/embed", BASE | {"model": "embed-english-v2.0"}, status=404)
    assert image.json()["images"][0]["bit_depth"] == 0
    assert "was removed on" in gone.json()["message"]


JPEG = bytes.fromhex("ffd8ffe00004 0000 ffc0000b 08 0007 0009 01 01 11 00 ffd9")
LOSSLESS = struct.pack("<I", 8 | 9 << 14 | 1 << 28)


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (png(3, 5), "png", (3, 5, 24)),
        (JPEG, "jpeg", (9, 7, 8)),
        (b"GIF89a" + struct.pack("<HHB", 6, 4, 0xF7) + b"\0\0", "gif", (6, 4, 8)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + LOSSLESS, "webp", (9, 10, 32)),
        (b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x10\0\0\0" + b"\x04\0\0\x06\0\0", "webp", (5, 7, 32)),
        (b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0" + bytes(6) + struct.pack("<HH", 11, 12), "webp", (11, 12, 24)),
    ],
)
def test_images_are_read_and_damaged_ones_rejected(
    content: bytes, kind: str, size: tuple[int, int, int]
) -> None:
    found = inspect(uri(content, kind))
    assert (found.width, found.height, found.bit_depth, found.format) == (*size, f"image/{kind}")
    for cut in range(len(content) - (0 if kind == "png" else 12)):
        with pytest.raises(ApiError):
            inspect(uri(content[:cut], kind))


def longer(send: Any) -> bool:
    return abs(math.hypot(*floats(send(BASE))[0]) - 1) < 1e-2


def types(send: Any) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = send(ALL).json()["embeddings"]
    return found


def units(send: Any) -> int:
    return int(send(BASE | {"texts": ["a"]}).json()["meta"]["billed_units"]["input_tokens"])


def billed(send: Any, model: str, **change: Any) -> dict[str, int]:
    units: dict[str, int] = send(BASE | {"model": model} | change).json()["meta"]["billed_units"]
    return units


def names_its_texts(send: Any) -> bool:
    units = billed(send, "embed-v5.0-fast")
    return units["text_tokens"] == units["input_tokens"]


def test_the_fifth_generation_names_the_tokens_of_texts(send: Callable[..., Any]) -> None:
    assert "text_tokens" not in billed(send, "embed-v4.0")
    content = [
        {"type": "text", "text": TEXTS[0]},
        {"type": "image_url", "image_url": {"url": uri(png(3, 5))}},
    ]
    mixed = billed(send, "embed-v5.0-pro", texts=None, inputs=[{"content": content}])
    assert (
        mixed["text_tokens"]
        == mixed["input_tokens"]
        == billed(send, "embed-v4.0", texts=TEXTS[:1])["input_tokens"]
    )
    assert mixed["image_tokens"] > 0


WIDTH = {"output_dimension": 256, "embedding_types": ["float"]}
SEEN: dict[str, Callable[[Any], bool]] = {
    "missing-vector": lambda send: len(floats(send(BASE))) == 3,
    "wrong-dimension": lambda send: len(floats(send(BASE | WIDTH))[0]) == 256,
    "dimension-ignored": lambda send: len(floats(send(BASE | WIDTH))[0]) == 256,
    "unnormalised": longer,
    "int8-out-of-range": lambda send: max(types(send)["int8"][0]) <= 127,
    "uint8-signed": lambda send: min(types(send)["uint8"][0]) >= 0,
    "order-swapped": lambda send: floats(send(BASE))[0] == floats(send(BASE | {"texts": TEXTS[:1]}))[0],
    "base64-big-endian": lambda send: (
        list(struct.unpack("<256f", base64.b64decode(str(types(send)["base64"][0]))))
        == types(send)["float"][0]
    ),
    "ubinary-inverted": lambda send: (types(send)["ubinary"][0][0] > 127) == (types(send)["float"][0][0] > 0),
    "binary-unsigned": lambda send: max(types(send)["binary"][0]) <= 127,
    "types-ignored": lambda send: set(types(send)) == set(TYPES),
    "extra-type": lambda send: set(send(BASE).json()["embeddings"]) == {"float"},
    "null-types": lambda send: set(send(BASE).json()["embeddings"]) == {"float"},
    "texts-changed": lambda send: send(BASE).json()["texts"] == TEXTS,
    "not-deterministic": lambda send: cosine(floats(send(BASE))[0], floats(send(BASE))[0]) > 0.9996,
    "input-type-ignored": lambda send: (
        cosine(floats(send(BASE))[0], floats(send(BASE | {"input_type": "search_query"}))[0]) < 1 - 1e-6
    ),
    "negative-units": lambda send: units(send) > 0,
    "units-not-additive": lambda send: units(send) == 1,
    "text-tokens-above": names_its_texts,
    "text-tokens-missed": names_its_texts,
    "limit-97": lambda send: send(BASE | OTHERS | WIDTH, status=None).is_error,
    "truncate-none-ignored": lambda send: send(LONG | {"truncate": "NONE"}, status=None).is_error,
    "image-input-type-ignored": lambda send: (
        send(PICTURE | {"input_type": "clustering"}, status=None).is_error
    ),
    "image-size-swapped": lambda send: send(PICTURE).json()["images"][0]["width"] == 3,
    "any-dimension": lambda send: send(BASE | {"output_dimension": 300}, status=None).is_error,
}


SEEN |= {
    "int8-shifted": lambda send: cosine(types(send)["int8"][0], types(send)["float"][0]) > 0.999,
    "uint8-turned": lambda send: types(send)["uint8"][0][0] - types(send)["int8"][0][0] == 128,
    "binary-complement": lambda send: types(send)["ubinary"][0][0] - types(send)["binary"][0][0] == 128,
    "not-packed": lambda send: len(types(send)["binary"][0]) == 32,
    "base64-doubles": lambda send: len(base64.b64decode(str(types(send)["base64"][0]))) == 4 * 256,
    "images-untold": lambda send: "images" in send(PICTURE).json(),
    "two-fields-accepted": lambda send: send(PICTURE | {"texts": ["a"]}, status=None).is_error,
    "input-type-optional": lambda send: send(BASE | {"input_type": None}, "/v1/embed", None).is_error,
    "response-type-wrong": lambda send: send(BASE).json()["response_type"] == "embeddings_by_type",
    "version-differs": lambda send: send(BASE).json()["meta"]["api_version"] == {"version": "2"},
    "units-untold": lambda send: "input_tokens" in send(BASE).json()["meta"]["billed_units"],
    "neighbour-dependent": lambda send: floats(send(BASE))[1] == floats(send(BASE | {"texts": TEXTS[1:]}))[0],
    "versions-differ": lambda send: (
        send(BASE | {"texts": TEXTS[:1]}, "/v1/embed").json()["embeddings"][0]
        == floats(send(BASE | {"texts": TEXTS[:1]}))[0]
    ),
    "list-reversed": lambda send: send(BASE, "/v1/embed").json()["embeddings"] == floats(send(BASE)),
    "types-dependent": lambda send: types(send)["float"] == floats(send(BASE | {"output_dimension": 256})),
    "shorter-is-end": lambda send: (
        cosine(floats(send(BASE | WIDTH))[0], floats(send(BASE))[0][:256]) > 0.9996
    ),
    "truncate-end-ignored": lambda send: (
        floats(send(LONG)) == floats(send(LONG | {"texts": ["word " * 600 + "and more of it"]}))
    ),
}


def test_every_fault_is_tested() -> None:
    known = {name for name in catalogue() if name.startswith("embed.")}
    assert {f"embed.{name}" for name in SEEN} == known - GARBLED


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, send: Any, name: str) -> None:
    assert SEEN[name](send)
    with server.fault(f"embed.{name}"):
        assert not SEEN[name](send)
