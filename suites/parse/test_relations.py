"""Parse: the content of an image is the same each time, and in both forms."""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.session.api import Api, ApiResponse

PARSE = "POST /v2/parse"
pytestmark = pytest.mark.operations(PARSE)
WORDS = ("TEN", "TIDE", "NOTES", "IN", "TINS")
LETTERS = {
    "D": "1E11111111111E", "E": "1F10101E10101F", "I": "0E04040404040E", "N": "11191513111111",
    "O": "0E11111111110E", "S": "0F10100E01011E", "T": "1F040404040404",
}  # fmt: skip
"""Seven rows of five dots for each letter, a byte a row."""
SCALE, MARGIN = 4, 24


def page(printed: Sequence[str]) -> str:
    """Return a data URI of a white PNG image with one line of words in black."""
    text = " ".join(printed)
    width = (6 * len(text) * SCALE + 2 * MARGIN + 7) // 8 * 8
    empty = "1" * width
    lines = [empty] * MARGIN
    for row in range(7):
        dots = "".join(f"{bytes.fromhex(LETTERS.get(one, '00' * 7))[row]:05b}0" for one in text)
        drawn = "".join(("0" if dot == "1" else "1") * SCALE for dot in dots)
        lines += [f"{'1' * MARGIN}{drawn}".ljust(width, "1")] * SCALE
    lines += [empty] * MARGIN
    content = b"".join(b"\0" + int(line, 2).to_bytes(width // 8) for line in lines)
    head = width.to_bytes(4) + len(lines).to_bytes(4) + bytes([1, 0, 0, 0, 0])
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(content)), (b"IEND", b""))
    image = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks
    )
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def parsed(api: Api, form: str, printed: Sequence[str]) -> ApiResponse:
    """Parse the page with these words."""
    document = {"type": "image_url", "image_url": page(printed)}
    return api.call(PARSE, body={"model": api.models["parse"], "document": document, "output_format": form})


def markdown(response: ApiResponse) -> str:
    """Return the Markdown of all pages."""
    pages: list[dict[str, Any]] = response.at("/pages", list)
    return "\n".join(str(one["markdown"]["content"]) for one in pages if one["type"] == "markdown")


def words(text: str) -> list[str]:
    """Return the words of a text in capital letters."""
    return re.findall(r"\w+", text.upper())


def require_repeatable(api: Api, printed: Sequence[str]) -> None:
    """Require that an image that is sent twice has the same Markdown, with the words that are on it."""
    first, response = markdown(parsed(api, "markdown", printed)), parsed(api, "markdown", printed)
    second = markdown(response)
    api.require(
        "parse.repeatable",
        first.split() == second.split(),
        response,
        location="/pages/*/markdown/content",
        expected=repr(first[:60]),
        observed=repr(second[:60]),
    )
    read = set(words(second))
    found = [one for one in printed if one in read]
    api.require(
        "parse.text-read",
        len(found) >= len(printed) / 2,
        response,
        location="/pages/*/markdown/content",
        expected=f"at least half of the words {' '.join(printed)}",
        observed=repr(second[:60]),
    )


def require_forms_agree(api: Api, printed: Sequence[str]) -> None:
    """Require that the words of the text blocks of an image are in its Markdown as well."""
    whole = set(words(markdown(parsed(api, "markdown", printed))))
    response = parsed(api, "blocks", printed)
    pages: list[dict[str, Any]] = response.at("/pages", list)
    texts = [
        str(block["text"]["content"])
        for one in pages
        if one["type"] == "blocks"
        for block in one["blocks"]
        if block["type"] == "text"
    ]
    lost = [word for text in texts for word in words(text) if word not in whole]
    api.require(
        "parse.forms-agree",
        not lost,
        response,
        location="/pages/*/blocks/*/text/content",
        expected="texts that are in the Markdown, too",
        observed=f"{lost[0]!r}, which is not" if lost else "",
    )


def test_the_same_image_has_the_same_content(api: Api) -> None:
    """An image that is sent twice has the same Markdown, with the words that are on it."""
    require_repeatable(api, WORDS)


def test_both_forms_have_the_same_texts(api: Api) -> None:
    """The words of the text blocks of an image are in its Markdown as well."""
    require_forms_agree(api, WORDS)
