"""Faults of models, by the stage of the handlers that they change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.paging import Page, with_previous

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

_Json = dict[str, Any]

# -- the list

_GHOST: _Json = {
    "name": "embed-rerank-v9.0",
    "endpoints": ["embed", "rerank"],
    "default_endpoints": [],
    "tokenizer_url": None,
}

_UNUSABLE: _Json = {"endpoints": [], "default_endpoints": [], "tokenizer_url": None}
_RETIRED = "command-light"

ALL: FaultTable[list[_Json]] = {
    fault("models.listed-in-vain", "The list starts with a model that cannot be called."): (
        lambda found, _: [{**found[0], **_GHOST}, *found]
    ),
    fault("models.unknown-listed", "The list ends with a model of a name that nobody knows."): (
        lambda found, _: [*found, {**found[0], **_UNUSABLE, "name": "north-wind-v1.0"}]
    ),
    fault("models.retired-listed", "The list ends with a model that was removed, without a mark."): (
        lambda found, _: [
            *(one for one in found if one["name"] != _RETIRED),
            {**found[0], **_UNUSABLE, "name": _RETIRED, "is_deprecated": False},
        ]
    ),
}
"""All models, before the filters."""

ENDPOINT: FaultTable[str | None] = {
    fault("models.filter-ignored", "The list has models of every endpoint, whatever the filter."): (
        lambda endpoint, _: None
    ),
}

SERVING: FaultTable[list[_Json]] = {
    fault("models.filter-drops", "The last model of an endpoint is missing in its list."): (
        lambda found, _: found[:-1]
    ),
}
"""The models of the requested endpoint."""

ONLY_DEFAULT: FaultTable[bool] = {
    fault("models.default-only-ignored", "default_only is ignored."): lambda only_default, _: False,
}

PAGE_SIZE: FaultTable[int] = {
    fault("models.page-size-ignored", "A page has two models more than page_size."): (
        lambda size, _: size + 2
    ),
}


def _without_last(found: Page[_Json], call: Call) -> Page[_Json]:
    return found if found.next_token is None else replace(found, items=found.items[:-1])


PAGE: FaultTable[Page[_Json]] = {
    fault("models.page-drops-item", "The last model of each page but the last is missing."): _without_last,
    fault("models.page-repeats-item", "Each page starts with the last model of the previous page."): (
        with_previous
    ),
    fault("models.page-token-at-end", "The last page has a next_page_token."): (
        lambda found, _: replace(found, next_token=found.next_token or "again")
    ),
}

# -- one model

READ: FaultTable[_Json] = {
    fault("models.get-differs", "The context length of a model that is read differs from the list."): (
        lambda shown, _: {**shown, "context_length": shown["context_length"] + 1}
    ),
    fault("models.config", "A model that is read has the internal configuration of the service."): (
        lambda shown, _: {
            **shown,
            "config": {"route": f"internal/{shown['name']}", "max_output_tokens": 4096},
        }
    ),
}

BODY: FaultTable[_Json] = {
    fault("models.wrapped", "A model that is read is below `model`."): lambda shown, _: {"model": shown},
}

SHOWN: FaultTable[_Json] = {
    fault("models.context-negative", "The context length of every model is -1."): (
        lambda shown, _: {**shown, "context_length": -1}
    ),
    fault("models.tokenizer-elsewhere", "The tokenizer URLs lead to another host."): (
        lambda shown, _: (
            {**shown, "tokenizer_url": f"https://tokenizers.example.com/{shown['name']}.json"}
            if shown["tokenizer_url"]
            else shown
        )
    ),
    fault("models.two-defaults", "Every model is a default of all its endpoints."): (
        lambda shown, _: {**shown, "default_endpoints": shown["endpoints"]}
    ),
    fault("models.default-not-served", "Models are the default of an endpoint that they do not serve."): (
        lambda shown, _: {**shown, "default_endpoints": ["rate"]}
    ),
    fault("models.endpoint-unknown", "Every model has an undeclared endpoint."): (
        lambda shown, _: {**shown, "endpoints": [*shown["endpoints"], "draw"]}
    ),
}
"""A model, wherever it is shown."""
