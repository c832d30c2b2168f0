"""A badge for a README: as SVG, and as JSON for the endpoint badge of shields.io."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Severity
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, INTERRUPTED, NOTHING_JUDGED, quantity

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Report

LABEL = "cohere conformance"
_COLORS = {"green": "#2da44e", "red": "#cf222e", "grey": "#6e7781", "orange": "#bc4c00"}
_NAMES = {"green": "brightgreen", "red": "red", "grey": "lightgrey", "orange": "orange"}
"""The same colors, as shields.io calls them."""
_WIDTH = 7
"""Pixels of a character at 11 pixels: wide enough for every letter of DejaVu Sans but m and w."""


def shields(report: Report) -> bytes:
    """Return the JSON that the endpoint badge of shields.io reads."""
    message, color = _state(report)
    badge = {"schemaVersion": 1, "label": LABEL, "message": message, "color": _NAMES[color]}
    return msgspec.json.format(msgspec.json.encode(badge), indent=2) + b"\n"


def svg(report: Report) -> bytes:
    """Return the badge as SVG, with its text for screen readers."""
    message, color = _state(report)
    left, right = _WIDTH * len(LABEL) + 10, _WIDTH * len(message) + 10
    width, title = left + right, escape(f"{LABEL}: {message}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img"'
        f' aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left}" height="20" fill="#24292f"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLORS[color]}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{escape(LABEL)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(message)}</text>'
        "</g></svg>\n"
    ).encode()


def _state(report: Report) -> tuple[str, str]:
    """Return the words of the right side, and its color."""
    match report.footer.exit_code:
        case code if code == CONFORMS:
            return f"{report.footer.totals.operations} operations conform", "green"
        case code if code == DEVIATES:
            causes = [one for one in report.causes if one.severity is Severity.BREAKING] or report.causes
            return (quantity(len(causes), "cause") if causes else "deviates"), "red"
        case code if code == INTERRUPTED:
            return "interrupted", "orange"
        case code if code == NOTHING_JUDGED:
            return "nothing judged", "grey"
    return "inconclusive", "orange"
