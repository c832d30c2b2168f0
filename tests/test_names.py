"""Unknown names are answered with a suggestion or a list that a person reads."""

from __future__ import annotations

import pytest

from cohere_conformance.names import fewest_names, unknown

NAMES = [f"case-{number:03}" for number in range(200)]


def test_the_nearest_names_are_suggested() -> None:
    message = unknown("--case", "case-0111", NAMES)
    assert message.startswith("--case case-0111: unknown name; did you mean case-")
    assert "case-011" in message.split("did you mean")[1]


def test_a_long_list_of_names_is_cut() -> None:
    message = unknown("--case", "xyz", NAMES)
    assert message.endswith("case-049 and 150 more")
    assert message.count("case-0") == 50


def test_a_short_list_of_names_is_complete() -> None:
    assert unknown("--only", "xyz", ["rerank", "embed"]).endswith("choose one of embed, rerank")


GROUPS = {
    "POST /v1/chat": "chat",
    "POST /v2/chat": "chat",
    "POST /v1/embed": "embed",
    "GET /v1/models": "models",
    "GET /v1/models/{model}": "models",
}


@pytest.mark.parametrize(
    ("within", "labels", "names"),
    [
        (("v2.chat", "models"), ["POST /v2/chat", "GET /v1/models"], ("GET /v1/models", "v2.chat")),
        (("v2.chat", "models"), ["GET /v1/models", "GET /v1/models/{model}"], ("models",)),
        (("chat", "embed"), ["POST /v1/chat", "POST /v1/embed"], ("embed", "v1.chat")),
        (("GET /v1/models", "POST /v2/chat"), ["GET /v1/models"], ("GET /v1/models",)),
    ],
)
def test_a_name_selects_nothing_that_was_not_selected(
    within: tuple[str, ...], labels: list[str], names: tuple[str, ...]
) -> None:
    selected = {label: group for label, group in GROUPS.items() if _is_named(label, group, within)}
    assert fewest_names(labels, selected, within) == names


def _is_named(label: str, group: str, within: tuple[str, ...]) -> bool:
    return bool({label, group, f"v{label.partition('/v')[2][0]}.{group}"} & {*within})


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (GROUPS.keys(), ("chat", "embed", "models")),
        (["POST /v2/chat", "POST /v1/embed"], ("embed", "v2.chat")),
        (["GET /v1/models", "POST /v1/chat"], ("GET /v1/models", "v1.chat")),
        ([], ()),
        (["POST /v9/unknown"], ()),
    ],
)
def test_operations_are_named_as_shortly_as_possible(labels: list[str], names: tuple[str, ...]) -> None:
    assert fewest_names(labels, GROUPS) == names
