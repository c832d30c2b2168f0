"""A request that is ready to be sent; what only builds requests need not import the client."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.model import Headers


class Outgoing(msgspec.Struct, frozen=True):
    """A request to be sent.

    Attributes:
        method: HTTP method.
        path: path below the base URL plus query, already encoded; it is sent byte for byte.
        headers: fields in the order in which they are sent; repeated ones are sent repeatedly.
        body: the content, or `None`.
        has_key: whether the key is added, where the headers have no authorization of their own.
        key_variable: the environment variable of the key, for reproducing the request.
        scheme: the word before the key.
    """

    method: str
    path: str
    headers: Headers = ()
    body: bytes | None = None
    has_key: bool = True
    key_variable: str = KEY_VARIABLE
    scheme: str = "Bearer"


def given(outgoing: Outgoing, name: str) -> str:
    """Return a text that a request gives in its query or its JSON body; empty if it does not."""
    query = dict(parse_qsl(outgoing.path.partition("?")[2]))
    if name in query:
        return query[name]
    try:
        body = msgspec.json.decode(outgoing.body or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""
