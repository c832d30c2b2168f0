"""The order of form parts: the API reads a form from its beginning, so the file must be last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import exchange

from cohere_conformance.checks import judge
from cohere_conformance.checks.form import part_names
from cohere_conformance.contract import load_contract

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

CONTRACT = load_contract()
TRANSCRIBE = "POST /v2/audio/transcriptions"


def form(*names: str, status: int = 400, boundary: str = "x-1", line: str = "\r\n") -> Exchange:
    """Return an exchange with a form of these parts."""
    parts = [
        f'--{boundary}{line}Content-Disposition: form-data; name="{name}"{line}{line}name="file"{line}'
        for name in names
    ]
    sent = ("".join(parts) + f"--{boundary}--{line}").encode()
    headers = (("content-type", f'multipart/form-data; boundary="{boundary}"'),)
    body = {"text": "Hi"} if status == 200 else {"message": "missing required field"}
    return exchange(TRANSCRIBE, body, status=status, request=sent, request_headers=headers)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("names", [("file", "model", "language"), ("model", "file", "language")])
def test_a_file_before_other_parts_is_a_mistake_of_the_client(names: tuple[str, ...], status: int) -> None:
    """It is reported about the request, whether the server refuses it or not."""
    found = [one for one in judge(CONTRACT, form(*names, status=status)) if one.kind == "request-invalid"]
    assert [(one.location, one.severity) for one in found] == [("form:file", "notice")]
    assert "language behind it" in found[0].observed


@pytest.mark.parametrize("names", [("model", "language", "file"), ("file",), ("model",), ()])
def test_a_form_whose_file_is_last_or_missing_has_no_order_to_break(names: tuple[str, ...]) -> None:
    """A part that is not there is not out of place."""
    assert [one for one in judge(CONTRACT, form(*names)) if one.location.startswith("form:")] == []


def test_names_are_found_whatever_the_parts_hold() -> None:
    """Content that looks like a header names no part, and line feeds alone separate lines as well."""
    assert part_names(form("model", "file").request) == ["model", "file"]
    assert part_names(form("model", "file", line="\n").request) == ["model", "file"]
    assert part_names(exchange(TRANSCRIBE, request=b"--x").request) == []
