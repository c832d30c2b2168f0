"""What follows when a cassette may say less than it did: `cassettes/policy.yaml`."""

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
"""Name of the file in the folder of all cassettes."""
ANY = "any"
IMPORTED = "imported"
ORIGINS = (*Origin, IMPORTED, ANY)


class Stale(enum.StrEnum):
    """What can be the matter with a cassette, or with all of them together."""

    BROKEN = "broken"
    """The file is no cassette."""
    AGE = "age"
    """It was recorded long ago."""
    UNDATED = "undated"
    """Nobody knows when it was recorded."""
    CONTRACT_CHANGED = "contract-changed"
    """The contract demands something else of the operation than it did."""
    CONTRACT_UNCLEAR = "contract-unclear"
    """The contract has changed, and nobody knows whether that concerns the operation."""
    MODEL_RETIRED = "model-retired"
    """The request names a model that the vendor has taken away since."""
    CASE_CHANGED = "case-changed"
    """The written case sends something else than it did."""
    ORPHAN = "orphan"
    """There is no such case any more, or it is left out."""
    ANSWER_CHANGED = "answer-changed"
    """The reference server responds something else today."""
    REPLAY_FAILED = "replay-failed"
    """The last replay found the recorded response wrong."""
    NEVER_REPLAYED = "never-replayed"
    """The last replay has not judged it."""
    CASE_MISSING = "case-missing"
    """A written case has no cassette."""
    OPERATION_MISSING = "operation-missing"
    """An operation has no cassette."""
    REPLAY_UNKNOWN = "replay-unknown"
    """There is no replay to look at."""


OF_ALL = frozenset({Stale.CASE_MISSING, Stale.OPERATION_MISSING, Stale.REPLAY_UNKNOWN})
"""What is the matter with the set and not with one cassette: no origin, so one rule."""


class Verdict(enum.StrEnum):
    """What follows."""

    FAIL = "fail"
    """The gate fails."""
    WARN = "warn"
    """It is told."""
    IGNORE = "ignore"
    """It is only told to whoever asks for everything."""


class Rule(msgspec.Struct, frozen=True):
    """What follows from one thing that is the matter.

    Attributes:
        verdict: what follows.
        reason: why, for a reader.
        days: how old a cassette may be; `None` where age is ignored, and with anything but age.
    """

    verdict: Verdict
    reason: str
    days: int | None = None


class Policy(msgspec.Struct, frozen=True):
    """A rule for everything that can be the matter.

    Attributes:
        rules: by what is the matter, then by where a cassette comes from.
    """

    rules: dict[Stale, dict[str, Rule]]

    def rule(self, stale: Stale, told: Provenance | None = None) -> Rule:
        """Return the rule for a cassette; without one, that for the whole set.

        Args:
            stale: what is the matter; not `BROKEN`, which is no matter of policy.
            told: where the cassette comes from.
        """
        by_origin = self.rules[stale]
        wanted = () if told is None else (IMPORTED, told.origin) if told.imported else (told.origin,)
        return by_origin[next((origin for origin in wanted if origin in by_origin), ANY)]

    def of_a_part(self) -> Policy:
        """Return the policy for cassettes that nobody says are all there should be."""
        missing = {
            stale: {
                ANY: Rule(Verdict.IGNORE, "No policy.yaml beside these cassettes says that they are all.")
            }
            for stale in (Stale.CASE_MISSING, Stale.OPERATION_MISSING)
        }
        return Policy(self.rules | missing)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    verdict: str
    reason: str
    days: int | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: dict[str, dict[str, _Entry]]


def load_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        CassetteError: the file is broken, or a rule is missing or cannot be meant; it says which.
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


def _rules(entries: Mapping[str, Mapping[str, _Entry]]) -> dict[Stale, dict[str, Rule]]:
    """Return what the file says.

    Raises:
        ValueError: it says too little, too much or nonsense.
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


def _by_origin(stale: Stale, entries: Mapping[str, _Entry]) -> dict[str, Rule]:
    known = (ANY,) if stale in OF_ALL else ORIGINS
    for origin in entries:
        if origin not in known:
            raise ValueError(unknown(f"rules: {stale}:", origin, known))
    missing = [origin for origin in Origin if origin not in entries]
    if ANY not in entries and (stale in OF_ALL or missing):
        wanted = ANY if stale in OF_ALL else f"{' and '.join(missing)}, or for {ANY}"
        raise ValueError(f"rules: {stale}: expected a rule for {wanted}, got none; add it")
    return {origin: _rule(f"rules: {stale}: {origin}:", stale, entry) for origin, entry in entries.items()}


def _rule(where: str, stale: Stale, entry: _Entry) -> Rule:
    if entry.verdict not in set(Verdict):
        raise ValueError(unknown(f"{where} verdict", entry.verdict, Verdict))
    verdict = Verdict(entry.verdict)
    if not entry.reason.strip():
        raise ValueError(f"{where} expected a reason, got an empty one; say why")
    if entry.days is not None and stale is not Stale.AGE:
        raise ValueError(f"{where} expected days with {Stale.AGE} only, got {entry.days}; remove them")
    if entry.days is not None and entry.days < 1:
        raise ValueError(f"{where} expected at least one day, got {entry.days}; change it")
    if entry.days is None and stale is Stale.AGE and verdict is not Verdict.IGNORE:
        raise ValueError(f"{where} expected how many days old a cassette may be, got none; add days")
    return Rule(verdict, entry.reason, entry.days)
