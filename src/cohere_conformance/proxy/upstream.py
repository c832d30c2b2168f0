"""The server behind the proxy: where it is, and connections to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.client.response import refusal
from cohere_conformance.client.tls import tls_context
from cohere_conformance.proxy.heads import host_field

if TYPE_CHECKING:
    import ssl

    from cohere_conformance.client.address import Address

_PATIENCE = 30.0
"""Seconds that a connection may take to be made; a response may take as long as the client waits."""


class UnreachableError(Exception):
    """The upstream gave no response; the message has the reason."""


@dataclass
class UpstreamConnection:
    """A connection to the upstream.

    Attributes:
        reader: of what the upstream sends.
        writer: of what is sent to it.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_open(self) -> bool:
        """Whether the upstream has not closed it, as far as this machine knows."""
        return not self.reader.at_eof() and self.reader.exception() is None and not self.writer.is_closing()


@dataclass(frozen=True)
class Upstream:
    """The server behind the proxy.

    Attributes:
        address: where it is.
        access: how it is reached besides its URL; header fields in it are not used.

    Raises:
        UsageError: a certificate or key cannot be loaded.
    """

    address: Address
    access: Access = DIRECT
    _tls: ssl.SSLContext | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Load the certificates."""
        secured = self.address.url.startswith("https://")
        object.__setattr__(self, "_tls", tls_context(self.access) if secured else None)

    @property
    def base(self) -> str:
        """The path of its base URL; empty for the root."""
        return urlsplit(self.address.url).path

    @property
    def origin(self) -> str:
        """Scheme, host and port of its base URL."""
        return self.address.url.removesuffix(self.base) if self.base else self.address.url

    @property
    def host(self) -> bytes:
        """The value of the field `host` of requests to it."""
        return host_field(self.address)

    async def connect(self) -> UpstreamConnection:
        """Return a new connection.

        Raises:
            UnreachableError: there is none.
        """
        parts = urlsplit(self.address.url)
        try:
            async with asyncio.timeout(_PATIENCE):
                if self.address.socket:
                    pair = await asyncio.open_unix_connection(self.address.socket)
                else:
                    pair = await asyncio.open_connection(
                        self.address.host,
                        parts.port or (443 if self._tls else 80),
                        ssl=self._tls,
                        server_hostname=self.address.host if self._tls else None,
                    )
        except TimeoutError as error:
            raise UnreachableError(f"no connection within {_PATIENCE:g} seconds") from error
        except OSError as error:
            raise UnreachableError(refusal(error)) from error
        return UpstreamConnection(*pair)
