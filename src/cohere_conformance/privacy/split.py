"""Redacts credentials in a response that contains them in several parts, such as the deltas of a stream.

The texts are joined as a client joins them: those at one location of all events, once all of them and once by
the index of the event. A credential in the joined text is redacted in every event that contains a part of it.
"""

from __future__ import annotations

import bisect
import itertools
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.privacy import bodies
from cohere_conformance.privacy.fragments import Span, merged
from cohere_conformance.privacy.pieces import TextPiece, pieces
from cohere_conformance.privacy.words import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cohere_conformance.model import Response
    from cohere_conformance.privacy.forms import Forms

    Cuts = Iterable[tuple[TextPiece, Span]]
    Find = Callable[[list[TextPiece]], Cuts]

_LARGEST_DOCUMENT = 64 * 1024
"""Bytes of a body that is no stream: a longer one is a list of numbers, and not searched for split
credentials."""
_SIGNS = (b"=", b"%", b"@", b"bearer", b"basic")
_TRACES = (
    re.compile(rb"\\(?:[^nrtbfu]|u00)"),
    re.compile(rb"'(?:[ \t]|\\[nrtf])*[:\"\n]"),
    re.compile(rb"b(?:e(?:a(?:re?)?)?|a(?:si?)?)?[\"\n]"),
    re.compile(rb"\n(?!(?:data|event|id|retry|): ?[{\[\"])[^{\[\"\n][^\"\n]*\""),
)
"""Traces that a credential in joined texts leaves in a stream: an escaped character, an apostrophe before a
colon or at the end of a text, the beginning of `Bearer` or `Basic` at such an end, and a quote in a line that
is not JSON. Without these and `_SIGNS` no name of a credential is before a quote or `=`, no user before `@`,
and there is no `Bearer`. Most streams have none of them, and joining takes twenty times as long."""
_STREAMS = ("text/event-stream", "application/stream+json", "application/x-ndjson")


def without_known(response: Response, known: Sequence[Forms]) -> Response:
    """Return the response without the parts of known credentials.

    Args:
        response: with the unsplit credentials, which are redacted later: their neighbours may be parts.
        known: each in every form.
    """

    def found(texts: list[TextPiece]) -> Cuts:
        for forms in known:
            yield from _joined(texts, forms.spans)
            plain = [_flat(piece.text) for piece in texts]
            for fragments in forms.fragments:
                yield from ((texts[number], span) for number, span in fragments.chained(plain))

    return _cut(response, found) if known else response


def without_named(response: Response, seen: set[str]) -> Response:
    """Return the stream without the parts of what looks like a credential in the joined text.

    Args:
        response: likewise; it is returned unchanged if it is no stream.
        seen: receives the credentials.
    """

    def found(texts: list[TextPiece]) -> Cuts:
        return _joined(texts, lambda data: [(start, end) for start, end, _ in bodies.spans(data, seen)])

    return _cut(response, found) if _is_stream(response) and _has_traces(response) else response


def _has_traces(response: Response) -> bool:
    """Return whether a credential may be in the joined texts of a stream."""
    events = "\n".join([event.data for event in response.events or ()])
    lowered = b"\n".join((b"", response.body or b"", events.encode("utf-8", "surrogatepass"), b"")).lower()
    lowered = lowered.replace(
        b"\r", b"\n"
    )  # an expression that begins with one byte takes a third of the time
    return any(sign in lowered for sign in _SIGNS) or any(trace.search(lowered) for trace in _TRACES)


def _is_stream(response: Response) -> bool:
    return (
        response.events is not None
        or any(
            name == "content-type" and value.partition(";")[0].strip().lower() in _STREAMS
            for name, value in response.headers
        )
        or (response.body or b"").startswith((b"data:", b"event:"))
    )


def _cut(response: Response, find: Find) -> Response:
    if response.events:
        data = [event.data for event in response.events]
        cut = _without(data, find)
        if cut != data:
            events = tuple(
                replace(event, data=text) for event, text in zip(response.events, cut, strict=True)
            )
            return replace(response, events=events)
    body = response.body
    if body and (len(body) <= _LARGEST_DOCUMENT or _is_stream(response)):
        text = body.decode("utf-8", "surrogateescape")
        (left,) = _without([text], find)
        if left != text:
            # The counts belong to the original bytes.
            return replace(response, body=left.encode("utf-8", "surrogateescape"), arrivals=())
    return response


def _without(sources: list[str], find: Find) -> list[str]:
    """Return the texts without the spans that `find` returns for their pieces."""
    spans: dict[int, list[Span]] = {}
    for piece, (start, end) in find(pieces(sources)):
        spans.setdefault(piece.source, []).append(piece.written(start, end))
    cut = list(sources)
    for number, found in spans.items():
        for start, end in reversed(merged(found)):
            cut[number] = f"{cut[number][:start]}{REDACTED}{cut[number][end:]}"
    return cut


def _joined(
    texts: list[TextPiece], spans: Callable[[bytes], Iterable[Span]]
) -> Iterator[tuple[TextPiece, Span]]:
    """Yield the spans of each piece that belong to a span of the joined texts."""
    groups: dict[tuple[str, ...], list[TextPiece]] = {}
    for piece in texts:
        groups.setdefault((piece.location,), []).append(piece)
        groups.setdefault((piece.location, piece.channel), []).append(piece)
    for name, members in groups.items():
        # A credential in one piece is searched for elsewhere.
        if len(members) > 1 and (len(name) == 1 or len(members) < len(groups[name[:1]])):
            yield from _parts(members, spans)


def _parts(
    members: list[TextPiece], spans: Callable[[bytes], Iterable[Span]]
) -> Iterator[tuple[TextPiece, Span]]:
    texts = [piece.text for piece in members]
    ends = list(itertools.accumulate(map(len, texts)))
    for start, end in spans(_flat("".join(texts))):
        first, last = bisect.bisect_right(ends, start), bisect.bisect_left(ends, end)
        if first == last:
            continue  # in one piece
        for number in range(first, last + 1):
            begin = ends[number] - len(texts[number])
            if texts[number]:
                yield members[number], (max(start - begin, 0), min(end - begin, len(texts[number])))


def _flat(text: str) -> bytes:
    """Return one byte for each character, so that offsets in one are offsets in the other."""
    return text.encode("latin-1", "replace")
