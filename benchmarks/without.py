"""Whether claiming less hides faults of the reference server that have nothing to do with what is left out.

    python benchmarks/without.py --pairs 60 --seed 15 --json build/without.json

Draws pairs of a feature and a fault outside of it, whose group has cases that need the feature, and runs the
group with the fault, with and without the feature. A fault is hidden if nothing is found any more.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import sys
import tempfile
from functools import cache
from pathlib import Path

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract.features import FeatureRequest, shipped_features
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report import load
from cohere_conformance.sdk.parsers import VARIABLE
from cohere_conformance.session.selftest import is_fuzzed, scopes
from cohere_conformance.session.suites import pytest_arguments, run_suites


def candidates() -> list[tuple[str, str]]:
    """Return every pair of a feature and a fault outside of it that can have to do with each other."""
    features, faults = shipped_features(), catalogue()
    groups: dict[str, set[str]] = {name: set() for name in features.known}
    for case in shipped_suite().cases:
        template = case.template
        request = FeatureRequest(case.operation, template.query, template.body, case.key)
        for name in features.needed(request):
            groups[name].add(case.group)
    return [
        (name, fault)
        for name, feature in features.known.items()
        for fault in sorted(faults.keys() - feature.faults_of(faults))
        if not is_fuzzed(fault) and not fault.startswith("transport.") and groups[name] & {*scopes(fault)[0]}
    ]


@cache
def found(fault: str, without: str) -> frozenset[str]:
    """Return the requirements that a fault violates, and the other kinds of finding that it causes."""
    with tempfile.TemporaryDirectory(prefix="without-") as folder:
        options: dict[str, list[object]] = {
            "only": [",".join(scopes(fault)[0])],
            "fault": [fault],
            "without": [without] if without else [],
            "report-dir": [folder],
        }
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            run_suites(pytest_arguments(options))
        rows = load(Path(folder)).findings
    return frozenset(row.requirement or row.kind.value for row in rows)


def main() -> int:
    """Run the pairs, and return 1 if a fault is hidden."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=60, help="number of pairs; 0 for all")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: "0"}
    every = candidates()
    drawn = random.Random(given.seed).sample(every, given.pairs) if given.pairs else every
    detected, hidden = 0, []
    for feature, fault in sorted(drawn, key=lambda pair: pair[1]):
        whole, part = found(fault, ""), found(fault, feature)
        detected += bool(whole)
        lost = sorted(whole - part)
        # A consequence may be lost with the requests that showed it, as long as the fault is found.
        if whole and not part:
            hidden.append({"feature": feature, "fault": fault, "lost": lost})
        state = "hidden" if whole and not part else f"fewer: {', '.join(lost)}" if lost else "same"
        print(f"{fault} without {feature}: {state}", flush=True)
    result = {
        "pairs": len(drawn),
        "of": len(every),
        "seed": given.seed,
        "detected": detected,
        "hidden": hidden,
    }
    print(json.dumps(result, indent=1))
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if hidden else 0


if __name__ == "__main__":
    sys.exit(main())
