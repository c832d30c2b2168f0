"""Response headers: the media type, and the fields that the contract declares."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.checks.body import judge_value
from cohere_conformance.checks.frame import Frame, shown
from cohere_conformance.contract.fields import typed
from cohere_conformance.model import Finding, Headers, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import ResponseDeclaration
    from cohere_conformance.contract.compile import ResponseHeader


def field(headers: Headers, name: str) -> str | None:
    """Return the first field of that (lower-case) name."""
    for key, value in headers:
        if key == name:
            return value
    return None


@lru_cache(maxsize=256)
def media_type(value: str) -> str:
    """Return a `Content-Type` without its parameters, in lower case."""
    return value.partition(";")[0].strip().lower()


def judge_headers(frame: Frame, declared: ResponseDeclaration, headers: Headers) -> Iterator[Finding]:
    """Yield declared fields that are missing or that break their schema; nothing where none were recorded."""
    if not headers or not declared.headers:
        return
    present = set()
    for name, value in headers:
        header = declared.headers.get(name)
        if header is not None:
            present.add(name)
            yield from _invalid(frame, header, value)
    for name, header in declared.headers.items():
        if header.required and name not in present:
            yield frame.finding(
                Kind.HEADER_MISSING,
                location=f"header:{name}",
                expected="a required response header",
                observed="no such field",
            )


def _invalid(frame: Frame, header: ResponseHeader, value: str) -> Iterator[Finding]:
    location = f"header:{header.name}"
    for finding in judge_value(frame, header.value, typed(value, header.value.schema)):
        yield frame.finding(
            Kind.HEADER_INVALID,
            location=location,
            expected=finding.expected,
            observed=shown(value, location),
            value_class=finding.kind.value,
        )
