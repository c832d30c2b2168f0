"""Models: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from builders import exchange
from violations import looked_at, shipped, violated

LIST, GET = "GET /v1/models", "GET /v1/models/embed-v4.0"
TOKENIZER = "https://storage.googleapis.com/cohere-public/tokenizers/embed-v4.0.json"


def model(**further: Any) -> dict[str, Any]:
    reported = {"name": "embed-v4.0", "endpoints": ["embed"], "default_endpoints": ["embed"]}
    return reported | {"finetuned": False, "context_length": 128_000, "tokenizer_url": TOKENIZER} | further


def listed(*models: dict[str, Any]) -> dict[str, Any]:
    return {"models": list(models)}


OTHER = model(name="embed-english-v3.0", default_endpoints=[], tokenizer_url=None)
CONFORMING = [
    (GET, model()),
    (GET, {"name": "embed-v4.0"}),
    (GET, model(finetuned=True, tokenizer_url="https://storage.googleapis.com/else.json")),
    (GET, model(tokenizer_url="https://api.cohere.com/cohere-public/tokenizers/embed-v4.0.json")),
    (GET, model(tokenizer_url="http://127.0.0.1:8765/cohere-public/tokenizers/embed-v4.0.json")),
    ("GET /v1/models/a%2Fb", model(name="a/b", tokenizer_url=None)),
    (LIST, listed()),
    (GET, model(context_length=0)),
    (LIST, listed(model(), model(context_length=None, tokenizer_url=None, features=None))),
    (LIST, listed(model(), OTHER)),
    (f"{LIST}?page_size=2", listed(model(), OTHER)),
    (f"{LIST}?page_size=x", listed(model(), OTHER)),
    (f"{LIST}?endpoint=embed", listed(model(), OTHER, {"name": "rerank-v3.5"})),
    (f"{LIST}?endpoint=embed&default_only=true", listed(model())),
    (f"{LIST}?endpoint=embed&default_only=false", listed(model(), OTHER)),
    (f"{LIST}?default_only=true", listed(model(), OTHER)),
]
SINCE = "2026-04-04T00:00:00Z"
RETIRED = model(name="c4ai-aya-vision-8b", default_endpoints=[], tokenizer_url=None)
VIOLATING = [
    ("known", LIST, listed(model(), OTHER | {"name": "embed-v9.0"})),
    ("page-size", f"{LIST}?page_size=1", listed(model(), OTHER)),
    ("filtered", f"{LIST}?endpoint=chat", listed(model())),
    ("default-only", f"{LIST}?endpoint=embed&default_only=true", listed(model(), OTHER)),
    ("one-default", f"{LIST}?endpoint=embed&default_only=true", listed(model(), model())),
    ("defaults-served", GET, model(default_endpoints=["chat"])),
    ("defaults-served", LIST, listed(OTHER, model(default_endpoints=["chat"]))),
    ("context-sign", LIST, listed(model(), model(context_length=-1))),
    ("context-sign", GET, model(context_length=-0.5)),
    ("tokenizer", GET, model(tokenizer_url="https://example.com/embed-v4.0.json")),
    ("tokenizer", GET, model(tokenizer_url="https://example.com/cohere-public/tokenizers/embed-v4.0.json")),
    ("tokenizer", GET, model(tokenizer_url="http://localhost/cohere-public/tokenizers/embed-v3.0.json")),
    ("tokenizer", GET, model(tokenizer_url="https://[api.cohere.com/cohere-public/tokenizers/a.json")),
    ("itself", GET, OTHER),
    ("itself", GET, {"model": model()}),
]


@pytest.mark.parametrize(("call", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, body: Any) -> None:
    assert violated(exchange(call, body), "models") == []


@pytest.mark.parametrize(("name", "call", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, call: str, body: Any) -> None:
    assert violated(exchange(call, body), "models") == [name]


@pytest.mark.parametrize(
    ("time", "listing", "expected"),
    [
        (SINCE, listed(model(), RETIRED), ["none-retired"]),
        ("2026-04-03T23:59:59Z", listed(model(), RETIRED), []),
        ("2026-04-04T00:30:00+01:00", listed(model(), RETIRED), []),
        (None, listed(model(), RETIRED), []),
        ("yesterday", listed(model(), RETIRED), []),
        (SINCE, listed(model(), RETIRED | {"is_deprecated": True}), []),
        (SINCE, listed(model(), RETIRED | {"finetuned": True}), []),
    ],
)
def test_a_retired_model_is_not_listed_after_its_day(
    time: str | None, listing: dict[str, Any], expected: list[str]
) -> None:
    made = exchange(LIST, listing)
    made = msgspec.structs.replace(made, source=msgspec.structs.replace(made.source, recorded_at=time))
    assert violated(made, "models") == expected


@pytest.mark.parametrize(
    "other",
    [{"name": "mine-ft"}, {"name": "mine", "finetuned": True}, {"name": "x", "is_deprecated": True}, {}],
)
def test_names_of_one_account_are_not_new_models(other: dict[str, Any]) -> None:
    assert violated(exchange(LIST, listed(model(), {"endpoints": []} | other)), "models") == []


def test_every_check_has_a_violation() -> None:
    assert {row[0] for row in VIOLATING} | {"none-retired"} == looked_at("models")


@pytest.mark.parametrize("call", [LIST, GET])
def test_what_was_not_recorded_is_not_judged(call: str) -> None:
    assert violated(exchange(call, None), "models") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(one, "models") for one in shipped("models")]
