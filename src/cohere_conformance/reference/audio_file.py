"""Audio files: the format and length of a recording, and a checksum of its samples.

A FLAC file has the MD5 of its samples in its header, and that of a WAV file can be computed: so the same
recording gets the same text in both formats, without a decoder.
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
"""The bit rate that is assumed for a compressed recording whose header has no length."""
_FLAC_HEADER = 42
_QUIET = 0.01
"""The maximum amplitude of a silent recording, as a part of the highest possible one."""
_FLAC_QUIET = 0.02
"""The maximum size of a silent recording as FLAC, as a part of its size as WAV."""
_SIGNED = bytes(one ^ 0x80 for one in range(256))
"""Translates the unsigned samples of an 8-bit WAV file to the signed samples of the checksum."""


class UnreadableAudioError(Exception):
    """The file has an unknown format, or is damaged."""


@dataclass(frozen=True)
class AudioRecording:
    """One recording.

    Attributes:
        mark: a checksum of its samples.
        seconds: its length.
        silent: whether it is silence.
    """

    mark: str
    seconds: float
    silent: bool


def read(content: bytes) -> AudioRecording:
    """Return the length and the checksum of a recording.

    Raises:
        UnreadableAudioError: the format is unknown, or the file is damaged.
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
    """Return whether the highest byte of every sample is close to zero, which is enough to detect silence."""
    if width == 1:
        return all(one <= 1 or one >= 255 for one in set(samples))
    limit = round(_QUIET * 128)
    return all(one <= limit or one >= 255 - limit for one in set(samples[width - 1 :: width]))


def _flac(content: bytes) -> AudioRecording:
    """Read the first metadata block of a FLAC file, which is always its STREAMINFO."""
    if len(content) < _FLAC_HEADER or content[4] & 0x7F:
        raise UnreadableAudioError(
            "the flac file is damaged: it does not begin with its stream's description"
        )
    info = int.from_bytes(content[18:26])
    rate, channels = info >> 44, (info >> 41 & 7) + 1
    width, samples = (info >> 36 & 31) + 1, info & (1 << 36) - 1
    if not rate:
        raise UnreadableAudioError("the flac file is damaged: it has no sample rate")
    mark = content[26:42].hex()
    if not int(mark, 16):
        mark = hashlib.md5(content, usedforsecurity=False).hexdigest()
    raw = samples * channels * width / 8
    return AudioRecording(
        mark, samples / rate, silent=raw > 0 and len(content) - _FLAC_HEADER < _FLAC_QUIET * raw
    )
