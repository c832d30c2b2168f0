"""Audio: the same recording has the same text, whatever it comes in, and silence has none."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import wave
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import FormPart

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

LABEL = "POST /v2/audio/transcriptions"
pytestmark = pytest.mark.operations(LABEL)
RATE, BLOCK = 16_000, 4_000
LONGEST = 100
"""Characters that a second of silence may have."""


def samples(*, loud: int) -> bytes:
    """Return a second of a tone that rises and falls."""
    return b"".join(
        struct.pack("<h", round(loud * math.sin(n / 9) * math.sin(n / 2500))) for n in range(RATE)
    )


def wav(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(content)
    return buffer.getvalue()


def flac(content: bytes) -> bytes:
    """Return samples as a FLAC file that does not compress them."""
    told = RATE << 44 | 15 << 36 | len(content) // 2  # one channel and 16 bits a sample
    mark = hashlib.md5(content, usedforsecurity=False).digest()
    file = b"fLaC\x80\0\0\x22" + struct.pack(">HH6x", BLOCK, BLOCK) + told.to_bytes(8) + mark
    for number, start in enumerate(range(0, len(content), 2 * BLOCK)):
        block = content[start : start + 2 * BLOCK]
        # The size of a block follows in two bytes, 16 kHz, one channel, 16 bits, number of the frame.
        head = bytes([0xFF, 0xF8, 0x75, 0x08, number]) + struct.pack(">H", len(block) // 2 - 1)
        frame = head + checksum(head, 8, 0x07).to_bytes(1) + b"\x02"
        frame += b"".join(block[location : location + 2][::-1] for location in range(0, len(block), 2))
        file += frame + checksum(frame, 16, 0x8005).to_bytes(2)
    return file


def checksum(content: bytes, width: int, polynomial: int) -> int:
    """Return a cyclic redundancy check, the highest bit first."""
    found = 0
    for byte in content:
        found ^= byte << (width - 8)
        for _ in range(8):
            found = (found << 1) ^ (polynomial if found >> (width - 1) else 0)
            found &= (1 << width) - 1
    return found


def heard(api: Api, content: bytes, kind: str = "wav") -> ApiResponse:
    form = [
        FormPart("model", "cohere-transcribe-03-2026"),
        FormPart("language", "en"),
        FormPart("file", content, f"recording.{kind}", f"audio/{kind}"),
    ]
    return api.call(LABEL, form=form)


def test_a_recording_has_one_text(api: Api) -> None:
    recording = wav(samples(loud=12_000))
    first, second = heard(api, recording), heard(api, recording)
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
        expected="some text for a tone that can be heard",
        observed="none",
    )


def test_the_kind_of_file_does_not_matter(api: Api) -> None:
    said = samples(loud=9_000)
    texts = [heard(api, wav(said)).at("/text", str).strip()]
    response = heard(api, flac(said), "flac")
    texts.append(response.at("/text", str).strip())
    api.require(
        "audio.container",
        texts[0] == texts[1],
        response,
        location="/text",
        expected=f"the text of the same samples as WAV, {texts[0]!r}",
        observed=repr(texts[1]),
    )


def test_silence_has_no_long_text(api: Api) -> None:
    response = heard(api, wav(samples(loud=0)))
    text = response.at("/text", str)
    api.require(
        "audio.silence",
        len(text) <= LONGEST,
        response,
        location="/text",
        expected=f"at most {LONGEST} characters",
        observed=f"{len(text)} characters",
    )
