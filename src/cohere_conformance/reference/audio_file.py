"""Recordings: what kind of file it is, how long it is, and what tells it from others.

A FLAC file names the checksum of its samples, which can be computed of a WAV file as well: that is how the
same recording is known in both without a decoder.
"""

from __future__ import annotations

import hashlib
import io
import re
import wave
from dataclasses import dataclass

_OTHERS = re.compile(rb"OggS|ID3|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]")
"""How Ogg files, and MP3 files with and without tags, begin."""
_BYTES_A_SECOND = 16_000
"""Of a compressed recording whose length nothing tells."""
_FLAC_HEADER = 42
_QUIET = 0.01
"""Part of the loudest possible that nothing of a silent recording exceeds."""
_FLAC_QUIET = 0.02
"""Part of its raw size that a silent recording has as FLAC."""
_SIGNED = bytes(one ^ 0x80 for one in range(256))
"""What turns the unsigned samples of an 8-bit WAV file into those that the checksum is made of."""


class UnreadableAudioError(Exception):
    """The bytes are no recording of a known kind, or a damaged one."""


@dataclass(frozen=True)
class AudioRecording:
    """One recording.

    Attributes:
        mark: the same for the same samples.
        seconds: its length.
        silent: nothing can be heard.
    """

    mark: str
    seconds: float
    silent: bool


def read(content: bytes) -> AudioRecording:
    """Return what is known of a recording.

    Raises:
        UnreadableAudioError: it is of none of the known kinds, or damaged.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return _wav(content)
    if content[:4] == b"fLaC":
        return _flac(content)
    if _OTHERS.match(content):
        mark = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return AudioRecording(mark, len(content) / _BYTES_A_SECOND, silent=False)
    raise UnreadableAudioError("the file is no flac, mp3, ogg or wav recording")


def _wav(content: bytes) -> AudioRecording:
    try:
        with wave.open(io.BytesIO(content)) as file:
            width, rate, channels = file.getsampwidth(), file.getframerate(), file.getnchannels()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # the last where a chunk ends behind its own end
        raise UnreadableAudioError(f"the wav file is damaged: {error}") from error
    if not rate or len(frames) < width * channels:
        raise UnreadableAudioError("the wav file holds no samples")
    samples = frames.translate(_SIGNED) if width == 1 else frames
    mark = hashlib.md5(samples, usedforsecurity=False).hexdigest()
    return AudioRecording(mark, len(frames) / (width * channels * rate), _quiet(samples, width))


def _quiet(samples: bytes, width: int) -> bool:
    """Tell whether the highest byte of every sample is next to zero: all that a look at loudness needs."""
    if width == 1:
        return all(one <= 1 or one >= 255 for one in set(samples))
    limit = round(_QUIET * 128)
    return all(one <= limit or one >= 255 - limit for one in set(samples[width - 1 :: width]))


def _flac(content: bytes) -> AudioRecording:
    """Read the first block of a FLAC file, which every one begins with."""
    if len(content) < _FLAC_HEADER or content[4] & 0x7F:
        raise UnreadableAudioError(
            "the flac file is damaged: it does not begin with its stream's description"
        )
    told = int.from_bytes(content[18:26])
    rate, channels = told >> 44, (told >> 41 & 7) + 1
    width, samples = (told >> 36 & 31) + 1, told & (1 << 36) - 1
    if not rate:
        raise UnreadableAudioError("the flac file is damaged: it has no sample rate")
    mark = content[26:42].hex()
    if not int(mark, 16):
        mark = hashlib.md5(content, usedforsecurity=False).hexdigest()
    raw = samples * channels * width / 8
    return AudioRecording(
        mark, samples / rate, silent=raw > 0 and len(content) - _FLAC_HEADER < _FLAC_QUIET * raw
    )
