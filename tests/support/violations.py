"""What exchanges violate, for tests of the checks of one group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks import judge
from cohere_conformance.checks.registry import checked
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = load_contract()


def violated(exchange: Exchange, group: str) -> list[str]:
    """Return the requirements of a group that an exchange violates, each once, without the group's name."""
    found = {one.requirement for one in judge(CONTRACT, exchange) if one.requirement}
    known = shipped_requirements().requirements
    return sorted(name.partition(".")[2] for name in found if known[name].group == group)


def looked_at(group: str) -> set[str]:
    """Return the requirements of a group that have a check over one exchange, without the group's name."""
    known = shipped_requirements().requirements
    return {name.partition(".")[2] for name in checked() if known[name].group == group}


def shipped(group: str) -> Iterator[Exchange]:
    """Yield the exchanges of a group that ship with the package, conforming and deviating ones."""
    for name in ("conforming", "deviating"):
        for exchange in parse_recording(str(folder("cassettes") / "examples" / f"{name}.jsonl")):
            assert isinstance(exchange, Exchange)
            label = CONTRACT.route(exchange.request.method, exchange.request.url).operation
            if label and CONTRACT.operations[label].group == group:
                yield exchange
