"""Whether one error hides another: answers with one semantic fault and one schema error at another place.

The reference server answers with a fault; of each fault an answer is kept that violates a requirement. Then
one value of that answer, chosen at random by the seed, is made wrong for its schema, and the judge has to
report both. Pairs in which the requirement reads the broken value are counted apart: there it is reported as
not testable.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.cases import Credential, shipped_suite
from cohere_conformance.checks.judge import judgement_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.registry import checked
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Severity
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.session.resources import MissingError, Resources
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.checks.judge import Judgement
    from cohere_conformance.model import Exchange, Expectation, Finding

GOAL = 0.99
"""The part of the independent pairs of which both errors must be reported."""
CONTRACT = load_contract()
OTHER_TYPES: tuple[Any, ...] = (None, "wrong", 7.5, True, ["wrong"], {"wrong": 1})
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Shown:
    """An answer that violates a requirement and nothing else."""

    fault: str
    exchange: Exchange
    finding: Finding


@dataclass(frozen=True)
class Pair:
    """Such an answer with one schema error more, and what the judge says about it."""

    shown: Shown
    location: str
    error: bool
    violation: bool
    untestable: str

    @property
    def outcome(self) -> str:
        """What became of the two errors."""
        if self.error and self.violation:
            return "both"
        if self.error and self.untestable:
            return "dependent"
        return "masked"


# -- answers with one semantic fault


def shown(groups: Iterable[str] = ()) -> list[Shown]:
    """Return one answer for each fault that violates a requirement in a single exchange.

    Args:
        groups: of the requirements; all if none is given.
    """
    suite = shipped_suite("contract")
    state = ServerState(step=0.01)
    with ServerThread(state) as running, Sender(running.url, gate=OPEN, key=Secret(PRODUCTION)) as sender:

        def make(
            template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
        ) -> Exchange:
            return sender.send(template.outgoing(values, name=name), position=name)

        resources = Resources(suite, CONTRACT, make, "masking", Unique(1))
        exchanges: list[Shown] = []
        for name, operations in _faults(set(groups)).items():
            for case in suite.cases:
                if case.operation not in operations or case.key is not Credential.VALID:
                    continue
                state.faults = frozenset()
                with suppress(MissingError):
                    values = resources.values(case.needs)
                    state.faults = frozenset({catalogue()[name]})
                    exchange = sender.send(case.outgoing(values, None), position=case.id)
                    if (found := _only_violation(exchange)) is not None:
                        exchanges.append(Shown(name, exchange, found))
                        break
        state.faults = frozenset()
    return exchanges


def _faults(groups: set[str]) -> dict[str, set[str]]:
    """Return the operations in which each fault may violate a requirement of a single exchange."""
    found: dict[str, set[str]] = {}
    for requirement in shipped_requirements().requirements.values():
        if requirement.id in checked() and (not groups or requirement.group in groups):
            for name in requirement.faults:
                found.setdefault(name, set()).update(requirement.operations)
    return dict(sorted(found.items()))


def _only_violation(exchange: Exchange) -> Finding | None:
    if not 200 <= exchange.response.status < 300 or not exchange.response.body:
        return None
    findings = [one for one in _judged(exchange).findings if one.kind.value != "request-invalid"]
    violated = [one for one in findings if one.requirement is not None]
    return violated[0] if violated and len(violated) == len(findings) else None


def _judged(exchange: Exchange) -> Judgement:
    return judgement_of(CONTRACT, ParsedExchange(exchange))


# -- one schema error more


def pair(one: Shown, chance: random.Random) -> Pair | None:
    """Return an answer with one schema error more at another place; `None` where none can be made."""
    documents = list(_documents(one.exchange))
    locations = [(number, path) for number, (_, value) in enumerate(documents) for path in _paths(value)]
    chance.shuffle(locations)
    for number, path in locations:
        if _holds_violation(one, path, documents[number][1], streamed=len(documents) > 1):
            continue  # it would take the first error away
        for broken in _broken(documents[number][1], path, chance):
            changed = list(documents)
            changed[number] = (documents[number][0], broken)
            exchange = _with(one.exchange, changed)
            judgement = _judged(exchange)
            errors = [
                finding
                for finding in judgement.findings
                if finding.severity is Severity.BREAKING and finding.requirement is None
            ]
            if not errors or any(_related(error.location, one.finding.location) for error in errors):
                continue
            wanted = (one.finding.requirement, one.finding.location, one.finding.value_class)
            found = {(each.requirement, each.location, each.value_class) for each in judgement.findings}
            reasons = [
                each.reason for each in judgement.untestable if each.requirement == one.finding.requirement
            ]
            return Pair(one, errors[0].location, True, wanted in found, "; ".join(reasons))
    return None


def _holds_violation(one: Shown, path: Path, value: Any, *, streamed: bool) -> bool:
    for step in path:
        value = value[step]
    location = "".join("/*" if isinstance(step, int) else f"/{step}" for step in path)
    return isinstance(value, dict | list) and (streamed or _related(location, one.finding.location))


def _related(location: str, other: str) -> bool:
    """Tell whether one place lies within the other; the place of a request that was served is none."""
    if not other or other.startswith("header:"):
        return False
    tagged, plain = location.rpartition(">")[2], other.rpartition(">")[2]
    return f"{tagged}/".startswith(f"{plain}/") or f"{plain}/".startswith(f"{tagged}/")


def _documents(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    """Yield the body, or the payload of each event, with the text that goes before it."""
    body = (exchange.response.body or b"").decode()
    if (value := _json(body)) is not None:
        yield "", value
        return
    for line in body.splitlines():
        head, _, data = line.partition("data: ") if "data: " in line else ("", "", line)
        value = _json(data)
        yield (f"{head}data: ", value) if isinstance(value, dict) and "data: " in line else (line, value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _with(exchange: Exchange, documents: list[tuple[str, Any]]) -> Exchange:
    if len(documents) == 1:
        body = json.dumps(documents[0][1])
    else:
        lines = (
            f"{head}{json.dumps(value)}" if head.endswith("data: ") else json.dumps(value) if value else head
            for head, value in documents
        )
        body = "\n".join(lines) + "\n"
    response = msgspec.structs.replace(exchange.response, body=body.encode())
    return msgspec.structs.replace(exchange, response=response)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:20])
    for name, inner in items:
        yield (*path, name)
        yield from _paths(inner, (*path, name))


def _broken(value: Any, path: Path, chance: random.Random) -> Iterator[Any]:
    """Yield copies in which the value at a path is null, of another type, or missing."""
    for other in chance.sample((*OTHER_TYPES, ...), len(OTHER_TYPES) + 1):
        made = copy.deepcopy(value)
        at = made
        for step in path[:-1]:
            at = at[step]
        if other is not ...:
            at[path[-1]] = other
        elif isinstance(at, dict):
            del at[path[-1]]
        yield made


# -- figures


def pairs(shown_: list[Shown], count: int, seed: int) -> list[Pair]:
    """Return pairs drawn by a seed: one for each answer in turn, until there are enough."""
    chance, found = random.Random(seed), list[Pair]()
    order = list(shown_)
    while order and len(found) < count:
        chance.shuffle(order)
        made = [(one, pair(one, chance)) for one in order]
        found += [each for _, each in made if each is not None]
        order = [one for one, each in made if each is not None]
    return found[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="groups of requirements, separated by commas")
    parser.add_argument("--no-gate", action="store_true")
    options = parser.parse_args()
    answers = shown(filter(None, options.only.split(",")))
    drawn = pairs(answers, options.pairs, options.seed)
    counted = Counter(one.outcome for one in drawn)
    independent = counted["both"] + counted["masked"]
    rate = counted["both"] / independent if independent else 0.0
    groups = Counter((one.shown.finding.requirement or "").split(".")[0] for one in drawn)
    print(f"{len(answers)} answers with a violation, {len(drawn)} pairs, seed {options.seed}")
    print(f"both reported: {counted['both']} of {independent} independent pairs ({rate:.1%})")
    print(f"not testable, because the requirement reads the broken value: {counted['dependent']}")
    print("by first word of the requirement: " + ", ".join(f"{k} {v}" for k, v in sorted(groups.items())))
    for one in drawn:
        if one.outcome == "masked":
            print(f"masked: {one.shown.finding.requirement} ({one.shown.fault}) beside {one.location}")
        elif one.outcome == "dependent":
            print(f"dependent: {one.shown.finding.requirement} beside {one.location}: {one.untestable}")
    return 0 if rate >= GOAL or options.no_gate else 1


if __name__ == "__main__":
    sys.exit(main())
