"""Parse: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UUID, exchange
from pages import Page, png, uri
from violations import looked_at, violated

LABEL = "POST /v2/parse"
SMALL = uri(Page(100, 50).bits())
BOX = {"top_left_x": 10, "top_left_y": 10, "bottom_right_x": 60, "bottom_right_y": 40}
PARTS = {"top_left_x": 0.1, "top_left_y": 0.2, "bottom_right_x": 0.6, "bottom_right_y": 0.8}
MARKDOWN, BLOCKS = {"output_format": "markdown"}, {"output_format": "blocks"}


def request(url: str = SMALL, **further: Any) -> dict[str, Any]:
    return {"model": "parse-v5.0", "document": {"type": "image_url", "image_url": url}} | further


def answer(*pages: dict[str, Any], billed: int | None = None, reason: str = "COMPLETE") -> dict[str, Any]:
    units = {"pages": len(pages) if billed is None else billed}
    meta = {"api_version": {"version": "2"}, "billed_units": units}
    return {"id": UUID, "finish_reason": reason, "pages": list(pages), "meta": meta}


def image(name: str = "img-0", box: dict[str, Any] = BOX, parts: dict[str, Any] = PARTS) -> dict[str, Any]:
    shown = {"id": name, "description": "A gull", "category": "other"}
    return shown | {"bounding_box": box, "bounding_box_normalized": parts}


def markdown(content: str = "# Tides", *images: dict[str, Any], index: int = 0) -> dict[str, Any]:
    page: dict[str, Any] = {"content": content}
    if images:
        page["images"] = list(images)
    return {"type": "markdown", "index": index, "markdown": page}


def blocks(*images: dict[str, Any], html: str = "<table><tr><td>a</td></tr></table>") -> dict[str, Any]:
    table = {"type": "html", "html": html, "bounding_box": BOX, "bounding_box_normalized": PARTS}
    found: list[dict[str, Any]] = [{"type": "image", "image": one} for one in images]
    found += [{"type": "text", "text": {"content": "Tides"}}, {"type": "table", "table": table}]
    return {"type": "blocks", "index": 0, "blocks": found}


GULL = "![A gull](img-0)"
CONFORMING = [
    (request(), answer(markdown())),
    (request(), answer(markdown("[a](b) ![c](https://example.com/d.png)"))),
    (request(output_format=None), answer(markdown(), reason="MAX_TOKENS")),
    (request(**MARKDOWN), answer(markdown(GULL, image()))),
    (request(**BLOCKS), answer(blocks(image(), image("img-1")))),
    (request("https://example.com/a.png"), answer(markdown(GULL, image(box=BOX | {"bottom_right_x": 9000})))),
    (request(), {"id": UUID, "pages": [markdown()]}),
    (request(uri(png(5000, 5000, b"", depth=1))), answer(markdown())),
    (request(), answer(markdown(GULL, image(parts=PARTS | {"top_left_x": 0.11})))),
]
HIGH = PARTS | {"bottom_right_x": 1.2}
SWAPPED = {"top_left_x": 60, "top_left_y": 10, "bottom_right_x": 10, "bottom_right_y": 40}
SWAPPED_PARTS = {"top_left_x": 0.6, "top_left_y": 0.2, "bottom_right_x": 0.1, "bottom_right_y": 0.8}
OTHER = "https://example.com/a.png"
VIOLATING = [
    ("page-indexes", request(), answer(markdown(index=1))),
    ("format-requested", request(), answer(blocks())),
    ("format-requested", request(**BLOCKS), answer(markdown())),
    ("one-page", request(), answer()),
    ("one-page", request(), answer(markdown(), markdown(index=1))),
    ("pages-billed", request(), answer(markdown(), billed=2)),
    ("finish-reason", request(), answer(markdown(), reason="STOP_SEQUENCE")),
    ("images-referenced", request(), answer(markdown("# Tides", image()))),
    ("images-described", request(), answer(markdown(GULL))),
    ("image-ids", request(), answer(markdown(GULL, image(), image()))),
    ("image-ids", request(**BLOCKS), answer(blocks(image(), image()))),
    ("box-order", request(), answer(markdown(GULL, image(box=SWAPPED, parts=SWAPPED_PARTS)))),
    ("box-normalized", request(OTHER), answer(markdown(GULL, image(parts=HIGH)))),
    (
        "box-in-image",
        request(),
        answer(markdown(GULL, image(box=BOX | {"bottom_right_x": 101}, parts=PARTS | {"bottom_right_x": 1}))),
    ),
    ("boxes-agree", request(), answer(markdown(GULL, image(parts=PARTS | {"top_left_x": 0.2})))),
    ("table-html", request(**BLOCKS), answer(blocks(html="tables"))),
    ("image-only", request("data:application/pdf;base64,JVBERi0xLjQK"), answer(markdown())),
    ("image-damaged", request("data:image/png;base64,iVBO*"), answer(markdown())),
    ("pixels-most", request(uri(png(8000, 6300, b"", depth=1))), answer(markdown())),
]


@pytest.mark.parametrize(("sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(sent: Any, body: Any) -> None:
    assert violated(exchange(LABEL, body, request=sent), "parse") == []


@pytest.mark.parametrize(("name", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, sent: Any, body: Any) -> None:
    assert violated(exchange(LABEL, body, request=sent), "parse") == [name]


def test_every_check_has_a_violation() -> None:
    assert {row[0] for row in VIOLATING} == looked_at("parse")


@pytest.mark.parametrize("sent", [None, b"{", [], {}, {"document": 7}, {"document": {"image_url": 7}}])
def test_with_an_invalid_request_little_is_reported(sent: Any) -> None:
    assert violated(exchange(LABEL, answer(markdown()), request=sent), "parse") == []
    assert violated(exchange(LABEL, None, request=request()), "parse") == []
