"""Golden cassettes for tests, made by hand."""

from __future__ import annotations

import json
from typing import Any

from cohere_conformance.golden import Cassette, Origin, Provenance
from cohere_conformance.model import Exchange, Request, Response, Source

JSON = ("content-type", "application/json")
TEXT = "A bee makes honey."
TOKENIZE = "POST /v1/tokenize"


def exchange(
    *,
    method: str = "POST",
    url: str = "http://localhost/v1/tokenize",
    sent: bytes | None = json.dumps({"text": TEXT, "model": "command-a-03-2025"}).encode(),
    status: int = 200,
    body: bytes = b'{"tokens": [1, 2], "token_strings": ["A", " bee"]}',
    media_type: str = "application/json",
    arrivals: tuple[tuple[int, float], ...] = (),
) -> Exchange:
    """Return one that was recorded with a key."""
    return Exchange(
        Request(method, url, (("authorization", "[redacted]"), JSON), sent),
        Response(status, (("content-type", media_type),), body, seconds=0.5, arrivals=arrivals),
        Source("run", "tokenize.plain", "2026-11-01T03:00:00+00:00"),
    )


def provenance(name: str = "tokenize.plain", **values: Any) -> Provenance:
    """Return where a cassette comes from."""
    usual = {
        "id": name,
        "operation": TOKENIZE,
        "origin": Origin.REFERENCE,
        "profile": "contract",
        "recorded_at": "2026-11-01T03:00:00+00:00",
        "contract": "0123456789ab",
        "suite": "0.1.0",
        "case": "ba9876543210",
    }
    return Provenance(**(usual | values))


def cassette(name: str = "tokenize.plain", **parts: Any) -> Cassette:
    """Return one of an exchange with these parts."""
    made = exchange(**parts)
    arrivals = made.response.arrivals
    return Cassette(provenance(name, seconds=made.response.seconds, arrivals=arrivals), made)
