"""Models: pages, filters and single models agree with the complete list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

LIST, GET = "GET /v1/models", "GET /v1/models/{model}"
EMBED, RERANK = "POST /v2/embed", "POST /v2/rerank"
PAGES = 3
ENDPOINTS = ("chat", "embed", "rerank")
SERVING = {"embed": EMBED, "rerank": RERANK}
MINIMAL: dict[str, dict[str, Any]] = {
    EMBED: {"texts": ["a"], "input_type": "search_document"},
    RERANK: {"query": "a", "documents": ["a"]},
}

Model = dict[str, Any]


class Named(TypedDict):
    """The property of a listed model that names it."""

    name: str


class Serving(TypedDict, total=False):
    """The properties of a listed model that say what it serves."""

    name: str
    endpoints: list[str] | None


def page(api: Api, size: int = 1000, **further: str) -> ApiResponse:
    """List models."""
    query = [("page_size", str(size)), *further.items()]
    return api.call(LIST, query=query)


def models(response: ApiResponse) -> list[Model]:
    """Return the models of a list; a requirement of one of their properties may be violated."""
    return response.at("/models", list[Model], despite_requirements=True)


def names(response: ApiResponse) -> list[str]:
    """Return the names of the models of a list, in its order; there may be more than were requested."""
    return [model["name"] for model in response.at("/models", list[Named], despite_requirements=True)]


def serving(response: ApiResponse) -> dict[str, list[str]]:
    """Return the endpoints of the models of a list by their names."""
    return {model["name"]: model.get("endpoints") or [] for model in response.at("/models", list[Serving])}


def require_pages(api: Api, number: int, **further: str) -> None:
    """Require that a list in so many pages shows each model of the complete list once.

    Args:
        api: the client.
        number: of pages, at least two; the last one may have fewer models than the others.
        further: parameters of the list.
    """
    response = page(api, **further)
    complete = names(response)
    api.require(
        "models.pages-end",
        not response.at("/next_page_token", str | None),
        response,
        location="/next_page_token",
        expected="no token, because the page has room for all models",
        observed="a token",
    )
    size = max(1, -(-len(complete) // number))
    walked: list[str] = []
    token = None
    for _ in range(number + 1):
        response = page(api, size, **further, **({"page_token": token} if token else {}))
        walked += names(response)
        token = response.at("/next_page_token", str | None)
        if not token:
            break
    api.require(
        "models.pages-whole",
        sorted(walked) == sorted(complete),
        response,
        location="/models",
        expected=f"each of {len(complete)} models on one page of {size}",
        observed={
            "missing": sorted(set(complete) - set(walked)),
            "again": sorted({name for name in walked if walked.count(name) > complete.count(name)}),
        },
    )


def require_filtered(api: Api, endpoint: str) -> None:
    """Require that the list filtered by `endpoint` holds the models that list this endpoint, and no other."""
    complete = serving(page(api))
    expected = {name for name, endpoints in complete.items() if endpoint in endpoints}
    response = page(api, endpoint=endpoint)
    found = set(names(response))
    reported = any(complete.values()) or not complete
    api.require(
        "models.filtered-whole",
        reported,
        response,
        location="/models/*/endpoints",
        expected="the endpoints of each model",
        observed="absent",
    )
    api.require(
        "models.filtered-whole",
        not reported or found == expected,
        response,
        location="/models",
        expected=f"the {len(expected)} models of the complete list that serve {endpoint}",
        observed=_differing(expected, found),
        value_class=endpoint,
    )


def _differing(expected: set[str], observed: set[str]) -> str:
    """Return which names are missing, and which ones are not expected."""
    parts = (("without", expected - observed), ("further", observed - expected))
    return "; ".join(f"{word}: {', '.join(sorted(names))}" for word, names in parts if names)


def require_as_listed(api: Api, endpoint: str, number: int) -> None:
    """Require that the last of the first models of an endpoint can be read, and is read as it is listed.

    Args:
        api: the client.
        endpoint: whose models are listed.
        number: how many of them.
    """
    # A page may lack models that the list has.
    listed = models(page(api, number, endpoint=endpoint)) or models(page(api, endpoint=endpoint))
    for model in listed[:number][-1:]:
        response = api.call(GET, path={"model": str(model.get("name"))}, status=(200, 404))
        api.require(
            "models.listed-read",
            response.status == 200,
            response,
            expected="the model, which is listed",
            observed=str(response.status),
        )
        if response.status != 200:
            continue
        shown = response.at("", Model, despite_requirements=True)
        differing = sorted(name for name in model.keys() & shown.keys() if model[name] != shown[name])
        api.require(
            "models.get-as-listed",
            not differing,
            response,
            location=f"/{differing[0]}" if differing else "",
            expected="the model as the list shows it",
            observed=f"another {', '.join(differing)}",
        )


def require_serving(api: Api, endpoint: str, label: str, number: int) -> None:
    """Require that the last of the first models of an endpoint can be used there.

    Args:
        api: the client.
        endpoint: whose models are listed.
        label: of the operation.
        number: how many models are listed.
    """
    for name in names(page(api, number, endpoint=endpoint))[:number][-1:]:
        response = api.call(label, body=MINIMAL[label] | {"model": name}, status=(200, 400, 404))
        api.require(
            "models.listed-serves",
            response.status == 200,
            response,
            expected=f"a response of {name}, which is listed for {endpoint}",
            observed=str(response.body.get("message", response.status)),
            value_class=endpoint,
        )


@pytest.mark.operations(LIST)
def test_small_pages_hold_what_a_large_one_holds(api: Api) -> None:
    """Small pages show each model of the complete list once: a client that pages misses no model."""
    require_pages(api, PAGES)


@pytest.mark.operations(LIST)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_list_for_an_endpoint_is_a_part_of_the_whole(api: Api, endpoint: str) -> None:
    """The list filtered by `endpoint` holds the models that list this endpoint, and no other."""
    require_filtered(api, endpoint)


@pytest.mark.operations(LIST)
def test_a_default_is_alone(api: Api) -> None:
    """`default_only` shows the default model of an endpoint."""
    # The response is judged by the requirements models.default-only and models.one-default.
    page(api, endpoint="embed", default_only="true")


@pytest.mark.operations(LIST, GET)
def test_a_model_is_as_it_is_listed(api: Api) -> None:
    """A model that is read by its name has the properties that the list shows."""
    for endpoint in ("chat", "embed"):
        require_as_listed(api, endpoint, 1)


@pytest.mark.operations(LIST, EMBED, RERANK)
@pytest.mark.parametrize(("endpoint", "label"), SERVING.items())
def test_a_listed_model_serves(api: Api, endpoint: str, label: str) -> None:
    """A model that is listed for an endpoint can be used there."""
    require_serving(api, endpoint, label, 1)
