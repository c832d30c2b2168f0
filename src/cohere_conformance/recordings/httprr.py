"""Parses traces of httprr, the recorder of the Go team: the text of each request and of its response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.recordings import message
from cohere_conformance.recordings.bodies import content, recorded
from cohere_conformance.recordings.fields import assemble, first, status
from cohere_conformance.recordings.scalars import UnusableError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_SIZES = re.compile(rb"(\d{1,12}) (\d{1,12})\r?\n")
_LONGEST_LINE = 64


def parse(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each record; an error for one that is unusable, a last one for wrong sizes."""
    stream.readline()
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        if line.isspace():
            continue
        number += 1
        position = f"record {number}"
        sizes = _SIZES.fullmatch(line)
        sent, received = (int(sizes[1]), int(sizes[2])) if sizes is not None else (0, 0)
        if sizes is None or max(sent, received) > LONGEST:
            yield TrafficError(file, position, "an httprr trace: expected the sizes of two messages here")
            return
        request, response = stream.read(sent), stream.read(received)
        if not response.startswith(b"HTTP/") or len(response) < received:
            reason = "an httprr trace whose sizes do not fit its text: record it again"
            yield TrafficError(file, position, reason)
            return
        try:
            yield _exchange(message.parse(request), message.parse(response), Source(file, position))
        except UnusableError as error:
            yield TrafficError(file, position, str(error))


def _exchange(request: message.Message, response: message.Message, source: Source) -> Exchange:
    url = request.start[1]
    if url.startswith("/") and (host := first(request.headers, "host")):
        url = f"https://{host}{url}"
    body, undecoded = recorded(lambda: content(response.body, response.headers))
    sent, _ = recorded(lambda: content(request.body, request.headers))
    return assemble(
        Request(request.start[0], url, request.headers, sent),
        Response(status(response.start[1]), response.headers, body, undecoded=undecoded),
        source,
    )
