"""Faults of parse, by the stage of the handler that they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import new_id
from cohere_conformance.reference.injection import without

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

PDF_ACCEPTED = fault("parse.pdf-accepted", "A PDF file is parsed, although only images are supported.")
DAMAGED_ACCEPTED = fault("parse.damaged-accepted", "A damaged image is parsed.")
PIXELS_UNLIMITED = fault("parse.pixels-unlimited", "An image of more than 50 megapixels is parsed.")

_Json = dict[str, Any]
_BOXES = ("bounding_box", "bounding_box_normalized")


def _areas(change: Callable[[_Json], _Json]) -> Callable[[list[_Json], Call], list[_Json]]:
    """Return a function that changes the images and tables of blocks."""

    def changed(blocks: list[_Json], _: Call) -> list[_Json]:
        return [
            block if block["type"] == "text" else {**block, block["type"]: change(block[block["type"]])}
            for block in blocks
        ]

    return changed


def _corners(area: _Json) -> _Json:
    """Return an area whose corners are swapped."""
    other = {"top_left": "bottom_right", "bottom_right": "top_left"}
    return area | {
        name: {f"{other[corner[:-2]]}{corner[-2:]}": value for corner, value in area[name].items()}
        for name in _BOXES
    }


def _scaled(area: _Json, box: str, factor: int) -> _Json:
    return area | {box: {corner: value * factor for corner, value in area[box].items()}}


def _of_the_page(area: _Json) -> _Json:
    whole = {"top_left_x": 0.0, "top_left_y": 0.0, "bottom_right_x": 1.0, "bottom_right_y": 1.0}
    return area | {"bounding_box_normalized": whole}


def _as_text(area: _Json) -> _Json:
    return area | {"html": "a table"} if "html" in area else area


def _twice(blocks: list[_Json], _: Call) -> list[_Json]:
    """Return blocks whose images have the id of the first one; a single image is there twice."""
    images = [block for block in blocks if block["type"] == "image"]
    changed = [
        {**block, "image": {**block["image"], "id": "img-0"}} if block["type"] == "image" else block
        for block in blocks
    ]
    return [*changed, images[0]] if len(images) == 1 else changed


BLOCKS: FaultTable[list[_Json]] = {
    fault("parse.corners-swapped", "The corners of each box are swapped."): _areas(_corners),
    fault("parse.box-in-thousandths", "Normalized boxes are in thousandths."): _areas(
        lambda area: _scaled(area, "bounding_box_normalized", 1000)
    ),
    fault("parse.box-outside", "Boxes are in another resolution than that of the image."): _areas(
        lambda area: _scaled(area, "bounding_box", 10)
    ),
    fault("parse.box-of-the-page", "Each normalized box is the complete page."): _areas(_of_the_page),
    fault("parse.table-as-text", "The html of a table has no table."): _areas(_as_text),
    fault("parse.image-id-repeated", "Every image of a page has the same id."): _twice,
    fault("parse.text-unread", "Texts are not recognized."): (
        lambda blocks, _: [block for block in blocks if block["type"] != "text"]
    ),
    fault("parse.not-deterministic", "The same image has another text on each call."): (
        lambda blocks, _: [*blocks, {"type": "text", "text": {"content": new_id()}}]
    ),
}

MARKDOWN: FaultTable[_Json] = {
    fault("parse.image-not-referenced", "The Markdown does not refer to the images of the page."): (
        lambda markdown, _: markdown | {"content": markdown["content"].replace("](img-", "](image-")}
    ),
    fault("parse.images-missing", "The Markdown refers to images that are not in images."): (
        lambda markdown, _: without(markdown, "images")
    ),
    fault("parse.markdown-shortened", "The Markdown ends after four characters."): (
        lambda markdown, _: {"content": markdown["content"][:4]}
    ),
}

FORM: FaultTable[str] = {
    fault("parse.format-ignored", "The other form than the requested one is returned."): (
        lambda form, _: "markdown" if form == "blocks" else "blocks"
    ),
}

PAGES: FaultTable[list[_Json]] = {
    fault("parse.index-from-one", "Pages are counted from 1."): (
        lambda pages, _: [{**page, "index": page["index"] + 1} for page in pages]
    ),
    fault("parse.page-twice", "Each page is returned twice."): (
        lambda pages, _: [{**page, "index": number} for number, page in enumerate((*pages, *pages))]
    ),
    fault("parse.no-pages", "There are no pages."): lambda pages, _: [],
}

BILLED: FaultTable[int] = {
    fault("parse.pages-billed-double", "Twice as many pages are billed as are returned."): (
        lambda pages, _: pages * 2
    ),
}

BODY: FaultTable[_Json] = {
    fault("parse.finish-reason-of-chat", "Parsing ends with STOP_SEQUENCE."): (
        lambda body, _: body | {"finish_reason": "STOP_SEQUENCE"}
    ),
    fault("parse.id-missing", "The response has no id."): lambda body, _: without(body, "id"),
    fault("parse.blocks-null", "The content of a page is null."): (
        lambda body, _: body | {"pages": [page | {page["type"]: None} for page in body["pages"]]}
    ),
    fault("parse.category-unknown", "Images have a category that is not declared."): (
        lambda body, _: body | {"pages": [_with_category(page) for page in body["pages"]]}
    ),
}


def _with_category(value: Any) -> Any:
    """Return a value with `chart` as every category in it."""
    if isinstance(value, dict):
        return {name: "chart" if name == "category" else _with_category(one) for name, one in value.items()}
    return [_with_category(one) for one in value] if isinstance(value, list) else value
