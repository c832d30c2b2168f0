"""How a server is reached besides its URL: a Unix socket, TLS, further header fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""How the value of a header field refers to an environment variable: `${TENANT}`."""


class Access(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):
    """How a server is reached besides its URL.

    It never contains a secret: values of header fields name the environment variables that have them.

    Attributes:
        socket: path of a Unix socket; empty for TCP.
        headers: fields that every request gets in addition, with values such as `Bearer ${TOKEN}`.
        tls_verify: whether the certificate of the server is verified.
        ca_file: certificates that are trusted instead of those of this machine.
        client_cert: certificate that the server asks for, with its key unless `client_key` is given.
        client_key: the key of `client_cert`.
    """

    socket: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tls_verify: bool = True
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that the header fields refer to."""
        found = (name for _, value in self.headers for name in VARIABLE.findall(value))
        return tuple(dict.fromkeys(found))


DIRECT = Access()
"""Over TCP, with the certificates of this machine and no further header fields."""


def pieces(value: str) -> Iterator[tuple[str, str]]:
    """Yield the value of a header field in pieces: a text and the variable behind it, if there is one."""
    end = 0
    for found in VARIABLE.finditer(value):
        yield value[end : found.start()], found[1]
        end = found.end()
    if end < len(value) or not value:
        yield value[end:], ""
