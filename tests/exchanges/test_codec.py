import gzip
import importlib
import types
import zlib

import pytest

from cohere_conformance.exchanges.codec import CodecError, decode

BOMB = gzip.compress(b"0" * 10_000_000)


def test_what_is_not_encoded_is_taken_as_it_is() -> None:
    assert decode(b"plain", ["gzip"]) == b"plain"
    assert decode(b"", ["gzip", "deflate", "br"]) == b""
    assert decode(b"\xff\xfe", ["unheard-of"]) == b"\xff\xfe"


@pytest.mark.parametrize("limit", [10_000_000, 10_000_001], ids=["just", "room"])
def test_a_body_at_the_limit_passes(limit: int) -> None:
    assert len(decode(BOMB, ["gzip"], limit)) == 10_000_000


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (BOMB, "gzip"),
        (gzip.compress(b"0" * 9_000_000) * 2, "gzip"),
        (zlib.compress(b"0" * 10_000_000), "deflate"),
        (zlib.compress(b"\xff" * 10_000_000, wbits=-15), "deflate"),
    ],
    ids=["gzip", "members", "zlib", "raw"],
)
def test_a_bomb_is_refused(body: bytes, coding: str) -> None:
    with pytest.raises(CodecError, match="more than 9,999,999 bytes"):
        decode(body, [coding], 9_999_999)


def test_padding_behind_a_gzip_body_is_ignored() -> None:
    assert decode(gzip.compress(b"x") + b"\0\0\0", ["gzip"]) == b"x"


def test_several_fields_are_undone_from_the_last() -> None:
    assert decode(gzip.compress(zlib.compress(b"x")), ["deflate", "gzip"]) == b"x"


def test_brotli_without_its_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> types.ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(CodecError, match="install the package brotli"):
        decode(b"\xff\xfe", ["br"])


class StubDecoder:
    """Stands for the decoder of the package: every byte becomes a hundred."""

    def process(self, data: bytes) -> bytes:
        if b"\xfe" in data:
            raise StubError
        return data * 100

    def is_finished(self) -> bool:
        return True


class StubError(Exception):
    pass


def test_brotli_with_its_package_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = types.SimpleNamespace(Decompressor=StubDecoder, error=StubError)
    monkeypatch.setattr(importlib, "import_module", lambda _: stub)
    assert decode(b"\xff" * 70, ["br"]) == b"\xff" * 7000
    with pytest.raises(CodecError, match="more than 6,999 bytes"):
        decode(b"\xff" * 70, ["br"], 6999)
    with pytest.raises(CodecError, match="damaged"):
        decode(b"\xff\xfe", ["br"])


def test_zstandard_is_refused_in_words() -> None:
    with pytest.raises(CodecError, match="zstd"):
        decode(b"\x28\xb5\x2f\xfd\x00", ["zstd"])
