"""Texts that match a regular expression, for simple expressions.

`rstr` and `exrex` choose at random instead of the same text each time, and do not limit nested repetitions,
such as `((a{99}){99}){99}`, with which one request could exhaust the memory of the server.
"""

from __future__ import annotations

import re
import warnings

_CLASSES = {"d": "4", "w": "a", "s": " ", "D": "x", "W": "-", "S": "x"}
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}
_QUANTIFIER = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_MOST = 200
"""The maximum number of repetitions."""


def sample(pattern: str) -> str:
    """Return a text that the whole pattern matches.

    Raises:
        ValueError: the pattern is not a regular expression, or has unsupported parts.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for the author of the pattern
            compiled = re.compile(pattern)
            text, end = _alternatives(pattern, 0)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r} is no regular expression") from error
    if end != len(pattern) or not compiled.search(text):
        raise ValueError(f"no text can be made up for {pattern!r}")
    return text


def _alternatives(pattern: str, location: int) -> tuple[str, int]:
    """Return a text for the first of several alternatives; the others are only parsed."""
    first, location = _sequence(pattern, location)
    while location < len(pattern) and pattern[location] == "|":
        _, location = _sequence(pattern, location + 1)
    return first, location


def _sequence(pattern: str, location: int) -> tuple[str, int]:
    written = ""
    while location < len(pattern) and pattern[location] not in "|)":
        piece, location = _piece(pattern, location)
        times, location = _times(pattern, location)
        if len(written) + len(piece) * times > 50 * _MOST:
            raise ValueError("the pattern asks for too long a text")
        written += piece * times
    return written, location


def _piece(pattern: str, location: int) -> tuple[str, int]:
    character = pattern[location]
    match character:
        case "(":
            return _group(pattern, location + 1)
        case "[":
            return _set(pattern, location + 1)
        case ".":
            return "x", location + 1
        case "^" | "$":
            return "", location + 1
        case "\\":
            return _escape(pattern, location + 1)
        case "*" | "+" | "?":
            raise ValueError(f"nothing to repeat at {location}")
    return character, location + 1


def _group(pattern: str, location: int) -> tuple[str, int]:
    if pattern[location : location + 2] == "?:":
        location += 2
    elif named := re.compile(r"\?P?<\w+>").match(pattern, location):
        location = named.end()
    elif pattern[location : location + 1] == "?":
        raise ValueError("groups that only look around cannot be written out")
    inner, location = _alternatives(pattern, location)
    return inner, location + 1


def _set(pattern: str, location: int) -> tuple[str, int]:
    """Return a character of a set."""
    negated = pattern[location] == "^"
    start = location - 1
    location += negated
    first = location
    while pattern[location] != "]" or location == first:
        location += 2 if pattern[location] == "\\" else 1
    whole = re.compile(pattern[start : location + 1])
    for candidate in "aA0 xX1-_.,:/@#+" + "".join(map(chr, range(33, 0x17F))):
        if whole.fullmatch(candidate):
            return candidate, location + 1
    raise ValueError(f"no character for the set at {start}")


def _escape(pattern: str, location: int) -> tuple[str, int]:
    character = pattern[location]
    if character in "bBAZz":
        return "", location + 1
    if character.isdigit():
        raise ValueError("references back cannot be written out")
    if character in "xu" or (character.isalpha() and character not in {**_CLASSES, **_CONTROL}):
        raise ValueError(f"\\{character} cannot be written out")
    return _CLASSES.get(character, _CONTROL.get(character, character)), location + 1


def _times(pattern: str, location: int) -> tuple[int, int]:
    times = 1
    if match := _QUANTIFIER.match(pattern, location):
        low = int(match[1] or 0)
        times, location = (low or (1 if match[2] and match[3] != "0" else 0)), match.end()
    elif location < len(pattern) and pattern[location] in "*+?":
        location += 1
    else:
        return 1, location
    if location < len(pattern) and pattern[location] in "?+":  # lazy or possessive: matches the same texts
        location += 1
    if times > _MOST:
        raise ValueError("the pattern asks for too long a text")
    return times, location
