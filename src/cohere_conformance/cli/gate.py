"""`gate`: compares the last report, and what is kept with it, with what a release requires."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cohere_conformance.baseline import in_force
from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Aspect
from cohere_conformance.names import unknown
from cohere_conformance.report import load
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.report import Report

_OPERATION = "operation"
_COUNTED = (
    _OPERATION,
    *(one.value for one in (Aspect.STATUS, Aspect.PROPERTY, Aspect.EVENT, Aspect.ENUM_VALUE)),
)
"""What `--min` counts: called operations, and the aspects of `coverage` in report.json."""
_SHOWN = 5
_NEW = frozenset({"new", "regressed"})


class GateCondition(NamedTuple):
    """A condition, and whether it is fulfilled.

    Attributes:
        name: of the condition.
        found: what was found, for a reader.
        action: what to do; empty if the condition is fulfilled.
    """

    name: str
    found: str
    action: str = ""


@click.command()
@options.report_dir
@click.option(
    "--min",
    "least",
    metavar="WHAT=PERCENT",
    multiple=True,
    help=f"Least coverage, such as status=50; WHAT is one of {', '.join(_COUNTED)}. Repeatable.",
)
@click.option(
    "--no-new-cause",
    is_flag=True,
    help="Tolerate causes that earlier runs had as well; the report needs a history.",
)
@options.baseline
@click.option(
    "--baseline-days",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Days for which every entry of the baseline must still be valid.",
)
@click.option(
    "--cassettes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of golden cassettes that must be fresh by its policy (see `cassettes status`).",
)
@click.option(
    "--sdk", "sdks", metavar="SPEC", multiple=True, help="The contract must have what this SDK has."
)
@click.option("--document", metavar="FILE|URL", help="The contract must have what this OpenAPI document has.")
@configurable
def gate(
    report_dir: Path,
    least: tuple[str, ...],
    no_new_cause: bool,
    baseline: str | None,
    baseline_days: int,
    cassettes: Path | None,
    sdks: tuple[str, ...],
    document: str | None,
) -> int:
    """Compare the last report with what a release requires: one line for each condition, one exit code.

    The report has to conform, or with --no-new-cause to have no cause that earlier runs did not have. Other
    conditions are: coverage (--min), a baseline that does not expire, fresh cassettes (--cassettes), and a
    contract that is not behind an SDK or a document (--sdk, --document). Exit code 0: all conditions are
    fulfilled. 1: one is not. 3: something cannot be read.

    \b
    Examples:
      cohere-conformance gate --min operation=100 --min status=50
      cohere-conformance gate --no-new-cause --baseline-days 7 --cassettes cassettes --sdk cohere==7.3.1
    """
    required = [_percent(one) for one in least]
    report = load(report_dir)
    conditions = [_causes(report) if no_new_cause else _verdict(report)]
    conditions += [_coverage(report, what, percent) for what, percent in required]
    conditions += _baseline(baseline, baseline_days)
    conditions += [] if cassettes is None else [_cassettes(cassettes, report_dir)]
    conditions += _contract(document, sdks)
    for one in conditions:
        click.echo(plain(f"{'FAIL' if one.action else 'ok  '} {one.name}: {one.found}", longest=None))
        if one.action:
            click.echo(plain(f"     {one.action}", longest=None))
    failed = sum(bool(one.action) for one in conditions)
    total = quantity(len(conditions), "condition")
    click.echo(f"CLOSED: {failed} of {total} not fulfilled" if failed else f"OPEN: {total} fulfilled")
    return 1 if failed else 0


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _percent(text: str) -> tuple[str, float]:
    what, _, value = text.partition("=")
    if what not in _COUNTED:
        raise UsageError(unknown("--min", what, _COUNTED))
    try:
        percent = float(value)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise UsageError(f"--min {text}: expected a percentage from 0 to 100, such as {what}=80")
    return what, percent


def _verdict(report: Report) -> GateCondition:
    if report.footer.exit_code == CONFORMS:
        return GateCondition("verdict", report.footer.verdict)
    action = "mend the server, accept a cause with `baseline accept`, or use --no-new-cause"
    if report.footer.exit_code != DEVIATES:
        action = "run again until the run ends with a verdict"
    return GateCondition("verdict", report.footer.verdict, action)


def _causes(report: Report) -> GateCondition:
    """Return whether a report has only causes that earlier runs had as well."""
    name = "no new cause"
    if report.footer.exit_code not in {CONFORMS, DEVIATES}:
        return GateCondition(name, report.footer.verdict, "run again until the run ends with a verdict")
    if report.changes is None:
        return GateCondition(
            name,
            "there was no earlier run to compare with",
            "run again, and keep the history (history.sqlite in the report folder, or --history FILE)",
        )
    if report.changes.since is None:
        return GateCondition(
            name, "the history has no earlier run", "run again: the next run is compared with this one"
        )
    found = {one.id: one.state for one in report.changes.causes if one.state in _NEW}
    new = [cause for cause in report.causes if cause.id in found]
    if not new:
        return GateCondition(
            name, f"{quantity(len(report.causes), 'cause')}, all known since {report.changes.since}"
        )
    shown = "; ".join(f"{cause.id} {cause.title} ({found[cause.id]})" for cause in new[:_SHOWN])
    more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
    return GateCondition(
        name, f"{shown}{more}", f"cohere-conformance explain {new[0].id} says what to change"
    )


def _coverage(report: Report, what: str, percent: float) -> GateCondition:
    seen, declared, missing = _counted(report, what)
    if not declared:
        return GateCondition(
            f"coverage of {what}", "the operations of the report declare none", f"leave out --min {what}"
        )
    share = 100 * seen / declared
    found = f"{seen} of {declared}, {share:.1f} % (at least {percent:g} %)"
    if share >= percent:
        return GateCondition(f"coverage of {what}", found)
    shown = ", ".join(missing[:_SHOWN]) + (
        f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    )
    return GateCondition(
        f"coverage of {what}", found, f"missing: {shown}; run more groups or cases, or require less"
    )


def _counted(report: Report, what: str) -> tuple[int, int, list[str]]:
    """Return how many were seen and how many there are, with the names of the missing ones."""
    coverage = report.coverage
    if what == _OPERATION:
        return len(coverage.operations), len(coverage.operations) + len(coverage.unseen), [*coverage.unseen]
    # What several operations share is counted once.
    rows = [row for row in coverage.declarations if row.aspect == what] or [
        row for row in coverage.exercise if row.aspect == what
    ]
    missing = [f"{row.operation} {name}".strip() for row in rows for name in row.missing]
    return sum(row.seen for row in rows), sum(row.declared for row in rows), missing


def _baseline(named: str | None, days: int) -> Iterator[GateCondition]:
    """Yield whether the entries of the baseline are valid for some more days, if there is a baseline."""
    if (accepted := in_force(named)) is None:
        return
    until = (_today() + dt.timedelta(days=days)).isoformat()
    early = [one for one in accepted.entries if one.expires < until]
    if not early:
        yield GateCondition(
            "baseline", f"{quantity(len(accepted.entries), 'entry')}, valid until {until} at least"
        )
        return
    lines = ", ".join(f"{accepted.file}:{one.line} ({one.expires})" for one in early[:_SHOWN])
    yield GateCondition(
        "baseline",
        f"{quantity(len(early), 'entry')} not valid until {until}: {lines}",
        "mend the server and run `baseline prune`, or write a later day with a reason",
    )


def _cassettes(cassettes: Path, report_dir: Path) -> GateCondition:
    from cohere_conformance.golden.staleness import staleness  # imports the web server
    from cohere_conformance.golden.states import GateOutcome
    from cohere_conformance.golden.status_render import verdict_line

    found = staleness(cassettes, report_dir, _today())
    failed = found.outcome is GateOutcome.FAIL
    action = f"cohere-conformance cassettes status --cassettes {cassettes} lists them; record them again"
    return GateCondition("cassettes", verdict_line(found), action if failed else "")


def _contract(document: str | None, sdks: Iterable[str]) -> Iterator[GateCondition]:
    """Yield whether the contract has everything that witnesses have, if any are named."""
    sdks = tuple(sdks)
    if document is None and not sdks:
        return
    # Slow to import.
    from cohere_conformance.drift.lock import LOCK, load_lock
    from cohere_conformance.drift.named_witnesses import described
    from cohere_conformance.drift.sources import facts_of
    from cohere_conformance.drift.witnesses import drift_of

    root = folder("contracts")
    found = drift_of(facts_of("ours", root), root, described(document, sdks), None, load_lock(root / LOCK))
    names = ", ".join(one.name for one in found.witnesses)
    if not found.found:
        yield GateCondition("contract", f"version {load_contract().version} has everything that {names} has")
        return
    arguments = " ".join(
        [*(f"--sdk {one}" for one in sdks), *([f"--document {document}"] if document else [])]
    )
    yield GateCondition(
        "contract",
        f"behind {names}",
        f"upgrade cohere-conformance, or look at: cohere-conformance contract drift {arguments}",
    )
