"""Which part of a response a test reads, by the pointer and the type that it names."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest
from msgspec import Meta

from cohere_conformance.session.reading import reads


class Result(TypedDict, total=False):
    index: int
    spans: list[dict[str, float]]


@pytest.mark.parametrize(
    ("pointer", "kind", "location", "read"),
    [
        ("/text", str, "/text", True),
        ("/text", str, "/meta", False),
        ("/text", str, "/text_type", False),
        ("/a/b", str | None, "/a", True),
        ("/generations/0/text", str, "/generations/*/text", True),
        ("/generations/0/text", str, "/generations/*/likelihood", False),
        ("/results", list[Result], "/results/*/index", True),
        ("/results", list[Result], "/results/*/document/text", False),
        ("/results", list[Result] | None, "/results/*/spans/*/score", True),
        ("/results", list, "/results/*/document", True),
        ("/model", dict[str, Any], "/model/settings/name", True),
        ("/vectors", list[Annotated[list[float], Meta(min_length=1)]], "/vectors/*/*", True),
        ("", Result, "/index", True),
        ("", Result, "/status", False),
    ],
)
def test_a_type_says_what_is_read(pointer: str, kind: Any, location: str, read: bool) -> None:
    assert reads(pointer, kind, location) is read
