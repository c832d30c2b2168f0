"""Which model each role of the cases means in a run.

The caller decides (`--model chat=NAME`), else the list of models of the target, else the profile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.contract.models import shipped_models
from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown
from cohere_conformance.report import RoleModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.contract.models import Role
    from cohere_conformance.model import Response

LIST = "GET /v1/models"
"""The operation that lists the models of a target."""
LIST_PATH = "/v1/models?page_size=1000"
GIVEN, LISTED = "--model", LIST
"""Where the model of a role is from, besides a profile."""
_NAME = re.compile(r"[\x21-\x7e]{1,200}")
_MOST = 1000
"""Entries of a list that are looked at."""


def parse_models(given: Iterable[str]) -> dict[str, str]:
    """Return models by role, from texts such as `chat=command-a-03-2025`.

    Raises:
        UsageError: a text has another form, or a role has two models.
    """
    found: dict[str, str] = {}
    for text in given:
        role, separator, name = text.partition("=")
        if not separator:
            raise UsageError(f"--model {text[:80]!r}: expected ROLE=NAME, such as chat=command-a-03-2025")
        if found.setdefault(role.strip(), name.strip()) != name.strip():
            raise UsageError(f"--model {text[:80]!r}: expected one model for {role.strip()}, got two")
    return found


def check_models(given: Mapping[str, str]) -> dict[str, str]:
    """Return models by role, which are known roles and can be names of such models.

    Raises:
        UsageError: a role is unknown, or a name cannot be that of a model, or a known model serves something
            else.
    """
    known = shipped_models()
    for role, name in given.items():
        if role not in known.roles:
            raise UsageError(unknown("--model", role, known.roles))
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"--model {role}={name[:80]!r}: expected the name of a model, in ASCII and without spaces"
            )
        model, endpoint = known.models.get(name), known.roles[role].endpoint
        if model is not None and not model.serves(endpoint):
            raise UsageError(f"--model {role}={name}: expected a model that serves {endpoint}")
    return dict(given)


def resolved(
    roles: Iterable[str], given: Mapping[str, str], profile: str, response: Response | None
) -> tuple[RoleModel, ...]:
    """Return the model of each role.

    Args:
        roles: the names of the roles.
        given: what the caller decides.
        profile: of the target.
        response: of the target, to a request for the list of its models; `None` without one.
    """
    entries, known = _entries(response), shipped_models()
    found = []
    for name in roles:
        role = known.roles[name]
        if name in given:
            found.append(RoleModel(role=name, model=given[name], source=GIVEN))
        elif (listed := _best(role, profile, entries)) is not None:
            found.append(RoleModel(role=name, model=listed, source=LISTED))
        else:
            found.append(RoleModel(role=name, model=role.model(profile), source=f"profile {profile}"))
    return tuple(found)


class _Entry(msgspec.Struct, frozen=True):
    """What a list says about one model; a property of another type is as if it were absent."""

    name: str
    endpoints: tuple[str, ...]
    default: tuple[str, ...]
    features: tuple[str, ...]
    over: bool


def _entries(response: Response | None) -> list[_Entry]:
    if response is None or response.status != 200 or not response.body:
        return []
    try:
        body: Any = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    listed = body.get("models") if isinstance(body, dict) else None
    return [
        _Entry(
            one["name"],
            _texts(one.get("endpoints")),
            _texts(one.get("default_endpoints")),
            _texts(one.get("features")),
            over=one.get("is_deprecated") is True or one.get("finetuned") is True,
        )
        for one in (listed if isinstance(listed, list) else [])[:_MOST]
        if isinstance(one, dict) and isinstance(one.get("name"), str) and _NAME.fullmatch(one["name"])
    ]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _best(role: Role, profile: str, entries: list[_Entry]) -> str | None:
    """Return the listed model that has a role best; the same for lists in another order."""
    known = shipped_models().models
    order = list(known)

    def rank(one: _Entry) -> tuple[bool, bool, bool, int, str]:
        model = known.get(one.name)
        return (
            one.name != role.model(profile),
            model is None,
            model is not None and model.deprecated is not None,
            order.index(one.name) if model is not None else role.endpoint not in one.default,
            one.name,
        )

    fitting = (one for one in entries if not one.over and _fits(role, one))
    best = min(fitting, key=rank, default=None)
    return None if best is None else best.name


def _fits(role: Role, one: _Entry) -> bool:
    known = shipped_models().models.get(one.name)
    if known is not None:
        return known.retired is None and role.fits(known)
    return role.endpoint in one.endpoints and role.has_features(one.features)
