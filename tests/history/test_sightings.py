"""What is left out of a long history to be quick changes no state: compared with looking at everything."""

from __future__ import annotations

import random

import pytest

from cohere_conformance.history.compare import Sightings, compare
from cohere_conformance.history.past import PastCause, PastFinding, PastRun
from cohere_conformance.history.states import state_of
from cohere_conformance.model import Severity

OPERATIONS = ("POST /v2/chat", "POST /v2/embed", "POST /v2/rerank")


def drawn(chance: random.Random, day: int) -> PastRun:
    operations = frozenset(one for one in OPERATIONS if chance.random() < 0.8)
    names = [name for name in "abcdef" if chance.random() < 0.4]
    findings = {
        name: PastFinding(
            title=name,
            severity=Severity.BREAKING,
            operation=OPERATIONS[ord(name) % 3],
            cases=(f"case-{name}",),
        )
        for name in names
    }
    causes = {
        f"cause-{at}": PastCause(
            title="cause",
            severity=Severity.BREAKING,
            operations=tuple(sorted({findings[name].operation for name in some})),
            findings=tuple(some),
        )
        for at, some in enumerate((names[:2], names[2:]))
        if some
    }
    return PastRun(
        target="gateway",
        contract="1",
        started_at=f"2026-11-{day:02}T02:00:00Z",
        finished_at=f"2026-11-{day:02}T02:01:00Z",
        exit_code=1,
        verdict="",
        method="run" if chance.random() < 0.8 else "verify",
        operations=operations,
        only_cases=frozenset({"case-a"}) if chance.random() < 0.1 else frozenset(),
        skipped=int(chance.random() < 0.2),
        findings=findings,
        causes=causes,
    )


def state_by_looking_at_all(run: PastRun, past: list[PastRun], name: str) -> str | None:
    seen_in = [one for one in past if name in one.findings]
    timeline = []
    for one in past:
        if name in one.findings:
            timeline.append(True)
        elif seen_in and one.would_show(seen_in[-1].findings[name], seen_in[-1]):
            timeline.append(False)
    if name not in run.findings and not (seen_in and run.would_show(seen_in[-1].findings[name], seen_in[-1])):
        return None
    return state_of([*timeline, name in run.findings]) or ("new" if name in run.findings else None)


@pytest.mark.parametrize("seed", range(40))
def test_findings_have_the_states_that_looking_at_everything_gives(seed: int) -> None:
    chance = random.Random(seed)
    *past, run = (drawn(chance, day) for day in range(1, 15))
    changes = compare(run, past).changes
    expected = {name: state_by_looking_at_all(run, past, name) for name in "abcdef"}
    assert {one.id: one.state for one in changes.findings} == {
        name: state for name, state in expected.items() if state is not None
    }


@pytest.mark.parametrize("seed", range(40))
def test_causes_have_the_states_that_a_closer_look_gives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    *past, run = (drawn(chance, day) for day in range(1, 15))
    quick = compare(run, past).changes.causes
    monkeypatch.setattr(Sightings, "was_gone", lambda *_: False)
    assert compare(run, past).changes.causes == quick
