"""A recording may be larger than memory: what is held is one exchange, not the file."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording

BODY = json.dumps({"id": "x", "text": "word " * 4000})
MEGABYTE = 1024 * 1024


def lines(size: int) -> Iterator[str]:
    row = {"method": "POST", "url": "https://h/x", "status": 200, "response_body": json.loads(BODY)}
    text = json.dumps(row) + "\n"
    for _ in range(size // len(text)):
        yield text


def archive(size: int) -> Iterator[str]:
    entry = {
        "request": {"method": "POST", "url": "https://h/x", "headers": []},
        "response": {"status": 200, "headers": [], "content": {"text": BODY}},
    }
    text = json.dumps(entry)
    yield '{"log": {"version": "1.2", "entries": ['
    for number in range(size // len(text)):
        yield text if number == 0 else "," + text
    yield "]}}"


def cassette(size: int) -> Iterator[str]:
    text = (
        "- request: {method: POST, uri: 'https://h/x', headers: {}, body: null}\n"
        f"  response:\n    body:\n      string: '{BODY}'\n    headers: {{}}\n    status: {{code: 200}}\n"
    )
    yield "interactions:\n"
    for _ in range(size // len(text)):
        yield text


@pytest.mark.parametrize(
    ("pieces", "size"),
    [(lines, 16 * MEGABYTE), (archive, 16 * MEGABYTE), (cassette, 6 * MEGABYTE)],
    ids=["lines", "archive", "cassette"],
)
def test_memory_stays_flat(tmp_path: Path, pieces: type[Iterator[str]], size: int) -> None:
    path = tmp_path / "large"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(pieces(size))  # type: ignore[call-arg]
    for _ in zip(range(3), parse_recording(str(path)), strict=False):  # what is loaded once is not what grows
        pass
    tracemalloc.start()
    try:
        count = sum(isinstance(item, Exchange) for item in parse_recording(str(path)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count > size // (len(BODY) + 1000)
    assert peak < 2 * MEGABYTE
