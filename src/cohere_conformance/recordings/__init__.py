"""Where evidence comes from: recorded traffic becomes `Exchange`.

`discover` says which files to read and `parse_recording` reads one of them; what is bad is handed over as a
`TrafficError` among the values, because one broken recording must not hide the others.
"""

from cohere_conformance.recordings.discover import SkippedFile, discover
from cohere_conformance.recordings.notes import RecordingNote
from cohere_conformance.recordings.parse import parse_recording

__all__ = ["RecordingNote", "SkippedFile", "discover", "parse_recording"]
