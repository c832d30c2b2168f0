"""`list` and `explain`: operations, kinds, requirements, faults and amendments, and what they mean."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING

import click

from cohere_conformance.checks.registry import checked
from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.facts import explain_fact, fact_lines
from cohere_conformance.cli.mentions import naming
from cohere_conformance.contract import Declarations, load_contract, load_declarations
from cohere_conformance.contract.facts import shipped_facts
from cohere_conformance.contract.features import shipped_features
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError
from cohere_conformance.model import SEVERITY, Kind
from cohere_conformance.report import explain_finding, explain_kind, load
from cohere_conformance.report.script import script_of
from cohere_conformance.report.shape import REPORT_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from cohere_conformance.contract.overlay import Amendment
    from cohere_conformance.model import Requirement
    from cohere_conformance.reference import Fault


@click.group(name="list")
def list_() -> None:
    """List operations, requirements, faults, kinds of finding or amendments.

    \b
    Example:
      cohere-conformance list requirements
    """


@list_.command()
def operations() -> int:
    """List the operations with group, tier for live runs, billing unit and effect.

    \b
    Example:
      cohere-conformance list operations
    """
    policies = shipped_policies()
    rows = [
        (label, operation.group, policies[label].tier, policies[label].billing, policies[label].effect)
        + (("deprecated",) if operation.deprecated else ("",))
        for label, operation in load_contract().operations.items()
    ]
    return _table(("operation", "group", "tier", "billing", "effect", ""), rows)


@list_.command()
def kinds() -> int:
    """List the kinds of finding with their severity.

    \b
    Example:
      cohere-conformance list kinds
    """
    return _table(("kind", "severity"), [(kind.value, SEVERITY[kind].value) for kind in Kind])


@list_.command()
def amendments() -> int:
    """List known defects and gaps of the published OpenAPI document.

    \b
    Example:
      cohere-conformance list amendments
    """
    rows = [(one.id, one.klass, one.reason) for one in _amendments(load_declarations())]
    return _table(("amendment", "class", "reason"), rows)


@list_.command()
def faults() -> int:
    """List the faults that can be injected into the reference server.

    \b
    Example:
      cohere-conformance list faults
    """
    rows = [(one.group, one.name, one.sentence) for one in _faults().values()]
    _table(("group", "fault", "effect"), rows)
    return _withdrawn("faults", _withdrawn_faults())


@list_.command()
def requirements() -> int:
    """List the requirements that no JSON schema expresses.

    \b
    Example:
      cohere-conformance list requirements
    """
    known = shipped_requirements()
    rows = [(one.group, one.id, one.level.value, one.says) for one in known.requirements.values()]
    _table(("group", "requirement", "level", "sentence"), rows)
    groups = {one.group: 0 for one in known.requirements.values()}
    for one in known.requirements.values():
        groups[one.group] += 1
    by_group = ", ".join(f"{group} {count}" for group, count in groups.items())
    sources = Counter(
        source.split()[0] for one in known.requirements.values() for source in one.source.split(",")
    )
    grounds = ", ".join(f"{source} {count}" for source, count in sources.most_common())
    click.echo(f"\n{len(known.requirements)} requirements: {by_group}")
    click.echo(f"known from (one may be known from several): {grounds}")
    click.echo(f"{len(known.excluded)} facts are no requirement")
    return _withdrawn("requirements", known.withdrawn)


@list_.command()
def features() -> int:
    """List the features that a server may do without (`run --without`).

    \b
    Example:
      cohere-conformance list features
    """
    rows = [(name, one.title, one.about) for name, one in shipped_features().known.items()]
    return _table(("feature", "title", "sentence"), rows)


@click.command()
@click.argument("subject")
@click.option(
    "--script",
    "as_script",
    is_flag=True,
    help="Print a shell script with all requests of the case that shows the cause SUBJECT.",
)
@options.report_dir
@configurable
def explain(subject: str, report_dir: Path, as_script: bool) -> int:
    """Explain SUBJECT.

    SUBJECT is a kind of finding, an amendment, a requirement, a fault, a fact (`RR-O04`), or the fingerprint
    of a finding or the id of a cause in a report.

    \b
    Examples:
      cohere-conformance explain rerank.sorted
      cohere-conformance explain 46510d6cad9b
      cohere-conformance explain c68c4069 --script > reproduce.sh
    """
    if as_script:
        click.echo(script_of(report_dir, subject), nl=False)
        return 0
    if subject in set(Kind):
        click.echo(explain_kind(subject))
        return 0
    known = {amendment.id: amendment for amendment in _amendments(load_declarations())}
    if subject in known:
        click.echo(_amendment_text(known[subject]))
        return 0
    # In lower case the id of a contradiction (`C46`) is the beginning of a fingerprint.
    if fact := shipped_facts().facts.get(subject if _hexadecimal(subject) else subject.upper()):
        click.echo(explain_fact(fact, known.values()))
        return 0
    written = report_dir / REPORT_JSON
    if _hexadecimal(subject) and written.exists():
        click.echo(explain_finding(load(written), subject))
        return 0
    faulty, required = _faults(), shipped_requirements().requirements
    clause = shipped_requirements().find(subject)
    texts = [] if clause is None else [_requirement_text(clause)]
    gone = {**shipped_requirements().withdrawn, **_withdrawn_faults()}
    texts += [f"# {subject}\n\nWithdrawn: {gone[subject]}"] if subject in gone else []
    texts += (
        [_fault_text(faulty[subject])] if subject in faulty else []
    )  # a fault may have a requirement's name
    if texts:
        click.echo("\n\n".join(texts))
        return 0
    try:
        click.echo(explain_kind(subject))
    except UsageError as error:
        hints = [str(error)]
        for what, names in (
            ("amendment", list(known)),
            ("requirement", list(required)),
            ("fault", list(faulty)),
            ("fact", list(shipped_facts().facts)),
        ):
            if near := difflib.get_close_matches(subject, names, n=3):
                hints.append(f"or did you mean the {what} {' or '.join(near)}?")
        if _hexadecimal(subject):
            hints.append(f"there is no report in {written} to look up a fingerprint")
        raise UsageError("; ".join(hints)) from error
    return 0


def _hexadecimal(subject: str) -> bool:
    return bool(subject) and not set(subject.lower()) - set("0123456789abcdef")


def _amendments(declarations: Declarations) -> tuple[Amendment, ...]:
    return declarations.changes


def _amendment_text(amendment: Amendment) -> str:
    lines = [f"# {amendment.id}", "", amendment.reason, "", f"Class: {amendment.klass}"]
    lines += [f"Since: {amendment.since}"] if amendment.since else []
    lines += [f"Evidence: {amendment.evidence}", *fact_lines(amendment.evidence), "", "Actions:"]
    for action in amendment.actions:
        done = "remove" if action.remove else "update"
        lines.append(f"  {done} {action.target}")
    return "\n".join(lines)


def _faults() -> Mapping[str, Fault]:
    # Imported here: the other subjects need no web server, and start faster without it.
    from cohere_conformance.reference import catalogue

    return catalogue()


def _withdrawn_faults() -> Mapping[str, str]:
    from cohere_conformance.reference.faults import WITHDRAWN

    return WITHDRAWN


def _withdrawn(what: str, reasons: Mapping[str, str]) -> int:
    """Print withdrawn names, which are never used again, with the reasons."""
    click.echo(f"\nWithdrawn {what} (the names are never used again):")
    for name, reason in reasons.items():
        click.echo(f"  {name}: {reason}")
    return 0


def _fault_text(fault: Fault) -> str:
    lines = [f"# {fault.name}", "", fault.sentence, "", f"Group: {fault.group}"]
    return "\n".join([*lines, f"Inject it: cohere-conformance serve --fault {fault.name}"])


def _requirement_text(requirement: Requirement) -> str:
    suites = folder("suites")
    tests = naming(requirement.id, suites)
    everywhere = requirement.id in checked()
    lines = [f"# {requirement.id}", "", requirement.says, ""]
    lines += [f"Level: {requirement.level.value}", f"Source: {requirement.source}"]
    lines += [
        f"About: {requirement.about.value}",
        f"Reason: {requirement.reason}",
        *fact_lines(requirement.reason),
        "",
        "Operations:",
    ]
    lines += [f"  {label}" for label in requirement.operations]
    where = "every exchange, also in recorded traffic" if everywhere else "runs only"
    lines += [f"Checked on: {where}", "Tests that name it:"]
    lines += [f"  {test}" for test in tests] or ["  none; each response to a case of the group is checked"]
    lines += ["Faults that violate it:", *(f"  {name}" for name in requirement.faults)]
    named = f" --fault {requirement.faults[0]}" if requirement.faults else ""
    return "\n".join([*lines, f"See it: cohere-conformance run{_only(requirement)}{named}"])


def _only(requirement: Requirement) -> str:
    """Return the option that limits a run to the groups of a requirement."""
    operations = load_contract().operations
    groups = dict.fromkeys(operations[label].group for label in requirement.operations)
    return f" --only {','.join(groups)}" if len(groups) <= 4 else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        click.echo("  ".join([*cells, *line[len(widths) :]]).rstrip())
    return 0
