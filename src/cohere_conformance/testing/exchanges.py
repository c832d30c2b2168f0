"""Makes exchanges of the responses of HTTP clients: httpx, requests and what looks like either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.model import Headers

SOURCE = Source("a test")
_AUTHORIZATION = "authorization"


def exchange_of(response: object, request: object | None = None) -> Exchange:
    """Return what a client has sent and received, without credentials.

    Args:
        response: an `Exchange`, a `httpx.Response` whose body has been read, or a `requests.Response`.
        request: the request of the response, if the response does not know it.

    Raises:
        UsageError: it is neither, it does not know its request, or its body has not been read.
    """
    if isinstance(response, Exchange):
        return redact.exchange(response)
    if isinstance(response, httpx.Response):
        return _of_httpx(response, request)
    if hasattr(response, "status_code") and hasattr(response, "raw"):
        return _of_requests(response, request)
    raise UsageError(
        "expected a response of httpx or requests, or a cohere_conformance.Exchange, got "
        f"{type(response).__module__}.{type(response).__qualname__}; make an Exchange of it"
    )


def assembled(
    method: str,
    url: str,
    sent: Iterable[tuple[str, str]],
    content: bytes | None,
    response: Response,
) -> Exchange:
    """Return an exchange without credentials.

    Args:
        method: of the request.
        url: of the request, absolute.
        sent: the header fields of the request.
        content: the body of the request; `None` if it is not known.
        response: to the request.
    """
    headers = _lower(sent)
    has_key = any(name == _AUTHORIZATION for name, _ in headers)
    return redact.exchange(
        Exchange(Request(method.upper(), url, headers, content, has_key=has_key), response, SOURCE)
    )


def _lower(fields: Iterable[tuple[str, str]]) -> Headers:
    return tuple((name.lower(), value) for name, value in fields)


def _of_httpx(response: httpx.Response, request: object | None) -> Exchange:
    try:
        sent = request if isinstance(request, httpx.Request) else response.request
    except RuntimeError as error:
        raise UsageError(
            "expected a response that knows its request, got one that was made without; "
            "pass the request as the second argument"
        ) from error
    try:
        received = response.content
    except httpx.ResponseNotRead as error:
        raise UsageError(
            "expected a response whose body has been read, got a stream; call read() or aread() first, or "
            "use conformance_transport, which judges streams as they pass"
        ) from error
    return assembled(
        sent.method,
        str(sent.url),
        sent.headers.multi_items(),
        content_of(sent),
        Response(response.status_code, _lower(response.headers.multi_items()), received),
    )


def content_of(sent: httpx.Request) -> bytes | None:
    """Return the body of a request of httpx; `None` if it is a stream that has not been read."""
    try:
        return sent.content
    except httpx.RequestNotRead:
        return None


def _of_requests(response: Any, request: Any) -> Exchange:
    sent = request if request is not None else getattr(response, "request", None)
    if sent is None or not getattr(sent, "url", None):
        raise UsageError(
            "expected a response that knows its request, got one without; pass the prepared request as the "
            "second argument"
        )
    body = sent.body
    content = body.encode() if isinstance(body, str) else body
    # A file or a generator has been read by the time its response is here.
    content = content if isinstance(content, bytes) else b"" if content is None else None
    # `headers` joins repeated fields; those of urllib3 are as they were received.
    raw = getattr(response.raw, "headers", None)
    fields = (raw if raw is not None else response.headers).items()
    return assembled(
        sent.method,
        sent.url,
        ((name, _text(value)) for name, value in sent.headers.items()),
        content,
        Response(response.status_code, _lower(fields), response.content),
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
