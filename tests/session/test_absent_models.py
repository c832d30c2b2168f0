"""Models that a target does not serve."""

from __future__ import annotations

import json

import pytest

from cohere_conformance.model import Exchange, Expectation, Request, Response, Source
from cohere_conformance.session.absent_models import AbsentModels

ROLES = {"chat": "command-r-plus", "embed": "mine", "embed-v1": "mine"}
SERVED = Expectation(status=(200,))
RETIRED = "model command-r-plus of role chat is retired since 2025-09-15"
UNKNOWN = (
    "model mine of role embed, embed-v1 is not found on the target; name another one with --model embed=NAME"
)


def answered(model: str, message: object, status: int = 404) -> Exchange:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return Exchange(
        Request("POST", "https://x.test/v2/chat", (), json.dumps({"model": model}).encode()),
        Response(status=status, headers=(), body=body),
        Source("f", "1", None),
    )


def vendor(model: str, says: str) -> dict[str, str]:
    return {"id": "1", "message": f"model '{model}' {says}"}


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (answered("command-r-plus", vendor("command-r-plus", "was removed on September 15, 2025.")), RETIRED),
        (answered("command-r-plus", vendor("command-r-plus", "not found, make sure ...")), RETIRED),
        (answered("mine", vendor("mine", "not found, make sure the correct model ID was used")), UNKNOWN),
        (answered("mine", {"error": {"message": "The model `mine` does not exist."}}), UNKNOWN),
        (answered("mine", b"model mine: not found"), UNKNOWN),
        (
            answered("mine", vendor("mine", "was removed")),
            "model mine of role embed, embed-v1 is retired, as the target says",
        ),
        (answered("mine", {"error": {"message": "Invalid model name passed in model=mine."}}, 400), UNKNOWN),
        # A model that only a case names: retired is a reason, unknown is not.
        (
            answered("command", vendor("command", "was removed on ...")),
            "model command is retired since 2025-09-15",
        ),
        (answered("rerank-v3.5", vendor("rerank-v3.5", "not found")), None),
        # Something else is not found, or another model.
        (answered("mine", vendor("mines", "not found")), None),
        (answered("mine", vendor("mine-ft", "not found")), None),
        (answered("other", vendor("mine", "not found")), None),
        (answered("mine", {"message": "page not found"}), None),
        (answered("mine", b"\xff[[[["), None),
        (answered("mine", vendor("mine", "not found"), status=400), None),
        (answered("mine", vendor("mine", "takes no invalid models"), status=400), None),
        (answered("mine", b""), None),
    ],
)  # fmt: skip
def test_a_response_says_that_a_model_is_absent(exchange: Exchange, expected: str | None) -> None:
    models = AbsentModels(ROLES)
    assert models.note(exchange, SERVED) == expected
    named = json.loads(exchange.request.body or b"{}")["model"]
    assert models.reason(["a", named]) == expected, "and it is not sent again"


@pytest.mark.parametrize(
    ("segment", "absent"),
    [
        ("mine", True),
        ("mine?page=1", True),
        *((f"mine{suffix}", False) for suffix in (";a=b", "%00", "%ff", "%", "!")),
    ],
)
def test_a_path_names_a_model_by_a_complete_segment(segment: str, absent: bool) -> None:
    """The fuzzer asks for names that no model has; that they are not found says nothing about the model."""
    said = json.dumps(vendor(segment, "not found")).encode()
    exchange = Exchange(
        Request("GET", f"https://x.test/v1/models/{segment}", (), None),
        Response(404, (), said),
        Source("f", "1", None),
    )
    assert AbsentModels(ROLES).note(exchange, SERVED) == (UNKNOWN if absent else None)


def test_a_case_that_expects_a_404_is_about_something_else() -> None:
    models = AbsentModels(ROLES)
    response = answered("mine", vendor("mine", "not found"))
    assert models.note(response, Expectation(status=(200, 404))) is None
    assert models.reason(["mine"]) is None
