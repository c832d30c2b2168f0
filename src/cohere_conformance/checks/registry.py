"""The checks of requirements over one exchange, each bound to an entry of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.evidence import Evidence, once
from cohere_conformance.checks.guarded import UnreadableError
from cohere_conformance.checks.placeholders import ids_replaced
from cohere_conformance.checks.preconditions import Applicable, Precondition
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import HarnessError
from cohere_conformance.model import Kind, Level, Requirement, Severity, Untestable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.frame import Frame
    from cohere_conformance.model import Finding

SEVERITY_OF = {Level.MUST: Severity.BREAKING, Level.SHOULD: Severity.NOTICE}
"""How severe it is to violate a requirement of a level."""


class Breach(msgspec.Struct, frozen=True):
    """One violation of a requirement.

    Attributes:
        location: where, as in `Finding.location`.
        expected: for a reader.
        observed: for a reader.
        variant: distinguishes two breaches at one location; without numbers that change with every request.
    """

    location: str
    expected: str
    observed: str
    variant: str = ""


Check = Callable[[Evidence], Iterable[Breach]]


class _Bound(msgspec.Struct, frozen=True):
    requirement: Requirement
    run: Check
    ids: bool
    precondition: Precondition = Precondition()


_CHECKS: dict[str, dict[str, list[_Bound]]] = {"2xx": {}, "other": {}}
_TAKEN: set[str] = set()


def check(
    requirement: str,
    *,
    errors: bool = False,
    ids: bool = False,
    sends: str = "",
    sends_anywhere: str = "",
    returns: str = "",
    returns_anywhere: str = "",
    headers: str = "",
    streams: bool = False,
    invalid: bool = False,
) -> Callable[[Check], Check]:
    """Bind a check to a requirement of the catalogue.

    The check sees answers that are as declared, and must not raise on any. Of an answer that breaks the
    contract it sees what is as declared; where it reads anything else, the requirement is not testable.

    It is not run on exchanges in which it would find nothing: those that lack anything that is given, from
    `sends` to `invalid`. Of names that spaces separate, one is enough.

    Args:
        requirement: id.
        errors: it looks at answers outside 2xx, and only at these.
        ids: it compares ids, which says nothing where a recorder has replaced them.
        sends: properties of the request.
        sends_anywhere: names or values at any depth of the request.
        returns: properties of the response, at its top or one level below: `message/citations`; or one at its
            top with a text: `finish_reason=TOOL_CALL`.
        returns_anywhere: names or values at any depth of the response.
        headers: header fields of the response.
        streams: the response is a stream.
        invalid: the JSON body of the request violates its schema.

    Raises:
        ValueError: there is no such requirement, or it has a check already.
    """

    precondition = Precondition(
        frozenset(sends.split()),
        frozenset(sends_anywhere.split()),
        frozenset(returns.split()),
        frozenset(returns_anywhere.split()),
        frozenset(headers.split()),
        streams=streams,
        invalid=invalid,
    )

    def bind(run: Check) -> Check:
        known = shipped_requirements().requirements.get(requirement)
        if known is None:
            raise ValueError(f"{requirement} is not in the catalogue")
        if requirement in _TAKEN:
            raise ValueError(f"{requirement} has two checks")
        _TAKEN.add(requirement)
        bound = _Bound(known, run, ids, precondition)
        for label in known.operations:
            _CHECKS["other" if errors else "2xx"].setdefault(label, []).append(bound)
        return run

    return bind


@lru_cache(maxsize=1)
def checked() -> frozenset[str]:
    """Return the ids of all requirements that have a check over one exchange; importing them on the way."""
    package = import_module("cohere_conformance.checks.groups")
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(found.name)
    return frozenset(_TAKEN)


def judge_requirements(
    frame: Frame, evidence: Evidence, untestable: list[Untestable], deviations: Sequence[Finding] = ()
) -> Iterator[Finding]:
    """Yield every violation of a requirement that one exchange shows.

    Args:
        frame: what the findings have in common.
        evidence: the exchange.
        untestable: gets every requirement whose violation it cannot show.
        deviations: of its request and its response from the contract.

    Raises:
        HarnessError: a check has failed although the exchange is as declared.
    """
    for bound in _applicable(evidence.operation.label, 200 <= evidence.status < 300).of(evidence):
        violated = False
        try:
            for breach in bound.run(evidence):
                if bound.ids and _ids_replaced(evidence):
                    break
                violated = True
                yield violation(bound.requirement, frame, breach)
        except OverflowError:
            # A whole number beyond every double: it cannot be compared with anything, and says so elsewhere.
            continue
        except UnreadableError as error:
            reason = f"it depends on {error}"
        except Exception as error:
            if not any(map(_breaks, deviations)):
                raise HarnessError(
                    f"the check of {bound.requirement.id} failed on an exchange that is as declared "
                    f"({type(error).__name__}: {error}); please report it"
                ) from error
            reason = f"it cannot be checked on this exchange ({type(error).__name__})"
        else:
            continue
        if not violated:
            untestable.append(Untestable(frame.operation, bound.requirement.id, reason))


def _breaks(finding: Finding) -> bool:
    """Return whether a request or a response with this finding is not as declared."""
    return finding.severity is Severity.BREAKING or finding.kind is Kind.REQUEST_INVALID


@lru_cache(maxsize=256)
def _applicable(label: str, served: bool) -> Applicable[_Bound]:
    """Return the checks of an operation, of its responses with a status of 2xx or of the others."""
    checked()
    return Applicable(_CHECKS["2xx" if served else "other"].get(label, ()))


@once
def _ids_replaced(evidence: Evidence) -> bool:
    return ids_replaced(evidence.parsed)


def violation(requirement: Requirement, frame: Frame, breach: Breach) -> Finding:
    """Return the finding that a requirement is violated."""
    finding = frame.finding(
        Kind.REQUIREMENT_VIOLATED,
        location=breach.location,
        expected=breach.expected,
        observed=breach.observed,
        value_class=breach.variant,
        severity=SEVERITY_OF[requirement.level],
    )
    return msgspec.structs.replace(finding, requirement=requirement.id)
