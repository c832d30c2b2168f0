"""Parse: pages and their form, images and tables with their boxes, and refused documents."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import cut
from cohere_conformance.checks.images import png_size
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_REASONS = ("COMPLETE", "MAX_TOKENS")
_MOST_PIXELS = 50_000_000
_ROUNDING = 1e-6
_TOLERANCE = 0.01
"""How far the two forms of a box may be apart, in parts of the page."""
_REFERENCE = re.compile(r"!\[[^\]]*\]\((img-[0-9]+)\)")
_TABLE = re.compile(r"<table[\s>]", re.IGNORECASE)
_DATA = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_MARKDOWN_IMAGES = "/pages/*/markdown/images/*"
_Part = dict[str, Any]


# -- pages


@check("parse.page-indexes")
def page_indexes(evidence: Evidence) -> Iterator[Breach]:
    """The indexes of the pages are 0, 1, 2 and so on, in this order (PRS-S02)."""
    for expected, page in enumerate(_pages(evidence)):
        if page["index"] != expected:
            yield Breach("/pages/*/index", str(expected), str(page["index"]))
            return


@check("parse.format-requested")
def format_requested(evidence: Evidence) -> Iterator[Breach]:
    """Every page has the requested output_format, or Markdown if none is requested (PRS-S02, PRS-R01)."""
    form = evidence.sent.get("output_format")
    wanted = "markdown" if form is None else form
    if not evidence.sent or wanted not in {"blocks", "markdown"}:
        return
    for page in _pages(evidence):
        if page["type"] != wanted:
            yield Breach("/pages/*/type", str(wanted), str(page["type"]))
            return


@check("parse.one-page")
def one_page(evidence: Evidence) -> Iterator[Breach]:
    """An image is parsed to one page (PRS-O02, PRS-R02)."""
    found = len(_pages(evidence))
    if evidence.response and found != 1:
        yield Breach("/pages", "1 page, as the document is an image", str(found), "more" if found else "none")


@check("parse.pages-billed")
def pages_billed(evidence: Evidence) -> Iterator[Breach]:
    """As many pages are billed as are returned (PRS-O01)."""
    billed = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("pages")
    found = len(_pages(evidence))
    if billed is not None and billed != found:
        more = "more" if billed > found else "fewer"
        yield Breach("/meta/billed_units/pages", f"{found}, as many as are returned", str(billed), more)


@check("parse.finish-reason")
def finish_reason(evidence: Evidence) -> Iterator[Breach]:
    """The finish_reason is COMPLETE or MAX_TOKENS (PRS-S03)."""
    reason = evidence.response.get("finish_reason")
    if reason is not None and reason not in _REASONS:
        yield Breach("/finish_reason", " or ".join(_REASONS), cut(str(reason)))


# -- images and tables


@check("parse.images-referenced")
def images_referenced(evidence: Evidence) -> Iterator[Breach]:
    """The Markdown of a page refers to every image in images (PRS-S04)."""
    for page in _markdown(evidence):
        for image in page.get("images") or ():
            if f"]({image['id']})" not in page["content"]:
                expected = f"a reference to {cut(image['id'])}, which is in images"
                yield Breach("/pages/*/markdown/content", expected, "none")
                return


@check("parse.images-described")
def images_described(evidence: Evidence) -> Iterator[Breach]:
    """Every reference of the form img-0 in the Markdown of a page is the id of an image in images.

    Source: PRS-S04, PRS-S05.
    """
    for page in _markdown(evidence):
        known = {image["id"] for image in page.get("images") or ()}
        for name in _REFERENCE.findall(page["content"]):
            if name not in known:
                expected = f"an image with the id {name}, to which content refers"
                yield Breach("/pages/*/markdown/images", expected, "none")
                return


@check("parse.image-ids")
def image_ids(evidence: Evidence) -> Iterator[Breach]:
    """The id of each image is unique on its page (PRS-S05)."""
    for location, ids in (
        *(
            (f"{_MARKDOWN_IMAGES}/id", [image["id"] for image in page.get("images") or ()])
            for page in _markdown(evidence)
        ),
        *(
            ("/pages/*/blocks/*/image/id", [one["image"]["id"] for one in blocks if one["type"] == "image"])
            for blocks in _blocks(evidence)
        ),
    ):
        for name, count in Counter(ids).items():
            if count > 1:
                yield Breach(location, "each id once on a page", f"{cut(name)} {count} times")
                return


@check("parse.box-order")
def box_order(evidence: Evidence) -> Iterator[Breach]:
    """The upper left corner of a box is neither below nor to the right of the lower right one (PRS-S07)."""

    def swapped(area: tuple[str, _Part]) -> Iterator[Breach]:
        location, part = area
        for name in ("bounding_box", "bounding_box_normalized"):
            box = part[name]
            if box["top_left_x"] > box["bottom_right_x"] or box["top_left_y"] > box["bottom_right_y"]:
                yield Breach(f"{location}/{name}", "the upper left corner first", _shown(box))

    return each(_areas(evidence), swapped)


@check("parse.box-normalized")
def box_normalized(evidence: Evidence) -> Iterator[Breach]:
    """The coordinates of a normalized box are between 0 and 1 (PRS-S07)."""

    def outside(area: tuple[str, _Part]) -> Iterator[Breach]:
        location, part = area
        box = part["bounding_box_normalized"]
        if not all(-_ROUNDING <= box[corner] <= 1 + _ROUNDING for corner in _CORNERS):
            yield Breach(f"{location}/bounding_box_normalized", "numbers from 0 to 1", _shown(box))

    return each(_areas(evidence), outside)


@check("parse.box-in-image")
def box_in_image(evidence: Evidence) -> Iterator[Breach]:
    """A box lies within the image (PRS-S07)."""
    size = png_size(_url(evidence))

    def outside(area: tuple[str, _Part]) -> Iterator[Breach]:
        location, part = area
        box = part["bounding_box"]
        if size is not None and not all(
            0 <= box[corner] <= most for corner, most in zip(_CORNERS, (*size, *size), strict=True)
        ):
            expected = f"a box within {size[0]} x {size[1]} pixels"
            yield Breach(f"{location}/bounding_box", expected, _shown(box))

    return each(_areas(evidence), outside)


@check("parse.boxes-agree")
def boxes_agree(evidence: Evidence) -> Iterator[Breach]:
    """Both forms of a box are the same area, with a tolerance of one hundredth (PRS-S07)."""
    size = png_size(_url(evidence))
    if size is None or not all(size):
        return
    # A coordinate is a whole number of pixels, which may be more than a hundredth of a small image.
    allowed = [_TOLERANCE + 1 / side for side in (*size, *size)]

    def differ(area: tuple[str, _Part]) -> Iterator[Breach]:
        location, part = area
        pixels, parts = part["bounding_box"], part["bounding_box_normalized"]
        for corner, side, most in zip(_CORNERS, (*size, *size), allowed, strict=True):
            if abs(pixels[corner] / side - parts[corner]) > most:
                expected = f"{pixels[corner] / side:.3f}, which is {pixels[corner]:g} of {side} pixels"
                yield Breach(f"{location}/bounding_box_normalized/{corner}", expected, str(parts[corner]))
                return

    yield from each(_areas(evidence), differ)


@check("parse.table-html")
def table_html(evidence: Evidence) -> Iterator[Breach]:
    """The html of a table is an HTML table (PRS-S06)."""
    for blocks in _blocks(evidence):
        for block in blocks:
            if block["type"] == "table" and not _TABLE.search(block["table"]["html"]):
                found = cut(repr(block["table"]["html"][:40]))
                yield Breach("/pages/*/blocks/*/table/html", "a <table>", found)
                return


# -- refusals


@check("parse.image-only")
def image_only(evidence: Evidence) -> Iterator[Breach]:
    """A data URI of another type than an image is refused, also a PDF (PRS-R02)."""
    head = _DATA.match(url) if isinstance(url := _url(evidence), str) else None
    if head is not None and not head[1].lower().startswith("image/"):
        yield Breach("", f"a refusal of {cut(head[1]) or 'a data URI without a type'}", "pages")


@check("parse.image-damaged")
def image_damaged(evidence: Evidence) -> Iterator[Breach]:
    """A data URI that is no valid base64 is refused (PRS-R04)."""
    url = _url(evidence)
    head = _DATA.match(url) if isinstance(url, str) else None
    if not isinstance(url, str) or head is None or ";base64" not in head[2].lower():
        return
    try:
        base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        yield Breach("", "a refusal of a data URI that is no valid base64", "pages")


@check("parse.pixels-most")
def pixels_most(evidence: Evidence) -> Iterator[Breach]:
    """An image of more than 50 megapixels is refused (PRS-R03)."""
    size = png_size(_url(evidence))
    if size is not None and size[0] * size[1] > _MOST_PIXELS:
        yield Breach("", f"a refusal of {size[0]} x {size[1]} pixels", "pages")


_CORNERS = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


def _pages(evidence: Evidence) -> list[_Part]:
    """Return the pages; none if the body was not recorded."""
    found: list[_Part] = evidence.response.get("pages", [])
    return found


def _markdown(evidence: Evidence) -> Iterator[_Part]:
    return (page["markdown"] for page in _pages(evidence) if page["type"] == "markdown")


def _blocks(evidence: Evidence) -> Iterator[list[_Part]]:
    return (page["blocks"] for page in _pages(evidence) if page["type"] == "blocks")


def _areas(evidence: Evidence) -> Iterator[tuple[str, _Part]]:
    """Yield the images and tables of all pages with their locations."""
    for page in _markdown(evidence):
        yield from ((_MARKDOWN_IMAGES, image) for image in page.get("images") or ())
    for blocks in _blocks(evidence):
        for block in blocks:
            if block["type"] in {"image", "table"}:
                yield f"/pages/*/blocks/*/{block['type']}", block[block["type"]]


def _url(evidence: Evidence) -> object:
    document = evidence.sent.get("document")
    return document.get("image_url") if isinstance(document, dict) else None


def _shown(box: _Part) -> str:
    left, top, right, bottom = (box[corner] for corner in _CORNERS)
    return f"({left:g}, {top:g}) to ({right:g}, {bottom:g})"
