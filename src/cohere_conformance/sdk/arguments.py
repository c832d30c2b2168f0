"""Converts a recorded request to arguments of an SDK method, and compares what the SDK sends with it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from cohere_conformance.contract.route import path_parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cohere_conformance.model import Headers, Request
    from cohere_conformance.sdk.methods import Method

_FORM = "multipart/form-data"
_ACCEPTS = "accepts"
"""The one header that is an argument."""
ACCEPTS = "accept"
"""The header that says which media types a request accepts."""
_ANYTHING = "*/*"
Part = tuple[str, str | None, bytes, str]
"""Name, name of the file, content and media type of one part of a form."""


def streams(request: Request) -> bool:
    """Return whether a request asks for a stream."""
    body = json_value(request.body)
    return isinstance(body, dict) and body.get("stream") is True


def arguments(label: str, request: Request, method: Method, known: Collection[str]) -> dict[str, Any] | None:
    """Return what to call a method with, so that it sends a recorded request.

    Args:
        label: of the operation.
        request: as recorded.
        method: of the SDK.
        known: names of its arguments.

    Returns:
        The arguments; the rest is passed in `request_options`. `None` if the body cannot be expressed in
        arguments.
    """
    given: dict[str, Any] = {**path_parameters(label, api_path(label, request.url)), **method.fixed}
    known = set(known) - given.keys()
    query, body = _query(request.url), _content(request)
    if body is None:
        return None
    if method.whole:
        given[method.whole] = body
        body = {}
    # The method says itself whether it asks for a stream.
    body = {name: value for name, value in body.items() if name != "stream" or not method.streamed}
    given |= {name: value for name, value in (query | body).items() if name in known}
    given |= {name: _time(given[name]) for name in method.times if name in given}
    accepts = header(request.headers, _ACCEPTS)
    given |= {_ACCEPTS: accepts} if accepts and _ACCEPTS in known else {}
    options = {
        "additional_query_parameters": {name: query[name] for name in query if name not in known},
        "additional_body_parameters": {name: body[name] for name in body if name not in known},
    }
    if any(options.values()):
        given["request_options"] = {name: value for name, value in options.items() if value}
    return given


def same(label: str, recorded: Request, sent: Request) -> bool:
    """Return whether two requests mean the same; most headers are ignored, they are the client's own."""
    if asks_otherwise(recorded, sent):
        return False
    if recorded.method != sent.method or _addressed(label, recorded.url) != _addressed(label, sent.url):
        return False
    if _is_form(recorded.headers) or _is_form(sent.headers):
        return sorted(_parts(recorded)) == sorted(_parts(sent))
    if not recorded.body or not sent.body:
        return (recorded.body or b"") == (sent.body or b"")
    return _said(recorded.body) == _said(sent.body)


def asks_otherwise(recorded: Request, sent: Request) -> bool:
    """Return whether a recorded request accepts another media type than the SDK asks for."""
    return header(recorded.headers, ACCEPTS) not in {"", _ANYTHING, header(sent.headers, ACCEPTS)}


def api_path(label: str, url: str) -> str:
    """Return the path of a URL below the server, which may have a path of its own.

    Args:
        label: of the operation.
        url: of the request.
    """
    return "/" + "/".join(urlsplit(url).path.split("/")[-label.count("/") :])


def _addressed(label: str, url: str) -> tuple[object, ...]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return path_parameters(label, api_path(label, url)), sorted(pairs)


def _query(url: str) -> dict[str, Any]:
    """Return the parameters of a query; those that are repeated as a list."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _content(request: Request) -> dict[str, Any] | None:
    if not request.body:
        return {}
    if _is_form(request.headers):
        return {
            name: content.decode("utf-8", "replace") if file is None else (file, content, kind)
            for name, file, content, kind in _parts(request)
        }
    body = json_value(request.body)
    return body if isinstance(body, dict) else None


def json_value(body: bytes | None) -> object:
    """Return the JSON value of a body, or `None`."""
    with suppress(ValueError, RecursionError):
        return json.loads(body or b"null")
    return None


def _said(body: bytes) -> object:
    """Return a body as canonical JSON, which distinguishes `1` from `true`; bytes if it is not JSON."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if isinstance(value, dict) and value.get("stream") is False:
        del value["stream"]  # the default
    return json.dumps(value, sort_keys=True)


def _time(value: Any) -> Any:
    """Return the time that a text is, or the text if it is not a time."""
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(value)
    return value


def header(headers: Headers, wanted: str) -> str:
    """Return the value of a header, or an empty text."""
    return next((value for name, value in headers if name == wanted), "")


def _is_form(headers: Headers) -> bool:
    return header(headers, "content-type").lower().startswith(_FORM)


def _parts(request: Request) -> list[Part]:
    head = f"content-type: {header(request.headers, 'content-type')}\r\n\r\n".encode("utf-8", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + (request.body or b""))
    return list(_read_parts(form.get_payload() if form.is_multipart() else ()))


def _read_parts(found: Any) -> Iterable[Part]:
    for part in found:
        if isinstance(part, Message):
            name = part.get_param("name", "", header="content-disposition")
            content = part.get_payload(decode=True)
            yield (
                str(name),
                part.get_filename(),
                content if isinstance(content, bytes) else b"",
                part.get_content_type(),
            )
