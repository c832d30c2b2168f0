"""Notes of a parser for the user, about a recording that was parsed without errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BODY = r"(?:body|content|payload|text|json|data|raw|bytes|string|base64)"
_LIKE = {
    "request_body": re.compile(rf"(?:request|req|rq|input|sent){_BODY}+"),
    "response_body": re.compile(
        rf"(?:response|resp|res|rsp|reply|answer|output|received){_BODY}+|body|content|payload|output|result"
    ),
}


class RecordingNote(msgspec.Struct, frozen=True):
    """A note about a recording.

    Attributes:
        file: path of the recording as given by the caller.
        where: location in the file that it is about; the first one if there are several.
        text: the note.
    """

    file: str
    where: str
    text: str


def misnamed_bodies(keys: Iterable[str], absent: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the keys of a row that look like a misspelt body, each with the name that would be read.

    Args:
        keys: of the row.
        absent: the names of the bodies that the row lacks.
    """
    wanted = set(absent)
    for key in keys:
        bare = re.sub(r"[^a-z0-9]", "", key.lower())
        for name in sorted(wanted):
            if key != name and _LIKE[name].fullmatch(bare):
                yield key, name
