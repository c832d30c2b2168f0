"""The transport of the sender: HTTP/1.1 over sockets, with one deadline for the complete response."""

from __future__ import annotations

import contextlib
import urllib.request
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from cohere_conformance.client.address import is_loopback
from cohere_conformance.client.tls import tls_context
from cohere_conformance.client.transport import TargetTransport
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from cohere_conformance.access import Access
    from cohere_conformance.client.watch import Watch

    SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]

_END_OF_HEAD = b"\r\n\r\n"
_KEPT = 2.0
"""Seconds that an idle connection is kept: less than servers keep it, which usually is five."""

_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}
_HUNG_UP = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class Wire(TargetTransport):
    """Sends requests to one server unchanged, and returns the responses undecoded.

    httpx's own transport takes a time limit for each read only, so that a server which sends its head byte
    by byte never runs into it; and it would take bytes left in the buffer for the response to a request.

    Args:
        base: the server; the environment's proxies are used for it unless it is this machine.
        watch: notes every byte, and knows the time that is left.
        again: called before a request is sent a second time, because a reused connection was closed.
        access: how the server is reached besides its URL.

    Raises:
        UsageError: the environment names a proxy that cannot be used, or a certificate cannot be loaded.
    """

    def __init__(self, base: httpx.URL, watch: Watch, again: Callable[[], None], access: Access) -> None:
        self._watch = watch
        self._again = again
        self._pool = _pool(base, _Backend(watch), access)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response as soon as its head is received."""
        while True:
            self._watch.reset()
            try:
                with _translated():
                    response = self._pool.handle_request(_raw(request))
            except _HUNG_UP:
                # A server may close an idle connection, which says nothing about this request.
                if not self._watch.stale:
                    raise
            else:
                if not self._watch.stale:
                    return httpx.Response(
                        response.status,
                        headers=response.headers,
                        stream=_ResponseBody(response),
                        extensions=response.extensions,
                    )
                response.close()
            self._again()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _ResponseBody(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Stream(httpcore.NetworkStream):
    """A connection that does not wait beyond the deadline, and reports what it reads."""

    def __init__(self, inner: httpcore.NetworkStream, watch: Watch) -> None:
        self._inner = inner
        self._watch = watch
        self._head = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, _patience(self._watch, timeout, httpcore.ReadTimeout))
        self._watch.note(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not self._head and buffer.endswith(_END_OF_HEAD):
            # The body is always written next, even if it is empty. Sent together, they wake the server once.
            self._head = buffer
            return
        head, self._head = self._head, b""
        self._inner.write(head + buffer, _patience(self._watch, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _patience(self._watch, timeout, httpcore.ConnectTimeout)
        secured = self._inner.start_tls(ssl_context, server_hostname, left)
        self._watch.listen()  # a proxy's answer is not the server's
        return _Stream(secured, self._watch)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, watch: Watch) -> None:
        self._inner = httpcore.SyncBackend()
        self._watch = watch

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        self._watch.connected = True
        left = _patience(self._watch, timeout, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._watch)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.NetworkStream:
        self._watch.connected = True
        left = _patience(self._watch, timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_unix_socket(path, left, socket_options), self._watch)


def _patience(watch: Watch, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    left = watch.left
    if left <= 0:
        raise late("the time limit of the response is exceeded")
    return left if timeout is None else min(left, timeout)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error)) from error


def _raw(request: httpx.Request) -> httpcore.Request:
    address = request.url
    # The target as given: a URL object would resolve `..` and encode unusual characters.
    target = request.extensions.get("target", address.raw_path)
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=target),
        headers=request.headers.raw,
        content=request.content,
        extensions={"timeout": request.extensions.get("timeout", {})},
    )


def _pool(base: httpx.URL, backend: _Backend, access: Access) -> httpcore.ConnectionPool:
    secured = tls_context(access) if base.scheme == "https" else None
    proxy = None if access.socket else proxy_of(base)
    if proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=secured,
            max_connections=None,
            keepalive_expiry=_KEPT,
            uds=access.socket or None,
            network_backend=backend,
        )
    address = proxy.url
    return httpcore.HTTPProxy(
        proxy_url=httpcore.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        ),
        proxy_auth=proxy.raw_auth,
        ssl_context=secured,
        max_connections=None,
        keepalive_expiry=_KEPT,
        network_backend=backend,
    )


def proxy_of(base: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for a server; `None` without one, and for this machine.

    Raises:
        UsageError: it names something else.
    """
    if is_loopback(base.host) or urllib.request.proxy_bypass(f"{base.host}:{base.port or ''}".rstrip(":")):
        return None
    named = urllib.request.getproxies()
    address = named.get(base.scheme) or named.get("all")
    if not address:
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx.InvalidURL) as error:
        raise _unusable(base) from error
    # Ports beyond these raise only when a connection is made.
    if proxy.url.scheme not in {"http", "https"} or not proxy.url.host or (proxy.url.port or 0) > 65_535:
        raise _unusable(base)
    return proxy


def _unusable(base: httpx.URL) -> UsageError:
    # Without its value, which may contain a password.
    return UsageError(
        f"expected the address of an HTTP proxy in {base.scheme.upper()}_PROXY or ALL_PROXY, got something "
        f"else: correct it, or name {base.host} in NO_PROXY"
    )
