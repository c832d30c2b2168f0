"""Parse: the content of an image is the same each time, and in both forms."""

from __future__ import annotations

import base64
import math
import re
import zlib
from typing import TYPE_CHECKING, TypedDict

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
SIDE = 80
"""The width and the height of the picture, in pixels."""


class Text(TypedDict):
    """The property of a text block that the tests read."""

    content: str


class Block(TypedDict, total=False):
    """The properties of a block that the tests read."""

    type: str
    text: Text


class Image(TypedDict):
    """An image of Markdown, of which the tests read that it is there."""


class Markdown(TypedDict, total=False):
    """The properties of Markdown that the tests read."""

    content: str
    images: list[Image] | None


class Page(TypedDict, total=False):
    """The properties of a page that the tests read."""

    type: str
    markdown: Markdown
    blocks: list[Block]


def page(printed: Sequence[str]) -> str:
    """Return a data URI of a white PNG image: words in black, and a ring below them as a picture."""
    text = " ".join(printed)
    width = (max(6 * len(text) * SCALE, SIDE) + 2 * MARGIN + 7) // 8 * 8
    empty = "1" * width
    lines = [empty] * MARGIN
    for row in range(7):
        dots = "".join(f"{bytes.fromhex(LETTERS.get(one, '00' * 7))[row]:05b}0" for one in text)
        drawn = "".join(("0" if dot == "1" else "1") * SCALE for dot in dots)
        lines += [f"{'1' * MARGIN}{drawn}".ljust(width, "1")] * SCALE
    lines += [empty] * MARGIN
    lines += [f"{'1' * MARGIN}{row}".ljust(width, "1") for row in ring(SIDE)]
    lines += [empty] * MARGIN
    content = b"".join(b"\0" + int(line, 2).to_bytes(width // 8) for line in lines)
    head = width.to_bytes(4) + len(lines).to_bytes(4) + bytes([1, 0, 0, 0, 0])
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(content)), (b"IEND", b""))
    image = b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4) for kind, data in chunks
    )
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def ring(side: int) -> list[str]:
    """Return the rows of a black ring on white, a character a pixel."""
    middle = (side - 1) / 2
    return [
        "".join(
            "0" if 0.6 * middle < math.hypot(across - middle, down - middle) <= middle else "1"
            for across in range(side)
        )
        for down in range(side)
    ]


def parsed(api: Api, form: str, printed: Sequence[str]) -> ApiResponse:
    """Parse the page with these words."""
    document = {"type": "image_url", "image_url": page(printed)}
    return api.call(PARSE, body={"model": api.models["parse"], "document": document, "output_format": form})


def pages(response: ApiResponse) -> list[Page]:
    """Return the pages, in whichever form and number they are."""
    return response.at("/pages", list[Page], despite_requirements=True)


def text_of(response: ApiResponse) -> str:
    """Return the texts of all pages, in whichever form they are."""
    return "\n".join(
        one["markdown"]["content"]
        if one["type"] == "markdown"
        else "\n".join(block["text"]["content"] for block in one["blocks"] if block["type"] == "text")
        for one in pages(response)
    )


def images(response: ApiResponse) -> int:
    """Return how many images the pages list, in either form."""
    return sum(
        len(one["markdown"].get("images") or ())
        if one["type"] == "markdown"
        else sum(block["type"] == "image" for block in one["blocks"])
        for one in pages(response)
    )


def words(text: str) -> list[str]:
    """Return the words of a text in capital letters."""
    return re.findall(r"\w+", text.upper())


def require_read(api: Api, response: ApiResponse, printed: Sequence[str]) -> None:
    """Require that a response has at least half of the words of its image."""
    read = set(words(text_of(response)))
    found = [one for one in printed if one in read]
    api.require(
        "parse.text-read",
        len(found) >= len(printed) / 2,
        response,
        location="/pages/*/markdown/content",
        expected=f"at least half of the words {' '.join(printed)}",
        observed=repr(text_of(response)[:60]),
    )


def require_repeatable(api: Api, printed: Sequence[str]) -> None:
    """Require that an image that is sent twice has the same Markdown, with the words that are on it."""
    first, response = text_of(parsed(api, "markdown", printed)), parsed(api, "markdown", printed)
    second = text_of(response)
    api.require(
        "parse.repeatable",
        first.split() == second.split(),
        response,
        location="/pages/*/markdown/content",
        expected=repr(first[:60]),
        observed=repr(second[:60]),
    )
    require_read(api, response, printed)


def require_forms_agree(api: Api, printed: Sequence[str]) -> None:
    """Require that the words and the images of the blocks of an image are in its Markdown as well."""
    written, response = (parsed(api, form, printed) for form in ("markdown", "blocks"))
    require_read(api, response, printed)
    known = set(words(text_of(written)))
    lost = [word for word in words(text_of(response)) if word not in known]
    api.require(
        "parse.forms-agree",
        not lost,
        response,
        location="/pages/*/blocks/*/text/content",
        expected="texts that are in the Markdown, too",
        observed=f"{lost[0]!r}, which is not" if lost else "",
    )
    api.require(
        "parse.images-agree",
        images(written) >= images(response),
        written,
        location="/pages/*/markdown/images",
        expected=f"{images(response)}, as many as there are among the blocks",
        observed=str(images(written)),
    )


def test_the_same_image_has_the_same_content(api: Api) -> None:
    """An image that is sent twice has the same Markdown, with the words that are on it."""
    require_repeatable(api, WORDS)


def test_both_forms_have_the_same_texts(api: Api) -> None:
    """The words and the images of the blocks of an image are in its Markdown as well."""
    require_forms_agree(api, WORDS)
