"""Which problems of cassettes fail the gate: `cassettes/policy.yaml`."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.errors import CassetteError, ContractError
from cohere_conformance.golden.cassette import Origin
from cohere_conformance.names import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.golden.cassette import Provenance

POLICY = "policy.yaml"
"""Name of the file in the folder of the cassettes."""
ANY = "any"
IMPORTED = "imported"
ORIGINS = (*Origin, IMPORTED, ANY)


class Stale(enum.StrEnum):
    """The problems that a cassette, or the set of all, can have."""

    BROKEN = "broken"
    """The file is not a valid cassette."""
    AGE = "age"
    """It was recorded long ago."""
    UNDATED = "undated"
    """It has no valid date."""
    CONTRACT_CHANGED = "contract-changed"
    """The contract of its operation has changed since it was recorded."""
    CONTRACT_UNCLEAR = "contract-unclear"
    """The contract has changed since, and the cassette does not show whether its operation has."""
    MODEL_RETIRED = "model-retired"
    """The request names a model that the vendor has removed since."""
    CASE_CHANGED = "case-changed"
    """The written case sends another request than the recorded one."""
    ORPHAN = "orphan"
    """Its written case was removed, or is skipped."""
    ANSWER_CHANGED = "answer-changed"
    """The reference server responds something else today."""
    REPLAY_FAILED = "replay-failed"
    """The last replay found the recorded response wrong."""
    NEVER_REPLAYED = "never-replayed"
    """The last replay did not check it."""
    CASE_MISSING = "case-missing"
    """A written case has no cassette."""
    OPERATION_MISSING = "operation-missing"
    """An operation has no cassette."""
    REPLAY_UNKNOWN = "replay-unknown"
    """There is no result of a replay."""


OF_ALL = frozenset({Stale.CASE_MISSING, Stale.OPERATION_MISSING, Stale.REPLAY_UNKNOWN})
"""Problems of the set, not of one cassette: they have no origin, so one rule."""


class PolicyVerdict(enum.StrEnum):
    """The consequence of a problem."""

    FAIL = "fail"
    """The gate fails."""
    WARN = "warn"
    """It is reported."""
    IGNORE = "ignore"
    """It is reported with `--verbose` only."""


class PolicyRule(msgspec.Struct, frozen=True):
    """The consequence of one problem.

    Attributes:
        verdict: the consequence.
        reason: why, for a reader.
        days: how old a cassette may be; `None` where age is ignored, and with anything but age.
    """

    verdict: PolicyVerdict
    reason: str
    days: int | None = None


class Policy(msgspec.Struct, frozen=True):
    """A rule for every problem.

    Attributes:
        rules: by problem, then by origin of the cassette.
    """

    rules: dict[Stale, dict[str, PolicyRule]]

    def rule(self, stale: Stale, provenance: Provenance | None = None) -> PolicyRule:
        """Return the rule for a cassette or, without one, for the set.

        Args:
            stale: the problem; not `BROKEN`, which always fails.
            provenance: of the cassette.
        """
        by_origin = self.rules[stale]
        wanted = (
            ()
            if provenance is None
            else (IMPORTED, provenance.origin)
            if provenance.imported
            else (provenance.origin,)
        )
        return by_origin[next((origin for origin in wanted if origin in by_origin), ANY)]

    def of_a_part(self) -> Policy:
        """Return the policy for a folder that need not have all cassettes."""
        missing = {
            stale: {
                ANY: PolicyRule(
                    PolicyVerdict.IGNORE, "No policy.yaml beside these cassettes says that they are all."
                )
            }
            for stale in (Stale.CASE_MISSING, Stale.OPERATION_MISSING)
        }
        return Policy(self.rules | missing)


class _RuleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    verdict: str
    reason: str
    days: int | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: dict[str, dict[str, _RuleEntry]]


def load_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        CassetteError: the file is broken, or a rule is missing or invalid.
    """
    try:
        rules = msgspec.convert(load_yaml(path), _File).rules
        return Policy(_rules(rules))
    except ContractError as error:
        raise CassetteError(str(path), str(error).removeprefix(f"{path}: ")) from error
    except msgspec.ValidationError as error:
        raise CassetteError(
            str(path),
            f"expected under rules: WHAT: ORIGIN: a verdict with its reason, got something else ({error})",
        ) from error
    except ValueError as error:
        raise CassetteError(str(path), str(error)) from error


def _rules(entries: Mapping[str, Mapping[str, _RuleEntry]]) -> dict[Stale, dict[str, PolicyRule]]:
    """Return the rules of the file.

    Raises:
        ValueError: a rule is missing, unknown or invalid.
    """
    ruled = [stale for stale in Stale if stale is not Stale.BROKEN]
    if Stale.BROKEN in entries:
        raise ValueError("rules: broken: expected no rule, because a broken cassette always fails; remove it")
    for name in entries:
        if name not in ruled:
            raise ValueError(unknown("rules:", name, ruled))
    for stale in ruled:
        if stale not in entries:
            raise ValueError(f"rules: expected a rule for {stale}, got none; add it")
    return {stale: _by_origin(stale, entries[stale]) for stale in ruled}


def _by_origin(stale: Stale, entries: Mapping[str, _RuleEntry]) -> dict[str, PolicyRule]:
    known = (ANY,) if stale in OF_ALL else ORIGINS
    for origin in entries:
        if origin not in known:
            raise ValueError(unknown(f"rules: {stale}:", origin, known))
    missing = [origin for origin in Origin if origin not in entries]
    if ANY not in entries and (stale in OF_ALL or missing):
        wanted = ANY if stale in OF_ALL else f"{' and '.join(missing)}, or for {ANY}"
        raise ValueError(f"rules: {stale}: expected a rule for {wanted}, got none; add it")
    return {origin: _rule(f"rules: {stale}: {origin}:", stale, entry) for origin, entry in entries.items()}


def _rule(where: str, stale: Stale, entry: _RuleEntry) -> PolicyRule:
    if entry.verdict not in set(PolicyVerdict):
        raise ValueError(unknown(f"{where} verdict", entry.verdict, PolicyVerdict))
    verdict = PolicyVerdict(entry.verdict)
    if not entry.reason.strip():
        raise ValueError(f"{where} expected a reason, got an empty one; say why")
    if entry.days is not None and stale is not Stale.AGE:
        raise ValueError(f"{where} expected days with {Stale.AGE} only, got {entry.days}; remove them")
    if entry.days is not None and entry.days < 1:
        raise ValueError(f"{where} expected at least one day, got {entry.days}; change it")
    if entry.days is None and stale is Stale.AGE and verdict is not PolicyVerdict.IGNORE:
        raise ValueError(f"{where} expected how many days old a cassette may be, got none; add days")
    return PolicyRule(verdict, entry.reason, entry.days)
