"""Parses recordings in YAML: cassettes of VCR.py and of Ruby, and mocks of httpmock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.yamlevents import ExceededError
from cohere_conformance.recordings import records, vcr
from cohere_conformance.recordings.scalars import UnusableError
from cohere_conformance.recordings.yamlstream import documents, items

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange

LISTS = frozenset({"interactions", "http_interactions"})
"""The name of the list: the first in Python, the second in Ruby."""


def parse_cassette(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield each interaction, or an error for one that is unusable; a last error where the text breaks."""
    number = 0
    try:
        for item in items(stream, LISTS):
            number += 1
            try:
                yield vcr.exchange_of(item.value, file, f"interaction {number}")
            except UnusableError as error:
                yield TrafficError(file, f"interaction {number} (line {item.line})", str(error))
    except yaml.YAMLError as error:
        where, reason = _broken(error)
        if isinstance(error, ExceededError):
            yield TrafficError(file, where, f"reading ends here, in interaction {number + 1}: {reason}")
        else:
            yield TrafficError(file, where, f"the YAML is broken in interaction {number + 1}: {reason}")


def parse_httpmock(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each mock, one YAML document each, or an error for one that has none."""
    number = 0
    try:
        for number, item in enumerate(documents(stream), 1):
            try:
                yield records.exchange_of(item.value, file, f"mock {number}")
            except UnusableError as error:
                yield TrafficError(file, f"mock {number} (line {item.line})", str(error))
    except yaml.YAMLError as error:
        where, reason = _broken(error)
        yield TrafficError(file, where, f"the YAML is broken in mock {number + 1}: {reason}")


def _broken(error: yaml.YAMLError) -> tuple[str, str]:
    """Return where and why a text is no YAML."""
    # Only the bare problem: the full message may quote the text, and what is quoted may be a key.
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}", str(getattr(error, "problem", "") or "")
    where = f"byte {error.position}" if isinstance(error, yaml.reader.ReaderError) else "the text"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
    return where, str(reason)
