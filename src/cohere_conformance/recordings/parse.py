"""Parses one recording of any supported format."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from importlib import import_module

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import curl, har, httprr, jsonl, parquet, records, vcr
from cohere_conformance.recordings.formats import ADVICE, Format
from cohere_conformance.recordings.notes import RecordingNote
from cohere_conformance.recordings.opening import describe, opened
from cohere_conformance.recordings.sniff import recognise

_Parser = Callable[[io.BufferedReader, str], Iterator[Exchange | TrafficError | RecordingNote]]


def _of_yaml(name: str) -> _Parser:
    """Return a parser of YAML: its library is slow to import, and few recordings need it."""

    def parse(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError | RecordingNote]:
        parser: _Parser = getattr(import_module("cohere_conformance.recordings.yamlfiles"), name)
        return parser(stream, file)

    return parse


_PARSERS: dict[Format, _Parser] = {
    Format.HAR: har.parse,
    Format.VCR_YAML: _of_yaml("parse_cassette"),
    Format.VCR_JSON: functools.partial(vcr.parse_json, name="interactions"),
    Format.RUBY_VCR_JSON: functools.partial(vcr.parse_json, name="http_interactions"),
    Format.JSONL: jsonl.parse,
    Format.HTTPMOCK: _of_yaml("parse_httpmock"),
    Format.HTTPRR: httprr.parse,
    Format.PARQUET: parquet.parse,
    Format.CURL: curl.parse,
}

_EXPECTED = (
    "a VCR cassette (YAML or JSON), a HAR archive, JSON Lines with method, url and status, "
    "or another format that README.md lists"
)
_REFUSALS = {
    Format.EMPTY: f"the file is empty; expected {_EXPECTED}",
    Format.OTHER_LINES: f"the lines are JSON without exchanges; expected {_EXPECTED}",
    Format.OTHER_DOCUMENT: f"a document without exchanges; expected {_EXPECTED}",
    Format.UNKNOWN: f"not a recording of a known format; expected {_EXPECTED}",
    **{known: f"{known.value}: not supported; {advice}" for known, advice in ADVICE.items()},
}


def parse_recording(file: str) -> Iterator[Exchange | TrafficError | RecordingNote]:
    """Yield the exchanges of a recording in order, an error for each that cannot be parsed, and notes.

    Invalid content never raises: a broken exchange gives an error and parsing continues; if the file itself
    is broken, an error is the last value. Credentials are already redacted. At most one exchange is in
    memory, calls share nothing, and all values can be pickled, so that workers can parse in parallel.

    Args:
        file: path of the recording or its address in object storage, with or without gzip or zstd; its
            content decides the format, not its name.
    """
    try:
        with opened(file) as stream:
            found = recognise(stream)
            if found.format is Format.RECORDS:
                yield from records.parse(stream, file, found.path)
            elif found.format in _PARSERS:
                yield from _PARSERS[found.format](stream, file)
            elif stream.failure is None:
                yield TrafficError(file, "start", _REFUSALS[found.format])
            if stream.failure is not None:
                yield TrafficError(file, *stream.failure)
    except OSError as error:
        yield TrafficError(file, "start", describe(error))
