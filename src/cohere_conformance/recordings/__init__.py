"""Parsers of recorded traffic: each recorded request and response becomes an `Exchange`.

`discover` finds the recordings in files and folders, `parse_recording` parses one of them. An exchange or a
file that cannot be parsed is yielded as a `TrafficError` among the exchanges, so that one broken recording
does not hide the others.
"""

from cohere_conformance.recordings.discover import SkippedFile, discover
from cohere_conformance.recordings.notes import RecordingNote
from cohere_conformance.recordings.parse import parse_recording

__all__ = ["RecordingNote", "SkippedFile", "discover", "parse_recording"]
