"""Everything that is generated for one operation, and the choice of what is sent."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.fields import typed
from cohere_conformance.fuzz import bodies, parameters, protocol
from cohere_conformance.fuzz.candidate import Expected, GenerationMode
from cohere_conformance.fuzz.domain import breaks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.domain import Domain


def derived(
    contract: Contract,
    operation: Operation,
    given: Sequence[Anchor],
    domain: Domain,
    mode: GenerationMode,
    *,
    hosted: bool,
) -> list[Candidate]:
    """Return every request of one mode with one change, without duplicates.

    Args:
        contract: of which the operation is a part.
        operation: what is called.
        given: the cases to start from, the smallest first.
        domain: what is known of requests beyond the schemas.
        mode: how the requests are generated.
        hosted: the target is a live service, which nothing may harm.
    """
    found: dict[tuple[str, str, str], Candidate] = {}
    for candidate in _all(contract, operation, given, domain, mode, hosted):
        keyword = candidate.rule.keyword if candidate.rule else ""
        found.setdefault((candidate.location, keyword, candidate.says), candidate)
    return list(found.values())


def _all(
    contract: Contract,
    operation: Operation,
    given: Sequence[Anchor],
    domain: Domain,
    mode: GenerationMode,
    hosted: bool,
) -> Iterator[Candidate]:
    for anchor in given:
        match mode:
            case GenerationMode.POSITIVE:
                yield from bodies.positive(operation, anchor, domain)
                yield from _parameters(contract, operation, anchor, domain)
            case GenerationMode.NEGATIVE:
                yield from bodies.negative(operation, anchor, domain)
                yield from parameters.negative(contract, operation, anchor)
            case GenerationMode.PROTOCOL:
                yield from protocol.protocol(contract, operation, anchor, hosted=hosted)
                return  # these do not depend on the case


def _parameters(
    contract: Contract, operation: Operation, anchor: Anchor, domain: Domain
) -> Iterator[Candidate]:
    for candidate in parameters.positive(contract, operation, anchor):
        label, location = operation.label, candidate.location
        if (
            location.startswith("path:")
            or domain.kept(label, location)
            or not _within(operation, candidate, domain)
        ):
            # No rule of the document forbids it, but it need not be served: any response but a crash will do.
            yield msgspec.structs.replace(candidate, mode=GenerationMode.PROTOCOL, expected=Expected.EITHER)
        else:
            depends = domain.depends(label, location)
            expected = Expected.EITHER if depends else candidate.expected
            yield msgspec.structs.replace(candidate, expected=expected)


def _within(operation: Operation, candidate: Candidate, domain: Domain) -> bool:
    """Return whether a query parameter keeps the limits that are in no schema."""
    name = candidate.location.removeprefix("query:")
    texts = [text for key, text in candidate.template.query if key == name]
    values = [typed(text, operation.query[name].value.schema) for text in texts if name in operation.query]
    return not any(
        breaks(limit, value)
        for limit in domain.limits(operation.label, candidate.location)
        for value in values
    )


def chosen(
    candidates: Iterable[Candidate], first: Iterable[str], most: int | None, seed: str
) -> list[Candidate]:
    """Return what is sent: what failed before, then as many others, spread over locations and rules.

    Args:
        candidates: all there are.
        first: names of those that failed before.
        most: how many; all of them where it is `None`.
        seed: of the choice.
    """
    known = {candidate.name: candidate for candidate in candidates}
    failed = [known.pop(name) for name in first if name in known]
    if most is None:
        return [*failed, *known.values()]
    rest = list(known.values())
    random.Random(seed).shuffle(rest)
    turns: dict[tuple[str, str], int] = {}

    def turn(candidate: Candidate) -> int:
        key = (candidate.location, candidate.rule.keyword if candidate.rule else "")
        turns[key] = turns.get(key, 0) + 1
        return turns[key]

    return [*failed, *sorted(rest, key=turn)[: max(0, most - len(failed))]]
