"""`--model`, the models that a target lists, and models that it does not serve."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, Talk, answer
from running import called, ran

if TYPE_CHECKING:
    from pathlib import Path

JSON = "content-type: application/json"
LISTED = {
    "models": [{"name": "their-reranker", "endpoints": ["rerank"]}, {"name": "old", "endpoints": ["chat"]}]
}
ONE_CASE = ("--only", "rerank", "--case", "rerank.v2.top-n", "--case", "rerank.v1.top-n")


def listing(talk: Talk) -> None:
    """List a model that then is not found."""
    while asked := talk.hear():
        if asked.startswith(b"GET /v1/models?page_size=1000 "):
            talk.say(answer(json.dumps(LISTED).encode(), JSON))
        else:
            body = b'{"message": "model \'their-reranker\' not found"}'
            talk.say(answer(body, JSON, status="404 Not Found"))


def test_a_model_that_is_listed_and_not_served_is_asked_for_once(tmp_path: Path) -> None:
    with Hostile(listing) as server:
        done = ran(tmp_path, "--url", server.url, *ONE_CASE)
    assert done.code == 3, done.output
    assert "models rerank=their-reranker (GET /v1/models)" in done.output
    assert "is not found on the target; name another one with --model rerank=NAME: 2 cases" in " ".join(
        done.output.split()
    )
    assert done.report["header"]["target"]["models"] == [
        {"role": "rerank", "model": "their-reranker", "source": "GET /v1/models"}
    ]
    assert done.report["footer"]["totals"]["breaking"] == 0
    assert len(server.requests) == 2, "the list, and one of the cases"


def test_without_a_role_in_doubt_no_list_is_asked_for(tmp_path: Path) -> None:
    with Hostile(listing) as server:
        done = ran(tmp_path, "--url", server.url, *ONE_CASE, "--model", "rerank=mine")
    assert "models rerank=mine (--model)" in done.output
    assert not any(b"page_size=1000" in one for one in server.requests)
    assert done.code == 1, "another model is not found, so that the 404 deviates"


def test_a_retired_model_is_one_line(tmp_path: Path) -> None:
    done = ran(
        tmp_path, "--profile", "live-2026", "--only", "rerank", "--model", "rerank=rerank-english-v2.0"
    )
    assert done.code == 3, done.output
    reasons = done.report["coverage"]["cases"]["inconclusive_reasons"]
    assert list(reasons) == ["model rerank-english-v2.0 of role rerank is retired since 2025-04-30"]
    assert reasons.popitem()[1] > 40
    assert done.report["findings"] == []


@pytest.mark.parametrize(
    ("model", "message"),
    [("rank=x", "did you mean rerank"), ("rerank", "expected ROLE=NAME"), ("rerank=", "name of a model")],
)
def test_a_wrong_role_or_name_is_a_wrong_call(tmp_path: Path, model: str, message: str) -> None:
    done = ran(tmp_path, "--only", "rerank", "--model", model)
    assert (done.code, message in done.output) == (4, True), done.output


def test_a_cassette_keeps_the_models_of_its_roles(tmp_path: Path) -> None:
    """It is replayed and verified with them, whatever the roles are by default."""
    cassettes = ("--cassettes", str(tmp_path / "made"), "--case", "detokenize.one-token")
    model = ("--model", "chat=command-r7b-12-2024")
    assert called(tmp_path, "record", "--yes", *cassettes, *model).code == 0
    text = (tmp_path / "made" / "detokenize" / "detokenize.one-token.yaml").read_text(encoding="utf-8")
    assert "  models:\n    chat: command-r7b-12-2024\n" in text
    for command in ("replay", "verify"):
        done = called(tmp_path, command, *cassettes)
        assert done.code == 0, done.output
        assert done.report["coverage"]["cases"]["passed"] == 1
