"""Fetches an OpenAPI document that is named by its URL."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from cohere_conformance.drift.sources import facts_of
from cohere_conformance.errors import DescriptionError
from cohere_conformance.inputs.bounds import LARGEST_DOCUMENT

if TYPE_CHECKING:
    from cohere_conformance.drift.facts import Description

_PATIENCE = 60.0
"""Seconds to wait for a part of the document."""


def is_url(source: str) -> bool:
    """Return whether a document is named by a URL that can be fetched."""
    return source.lower().startswith(("http://", "https://"))


def fetched_facts(url: str) -> Description:
    """Return the facts of the document at a URL. No key is sent.

    Raises:
        DescriptionError: it cannot be fetched or read.
    """
    try:
        # The query and the user may hold a secret.
        shown = str(httpx.URL(url).copy_with(userinfo=b"", query=None, fragment=None))
    except httpx.InvalidURL as error:
        raise DescriptionError("--document", "the URL", f"expected a valid URL, got {error}") from error
    data = _fetched(url, shown)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"document{_suffix(data)}"
        path.write_bytes(data)
        try:
            return replace(facts_of(str(path)), name=shown)
        except DescriptionError as error:
            raise DescriptionError(shown, error.where, error.reason) from error


def _fetched(url: str, shown: str) -> bytes:
    data = bytearray()
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_PATIENCE) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise DescriptionError(
                    shown, "the response", f"expected status 200, got {response.status_code}; name a file"
                )
            for part in response.iter_bytes():
                data += part
                if len(data) > LARGEST_DOCUMENT:
                    raise DescriptionError(
                        shown, "the response", f"expected at most {LARGEST_DOCUMENT:,} bytes, got more"
                    )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"expected a document, got {type(error).__name__}: {error}; name a file that you have"
        raise DescriptionError(shown, "the request", reason) from error
    return bytes(data)


def _suffix(data: bytes) -> str:
    if data.startswith(b"\x1f\x8b"):
        return ".json.gz"
    return ".json" if data.lstrip()[:1] == b"{" else ".yaml"
