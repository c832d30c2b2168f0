"""What is new, persisting, resolved, regressed or flapping, over the nights of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.history.compare import Compared, compare
from cohere_conformance.history.past import PastCause, PastFinding, PastRun
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

CHAT, EMBED = "POST /v2/chat", "POST /v2/embed"


def night(day: int, *findings: str, **given: Any) -> PastRun:
    """Return a run that has found some findings of chat, each a cause of its own."""
    run = PastRun(
        target="gateway",
        contract="sha256:1 amended",
        started_at=f"2026-11-{day:02}T02:00:00Z",
        finished_at=f"2026-11-{day:02}T02:01:00Z",
        exit_code=int(bool(findings)),
        verdict="",
        method="run",
        operations=frozenset({CHAT}),
        findings={
            name: PastFinding(title=name, severity=Severity.BREAKING, operation=CHAT, cases=(f"chat.{name}",))
            for name in findings
        },
        causes={
            f"cause-{name}": PastCause(
                title=name, severity=Severity.BREAKING, operations=(CHAT,), findings=(name,)
            )
            for name in findings
        },
    )
    return msgspec.structs.replace(run, **given)


def after(nights: Iterable[PastRun]) -> Compared:
    """Return the comparison of the last of some nights, each of which was compared and stored."""
    stored: list[PastRun] = []
    for one in nights:
        last = compare(one, stored)
        if one.ended:
            stored.append(last.run)
    return last


def states(compared: Compared) -> dict[str, str]:
    """Return the states of the findings; those of the causes, each of one finding, have to agree."""
    found = {one.id: one.state for one in compared.changes.findings}
    assert {one.id: one.state for one in compared.changes.causes} == {
        f"cause-{name}": state for name, state in found.items()
    }
    return found


def test_the_first_run_has_nothing_to_compare_with() -> None:
    compared = after([night(1, "a")])
    assert compared.changes.since is None
    assert states(compared) == {"a": "new"}


def test_what_is_seen_again_persists_with_its_first_day_and_its_number() -> None:
    compared = after([night(1), night(2, "a"), night(3, "a"), night(4, "a", "b")])
    assert states(compared) == {"a": "persisting", "b": "new"}
    first = compared.changes.causes[0]
    assert (first.first_seen[:10], first.last_seen[:10], first.runs) == ("2026-11-02", "2026-11-04", 3)
    assert compared.changes.since == "2026-11-03T02:01:00Z"


def test_a_cause_that_returns_with_another_finding_was_gone_in_between() -> None:
    def cause(finding: str) -> PastCause:
        return PastCause(title="a", severity=Severity.BREAKING, operations=(CHAT,), findings=(finding,))

    nights = [night(1, "a"), night(2), night(3, "b", causes={"cause-a": cause("b")})]
    (change,) = [one for one in after(nights).changes.causes if one.id == "cause-a"]
    assert (change.state, change.first_seen[:10], change.runs) == ("regressed", "2026-11-01", 2)


def test_what_is_mended_is_resolved_once_and_regresses_when_it_returns() -> None:
    assert states(after([night(1, "a"), night(2)])) == {"a": "resolved"}
    assert states(after([night(1, "a"), night(2), night(3)])) == {}
    assert states(after([night(1, "a"), night(2), night(3), night(4, "a")])) == {"a": "regressed"}
    assert states(after([night(1, "a"), night(2), night(3, "a"), night(4, "a")])) == {"a": "persisting"}


def test_what_comes_and_goes_is_flapping_until_it_is_steady() -> None:
    nights = [night(1, "a"), night(2), night(3, "a"), night(4)]
    assert states(after(nights)) == {"a": "flapping"}
    assert states(after([*nights, night(5, "a")])) == {"a": "flapping"}
    steady = [night(day, "a") for day in range(5, 20)]
    assert states(after([*nights, *steady])) == {"a": "persisting"}


def test_a_run_that_did_not_look_resolves_nothing() -> None:
    before = night(1, "a")
    blind = {
        "operation": night(2, operations=frozenset({EMBED})),
        "target": night(2, target="other"),
        "contract": night(2, contract="sha256:2 amended"),
        "fuzz": night(2, method="fuzz"),
        "other case": night(2, only_cases=frozenset({"chat.b"})),
        "more skipped": night(2, skipped=1),
    }
    for reason, run in blind.items():
        assert states(after([before, run])) == {}, reason
        assert states(after([before, run, night(3, "a")])) == {"a": "persisting"}, reason
    assert states(after([before, night(2, only_cases=frozenset({"chat.a"}))])) == {"a": "resolved"}


def test_a_run_without_a_verdict_is_not_stored() -> None:
    killed = night(2, exit_code=2, operations=frozenset())
    assert states(after([night(1, "a"), killed])) == {}
    assert states(after([night(1, "a"), killed, night(3, "a")])) == {"a": "persisting"}
    assert compare(night(3), [night(1, "a"), night(2, "a", exit_code=3)]).changes.since == (
        "2026-11-01T02:01:00Z"
    )


def test_a_cause_with_another_id_is_not_new_while_its_findings_are_known() -> None:
    regrouped = {
        "cause-both": PastCause(
            title="both", severity=Severity.BREAKING, operations=(CHAT,), findings=("a", "b")
        )
    }
    compared = after([night(1, "a"), night(2, "a", "b", causes=regrouped)])
    both, *others = compared.changes.causes
    assert (both.id, both.state, both.first_seen[:10], others) == (
        "cause-both",
        "persisting",
        "2026-11-01",
        [],
    )


def test_what_is_accepted_is_neither_new_nor_resolved() -> None:
    accepted = night(2, "a", causes={})
    changes = compare(accepted, [night(1, "a")], accepted={"a"}).changes
    assert (changes.causes, changes.findings) == ((), ())


def test_the_order_of_the_file_does_not_matter() -> None:
    nights = [night(1, "a"), night(2), night(3)]
    assert compare(night(4, "a"), nights[::-1]) == compare(night(4, "a"), nights)
