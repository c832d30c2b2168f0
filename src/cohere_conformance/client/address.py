"""Validates base URLs, and says whose server is behind one."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cohere_conformance.errors import UsageError
from cohere_conformance.privacy import redact

_MOST_PORT = 65_535
_PORT = re.compile(r"[0-9]{1,5}")
_LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PATH = re.compile(r"[A-Za-z0-9._~:/@!$&'()*+,;=%-]*")
_NUMERIC = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+))*")
"""A host that operating systems take for an IPv4 address although it is none: `127.1`, `0x7f000001`."""


_VENDOR = ("cohere.com", "cohere.ai")
"""Domains of the vendor of the API."""
_SOCKET_SCHEMES = ("unix://", "http+unix://")
_LONGEST_SOCKET = 107
"""Bytes of the path of a Unix socket that every system can open."""


def is_vendors(host: str) -> bool:
    """Return whether a host, in lower case, has a name of the vendor of the API."""
    return any(f".{host}".endswith(f".{domain}") for domain in _VENDOR)


class Address(NamedTuple):
    """Where a server is.

    Attributes:
        url: its base URL, without a slash at the end.
        socket: path of the Unix socket that it listens on; empty for TCP.
    """

    url: str
    socket: str = ""

    @property
    def host(self) -> str:
        """The host as a client resolves it: lower case, encoded, without brackets and final dot."""
        import httpx  # not before a URL is given: it takes long

        return httpx.URL(self.url).raw_host.decode("ascii").lower().rstrip(".")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return bool(self.socket) or is_loopback(self.host)

    @property
    def is_vendors(self) -> bool:
        """Whether the host has a name of the vendor of the API."""
        return not self.socket and is_vendors(self.host)

    @property
    def shown(self) -> str:
        """The address for a reader, in the form in which `--url` takes it."""
        if not self.socket:
            return self.url
        base = urlsplit(self.url).path
        return f"http+unix://{quote(self.socket, safe='')}{base}" if base else f"unix://{self.socket}"


def address(option: str, given: str) -> Address:
    """Return where a server is, by its base URL or the path of its Unix socket.

    Args:
        option: the name of the option, for the message.
        given: its value: `http://host:8000/base`, `unix:///run/server.sock`, or
            `http+unix://%2Frun%2Fserver.sock/base`.

    Raises:
        UsageError: it is neither.
    """
    scheme = next((one for one in _SOCKET_SCHEMES if given.lower().startswith(one)), None)
    if scheme is None:
        base_url(option, given)
        return Address(given.rstrip("/"))
    rest = given[len(scheme) :]
    encoded, _, base = rest.partition("/") if scheme != _SOCKET_SCHEMES[0] else (rest, "", "")
    socket = unquote(encoded)
    if not socket.startswith("/") or not socket.isprintable() or len(socket.encode()) > _LONGEST_SOCKET:
        raise UsageError(
            f"{option} {_shown(given)}: expected the absolute path of a Unix socket of at most "
            f"{_LONGEST_SOCKET} bytes, such as unix:///run/server.sock or http+unix://%2Frun%2Fserver.sock/base"
        )
    url = f"http://localhost/{base}".rstrip("/")
    base_url(option, url)
    return Address(url, socket)


def base_url(option: str, given: str) -> SplitResult:
    """Return the parts of the base URL of a server.

    Args:
        option: the name of the option, for the message.
        given: its value.

    Raises:
        UsageError: it is no URL, or no base URL.
    """
    if (reason := _defect(given)) is not None:
        raise UsageError(
            f"{option} {_shown(given)}: expected a base URL such as http://localhost:8765, got {reason}"
        )
    return urlsplit(given)


def _shown(given: str) -> str:
    """Return a URL without credentials, and on one line."""
    return redact.url(given)[:80].encode("unicode_escape").decode("ascii")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or its address.

    Args:
        host: without port and brackets.
    """
    host = host.lower().removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _defect(given: str) -> str | None:
    """Return why a text is no base URL, for a reader."""
    if any(not character.isprintable() or character.isspace() for character in given):
        return "one with a space, a line break or a control character in it"
    try:
        parts = urlsplit(given)
        host = parts.hostname or ""
    except ValueError:
        return "a host in brackets that is no IPv6 address"
    if parts.scheme not in {"http", "https"}:
        return "one that does not begin with http:// or https://"
    if "@" in parts.netloc:
        return "one with credentials, which the report would show"
    if "?" in given or "#" in given:
        return "one with a query or fragment"
    return _wrong_host(host) or _wrong_port(parts.netloc) or _wrong_path(parts.path) or _unencodable(given)


def _wrong_host(host: str) -> str | None:
    if not host:
        return "one without a host"
    if ":" in host:
        return None if _is_address(host) and "%" not in host else f"the host {host[:80]!r}, no IPv6 address"
    if _NUMERIC.fullmatch(host) and not _is_address(host):
        return f"the host {host[:80]!r}, no IPv4 address"
    if not host.isascii():
        return None  # an internationalized name is encoded if possible
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return f"the host {host[:80]!r}, no host name"
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _wrong_port(netloc: str) -> str | None:
    _, colon, port = netloc.rpartition("]")[2].partition(":")
    if not colon:
        return None
    if _PORT.fullmatch(port) and 0 < int(port) <= _MOST_PORT:
        return None
    return f"the port {port[:20]!r}, no number from 1 to {_MOST_PORT}"


def _wrong_path(path: str) -> str | None:
    return None if _PATH.fullmatch(path) else "a path with characters that have to be percent-encoded"


def _unencodable(given: str) -> str | None:
    import httpx

    try:
        httpx.URL(given).host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        return "a host that cannot be encoded as a name (IDNA)"
    return None
