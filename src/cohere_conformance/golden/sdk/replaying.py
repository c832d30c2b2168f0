"""Parses golden cassettes with the official SDK."""

from __future__ import annotations

import json
import logging
import warnings
from collections import Counter
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.framing import split
from cohere_conformance.errors import UsageError
from cohere_conformance.golden.sdk.result import Loss, LossKind, SdkFailure, SdkReplay
from cohere_conformance.golden.sdk.transport import cut, is_sse
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.golden.cassette import Cassette, Provenance
    from cohere_conformance.golden.sdk.calling import SdkResult
    from cohere_conformance.model import Response

_EXTRA = "pip install 'cohere-conformance[sdk]'"
_END = "[DONE]"
_TYPES = ("type", "event_type")
_UNNAMED = "?"
"""The type of an event without one."""


def replay(cassettes: Iterable[Cassette]) -> SdkReplay:
    """Parse every recorded response with the official SDK, and return the result.

    Nothing is sent.

    Raises:
        UsageError: the SDK is not installed.
    """
    version = installed()
    tally = _Tally()
    with _undisturbed():
        for cassette in cassettes:
            tally.add(cassette)
    return tally.result(version)


def installed() -> str:
    """Return the version of the official SDK.

    Raises:
        UsageError: it is not installed, or cannot be imported.
    """
    if find_spec("cohere") is None:
        raise UsageError(f"expected the official SDK, the package cohere, got none; {_EXTRA}")
    try:
        from cohere_conformance.golden.sdk.calling import VERSION
    except ImportError as error:
        reason = plain(str(error).partition("\n")[0])
        raise UsageError(
            f"expected the official SDK, got a package cohere that fails to import ({reason}); {_EXTRA}"
        ) from error
    return VERSION


class _Tally:
    """Collects the results of the SDK."""

    def __init__(self) -> None:
        self._parsed = 0
        self._inexpressible = 0
        self._failed: list[SdkFailure] = []
        self._absent: set[str] = set()
        self._counts: Counter[tuple[str, str, LossKind]] = Counter()
        self._examples: dict[tuple[str, str, LossKind], str] = {}

    def add(self, cassette: Cassette) -> None:
        """Replay one cassette."""
        from cohere_conformance.golden.sdk.calling import call

        provenance, response = cassette.provenance, cassette.exchange.response
        pieces = cut(response)
        answer = call(cassette, pieces)
        if answer is None:
            self._absent.add(provenance.operation)
            return
        self._inexpressible += not answer.expressible
        reason = _failure(response, answer)
        if reason and answer.foreign:
            self._lose(provenance, "", LossKind.REFUSED)
        elif reason:
            self._failed.append(SdkFailure(provenance.id, provenance.operation, plain(reason)))
        else:
            self._parsed += 1
            # A hundred results that all lose the same count once.
            for location, what in dict.fromkeys(_lost(response, answer, pieces)):
                self._lose(provenance, location, what)

    def _lose(self, provenance: Provenance, location: str, what: LossKind) -> None:
        key = (provenance.operation, location, what)
        self._counts[key] += 1
        self._examples.setdefault(key, provenance.id)

    def result(self, version: str) -> SdkReplay:
        """Return the result."""
        return SdkReplay(
            version=version,
            parsed=self._parsed,
            failed=tuple(self._failed),
            losses=tuple(sorted(Loss(*key, n, self._examples[key]) for key, n in self._counts.items())),
            absent_operations=tuple(sorted(self._absent)),
            inexpressible=self._inexpressible,
        )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the SDK's log records off the terminal, and warnings from changing what it does.

    It logs the events that it skips to the root logger, which prints them if it has no handler. With warnings
    turned into errors, the SDK catches them and behaves differently.
    """
    root, deaf = logging.getLogger(), logging.NullHandler()
    root.addHandler(deaf)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(deaf)


def _failure(response: Response, answer: SdkResult) -> str:
    """Return why an answer was not parsed, or nothing where it was."""
    from cohere.core.api_error import ApiError

    error = answer.error
    if _succeeded(response):
        if isinstance(error, ApiError):
            return f"expected a value, got {type(error).__name__}: the answer is no JSON"
        return f"expected a value, got {_named(error)}" if error else ""
    if error is None:
        return f"expected an exception for status {response.status}, got a value"
    return "" if isinstance(error, ApiError) else f"expected an exception of the API, got {_named(error)}"


def _named(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    return f"{type(error).__name__}: {cause}"


def _lost(response: Response, answer: SdkResult, pieces: tuple[bytes, ...]) -> Iterator[tuple[str, LossKind]]:
    from cohere_conformance.golden.sdk.comparing import compare

    if not _succeeded(response):
        yield from _lost_error(response, answer.error)
    elif answer.streamed:
        yield from _lost_events(response, answer, pieces)
    elif isinstance(payload := _value(response.body), dict) and answer.value is None:
        # Some methods return nothing at all, which is right where the body is empty.
        yield from ((f"/{name}", LossKind.DROPPED) for name in payload)
    else:
        yield from compare(payload, answer.value, classed=answer.classed)


def _lost_error(response: Response, error: Any) -> Iterator[tuple[str, LossKind]]:
    from cohere_conformance.golden.sdk.calling import classes_of_errors
    from cohere_conformance.golden.sdk.comparing import compare

    location = f"status:{response.status}"
    if error.status_code != response.status:
        yield location, LossKind.CHANGED
    kind = classes_of_errors().get(response.status)
    if kind is not None and not isinstance(error, kind):
        yield location, LossKind.UNTYPED
    # A body that is not JSON, also a blank one, is given as text.
    payload = _value(response.body) if (response.body or b"").strip() else ""
    yield from compare(payload, error.body, classed=False)


def _lost_events(
    response: Response, answer: SdkResult, pieces: tuple[bytes, ...]
) -> Iterator[tuple[str, LossKind]]:
    from cohere_conformance.golden.sdk.comparing import compare

    framing: Framing = "sse" if is_sse(response) else "ndjson"
    for number, piece in enumerate(pieces):
        for event in split(piece.decode("utf-8", "replace"), framing):
            if event.data.strip() == _END:
                continue
            payload = _value(event.data.encode("utf-8", "replace"))
            location = f"<{_type(payload) or event.event or _UNNAMED}>"
            if number in answer.items:
                yield from compare(payload, answer.items[number], classed=answer.classed, location=location)
            else:
                yield location, LossKind.SKIPPED


def _type(payload: Any) -> str:
    fields = payload if isinstance(payload, dict) else {}
    return next((fields[name] for name in _TYPES if isinstance(fields.get(name), str)), "")


def _value(body: bytes | None) -> Any:
    """Return the JSON value of a body, its text if it is not JSON, and `None` if it is blank."""
    text = (body or b"").decode("utf-8", "replace")
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return text


def _succeeded(response: Response) -> bool:
    return 200 <= response.status < 300
