"""Finds the operation of a method and a URL."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "testserver"})


class Route(msgspec.Struct, frozen=True):
    """The route of a request.

    Attributes:
        operation: label of the operation, or `None`.
        ours: whether the request was sent to a server of the API; others are not judged.
        methods: the declared methods of the path, if the path is declared and the method is not.
    """

    operation: str | None
    ours: bool
    methods: tuple[str, ...] = ()


class Router:
    """The paths of the contract on all servers of the API.

    Args:
        labels: operations such as `POST /v2/batches/{id}:cancel`.
        servers: base URLs of the API. Loopback hosts always belong to it.
    """

    def __init__(self, labels: Iterable[str], servers: Iterable[str]) -> None:
        self._fixed: dict[str, dict[str, str]] = {}
        patterns: dict[str, dict[str, str]] = {}
        for label in labels:
            method, path = label.split(" ", 1)
            table = patterns if "{" in path else self._fixed
            table.setdefault(path, {})[method] = label
        # A verb after the last parameter (`{id}:cancel`) is more specific than the bare parameter.
        ordered = sorted(patterns, key=lambda path: (path.endswith("}"), path))
        self._patterns = [(_compiled(path), patterns[path]) for path in ordered]
        bases = [urlsplit(server) for server in servers]
        locations = {(_host(base), base.path.rstrip("/")) for base in bases}
        self._bases = sorted(
            locations, key=lambda location: (-len(location[1]), location)
        )  # the longest prefix is used
        self.route = lru_cache(maxsize=4096)(self._route)

    def _route(self, method: str, url: str) -> Route:
        try:
            parts = urlsplit(url)
            path = self._below_server(_host(parts), parts.hostname or "", parts.path)
        except ValueError:  # an invalid address in brackets, or an invalid port
            path = None
        if path is None:
            return Route(None, ours=False)
        path = _COLON.sub(":", path)  # the colon of a verb may be encoded
        methods = self._methods(path) or self._methods(unquote(path))
        label = methods.get(method)
        return Route(label, ours=True, methods=() if label else tuple(sorted(methods)))

    def _below_server(self, netloc: str, hostname: str, path: str) -> str | None:
        for host, prefix in self._bases:
            if netloc == host and path.startswith(f"{prefix}/"):
                return path[len(prefix) :]
        return path if hostname in _LOOPBACK else None

    def _methods(self, path: str) -> Mapping[str, str]:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed
        return next((methods for rule, methods in self._patterns if rule.fullmatch(path)), {})


def path_parameters(label: str, path: str) -> dict[str, str]:
    """Return the decoded path parameters of a request that an operation matches.

    Args:
        label: such as `POST /v2/batches/{id}:cancel`.
        path: the path of the request, below the server, still encoded.
    """
    if "{" not in label:
        return {}
    rule, path = _named(label.split(" ", 1)[1]), _COLON.sub(":", path)
    if match := rule.fullmatch(path):
        return {name: unquote(value) for name, value in match.groupdict().items()}
    # As the router does: something other than a parameter is encoded.
    match = rule.fullmatch(unquote(path))
    return match.groupdict() if match else {}


_COLON = re.compile("%3a", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def _host(parts: SplitResult) -> str:
    """Return host and port; the port only if it is not the default of the scheme."""
    port = parts.port
    named = port is not None and port != _PORTS.get(parts.scheme.lower())
    return f"{parts.hostname or ''}:{port}" if named else parts.hostname or ""


def _compiled(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


@lru_cache(maxsize=128)
def _named(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]+)\}", path)
    named = (f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile("".join(named))
