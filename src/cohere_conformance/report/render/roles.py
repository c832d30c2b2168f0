"""The models of a run, by the roles that they have in its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from cohere_conformance.report.header import Target
    from cohere_conformance.report.role_model import RoleModel

_SHOWN = 4


def models_line(target: Target) -> str:
    """Return which models the roles mean and who decided that; an empty text without roles.

    The defaults of a profile are only counted: `contracts/models.yaml` names them.
    """
    by_source: dict[str, list[RoleModel]] = {}
    for one in target.models:
        by_source.setdefault(one.source, []).append(one)
    usual = by_source.pop(f"profile {target.profile}", [])
    shown = [f"{_listed(models)} ({source})" for source, models in by_source.items()]
    if usual and shown:
        shown.append(f"{quantity(len(usual), 'role')} by profile {target.profile}")
    elif usual:
        shown.append(f"{_listed(usual)} (profile {target.profile})")
    return "; ".join(shown)


def _listed(models: list[RoleModel]) -> str:
    named = [f"{one.role}={one.model}" for one in models[:_SHOWN]]
    more = [f"{len(models) - _SHOWN} more"] if len(models) > _SHOWN else []
    return ", ".join([*named, *more])
