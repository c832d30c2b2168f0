"""Words of a text: its topics, sentences, names, numbers and dates."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_Item = TypeVar("_Item")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE = re.compile(r"[^\s.!?。！？][^.!?\n。！？]*(?:[.!?。！？](?=\S)[^.!?\n。！？]*)*[.!?。！？]*")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?(?![\w])")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_MONTHS = "january february march april may june july august september october november december".split()
_DAY_FIRST = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\.? (?:of )?([A-Za-z]{3,9}),? (\d{4})\b")
_MONTH_FIRST = re.compile(r"\b([A-Za-z]{3,9}) (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b")
_NO_YEAR = r"\b(?!,? \d{4}\b)"
_DAY_AND_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?([A-Za-z]{{3,9}}){_NO_YEAR}")
_MONTH_AND_DAY = re.compile(rf"\b([A-Za-z]{{3,9}}) (\d{{1,2}})(?:st|nd|rd|th)?{_NO_YEAR}")
YEAR = "2026"
"""The year of dates that name none."""
_COMMON = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further get give had
    has have having he her here hers him his how i if in into is it its just let like me more most my no
    nor not of off on once one only or other our out over own please same she should so some such tell
    than that the their them then there these they this those through to too under until up very was we
    were what when where which while who whom whose why will with would you your some json""".split()
)
_SUFFIXES = ("ing", "ies", "ed", "es", "ly", "s", "y", "e")


def words(text: str) -> list[str]:
    """Return the words of a text, unchanged."""
    return _WORD.findall(text)


def stem(word: str) -> str:
    """Return the stem of a word, by simple rules for English."""
    word = word.lower()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word.removesuffix(suffix)
    return word


def topics(text: str) -> list[str]:
    """Return the words of a text with a meaning of their own, each once, in their order."""
    found: dict[str, str] = {}
    for word in words(text.replace("_", " ")):
        if word.lower() not in _COMMON:
            found.setdefault(stem(word), word)
    return list(found.values())


def stems(text: str) -> frozenset[str]:
    """Return the stems of the topics of a text."""
    return frozenset(stem(word) for word in topics(text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, unchanged."""
    return [found for match in _SENTENCE.finditer(text) if (found := match[0].strip())]


def quoted(text: str) -> list[str]:
    """Return the texts in quotation marks, straight, curly or backticks."""
    return [next(filter(None, match.groups())) for match in _QUOTED.finditer(text)]


def names(text: str) -> list[str]:
    """Return the capitalized words of a text that do not just start a sentence."""
    starts = {match.start() for match in _SENTENCE.finditer(text)}
    found: list[str] = []
    end = -1
    for match in _WORD.finditer(text):
        word = match[0]
        plain = word.lower() in _COMMON or word.lower() in _MONTHS or match.start() in starts
        if len(word) < 2 or not word[0].isupper() or (plain and end < 0):
            end = -1
            continue
        if end >= 0 and text[end : match.start()] in {" ", "-"}:
            found[-1] += text[end : match.end()]
        elif word.lower() not in _COMMON:
            found.append(word)
        end = match.end()
    return list(dict.fromkeys(found))


def numbers(text: str) -> list[float]:
    """Return the numbers of a text, without those of dates."""
    for pattern in (_ISO_DATE, _DAY_FIRST, _MONTH_FIRST):
        text = pattern.sub(" ", text)
    return [float(match[0]) for match in _NUMBER.finditer(text)]


def dates(text: str) -> list[str]:
    """Return the dates in a text as `YYYY-MM-DD`."""
    matches = [(match.start(), match[1], match[2], match[3]) for match in _ISO_DATE.finditer(text)]
    matches += [(m.start(), m[3], _month(m[2]), m[1]) for m in _DAY_FIRST.finditer(text)]
    matches += [(m.start(), m[3], _month(m[1]), m[2]) for m in _MONTH_FIRST.finditer(text)]
    matches += [(m.start(), YEAR, _month(m[2]), m[1]) for m in _DAY_AND_MONTH.finditer(text)]
    matches += [(m.start(), YEAR, _month(m[1]), m[2]) for m in _MONTH_AND_DAY.finditer(text)]
    found = []
    for _, year, month, day in sorted(matches):
        try:
            found.append(date(int(year), int(month), int(day)).isoformat())
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _month(name: str) -> str:
    matching = [number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower())]
    return str(matching[0]) if matching else "0"


def listed(items: Sequence[str]) -> str:
    """Return items as a list in an English sentence."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def shortened(text: str, limit: int = 80) -> str:
    """Return a text on one line, cut after a word if it is longer than the limit."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit].rsplit(' ', 1)[0]} ..."


def draw(*key: object) -> int:
    """Return a hash of a key as a number."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode("utf-8", "replace"), digest_size=8)
    return int.from_bytes(digest.digest())


def choose(options: Sequence[_Item], *key: object) -> _Item:
    """Return one of the options, always the same one for the same key."""
    return options[draw(*key) % len(options)]


def overlap(one: frozenset[str], other: Iterable[str]) -> int:
    """Return the number of stems that two texts have in common."""
    return len(one & frozenset(other))
