import functools
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from cohere_conformance.recordings.codec import CodecError, TooLargeError, decode

BOMB = gzip.compress(b"0" * 10_000_000, 1)


def test_a_body_that_is_not_encoded_is_unchanged() -> None:
    assert decode(b"plain", ["gzip"]) == b"plain"
    assert decode(b"", ["gzip", "deflate", "br"]) == b""
    assert decode(b"plain", ["unheard-of"]) == b"plain"


@pytest.mark.parametrize("limit", [10_000_000, 10_000_001], ids=["just", "room"])
def test_a_body_at_the_limit_passes(limit: int) -> None:
    assert len(decode(BOMB, ["gzip"], limit)) == 10_000_000


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (BOMB, "gzip"),
        (gzip.compress(b"0" * 9_000_000, 1) * 2, "gzip"),
        (zlib.compress(b"0" * 10_000_000, 1), "deflate"),
        (zlib.compress(b"\xff" * 10_000_000, 1, wbits=-15), "deflate"),
    ],
    ids=["gzip", "members", "zlib", "raw"],
)
def test_a_bomb_is_refused(body: bytes, coding: str) -> None:
    with pytest.raises(CodecError, match="more than 9,999,999 bytes"):
        decode(body, [coding], 9_999_999)


def test_padding_behind_a_gzip_body_is_ignored() -> None:
    assert decode(gzip.compress(b"x") + b"\0\0\0", ["gzip"]) == b"x"


def test_several_codings_are_decoded_from_the_last() -> None:
    assert decode(gzip.compress(zlib.compress(b"x")), ["deflate", "gzip"]) == b"x"


BODY = b'{"id": "x", "text": "Gr\xc3\xbc\xc3\x9fe"}' * 50
ZSTD = zstandard.ZstdCompressor()


def streamed(body: bytes) -> bytes:
    """Return a frame of zstd that does not say how long its content is, as servers send it."""
    packer = ZSTD.compressobj()
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoded", "coding"),
    [
        (brotli.compress(BODY), "br"),
        (ZSTD.compress(BODY), "zstd"),
        (streamed(BODY), "zstd"),
        (ZSTD.compress(BODY[:90]) + streamed(BODY[90:]), "zstd"),
    ],
    ids=["br", "zstd", "zstd-streamed", "zstd-frames"],
)
def test_brotli_and_zstandard_are_decoded_within_the_limit(encoded: bytes, coding: str) -> None:
    """The codings of browsers and CDNs: what was whole comes out, what was cut or is too much does not."""
    assert decode(encoded, [coding]) == BODY
    assert decode(BODY, [coding]) == BODY, "a recorder has undone it and kept the header"
    with pytest.raises(TooLargeError, match=f"more than {len(BODY) - 1:,} bytes"):
        decode(encoded, [coding], len(BODY) - 1)
    for cut in (12, len(encoded) - 3, len(encoded) - 1):
        with pytest.raises(CodecError, match=r"ends too early|damaged"):
            decode(encoded[:cut], [coding])


@pytest.mark.parametrize(
    ("damaged", "coding"),
    [
        (b"\xff\xfe", "br"),
        (b"\xff\xfe" + brotli.compress(BODY)[2:], "br"),
        (brotli.compress(BODY)[:30] + b"\xff\xfe\xff\xfe" + brotli.compress(BODY)[34:], "br"),
        (ZSTD.compress(BODY)[:40] + b"\xff\xfe\xff\xfe" + ZSTD.compress(BODY)[44:], "zstd"),
    ],
    ids=["no brotli", "br, its beginning", "br", "zstd"],
)
def test_damaged_brotli_or_zstandard_is_not_decoded(damaged: bytes, coding: str) -> None:
    """Neither the text before the damage comes out, nor the bytes as they are, which are no text."""
    with pytest.raises(CodecError, match=r"damaged|ends too early"):
        decode(damaged, [coding])


@pytest.mark.parametrize(
    ("compress", "coding"),
    [(functools.partial(brotli.compress, quality=5), "br"), (ZSTD.compress, "zstd")],
    ids=["br", "zstd"],
)
def test_a_bomb_of_brotli_or_zstandard_is_refused(compress: Callable[[bytes], bytes], coding: str) -> None:
    """A few hundred bytes, or few thousand, that unpack to a hundred megabytes."""
    encoded = compress(b"x" * 100_000_000)
    assert len(encoded) < 10_000
    with pytest.raises(TooLargeError, match="unpacks to more than"):
        decode(encoded, [coding])


def test_an_unknown_coding_is_an_error_unless_the_body_is_text() -> None:
    """A body that was decoded by the recorder is read; any other would be judged for what it is not."""
    assert decode(BODY, ["dcb"]) == BODY
    with pytest.raises(CodecError, match="'dcb' is unknown"):
        decode(b"\xff\x44\x43\x42", ["dcb"])
    with pytest.raises(CodecError, match="'dcb' is unknown"):
        decode(b"\x00\x01 UTF-8, but no text", ["dcb"])
