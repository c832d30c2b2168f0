"""Parse: what the reference server makes of the image of a page."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import pytest
from pages import Page, chunk, png, timetable, uri

from cohere_conformance.cases.load import shipped_suite
from cohere_conformance.reference.parsing.glyphs import characters
from cohere_conformance.reference.parsing.layout import ImageArea, TextArea, areas
from cohere_conformance.reference.parsing.pixels import UnreadableImageError, dark_pixels
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LABEL = "POST /v2/parse"
LOGO = {"top_left_x": 20, "top_left_y": 140, "bottom_right_x": 44, "bottom_right_y": 164}


def texts(content: bytes) -> list[str]:
    """Return the texts that are read from an image."""
    return [area.text for area in areas(dark_pixels(content)) if isinstance(area, TextArea)]


def test_every_character_is_read() -> None:
    every = "".join(characters().values())
    lines = [every[start : start + 12] for start in range(0, len(every), 12)]
    page = Page(300, 30 * len(lines))
    for number, line in enumerate(lines):
        page.text(f"A{line}", 4, 4 + 30 * number, 3)
    assert "".join(line[1:] for text in texts(page.png()) for line in text.split("\n")) == every


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_the_size_of_a_text_does_not_matter(scale: int) -> None:
    assert texts(Page(500, 80).text("NO BOATS: 9-15", 3, 3, scale).png()) == ["NO BOATS: 9-15"]


def test_spaces_are_counted() -> None:
    assert texts(Page(200, 20).text("A  B C", 3, 3, 2).png()) == ["A  B C"]


def inverted(page: Page) -> bytes:
    return page.png(lambda dot: 255 if dot else 0)


def filtered(kind: int) -> Callable[[Page], bytes]:
    """Return a function that draws a page with a filter before each row."""

    def drawn(page: Page) -> bytes:
        lines, above = b"", bytes(page.width)
        for row in page.rows:
            line = bytes(0 if dot else 255 for dot in row)
            out = bytearray()
            for index, value in enumerate(line):
                left = line[index - 1] if index else 0
                corner = above[index - 1] if index else 0
                up = above[index]
                near = sorted((left, up, corner), key=lambda one: abs(left + up - corner - one))[0]
                guess = (0, left, up, (left + up) // 2, near)[kind]
                out.append((value - guess) & 0xFF)
            lines += bytes([kind]) + out
            above = line
        return png(page.width, len(page.rows), lines)

    return drawn


def colored(color: int, dark: bytes, bright: bytes, more: bytes = b"") -> Callable[[Page], bytes]:
    """Return a function that draws a page in another color type."""
    return lambda page: png(
        page.width,
        len(page.rows),
        b"".join(b"\0" + b"".join(dark if dot else bright for dot in row) for row in page.rows),
        color=color,
        more=more,
    )


@pytest.mark.parametrize(
    "drawn",
    [
        Page.png,
        Page.bits,
        *map(filtered, range(1, 5)),
        colored(2, b"\x20\x10\x40", b"\xff\xff\xd0"),
        colored(6, b"\0\0\0\xff", b"\0\0\0\0"),
        colored(4, b"\0\xff", b"\0\x10"),
        colored(3, b"\1", b"\0", chunk(b"PLTE", b"\xff\xff\xff\0\0\x80")),
        colored(3, b"\1", b"\0", chunk(b"PLTE", bytes(6)) + chunk(b"tRNS", b"\0")),
    ],
)
def test_every_kind_of_pixels_is_read(drawn: Callable[[Page], bytes]) -> None:
    assert texts(drawn(Page(200, 20).text("FERRY 12", 3, 3, 2))) == ["FERRY 12"]


@pytest.mark.parametrize(
    "content",
    [
        png(8, 8, b"\0\xff" * 4),
        png(8, 1, b"\5" + bytes(8)),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(3)),
        Page(8, 8).png().replace(b"IDAT", b"IDOT"),
        png(8, 8, bytes(72), depth=3),
    ],
)
def test_what_cannot_be_decoded_says_so(content: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        dark_pixels(content)


def test_a_compressed_file_is_not_decoded_beyond_its_size() -> None:
    bomb = png(8, 1, bytes(10_000_000))
    assert dark_pixels(bomb).rows == (bytes([1]) * 8,)


def test_what_is_no_text_is_an_image() -> None:
    page = Page(100, 60).box(10, 5, 30, 25).box(10, 40, 90, 41)
    kinds = [
        (type(one), one.category) for one in areas(dark_pixels(page.png())) if isinstance(one, ImageArea)
    ]
    assert kinds == [(ImageArea, "logo"), (ImageArea, "other")]


# -- the operation


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def parsed(server: CheckedServer, image: str, *, status: int = 200, **more: Any) -> dict[str, Any]:
    """Return the response to an image."""
    body = {"model": "parse-v5.0", "document": {"type": "image_url", "image_url": image}, **more}
    found: dict[str, Any] = server.ask(LABEL, body, status=status).json()
    return found


def test_markdown_has_texts_tables_and_references_to_images(server: CheckedServer) -> None:
    body = parsed(server, uri(timetable().bits()))
    [page] = body["pages"]
    markdown = page["markdown"]
    assert (page["type"], page["index"], body["finish_reason"]) == ("markdown", 0, "COMPLETE")
    assert body["meta"]["billed_units"] == {"pages": 1}
    assert markdown["content"] == (
        "FERRY NOTES\n\nTIDES ARE HIGH AT 08:41.\nBOATS LEAVE AT 09:15.\n\n"
        "<table><tr><td>PIER</td><td>BOAT</td></tr><tr><td>2</td><td>TERN</td></tr></table>\n\n"
        "![A logo of 24 by 24 pixels](img-0)\n\n![A signature of 80 by 12 pixels](img-1)"
    )
    assert [(one["id"], one["category"]) for one in markdown["images"]] == [
        ("img-0", "logo"),
        ("img-1", "signature"),
    ]
    assert markdown["images"][0]["bounding_box"] == LOGO


def test_blocks_are_in_reading_order(server: CheckedServer) -> None:
    body = parsed(server, uri(timetable().png()), output_format="blocks")
    [page] = body["pages"]
    assert [one["type"] for one in page["blocks"]] == ["text", "text", "table", "image", "image"]
    assert page["blocks"][2]["table"]["bounding_box_normalized"] == {
        "top_left_x": 0.083,
        "top_left_y": 0.45,
        "bottom_right_x": 0.588,
        "bottom_right_y": 0.635,
    }


def test_an_address_is_not_opened(server: CheckedServer) -> None:
    body = parsed(server, "https://cohere.com/favicon-32x32.png")
    assert body["pages"][0]["markdown"] == {"content": "The image is at cohere.com; I have not opened it."}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("data:application/pdf;base64,JVBERi0xLjQK", "expected a data URI of a jpeg"),
        ("data:image/png;base64,iVBORw0KGgo=", "damaged"),
        ("file:///etc/hosts", "expected a data URI or an http address"),
        ("http://[", "expected a data URI or an http address"),
        (uri(png(8000, 6300, b"", depth=1)), "more than 50000000 pixels"),
        (uri(Page(8, 8).png() + bytes(20 * 2**20)), "larger than 20971520 bytes"),
    ],
)
def test_what_is_no_image_of_a_page_is_rejected(server: CheckedServer, image: str, message: str) -> None:
    assert message in parsed(server, image, status=400)["message"]


def test_a_large_image_is_not_decoded(server: CheckedServer) -> None:
    big = png(8000, 6000, zlib.compress(b""), depth=1)
    body = parsed(server, uri(big))
    assert body["pages"][0]["markdown"]["content"] == "![A picture of 8000 by 6000 pixels](img-0)"


def test_a_model_of_another_endpoint_is_rejected(server: CheckedServer) -> None:
    body = parsed(server, uri(Page(8, 8).png()), status=400, model="rerank-v3.5")
    assert "not supported by the parse endpoint" in body["message"]


FAULTS = {
    "index-from-one": lambda body: body["pages"][0]["index"] == 1,
    "no-pages": lambda body: body["pages"] == [],
    "page-twice": lambda body: [one["index"] for one in body["pages"]] == [0, 1],
    "format-ignored": lambda body: body["pages"][0]["type"] == "markdown",
    "image-id-repeated": lambda body: ids(body) == ["img-0", "img-0"],
    "text-unread": lambda body: "text" not in [one["type"] for one in body["pages"][0]["blocks"]],
    "pages-billed-double": lambda body: body["meta"]["billed_units"] == {"pages": 2},
}


def ids(body: Any) -> list[str]:
    """Return the ids of the images in blocks."""
    return [one["image"]["id"] for one in body["pages"][0]["blocks"] if one["type"] == "image"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_what_it_says(server: CheckedServer, name: str) -> None:
    holds: Callable[[Any], bool] = FAULTS[name]
    page = uri(timetable().bits())
    assert not holds(parsed(server, page, output_format="blocks"))
    with server.fault(f"parse.{name}"):
        assert holds(parsed(server, page, output_format="blocks"))


def test_the_page_of_the_written_cases_is_the_drawn_one() -> None:
    [case] = [case for case in shipped_suite().cases if case.id == "parse.markdown"]
    assert uri(timetable().bits()) in repr(case)
