"""Parses one response with the official SDK, and compares what it got with the response."""

from __future__ import annotations

import json
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.framing import split
from cohere_conformance.errors import UsageError
from cohere_conformance.report.render.safe import plain
from cohere_conformance.sdk.installed import EXTRA, package_name
from cohere_conformance.sdk.loss import LossKind
from cohere_conformance.sdk.transport import is_sse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.model import Response
    from cohere_conformance.sdk.calling import SdkResult

_END = "[DONE]"
_TYPES = ("type", "event_type")
_UNNAMED = "?"
"""The type of an event without one."""


def installed() -> str:
    """Import the official SDK, and return its version.

    Raises:
        UsageError: it is not installed, or cannot be imported.
    """
    package_name()
    try:
        from cohere_conformance.sdk.calling import VERSION
    except ImportError as error:
        reason = plain(str(error).partition("\n")[0])
        raise UsageError(
            f"expected the official SDK, got a package cohere that fails to import ({reason}); {EXTRA}"
        ) from error
    return VERSION


@contextmanager
def undisturbed() -> Iterator[None]:
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


def failure_of(response: Response, answer: SdkResult) -> str:
    """Return why an answer was not parsed, or nothing where it was."""
    from cohere.core.api_error import ApiError

    error = answer.error
    if succeeded(response):
        if isinstance(error, ApiError):
            return f"expected a value, got {type(error).__name__}: the answer is no JSON"
        return f"expected a value, got {_named(error)}" if error else ""
    if error is None:
        return f"expected an exception for status {response.status}, got a value"
    return "" if isinstance(error, ApiError) else f"expected an exception of the API, got {_named(error)}"


def _named(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    return f"{type(error).__name__}: {cause}"


def lost(response: Response, answer: SdkResult, pieces: tuple[bytes, ...]) -> Iterator[tuple[str, LossKind]]:
    """Yield what of a response is lost, in an exception or in a value.

    Args:
        response: with all bytes of its body.
        answer: what the SDK made of it.
        pieces: the body in chunks, as the SDK got it.
    """
    from cohere_conformance.sdk.comparing import compare

    if not succeeded(response):
        yield from _lost_error(response, answer.error)
    elif answer.streamed:
        yield from _lost_events(response, answer, pieces)
    elif isinstance(payload := body_value(response.body), dict) and answer.value is None:
        # Some methods return nothing at all, which is right where the body is empty.
        yield from ((f"/{name}", LossKind.DROPPED) for name in payload)
    else:
        yield from compare(payload, answer.value, classed=answer.classed)


def _lost_error(response: Response, error: Any) -> Iterator[tuple[str, LossKind]]:
    from cohere_conformance.sdk.calling import classes_of_errors
    from cohere_conformance.sdk.comparing import compare

    location = f"status:{response.status}"
    if error.status_code != response.status:
        yield location, LossKind.CHANGED
    kind = classes_of_errors().get(response.status)
    if kind is not None and not isinstance(error, kind):
        yield location, LossKind.UNTYPED
    # A body that is not JSON, also a blank one, is given as text.
    payload = body_value(response.body) if (response.body or b"").strip() else ""
    yield from compare(payload, error.body, classed=False)


def _lost_events(
    response: Response, answer: SdkResult, pieces: tuple[bytes, ...]
) -> Iterator[tuple[str, LossKind]]:
    from cohere_conformance.sdk.comparing import compare

    for number, location, payload in events_of(response, pieces):
        if number in answer.items:
            yield from compare(payload, answer.items[number], classed=answer.classed, location=location)
        else:
            yield location, LossKind.SKIPPED


def parsed_values(
    response: Response, answer: SdkResult, pieces: tuple[bytes, ...]
) -> Iterator[tuple[str, object]]:
    """Yield what the SDK has returned, each value with its location: one, or one for each event of a stream.

    Args:
        response: with all bytes of its body.
        answer: what the SDK made of it.
        pieces: the body in chunks, as the SDK got it.
    """
    if not answer.streamed:
        yield "", answer.value
        return
    for number, location, _ in events_of(response, pieces):
        if number in answer.items:
            yield location, answer.items[number]


def events_of(response: Response, pieces: tuple[bytes, ...]) -> Iterator[tuple[int, str, Any]]:
    """Yield the events of a stream: the number of the chunk, the location, and the payload.

    Args:
        response: whose media type says how it is framed.
        pieces: its body in chunks.
    """
    framing: Framing = "sse" if is_sse(response) else "ndjson"
    for number, piece in enumerate(pieces):
        for event in split(piece.decode("utf-8", "replace"), framing):
            if event.data.strip() != _END:
                payload = body_value(event.data.encode("utf-8", "replace"))
                yield number, f"<{_type(payload) or event.event or _UNNAMED}>", payload


def _type(payload: Any) -> str:
    fields = payload if isinstance(payload, dict) else {}
    return next((fields[name] for name in _TYPES if isinstance(fields.get(name), str)), "")


def body_value(body: bytes | None) -> Any:
    """Return the JSON value of a body, its text if it is not JSON, and `None` if it is blank."""
    text = (body or b"").decode("utf-8", "replace")
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        return text


def succeeded(response: Response) -> bool:
    """Return whether the SDK has to return a value."""
    return 200 <= response.status < 300
