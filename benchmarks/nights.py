"""Two weeks of nightly runs against a simulated live service: green or not, what they cost, what they see.

    python benchmarks/nights.py
    python benchmarks/nights.py --nights 3 --faults 2

The service is the reference server as another host: TLS, a trial key with its quotas, 200 ms for each
response, bursts of 429 and 503, lost connections. Client and service share a clock that is moved ahead. After
the faultless nights each fault is injected in turn. The first night with it has to be red, with a finding of
a requirement that the catalogue names for this fault. Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from live_service import live_service

from cohere_conformance.contract.requirements import shipped_requirements

if TYPE_CHECKING:
    from live_service import LiveService, NightResult

FAULTS = (
    "rerank.ascending", "embed.int8-shifted", "chat.v2.usage-cached-above-input", "parse.box-outside",
    "tokenize.empty-accepted", "rerank.index-out-of-range", "detokenize.trimmed", "embed.version-differs",
    "chat.v1.stream.other-reply", "models.default-only-ignored", "headers.tokens-missing",
    "rerank.spans-empty", "auth.any-key", "parse.page-twice", "embed.base64-vector-missing",
    "chat.v2.logprobs-positive",
    "models.page-repeats-item", "rerank.top-n-ignored", "embed.ubinary-inverted", "audio.container-matters",
)  # fmt: skip
"""Faults of operations that a night may call, none of which needs more than one case to be seen."""
LONGEST = 20.0
"""Minutes that a night with a trial key may take."""
REQUESTS, TOKENS, WEEK = 300, 1500, 7


def quiet_night(service: LiveService) -> NightResult:
    """Run a night without its output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return service.night("-q")


def faultless(service: LiveService, nights: int) -> list[str]:
    """Run nights against the faultless service, print them, and return what is wrong."""
    print("| night | exit | minutes | requests | retried for | tokens | other units | elements | so far |")
    print("|--:|--:|--:|--:|---|--:|---|--:|--:|")
    seen, wrong = set[object](), list[str]()
    after: dict[int, int] = {}
    for number in range(1, nights + 1):
        night = quiet_night(service)
        seen |= night.elements
        after[number] = len(seen)
        weather = ", ".join(f"{count} {kind}" for kind, count in sorted(night.happened.items()))
        units = ", ".join(
            f"{count} {unit}" for unit, count in sorted(night.billed.items()) if not unit.endswith("tokens")
        )
        code, tokens = night.report.footer.exit_code, night.billed["tokens"]
        print(
            f"| {number} | {code} | {night.minutes:.1f} | {night.requests} | {weather} | {tokens} | {units} "
            f"| {len(night.elements)} | {len(seen)} |",
            flush=True,
        )
        if code or night.minutes > LONGEST or night.requests > REQUESTS or tokens > TOKENS or night.changed:
            wrong.append(f"night {number}: {night.report.footer.verdict}")
            cases = night.report.coverage.cases
            wrong += [] if cases is None else list(cases.inconclusive_reasons)
    print()
    print("elements seen after 1, 3, 7 nights:", ", ".join(str(after.get(one, "-")) for one in (1, 3, WEEK)))
    return wrong


def faulty(service: LiveService, faults: tuple[str, ...]) -> list[str]:
    """Inject each fault for a night, print what was found, and return what is wrong."""
    requirements = shipped_requirements().requirements
    print()
    print("| fault | exit | found as expected | first cause |")
    print("|---|--:|---|---|")
    wrong = []
    for fault in faults:
        service.state.faults = (fault,)
        night = quiet_night(service)
        expected = {one.id for one in requirements.values() if fault in one.faults}
        found = expected & {row.requirement for row in night.report.findings}
        cause = night.report.causes[0].title if night.report.causes else ""
        code = night.report.footer.exit_code
        print(f"| {fault} | {code} | {', '.join(sorted(found)) or 'no'} | {cause} |", flush=True)
        if code != 1 or not found or night.changed:
            wrong.append(f"{fault}: exit {code}, found {', '.join(sorted(found)) or 'nothing of it'}")
    service.state.faults = ()
    return wrong


def main() -> int:
    """Run the benchmark, and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=14)
    parser.add_argument("--faults", type=int, default=len(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, live_service(Path(name), seed=given.seed) as service:
        wrong = faultless(service, given.nights) + faulty(service, FAULTS[: given.faults])
    print()
    print(*wrong or ["every goal is reached"], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
