"""Rules of chat beyond the schema: combinations of properties, and features of models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.reference.models import Model

_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_STOPS = 5
_MOST_FIELDS = 200


def refuse(text: str, *, error_type: str | None = None) -> NoReturn:
    """Reject a request with 400."""
    raise ApiError(400, f"invalid request: {text}", error_type=error_type)


def sampling(body: dict[str, Any], model: Model) -> None:
    """Check penalties and stop sequences (CH1-R06, CH1-R12)."""
    penalties = [body.get(name) or 0 for name in ("frequency_penalty", "presence_penalty")]
    for name, value in zip(("frequency_penalty", "presence_penalty"), penalties, strict=True):
        if not 0 <= value <= 1:
            refuse(f"{name} must be between 0 and 1 inclusive, got {value}")
    if all(penalties) and model.before_r7b:
        refuse(f"frequency_penalty and presence_penalty cannot both be set for the model {model.name}")
    if len(body.get("stop_sequences") or ()) > _MOST_STOPS:
        refuse(f"at most {_MOST_STOPS} stop_sequences may be given, got {len(body['stop_sequences'])}")


def length(body: dict[str, Any], model: Model, *, capped: bool = False) -> int:
    """Return the maximum number of generated tokens (CH2-R14).

    Args:
        body: of the request.
        model: of the request.
        capped: cut max_tokens to the maximum of the model, instead of rejecting it.
    """
    requested = body.get("max_tokens")
    if requested is None:
        return model.output
    if requested < 1:
        refuse(f"max_tokens must be at least 1, got {requested}")
    if requested > model.output and not capped:
        raise ApiError(
            400,
            f"too many tokens: max_tokens must be less than or equal to {model.output}, the maximum output "
            f"length for this model - received {requested}",
            error_type="TOO_MANY_TOKENS",
        )
    return min(int(requested), model.output)


def safety(mode: str | None, off: str, model: Model) -> None:
    """Check the safety mode, which newer models cannot switch off (CH1-R10, CH2-R12)."""
    if mode == off and not model.before_r7b:
        refuse(f"safety_mode {off} is not supported by the model {model.name}")


def tool_choice(choice: str | None, tools: object, model: Model) -> None:
    """Check whether tool_choice is supported, and whether there are tools (CH2-R08)."""
    if choice and model.before_r7b:
        refuse(f"tool_choice is not supported by the model {model.name}")
    if choice == "REQUIRED" and not tools:
        refuse("tool_choice REQUIRED needs tools to choose from")


def tools(names: Iterable[str], model: Model) -> None:
    """Check the names of tools, and whether the model supports tools."""
    for name in names:
        if model.features is not None and "tools" not in model.features:
            refuse(f"the model {model.name} does not support tools")
        if not _TOOL_NAME.fullmatch(name):
            refuse(
                f"tool name {name!r}: expected letters, digits and underscores, and no digit at the beginning"
            )


def strict(schemas: Iterable[dict[str, Any]]) -> None:
    """Check the tools of strict_tools (CH2-R07)."""
    fields = 0
    for schema in schemas:
        properties, required = schema.get("properties"), schema.get("required")
        fields += len(properties) if isinstance(properties, dict) else 0
        if not required:
            refuse("strict_tools: each tool needs at least one required parameter")
    if fields > _MOST_FIELDS:
        refuse(f"strict_tools: at most {_MOST_FIELDS} fields over all tools, got {fields}")


def json_mode(model: Model, schema: object) -> None:
    """Check whether the model supports JSON mode."""
    wanted = "json_mode" if schema is None else "json_schema"
    if model.features is not None and wanted not in model.features:
        refuse(f"response_format: {wanted} is not supported by the model {model.name}")


def notices(model: Model) -> tuple[str, ...]:
    """Return the deprecation notice of a model (H-04)."""
    return (
        (f"model '{model.name}' is deprecated and will be removed {model.removed}.",) if model.removed else ()
    )


def distinct(ids: Iterable[str], what: str) -> None:
    """Check that ids are unique; the message names the indexes of both."""
    seen: dict[str, int] = {}
    for index, name in enumerate(ids):
        if name and name in seen:
            refuse(f"duplicate {what} id {name!r} at index {seen[name]} and index {index}")
        seen[name] = index
