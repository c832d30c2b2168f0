"""Audio: the text depends on what is heard, not on the file format."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import wave
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import FormPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.session.api import Api, ApiResponse

TRANSCRIBE = "POST /v2/audio/transcriptions"
pytestmark = pytest.mark.operations(TRANSCRIBE)
RATE, BLOCK = 16_000, 4_000
LONGEST = 100
"""Maximum number of characters in the text of a second of silence."""


@lru_cache(maxsize=16)
def samples(*, volume: int) -> bytes:
    """Return one second of a tone that rises and falls in volume."""
    return b"".join(
        struct.pack("<h", round(volume * math.sin(n / 9) * math.sin(n / 2500))) for n in range(RATE)
    )


def wav(content: bytes) -> bytes:
    """Return samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(content)
    return buffer.getvalue()


@lru_cache(maxsize=16)
def flac(content: bytes) -> bytes:
    """Return samples as a FLAC file without compression."""
    stream_info = RATE << 44 | 15 << 36 | len(content) // 2  # one channel and 16 bits a sample
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    file = b"fLaC\x80\0\0\x22" + struct.pack(">HH6x", BLOCK, BLOCK) + stream_info.to_bytes(8) + digest
    for number, start in enumerate(range(0, len(content), 2 * BLOCK)):
        block = content[start : start + 2 * BLOCK]
        # Block size in the two bytes that follow, 16 kHz, one channel, 16 bits, number of the frame.
        head = bytes([0xFF, 0xF8, 0x75, 0x08, number]) + struct.pack(">H", len(block) // 2 - 1)
        frame = head + checksum(head, 8, 0x07).to_bytes(1) + b"\x02"
        frame += b"".join(block[location : location + 2][::-1] for location in range(0, len(block), 2))
        file += frame + checksum(frame, 16, 0x8005).to_bytes(2)
    return file


def checksum(content: bytes, width: int, polynomial: int) -> int:
    """Return the cyclic redundancy check of bytes, most significant bit first."""
    table, crc = checksums(width, polynomial), 0
    for byte in content:
        crc = crc << 8 & (1 << width) - 1 ^ table[crc >> (width - 8) ^ byte]
    return crc


@lru_cache(maxsize=2)
def checksums(width: int, polynomial: int) -> tuple[int, ...]:
    """Return the checksum of each single byte."""
    table = []
    for byte in range(256):
        crc = byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1) ^ (polynomial if crc >> (width - 1) else 0)
            crc &= (1 << width) - 1
        table.append(crc)
    return tuple(table)


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {"wav": wav, "flac": flac}


def transcribe(api: Api, content: bytes, container: str = "wav") -> ApiResponse:
    """Transcribe a recording."""
    form = [
        FormPart("model", api.models["transcribe"]),
        FormPart("language", "en"),
        FormPart("file", content, f"recording.{container}", f"audio/{container}"),
    ]
    return api.call(TRANSCRIBE, form=form)


def require_repeatable(api: Api, volume: int) -> None:
    """Require that a recording that is sent twice has the same text, and an audible tone has some text."""
    recording = wav(samples(volume=volume))
    first, second = transcribe(api, recording), transcribe(api, recording)
    text = second.at("/text", str)
    api.require(
        "audio.repeatable",
        first.at("/text", str) == text,
        second,
        location="/text",
        expected=repr(first.at("/text", str)),
        observed=repr(text),
    )
    api.require(
        "audio.heard",
        bool(text.strip()),
        second,
        location="/text",
        expected="some text for an audible tone",
        observed="none",
    )


def require_container_ignored(api: Api, volume: int) -> None:
    """Require that the same samples as WAV and as FLAC have the same text."""
    content = samples(volume=volume)
    texts = [transcribe(api, wav(content)).at("/text", str).strip()]
    response = transcribe(api, flac(content), "flac")
    texts.append(response.at("/text", str).strip())
    api.require(
        "audio.container",
        texts[0] == texts[1],
        response,
        location="/text",
        expected=f"the text of the same samples as WAV, {texts[0]!r}",
        observed=repr(texts[1]),
    )


def require_silence(api: Api, container: str) -> None:
    """Require that a second of silence has no text or a short one."""
    response = transcribe(api, CONTAINERS[container](samples(volume=0)), container)
    text = response.at("/text", str)
    api.require(
        "audio.silence",
        len(text) <= LONGEST,
        response,
        location="/text",
        expected=f"at most {LONGEST} characters",
        observed=f"{len(text)} characters",
    )


def test_a_recording_has_one_text(api: Api) -> None:
    """A recording that is sent twice has the same text, and an audible tone has some text."""
    require_repeatable(api, 12_000)


def test_the_kind_of_file_does_not_matter(api: Api) -> None:
    """The same samples as WAV and as FLAC have the same text."""
    require_container_ignored(api, 9_000)


def test_silence_has_no_long_text(api: Api) -> None:
    """A second of silence has no text or a short one: speech models tend to invent text for silence."""
    require_silence(api, "wav")
