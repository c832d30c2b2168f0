"""Collects what traffic shows of deprecations: notices of the server, deprecated models and operations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.privacy import redact
from cohere_conformance.report.deprecated import DeprecatedKind, SeenDeprecation
from cohere_conformance.report.entry import Moment, moment_of
from cohere_conformance.report.example import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from cohere_conformance.model import Exchange, Response

_HEADER, _BODY = "x-api-warning", "meta.warnings"
_MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,100})"')
_WARNINGS = re.compile(r'"warnings"\s*:\s*(\[(?:[^\[\]"]|"(?:[^"\\]|\\.)*")*\])')
_OF_A_REQUEST = " request."
_MOST = 200
"""Distinct notices that are stored: those that come first in alphabetical order, however work was split."""
_Key = tuple[DeprecatedKind, str, str, str]


class _Sightings(msgspec.Struct):
    """How often something was seen, and when."""

    count: int = 0
    first: Moment | None = None
    last: Moment | None = None

    def absorb(self, other: _Sightings) -> None:
        """Count the other ones as well."""
        self.count += other.count
        self.first = min((one for one in (self.first, other.first) if one is not None), default=None)
        self.last = max((one for one in (self.last, other.last) if one is not None), default=None)


class Notices:
    """What traffic shows of deprecations; merging is associative and commutative, as that of a tally.

    Args:
        watched: what is deprecated: labels of operations, properties of their requests, such as
            `POST /v1/chat request.connectors`, and names of models; no others are stored.
    """

    def __init__(self, watched: Collection[str] = ()) -> None:
        self._watched = frozenset(watched)
        self._properties: dict[str, list[str]] = {}
        for name in watched:
            label, separator, path = name.partition(_OF_A_REQUEST)
            if separator:
                self._properties.setdefault(label, []).append(path)
        self._found: dict[_Key, _Sightings] = {}

    def add(self, operation: str, exchange: Exchange) -> None:
        """Collect what one exchange of an operation shows."""
        keys = {(DeprecatedKind.NOTICE, text, operation, channel) for channel, text in _notices(exchange)}
        if operation in self._watched:
            keys.add((DeprecatedKind.OPERATION, operation, operation, ""))
        if operation in self._properties:
            sent = _sent(exchange, self._properties[operation])
            keys |= {
                (DeprecatedKind.PROPERTY, f"{operation}{_OF_A_REQUEST}{path}", operation, "") for path in sent
            }
        if (model := _model(exchange)) in self._watched:
            keys.add((DeprecatedKind.MODEL, model, operation, ""))
        if not keys:
            return
        before, moment = len(self._found), moment_of(exchange.source.recorded_at)
        for key in keys:
            self._count(key, _Sightings(1, moment, moment))
        if len(self._found) > before:
            self._shorten()

    def merge(self, other: Notices) -> None:
        """Add everything that `other` has collected; `other` is not changed."""
        self._watched |= other._watched
        for key, sightings in other._found.items():
            self._count(key, sightings)
        self._shorten()

    def seen(self, started_at: str) -> Iterator[SeenDeprecation]:
        """Yield what was seen.

        Args:
            started_at: RFC 3339 time that exchanges without a time of their own have.
        """
        for (kind, name, operation, channel), one in sorted(self._found.items()):
            yield SeenDeprecation(
                kind=kind,
                name=name,
                operation=operation,
                channel=channel,
                count=one.count,
                first_seen=one.first[1] if one.first else started_at,
                last_seen=one.last[1] if one.last else started_at,
            )

    def _count(self, key: _Key, sightings: _Sightings) -> None:
        self._found.setdefault(key, _Sightings()).absorb(sightings)

    def _shorten(self) -> None:
        notices = [key for key in self._found if key[0] is DeprecatedKind.NOTICE]
        for key in sorted(notices)[_MOST:]:
            del self._found[key]


def _notices(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Yield channel and text of each warning that a response has; texts have no credentials.

    A text that is in the body as well as in a header is one warning.
    """
    response = exchange.response
    found = {value: _HEADER for name, value in response.headers if name == _HEADER}
    for part in _texts(response):
        for listed in _WARNINGS.findall(part):
            for text in _listed(listed):
                found.setdefault(text, _BODY)
    yield from ((channel, clean(redact.text(text))) for text, channel in found.items())


def _texts(response: Response) -> Iterator[str]:
    """Yield what of a response may have warnings: its body, or its events."""
    if response.body is not None:
        if b'"warnings"' in response.body:
            yield response.body.decode("utf-8", "replace")
        return
    yield from (event.data for event in response.events or () if '"warnings"' in event.data)


def _listed(found: str) -> Iterator[str]:
    try:
        values = json.loads(found)
    except ValueError:
        return
    yield from (value for value in values if isinstance(value, str))


def _sent(exchange: Exchange, paths: Iterable[str]) -> Iterator[str]:
    """Yield which properties a request has; `null` is as good as absent. A path is names with dots."""
    body = exchange.request.body or b""
    wanted = [path for path in paths if path.rpartition(".")[2].encode() in body]
    try:
        value = json.loads(body) if wanted else None
    except (ValueError, RecursionError):
        return
    for path in wanted:
        found = value
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            yield path


def _model(exchange: Exchange) -> str:
    """Return the model that a request names; empty if it names none."""
    body = exchange.request.body
    at = body.find(b'"model"') if body else -1
    found = _MODEL.search(body, at) if body and at >= 0 else None
    return found[1].decode("utf-8", "replace") if found else ""
