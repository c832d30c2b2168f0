"""A JSON parser as strict as RFC 8259 and I-JSON, which reports every defect.

A defect of the text does not stop the judgement: a value is returned if there is any.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final

import msgspec


class Defect(msgspec.Struct, frozen=True):
    """One violation of a rule by a text.

    Attributes:
        rule: stable name of the rule (`empty`, `duplicate-key`, `not-a-number`, `utf-8`, `trailing`,
            `truncated`, `syntax`, `surrogate`, `byte-order-mark`, `too-deep`, `number-too-long`,
            `number-too-large`).
        subject: part of the identity of the defect, such as the repeated key.
        expected: for a reader.
        observed: for a reader.
    """

    rule: str
    expected: str
    observed: str
    subject: str = ""


TOO_DEEP: Final = Defect("too-deep", "a value that a parser can hold", "nesting beyond every parser's limit")
TOO_LARGE: Final = Defect(
    "number-too-large", "numbers that a parser can hold", "a number beyond every double"
)
NOTHING: Final = object()
"""The value of a text that cannot be parsed (`None` is JSON's `null`)."""
_MOST = 1000
"""Maximum number of distinct defects of one text."""
_LONGEST_NAME = 200
REPLACED: Final = "\ufffd"
"""Replaces each byte or escape that is not a character."""
NO_NUMBER: Final = float("0")
"""Replaces a constant such as NaN, which JSON does not have; recognised by its identity."""
_BLANKS = " \t\r\n"
_LEADING = re.compile(rf"\A[{_BLANKS}]+")
"""Blanks at the beginning: of many, in a third of the time that `lstrip` takes."""


class _IrregularError(ValueError):
    """Raised by the hooks of the fast path: the text needs the slow one."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _IrregularError
    return made


def _no_constant(name: str) -> Any:
    raise _IrregularError(name)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_FAST = msgspec.json.Decoder()


def parse(raw: bytes | str) -> tuple[Any, tuple[Defect, ...]]:
    """Return the value of a JSON text (or `NOTHING`) and the defects of the text."""
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        value = _STRICT.decode(text)
    except (ValueError, RecursionError):
        return _parse_carefully(raw)
    if "\\ud" in text or "\\uD" in text:
        return _without_surrogates(value, {})
    return value, ()


def parse_plain(raw: bytes | str) -> Any:
    """Return the value of a JSON text in which no object has a name twice, in a fifth of the time.

    It is `NOTHING` for a text that only `parse` understands: one with a defect, or a number beyond doubles.
    """
    try:
        return _FAST.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return NOTHING


def _parse_carefully(raw: bytes | str) -> tuple[Any, tuple[Defect, ...]]:
    defects: dict[tuple[str, str], Defect] = {}

    def note(rule: str, expected: str, observed: str, subject: str = "") -> None:
        if len(defects) < _MOST:
            defects.setdefault((rule, subject), Defect(rule, expected, observed, subject))

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) != len(found):
            for name, times in sorted(Counter(name for name, _ in found).items()):
                if times > 1:
                    observed = f"{json.dumps(name[:_LONGEST_NAME])} {times} times in one object"
                    note("duplicate-key", "each name once in an object", observed, name)
        return made

    def constant(name: str) -> float:
        note("not-a-number", "a number that JSON knows", name, name)
        return NO_NUMBER

    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    if isinstance(raw, bytes) and (offset := _broken_utf8(raw)) is not None:
        note("utf-8", "UTF-8", f"byte 0x{raw[offset]:02x} at offset {offset}")
    if text.startswith("\ufeff"):
        note("byte-order-mark", "JSON text without a byte order mark", "U+FEFF at its start")
        text = text[1:]
    text = _LEADING.sub("", text, count=1)
    if not text:
        note("empty", "a JSON value", "an empty body")
        return NOTHING, tuple(defects.values())
    try:
        value, end = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant).raw_decode(text)
    except json.JSONDecodeError as error:
        return NOTHING, (*defects.values(), _syntax(text, error))
    except RecursionError:
        return NOTHING, (*defects.values(), TOO_DEEP)
    except ValueError:
        note("number-too-long", "numbers of a sane length", "a number of thousands of digits")
        return NOTHING, tuple(defects.values())
    rest = text[end:].strip(_BLANKS)
    if rest:
        observed = f"{len(rest)} more characters, from {json.dumps(rest[:20])} on"
        note("trailing", "nothing after the JSON value", observed)
    return _without_surrogates(value, defects)


def _broken_utf8(raw: bytes) -> int | None:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


_CUT = re.compile(r"|-|\.|[eE][+-]?|t|tr|tru|f|fa|fal|fals|n|nu|nul")
"""What may remain if a text ends within a value: nothing, or the start of a literal or number."""
_CUT_ESCAPE = re.compile(r"\\?u?[0-9a-fA-F]{0,4}")


def _syntax(text: str, error: json.JSONDecodeError) -> Defect:
    # The scanner points at the opening quote of a string that never ends, not at the end of the text.
    rest = text[error.pos :].rstrip(_BLANKS)
    ended = _CUT.fullmatch(rest) is not None or error.msg.startswith("Unterminated string")
    ended = ended or (error.msg.startswith("Invalid \\uXXXX") and _CUT_ESCAPE.fullmatch(rest) is not None)
    tail = json.dumps(text[-20:]) if ended else json.dumps(text[error.pos : error.pos + 20])
    if ended:
        return Defect("truncated", "a complete JSON value", f"the text ends within it, after {tail}")
    return Defect(
        "syntax", "a JSON value", f"{error.msg} at line {error.lineno}, column {error.colno}: {tail}"
    )


_SURROGATE = re.compile("[\ud800-\udfff]")


def _without_surrogates(value: Any, defects: dict[tuple[str, str], Defect]) -> tuple[Any, tuple[Defect, ...]]:
    """Replace unpaired surrogates: they cannot be encoded, so the value could not be shown."""
    try:
        clean = _replaced(value)
        whole = clean == value
    except RecursionError:
        return NOTHING, (*defects.values(), TOO_DEEP)
    if whole:
        return value, tuple(defects.values())
    surrogate = Defect("surrogate", "escapes of complete characters", "an unpaired surrogate escape")
    return clean, (*defects.values(), surrogate)


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub(REPLACED, value)
    if isinstance(value, list):
        return [_replaced(item) for item in value]
    if isinstance(value, dict):
        return {_replaced(key): _replaced(item) for key, item in value.items()}
    return value
