"""The first causes of a report name the mistakes of a mock, as its author would see them at night."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest
from mocks import FIRST_EIGHT, HOME, Mistake, mistakes, places
from running import ran

from cohere_conformance.reference import ServerState
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from pathlib import Path

CASES = (
    "chat.v2.plain",
    "chat.v2.stream",
    "chat.v2.no-key",
    "chat.v2.unknown-field",
    "chat.v2.temperature-above",
    "embed.v2.plain",
    "embed.v2.image",
    "embed.v2.image-formats",
    "embed.v2.unknown-model",
    "rerank.v2.plain",
    "rerank.v2.no-key",
    "tokenize.plain",
    "tokenize.no-key",
)


@pytest.mark.parametrize("name", ["fastapi_style", "version_one"])
def test_every_mistake_of_a_mock_is_named_by_the_first_eight_causes(tmp_path: Path, name: str) -> None:
    source = HOME / f"{name}.py"
    cases = [text for case in CASES for text in ("--case", case)]
    with ServerThread(ServerState(), runpy.run_path(str(source))["app"]) as server:
        done = ran(tmp_path, "--url", server.url, "--no-config", *cases)
    assert done.code == 1, done.output
    listed = mistakes(source)
    found = places(done.report, listed)
    assert len(listed) >= 5
    assert [one.says for one, place in found.items() if place is None or place > FIRST_EIGHT] == []


def test_a_cause_names_a_mistake_with_all_its_words_only() -> None:
    row = {"fingerprint": "1", "kind": "enum-unknown", "requirement": None, "location": "/finish_reason"}
    cause = {"findings": ["1"], "title": "a b", "operations": ["POST /v2/chat"], "rule": "declaration"}
    report = {"findings": [row], "causes": [{**cause, "framework": None}]}
    named = Mistake(1, "stop", frozenset({"enum-unknown", "finish_reason", "/v2/chat"}))
    other = Mistake(2, "stop", frozenset({"enum-unknown", "type"}))
    assert places(report, [named, other]) == {named: 1, other: None}
