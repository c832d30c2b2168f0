"""Texts that match a regular expression, for expressions simple enough."""

from __future__ import annotations

import re
import warnings

_CLASSES = {"d": "4", "w": "a", "s": " ", "D": "x", "W": "-", "S": "x"}
_CONTROL = {"n": "\n", "t": "\t", "r": "\r"}
_QUANTIFIER = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_MOST = 200
"""Repetitions that are still written out."""


def sample(pattern: str) -> str:
    """Return a text that the whole pattern matches.

    Raises:
        ValueError: the pattern is no expression, or has parts that cannot be written out.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the pattern is not ours to be warned about
            compiled = re.compile(pattern)
            text, end = _alternatives(pattern, 0)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r} is no regular expression") from error
    if end != len(pattern) or not compiled.search(text):
        raise ValueError(f"no text can be made up for {pattern!r}")
    return text


def _alternatives(pattern: str, place: int) -> tuple[str, int]:
    """Write out the first of several alternatives; the others are only read."""
    first, place = _sequence(pattern, place)
    while place < len(pattern) and pattern[place] == "|":
        _, place = _sequence(pattern, place + 1)
    return first, place


def _sequence(pattern: str, place: int) -> tuple[str, int]:
    written = ""
    while place < len(pattern) and pattern[place] not in "|)":
        piece, place = _piece(pattern, place)
        times, place = _times(pattern, place)
        if len(written) + len(piece) * times > 50 * _MOST:
            raise ValueError("the pattern asks for too long a text")
        written += piece * times
    return written, place


def _piece(pattern: str, place: int) -> tuple[str, int]:
    character = pattern[place]
    match character:
        case "(":
            return _group(pattern, place + 1)
        case "[":
            return _set(pattern, place + 1)
        case ".":
            return "x", place + 1
        case "^" | "$":
            return "", place + 1
        case "\\":
            return _escape(pattern, place + 1)
        case "*" | "+" | "?":
            raise ValueError(f"nothing to repeat at {place}")
    return character, place + 1


def _group(pattern: str, place: int) -> tuple[str, int]:
    if pattern[place : place + 2] == "?:":
        place += 2
    elif named := re.compile(r"\?P?<\w+>").match(pattern, place):
        place = named.end()
    elif pattern[place : place + 1] == "?":
        raise ValueError("groups that only look around cannot be written out")
    inner, place = _alternatives(pattern, place)
    return inner, place + 1


def _set(pattern: str, place: int) -> tuple[str, int]:
    """Write out a character of a set: one that it names, or one that it does not exclude."""
    negated = pattern[place] == "^"
    start = place - 1
    place += negated
    first = place
    while pattern[place] != "]" or place == first:
        place += 2 if pattern[place] == "\\" else 1
    whole = re.compile(pattern[start : place + 1])
    for candidate in "aA0 xX1-_.,:/@#+" + "".join(map(chr, range(33, 0x17F))):
        if whole.fullmatch(candidate):
            return candidate, place + 1
    raise ValueError(f"no character for the set at {start}")


def _escape(pattern: str, place: int) -> tuple[str, int]:
    character = pattern[place]
    if character in "bBAZz":
        return "", place + 1
    if character.isdigit():
        raise ValueError("references back cannot be written out")
    if character in "xu" or (character.isalpha() and character not in {**_CLASSES, **_CONTROL}):
        raise ValueError(f"\\{character} cannot be written out")
    return _CLASSES.get(character, _CONTROL.get(character, character)), place + 1


def _times(pattern: str, place: int) -> tuple[int, int]:
    times = 1
    if match := _QUANTIFIER.match(pattern, place):
        low = int(match[1] or 0)
        times, place = (low or (1 if match[2] and match[3] != "0" else 0)), match.end()
    elif place < len(pattern) and pattern[place] in "*+?":
        place += 1
    else:
        return 1, place
    if place < len(pattern) and pattern[place] in "?+":  # lazy or possessive: the same texts
        place += 1
    if times > _MOST:
        raise ValueError("the pattern asks for too long a text")
    return times, place
