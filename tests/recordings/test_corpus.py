"""The recordings of other people, where they are at hand."""

from collections import Counter
from pathlib import Path

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import SkippedFile, discover, parse_recording

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not at hand")


def test_the_collected_interactions() -> None:
    found = list(parse_recording(str(CORPUS / "interactions.jsonl")))
    assert Counter(type(item) for item in found) == {Exchange: 562}
    exchanges = [item for item in found if isinstance(item, Exchange)]
    assert sum(item.response.events is not None for item in exchanges) == 149
    assert sum(item.response.body is not None for item in exchanges) == 413


def test_the_raw_cassettes() -> None:
    items = [
        item
        for file in discover([CORPUS / "raw"])
        for item in (parse_recording(file) if isinstance(file, str) else [file])
    ]
    assert Counter(type(item) for item in items) == {Exchange: 154}
    assert all(item.response.body is not None for item in items if isinstance(item, Exchange))
    assert not any(
        (item.response.body or b"").startswith(b"\x1f\x8b") for item in items if isinstance(item, Exchange)
    )


def test_the_whole_folder_has_nothing_unreadable() -> None:
    found = list(discover([CORPUS]))
    assert [Path(item.file).name for item in found if isinstance(item, SkippedFile)] == ["deviations.jsonl"]
    assert not [item for item in found if isinstance(item, TrafficError)]
