"""`learn`: collect the shapes of responses from recorded traffic."""

from __future__ import annotations

from pathlib import Path

import click

from cohere_conformance import session
from cohere_conformance.client.address import base_url
from cohere_conformance.errors import UsageError
from cohere_conformance.observed.evidence import exchanges, together
from cohere_conformance.observed.file import exclusive, load_observed, write_by_group, write_observed
from cohere_conformance.observed.response import declared_part
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.learning import Learner, learn_recordings

_NOTHING, _UNREADABLE = 5, 3


@click.command()
@click.argument("traffic", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="File of observed shapes; of a folder, one file for each group.",
)
@click.option("--merge", is_flag=True, help="Add to the file instead of refusing to replace it.")
@click.option(
    "--accept-absent",
    is_flag=True,
    help="Learn also from responses that lack what was always there, because that is how the API is now.",
)
@click.option(
    "--declared-only",
    is_flag=True,
    help="Leave out the names of properties that the contract does not declare.",
)
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="URL",
    help="Learn about the server at this base URL instead of the vendor's; repeatable.",
)
def learn(
    traffic: tuple[str, ...],
    output: Path,
    merge: bool,
    accept_absent: bool,
    declared_only: bool,
    servers: tuple[str, ...],
) -> int:
    """Learn from recorded TRAFFIC what responses have always had, and which types and values they show.

    The file has figures and names of properties: no texts, no ids, no keys. `run`, `fuzz` and `check` compare
    with it by --observed. Learned from are only complete successful responses that conform.

    \b
    Examples:
      cohere-conformance learn recordings/ -o observed.yaml
      cohere-conformance learn tonight.har -o observed.yaml --merge
    """
    for server in servers:
        base_url("--server", server)
    exists = output.is_file() or (output.is_dir() and any(output.glob("*.yaml")))
    if exists and not merge:
        raise UsageError(f"-o {output}: expected a new file, got one; add --merge to add to it")
    known = load_observed(output) if exists else {}
    judge = session.Judge(session.JudgeSettings(servers=servers))
    learner = Learner(judge, {} if accept_absent else known)
    learn_recordings(traffic, learner)
    for one in learner.unreadable:
        click.echo(plain(f"not read: {one}", longest=None))
    for reason, number in sorted(learner.left_out.items()):
        click.echo(f"not learned from: {quantity(number, 'exchange')} {reason}")
    if not learner.learned:
        click.echo("learned nothing: expected a successful response that conforms; name other recordings")
        return _UNREADABLE if learner.unreadable else _NOTHING
    with exclusive(output):
        # Again: somebody may have added to it meanwhile.
        evidence = together([load_observed(output) if exists else {}, learner.evidence])
        if declared_only:
            evidence = declared_part(evidence, judge.contract)
        if output.is_dir():
            write_by_group(output, evidence, judge.contract.groups)
        else:
            write_observed(output, evidence)
    count = quantity(learner.learned, "exchange")
    click.echo(f"{output}: learned from {count}; {quantity(exchanges(evidence), 'exchange')} in all")
    return _UNREADABLE if learner.unreadable else 0
