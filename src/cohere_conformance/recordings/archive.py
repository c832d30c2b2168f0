"""Writes HTTP archives (HAR 1.2), which `check`, browsers and proxies read."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from cohere_conformance import __version__
from cohere_conformance.errors import ReportError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from cohere_conformance.model import Exchange, Headers, Request, Response

_TAIL = b"\n]}}\n"
_UNKNOWN = -1
"""What HAR writes for a size or a time that is unknown."""
_EPOCH = "1970-01-01T00:00:00Z"
"""The time of exchanges whose recording has none; HAR demands one."""


class ArchiveWriter:
    """Writes exchanges to an archive, which is complete after each of them.

    Args:
        path: of the file; an earlier one is replaced.

    Attributes:
        entries: how many exchanges were written.

    Raises:
        ReportError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries = 0
        creator = msgspec.json.encode({"name": "cohere-conformance", "version": __version__})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
            self._file.write(b'{"log":{"version":"1.2","creator":%s,"entries":[' % creator + _TAIL)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, exchange: Exchange) -> None:
        """Write an exchange; it must be redacted already.

        Raises:
            ReportError: it cannot be written.
        """
        entry = msgspec.json.encode(entry_of(exchange))
        try:
            self._file.seek(-len(_TAIL), 2)
            self._file.write((b",\n" if self.entries else b"\n") + entry + _TAIL)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self.entries += 1

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _unwritable(self, error: OSError) -> ReportError:
        return ReportError(
            f"{self._path}: expected an archive that can be written, got: {error.strerror or error}; "
            "name another file, or make room and permission for this one"
        )


def entry_of(exchange: Exchange) -> dict[str, Any]:
    """Return an exchange as an entry of an archive.

    The body is without content coding, as in all archives. Status 0 means that there was no response. What is
    beyond the format begins with an underscore: `_error` says why a response is incomplete.
    """
    request, response, source = exchange.request, exchange.response, exchange.source
    total = round(1000 * response.seconds, 3) if response.seconds is not None else 0
    first = round(1000 * response.arrivals[0][1], 3) if response.arrivals else total
    return {
        "startedDateTime": source.recorded_at or _EPOCH,
        "time": total,
        "request": _request(request),
        "response": _response(response),
        "cache": {},
        "timings": {"send": 0, "wait": min(first, total), "receive": max(0, round(total - first, 3))},
        "comment": source.position,
    }


def _request(request: Request) -> dict[str, Any]:
    made: dict[str, Any] = {
        "method": request.method,
        "url": _text(request.url),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _fields(request.headers),
        "queryString": [
            {"name": _text(name), "value": _text(value)}
            for name, value in parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
        ],
        "headersSize": _UNKNOWN,
        "bodySize": _UNKNOWN if request.body is None else len(request.body),
    }
    if request.body:
        made["postData"] = {"mimeType": _media_type(request.headers), **_body(request.body)}
    return made


def _response(response: Response) -> dict[str, Any]:
    body = response.body
    content: dict[str, Any] = {
        "size": _UNKNOWN if body is None else len(body),
        "mimeType": _media_type(response.headers),
        **({} if body is None else _body(body)),
    }
    made: dict[str, Any] = {
        "status": response.status,
        "statusText": _phrase(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _fields(response.headers),
        "content": content,
        "redirectURL": next((_text(value) for name, value in response.headers if name == "location"), ""),
        "headersSize": _UNKNOWN,
        "bodySize": _UNKNOWN,
    }
    if response.failure is not None:
        made["_error"] = response.failure.detail
    return made


def _body(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode("ascii"), "encoding": "base64"}


def _fields(headers: Headers) -> list[dict[str, str]]:
    return [{"name": _text(name), "value": _text(value)} for name, value in headers]


def _media_type(headers: Headers) -> str:
    return next((_text(value) for name, value in headers if name == "content-type"), "")


def _text(value: str) -> str:
    """Return a text that can be encoded: recordings may contain lone surrogates."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
