"""Faults that only unusual input reveals: crashes, which are responses with 500."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.handling import UploadedPart

Faults = frozenset[object]

LONG_TEXT = 4096
"""The maximum length of a string that a faulty server accepts."""
LONG_ID = 200
"""The maximum length of an id in a path, or of a client name, that a faulty server accepts."""
LARGE = 100_000
"""The maximum size of a body in bytes that a faulty server accepts."""
DEEPEST = 100
"""The maximum depth of a JSON value that a faulty server accepts."""
_EXACT = 2**53
"""The largest integer up to which every integer is a float as well."""


def _found(pattern: str) -> Callable[[Any], bool]:
    """Return a test for strings that contain a pattern."""
    search = re.compile(pattern).search
    return lambda value: isinstance(value, str) and search(value) is not None


# -- values of a request

_VALUES: Mapping[Fault, Callable[[Any], bool]] = {
    fault("input.empty-array-crash", "An empty array causes a 500."): (
        lambda value: isinstance(value, list) and not value
    ),
    fault("input.zero-crash", "The number 0 causes a 500."): (
        lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0
    ),
    fault("input.big-integer-crash", "An integer beyond 2^53 causes a 500."): (
        lambda value: isinstance(value, int) and abs(value) > _EXACT
    ),
    fault("input.null-crash", "A property that is null causes a 500."): (
        lambda value: isinstance(value, dict) and None in value.values()
    ),
    fault("input.empty-text-crash", "An empty string causes a 500."): _found(r"\A\Z"),
    fault("input.surrogate-crash", "A lone surrogate in a string causes a 500."): _found("[\ud800-\udfff]"),
    fault("input.nul-crash", "U+0000 in a string causes a 500."): _found("\0"),
    fault("input.control-crash", "A control character in a string, other than a line break, causes a 500."): (
        _found("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
    ),
    fault(
        "input.astral-crash", "A character beyond the basic plane, such as an emoji, causes a 500."
    ): _found("[\U00010000-\U0010ffff]"),
    fault("input.combining-crash", "A combining mark in a string causes a 500."): _found("[\u0300-\u036f]"),
    fault("input.right-to-left-crash", "Hebrew or Arabic letters cause a 500."): _found("[\u05d0-\u08ff]"),
    fault("input.long-text-crash", f"A string of more than {LONG_TEXT} characters causes a 500."): (
        lambda value: isinstance(value, str) and len(value) > LONG_TEXT
    ),
}
DEEP = fault("input.deep-crash", f"JSON with more than {DEEPEST} levels causes a 500.")
REPEATED_KEY = fault("input.repeated-key-crash", "A property that is sent twice causes a 500.")
NO_OBJECT = fault("input.no-object-crash", "A JSON body that is not an object causes a 500.")
NO_BODY = fault("input.no-body-crash", "A missing JSON body causes a 500.")
METHOD = fault("input.method-crash", "A known path with an undeclared method causes a 500.")
LONG_PATH = fault("input.long-id-crash", f"An id of more than {LONG_ID} characters in a path causes a 500.")
ENCODED = fault("input.encoded-path-crash", "An encoded slash or space in a path causes a 500.")
BELOW_ZERO = fault("input.negative-page-crash", "A negative page size, limit or offset causes a 500.")
UNKNOWN_QUERY = fault("input.unknown-query-crash", "An unknown query parameter causes a 500.")
CLIENT_NAME = fault(
    "input.client-name-crash", f"A client name of more than {LONG_ID} characters causes a 500."
)
CHARSET = fault("input.charset-crash", "A media type with a charset causes a 500.")
MEDIA_TYPE = fault("input.media-type-crash", "A JSON body with another media type causes a 500.")
CHARSET_REFUSED = fault("input.charset-refused", "A media type with a charset is rejected with 415.")
LARGE_REFUSED = fault("input.large-refused", f"A body of more than {LARGE} bytes is rejected with 413.")
EMPTY_FORM = fault("input.empty-form-crash", "A form without parts causes a 500.")
UNKNOWN_PART = fault("input.unknown-part-crash", "An unknown part of a form causes a 500.")

_ENCODED = re.compile(rb"%(?:2f|20)", re.IGNORECASE)
_PAGES = frozenset({"limit", "offset", "page_size"})
_NEGATIVE = re.compile(r"-\d*[1-9]\d*")


def _crash() -> ApiError:
    return ApiError(500, "internal server error")


def addressed(path: bytes, methods: tuple[str, ...], faults: Faults) -> None:
    """Check the path of a request.

    Args:
        path: as it was sent, still encoded.
        methods: the methods of the path, if that of the request is not one of them.
        faults: the faults of the server.

    Raises:
        ApiError: 500, a fault applies.
    """
    if METHOD in faults and methods:
        raise _crash()
    if LONG_PATH in faults and any(len(part) > LONG_ID for part in path.split(b"/")):
        raise _crash()
    if ENCODED in faults and _ENCODED.search(path):
        raise _crash()


def asked(
    declared: Operation, query: Iterable[tuple[str, str]], headers: Mapping[str, str], faults: Faults
) -> None:
    """Check the query and the headers of a request.

    Raises:
        ApiError: 500, a fault applies.
    """
    for name, text in query:
        if UNKNOWN_QUERY in faults and name not in declared.query:
            raise _crash()
        if BELOW_ZERO in faults and name in _PAGES and _NEGATIVE.fullmatch(text):
            raise _crash()
        _look([text], faults)
    if CLIENT_NAME in faults and len(headers.get("x-client-name", "")) > LONG_ID:
        raise _crash()
    charset = "charset" in headers.get("content-type", "").lower()
    if CHARSET in faults and charset:
        raise _crash()
    if CHARSET_REFUSED in faults and charset:
        raise ApiError(415, "unsupported media type")


def formed(declared: Operation, form: Iterable[UploadedPart], faults: Faults) -> None:
    """Check the parts of a form.

    Raises:
        ApiError: 500, a fault applies.
    """
    texts = {part.name: part.text for part in form if part.filename is None}
    names = {part.name for part in form}
    if EMPTY_FORM in faults and not names:
        raise _crash()
    media = declared.request.media.get("multipart/form-data") if declared.request else None
    if UNKNOWN_PART in faults and media is not None:
        errors = media.compiled.iter_errors(dict.fromkeys(names, ""))
        if any(error.kind.name == "additionalProperties" for error in errors):
            raise _crash()
    _look(texts.values(), faults)


def sent(declared: Operation, content: bytes, headers: Mapping[str, str], faults: Faults) -> None:
    """Check a body before it is parsed.

    Raises:
        ApiError: 500, a fault applies.
    """
    if declared.request is None or "application/json" not in declared.request.media:
        return
    if LARGE_REFUSED in faults and len(content) > LARGE:
        raise ApiError(413, "the body is too large")
    if NO_BODY in faults and not content.strip():
        raise _crash()
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if MEDIA_TYPE in faults and content and media_type != "application/json":
        raise _crash()


def parsed(text: str, value: Any, faults: Faults) -> None:
    """Check a JSON body.

    Args:
        text: the body as text.
        value: its JSON value, which may contain lone surrogates.
        faults: the faults of the server.

    Raises:
        ApiError: 500, a fault applies.
    """
    if NO_OBJECT in faults and not isinstance(value, dict):
        raise _crash()
    if REPEATED_KEY in faults:
        json.loads(text, object_pairs_hook=_once)
    if DEEP in faults and _depth(value) > DEEPEST:
        raise _crash()
    _look(_below(value), faults)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _crash()
    return found


def _look(values: Iterable[Any], faults: Faults) -> None:
    tests = [test for one, test in _VALUES.items() if one in faults]
    if tests and any(test(value) for value in values for test in tests):
        raise _crash()


def _below(value: Any) -> Iterator[Any]:
    """Yield a value and all values inside it; not recursive, because the nesting may be too deep for that."""
    pending = [value]
    while pending:
        pending += _held(one := pending.pop())
        yield one


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [one for outer in level for one in _held(outer)]:
        depth += 1
    return depth


def _held(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
