"""Parse: the content of the image of a page, as Markdown or as blocks."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cohere_conformance.reference import images, models
from cohere_conformance.reference.groups import parse_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, meta, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.parsing.layout import Box, ImageArea, TableArea, TextArea, areas
from cohere_conformance.reference.parsing.pixels import UnreadableImageError, dark_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.images import Image
    from cohere_conformance.reference.parsing.layout import Area

_DECODED = 500_000
"""The number of pixels up to which an image is decoded; a larger one is a single image on its page."""
_Json = dict[str, Any]


@dataclass(frozen=True)
class _Page:
    width: int
    height: int
    areas: Sequence[Area]


@operation("POST /v2/parse", in_thread="always")
def parse(call: Call) -> JsonResponse:
    """Return the only page of a document, in the requested form (PRS-S02)."""
    name: str = call.body["model"]
    model = models.find(name, call.state)
    if not model.facts.serves("parse") and name in models.MODELS:
        raise ApiError(400, f"model '{name}' is not supported by the parse endpoint")
    page = _page(call, model.facts.limits, call.body["document"]["image_url"])
    form = inject(call, faults.FORM, call.body.get("output_format", "markdown"))
    blocks = inject(
        call, faults.BLOCKS, [_block(page, area, page.areas[:n]) for n, area in enumerate(page.areas)]
    )
    content = (
        {"blocks": blocks}
        if form == "blocks"
        else {"markdown": inject(call, faults.MARKDOWN, _markdown(blocks))}
    )
    pages = inject(call, faults.PAGES, [{"type": form, "index": 0, **content}])
    body = {
        "id": new_id(),
        "finish_reason": "COMPLETE",
        "pages": pages,
        "meta": meta(call, pages=inject(call, faults.BILLED, len(pages))),
    }
    return JsonResponse(inject(call, faults.BODY, body))


def _page(call: Call, limits: Mapping[Any, int], url: str) -> _Page:
    """Return the page of a document.

    Args:
        call: the call.
        limits: of the model: the maximum number of bytes and pixels of an image (PRS-R03).
        url: of the document.

    Raises:
        ApiError: 400, the document is no image, or a damaged or too large one.
    """
    if url[:5].lower() != "data:":
        return _remote(url)
    if call.faulty(faults.PDF_ACCEPTED) and url[:20].lower().startswith("data:application/pdf"):
        return _written("A PDF file.")
    try:
        image = images.inspect(url)
    except ApiError:
        if call.faulty(faults.DAMAGED_ACCEPTED):
            return _written("A damaged image.")
        raise
    if len(image.bytes) > (most := limits.get("bytes", len(image.bytes))):
        raise ApiError(400, f"invalid image: the file is larger than {most} bytes")
    pixels = image.width * image.height
    if pixels > (most := limits.get("pixels", pixels)) and not call.faulty(faults.PIXELS_UNLIMITED):
        raise ApiError(400, f"invalid image: it has more than {most} pixels")
    return _decoded(image)


def _remote(url: str) -> _Page:
    """Return a page that names the host of an address: the server opens no connections."""
    try:
        host = urlsplit(url).hostname if url.lower().startswith(("https://", "http://")) else None
    except ValueError:
        host = None
    if not host:
        raise ApiError(400, "invalid image: expected a data URI or an http address")
    return _written(f"The image is at {host}; I have not opened it.")


def _written(text: str) -> _Page:
    return _Page(1000, 1000, [TextArea(text, 1, Box(0, 0, 1000, 1000))])


def _decoded(image: Image) -> _Page:
    """Return the areas of an image; one that is not decoded is a single image on its page."""
    whole = [ImageArea("other", Box(0, 0, image.width, image.height))]
    found: Sequence[Area] = whole
    if image.format == "image/png" and image.width * image.height <= _DECODED:
        try:
            found = areas(dark_pixels(image.bytes))
        except UnreadableImageError:
            found = whole
    return _Page(image.width, image.height, found)


def _block(page: _Page, area: Area, before: Sequence[Area]) -> _Json:
    """Return an area as a block; images are numbered from 0."""
    if isinstance(area, TextArea):
        return {"type": "text", "text": {"content": area.text}}
    boxes = {"bounding_box": _pixels(area.box), "bounding_box_normalized": _parts(page, area.box)}
    if isinstance(area, TableArea):
        return {"type": "table", "table": {"type": "html", "html": _html(area), **boxes}}
    width, height = area.box.right - area.box.left, area.box.bottom - area.box.top
    kind = "picture" if area.category == "other" else area.category
    described = {
        "id": f"img-{sum(isinstance(one, ImageArea) for one in before)}",
        "description": f"A {kind} of {width} by {height} pixels",
        "category": area.category,
    }
    return {"type": "image", "image": {**described, **boxes}}


def _pixels(box: Box) -> _Json:
    return {
        "top_left_x": box.left,
        "top_left_y": box.top,
        "bottom_right_x": box.right,
        "bottom_right_y": box.bottom,
    }


def _parts(page: _Page, box: Box) -> _Json:
    """Return a box in parts of the page, rounded to thousandths (PRS-S07)."""
    return {
        "top_left_x": round(box.left / page.width, 3),
        "top_left_y": round(box.top / page.height, 3),
        "bottom_right_x": round(box.right / page.width, 3),
        "bottom_right_y": round(box.bottom / page.height, 3),
    }


def _html(table: TableArea) -> str:
    rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in table.cells)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _markdown(blocks: Sequence[_Json]) -> _Json:
    """Return the Markdown of blocks, with the data of its images if there are any (PRS-S04)."""
    pieces, found = [], []
    for block in blocks:
        match block:
            case {"text": {"content": text}}:
                pieces.append(text)
            case {"table": {"html": table}}:
                pieces.append(table)
            case {"image": image}:
                pieces.append(f"![{image['description']}]({image['id']})")
                found.append(image)
    content = "\n\n".join(pieces)
    return {"content": content, "images": found} if found else {"content": content}
