"""Audio: every oracle on the faultless server, and every fault seen once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import struct
import wave
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import audio_file, catalogue
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LABEL = "POST /v2/audio/transcriptions"
MODEL, ARABIC = "cohere-transcribe-03-2026", "cohere-transcribe-arabic-07-2026"
RATE = 8000


def samples(seconds: float, loud: int = 9000, pitch: float = 5) -> bytes:
    return b"".join(
        struct.pack("<h", round(loud * math.sin(n / pitch))) for n in range(round(seconds * RATE))
    )


def wav(content: bytes, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(width)
        writer.setframerate(RATE)
        writer.writeframes(content)
    return file.getvalue()


def flac(content: bytes, size: int) -> bytes:
    """Return the beginning of a FLAC file: what describes the samples, and a number of zeros."""
    info = RATE << 44 | 0 << 41 | 15 << 36 | len(content) // 2
    mark = hashlib.md5(content, usedforsecurity=False).digest()
    return b"fLaC\x80\0\0\x22" + bytes(10) + info.to_bytes(8) + mark + bytes(size)


SPEECH = samples(3)
FILE = wav(SPEECH)
SILENCE = [wav(samples(5, loud=0)), wav(samples(5, loud=100)), wav(b"\x80" * 999, 1)]


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def heard(server: CheckedServer, content: bytes = FILE, *, status: int | None = 200, **fields: str) -> Any:
    """Return the answer to a form whose file comes last; a field that is `""` is left out."""
    given = {"model": MODEL, "language": "en"} | fields
    data = {name: value for name, value in given.items() if value}
    return server.ask(LABEL, data=data, files={"file": ("a.wav", content, "audio/wav")}, status=status)


def text(server: CheckedServer, content: bytes = FILE, **fields: str) -> str:
    return str(heard(server, content, **fields).json()["text"])


def test_the_response_is_the_text_only_and_repeatable(server: CheckedServer) -> None:
    answer = heard(server)
    assert set(answer.json()) == {"text"}
    assert len(answer.json()["text"].split()) == 6
    assert "num_tokens" not in answer.headers
    assert text(server) == answer.json()["text"] != text(server, wav(samples(3, pitch=7)))
    assert len(text(server, wav(samples(6))).split()) == 12


@pytest.mark.parametrize("content", SILENCE)
def test_silence_has_an_empty_text(server: CheckedServer, content: bytes) -> None:
    assert text(server, content) == ""


def test_a_recording_is_the_same_in_another_container(server: CheckedServer) -> None:
    assert text(server, flac(SPEECH, len(SPEECH) // 2)) == text(server)
    assert text(server, flac(bytes(len(SPEECH)), 100)) == ""
    eight = bytes(one ^ 0x80 for one in SPEECH)
    assert audio_file.read(wav(eight, 1)).mark == audio_file.read(wav(SPEECH)).mark


@pytest.mark.parametrize("begin", [b"ID3\4", b"\xff\xfb\x90\0", b"OggS"])
def test_compressed_recordings_are_not_decoded(server: CheckedServer, begin: bytes) -> None:
    assert text(server, begin + bytes(48_000)) != ""


@pytest.mark.parametrize("language", "ar de el en es fr it ja ko nl pl pt vi zh".split())
def test_each_language_has_its_own_words(server: CheckedServer, language: str) -> None:
    found = text(server, language=language)
    assert found
    assert (found == text(server)) == (language == "en")


@pytest.mark.parametrize(
    ("fields", "content", "message"),
    [
        ({"model": ""}, FILE, "model parameter is required"),
        ({"language": ""}, FILE, "language parameter is required"),
        ({"language": "xx"}, FILE, "language must be one of"),
        ({"language": "de", "model": ARABIC}, FILE, "one of ar, en"),
        ({"model": "command-a-03-2025"}, FILE, "not supported"),
        ({"temperature": "1.5"}, FILE, "between 0 and 1"),
        ({"temperature": "nan"}, FILE, "between 0 and 1"),
        ({"temperature": "warm"}, FILE, "between 0 and 1"),
        ({}, b"", "no flac, mp3, ogg or wav"),
        ({}, FILE[:30], "damaged"),
        ({}, wav(b""), "no samples"),
        ({}, b"fLaC\0", "damaged"),
        ({}, b"OggS" + bytes(25 * 2**20), "larger than"),
    ],
)
def test_invalid_requests_are_rejected(
    server: CheckedServer, fields: dict[str, str], content: bytes, message: str
) -> None:
    assert message in heard(server, content, status=400, **fields).json()["message"]


def test_a_form_has_to_be_complete_without_unknown_parts(server: CheckedServer) -> None:
    assert "multipart/form-data" in server.ask(LABEL, {"model": MODEL}, status=400).json()["message"]
    late = server.ask(LABEL, data={}, files=turned(), status=400)
    assert "form fields must appear before the file part" in late.json()["message"]
    bare = [("model", (None, MODEL)), ("language", (None, "en")), ("file", (None, "text"))]
    assert "file is required" in server.ask(LABEL, files=bare, status=400).json()["message"]
    assert "unknown field" in heard(server, status=422, prompt="x").json()["message"]
    assert "not found" in heard(server, status=404, model="nope").json()["message"]


def turned() -> Any:
    return [
        ("file", ("a.wav", FILE, "audio/wav")),
        ("model", (None, MODEL)),
        ("language", (None, "en")),
    ]


@pytest.mark.parametrize("kind", [FILE, flac(SPEECH, 9)], ids=["wav", "flac"])
def test_damaged_files_are_rejected_without_a_crash(kind: bytes) -> None:
    for cut in range(60):
        for content in (kind[:cut], kind[:cut] + b"\xff" * 8 + kind[cut + 8 : 200]):
            with contextlib.suppress(audio_file.UnreadableAudioError):
                assert audio_file.read(content).seconds >= 0


SEEN: dict[str, Callable[[CheckedServer], bool]] = {
    "empty-text": lambda server: text(server) != "",
    "text-missing": lambda server: "text" in heard(server).json(),
    "text-null": lambda server: heard(server).json()["text"] is not None,
    "text-as-list": lambda server: isinstance(heard(server).json()["text"], str),
    "order-ignored": lambda server: server.ask(LABEL, files=turned(), status=None).is_error,
    "extra-meta": lambda server: set(heard(server).json()) == {"text"},
    "not-deterministic": lambda server: len({text(server) for _ in range(5)}) == 1,
    "silence-heard": lambda server: text(server, wav(samples(1, loud=0))) == "",
    "language-ignored": lambda server: heard(server, status=None, language="xx").is_error,
    "container-matters": lambda server: text(server, flac(SPEECH, len(SPEECH) // 2)) == text(server),
    "damaged-accepted": lambda server: heard(server, b"text", status=None).is_error,
}


def test_every_fault_is_tested() -> None:
    assert {f"audio.{name}" for name in SEEN} == {name for name in catalogue() if name.startswith("audio.")}


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    assert SEEN[name](server)
    with server.fault(f"audio.{name}"):
        assert not SEEN[name](server)
