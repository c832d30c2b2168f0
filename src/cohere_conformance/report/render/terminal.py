"""The report for a terminal: causes, what was not looked at, where the report is, and the verdict last."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cohere_conformance.model import Severity
from cohere_conformance.report.render import hints, members, parts, sdks, wording
from cohere_conformance.report.render.changes import changes_lines
from cohere_conformance.report.render.gaps import gaps
from cohere_conformance.report.render.golden import golden_line, observed_lines
from cohere_conformance.report.render.roles import models_line
from cohere_conformance.report.render.safe import LONGEST, encodable, plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from cohere_conformance.report.shape import Cause, Report, Row

STYLES = {Severity.BREAKING: "bold red", Severity.ADDITIVE: "yellow", Severity.NOTICE: "cyan"}
INDENT = 11
BRIEF_CAUSES = 10
"""Causes that are shown unless somebody wants the full report: as many as are read in a minute."""
CLIENT_LIMIT = 5
"""The mistakes of clients come after everything about the server, and only a few of them."""
NOT_EXERCISED_LIMIT = 10
WIDE = 110
"""A terminal of so many columns has room for a number and its percentage beside each other."""
VERDICT_STYLES = {0: "bold green", 1: "bold red"}


def render(
    report: Report,
    console: Console,
    *,
    folder: str = parts.DEFAULT_FOLDER,
    files: Sequence[Path] = (),
    verbose: bool = False,
    quiet: bool = False,
    limit: int = 20,
) -> None:
    """Print the report; the last line is the verdict.

    Args:
        report: what was found.
        console: where to print; its width is respected, except by lines that are meant to be copied.
        folder: where the report was written, for the commands that open it.
        files: the written files, to be named before the verdict.
        verbose: print every section and every finding, not only the causes and a summary.
        quiet: print the verdict only.
        limit: longest list to print in full.
    """
    printer = _Printer(report, console, shlex.quote(folder), limit)
    if not quiet:
        printer.introduction()
        if verbose:
            printer.coverage()
            printer.findings()
            printer.causes(limit, in_full=True)
        else:
            printer.causes(BRIEF_CAUSES)
            printer.gaps()
        printer.baseline()
        printer.files(files)
    printer.verdict()


class _Printer:
    """One rendering; every text from outside passes `_text`, never rich's markup."""

    def __init__(self, report: Report, console: Console, folder: str, limit: int) -> None:
        self.report = report
        self.console = console
        self.folder = folder
        self.limit = limit

    def introduction(self) -> None:
        """Print what was judged, and how much of it."""
        self._introduction()
        for line in parts.summary_lines(self.report):
            self._line(line)

    def causes(self, limit: int, *, in_full: bool = False) -> None:
        """Print the causes of the findings, each in four lines unless everything about them is wanted."""
        causes = self.report.causes
        if not causes:
            return
        self.console.print()
        numbers = quantity(len(causes), "cause"), quantity(len(self.report.findings), "finding")
        self._line(" of ".join(numbers), "bold")
        shown, more = parts.cut(causes, limit)
        for number, cause in enumerate(shown, start=1):
            self._cause(number, cause, in_full=in_full)
        if more:
            self._line(more)

    def gaps(self) -> None:
        """Print what was not looked at, each reason in one line."""
        if found := gaps(self.report):
            self.console.print()
            self._line("Not looked at", "bold")
            for gap in found:
                if gap.decides:
                    self.console.print(self._text(f"  {gap.text}", "magenta"), highlight=False)
                else:
                    self._one_line(self._text(f"  {gap.text}"))

    def baseline(self) -> None:
        """Print what of a baseline is not as it was."""
        self._list(parts.BASELINE, parts.baseline_lines(self.report), style="bold red")

    def files(self, files: Sequence[Path]) -> None:
        """Print where the report is."""
        if files:
            self._line(f"wrote {', '.join(map(str, files))}")

    def coverage(self) -> None:
        """Print every table and list that is not about a finding."""
        coverage = self.report.coverage
        self._exercised()
        self._operations()
        self._fuzzed()
        self._amendments()
        self._list(parts.ACCEPTED, parts.accepted_lines(self.report))
        self._list("Operations never seen", coverage.unseen, limit=5)
        self._list(parts.NOT_EXERCISED, parts.missing_lines(self.report), limit=NOT_EXERCISED_LIMIT)

    def findings(self) -> None:
        """Print what was not judged and why, and the findings; what is most severe comes last."""
        coverage, cases = self.report.coverage, self.report.coverage.cases
        hosts = sorted(coverage.other_hosts.hosts.items(), key=lambda item: (-item[1], item[0]))
        self._list("Other hosts, not judged", [f"{host}: {number}" for host, number in hosts])
        self._list("Remarks", [f"{one.file}: {one.where}: {one.text}" for one in coverage.remarks])
        self._list("Skipped files", [f"{one.file}: {one.reason}" for one in coverage.skipped])
        self._list(parts.NOT_TESTABLE, parts.untestable_lines(self.report))
        self._list(parts.INCONCLUSIVE, parts.inconclusive_lines(self.report), style="magenta")
        if cases is not None:
            number = len(parts.ends_with_reason(cases))
            self._list("Cases without a response", parts.end_lines(cases), "magenta", number=number)
        unreadable = [f"{one.file}: {one.where}: {one.reason}" for one in coverage.unreadable]
        self._list("Unreadable inputs", unreadable, style="bold red")
        self._rows("Requests (client side)", parts.client_rows(self.report), CLIENT_LIMIT)
        self._glance(parts.server_rows(self.report))
        self._rows("Findings", parts.server_rows(self.report), self.limit)

    def verdict(self) -> None:
        """Print the verdict."""
        footer = self.report.footer
        self._line(footer.verdict, VERDICT_STYLES.get(footer.exit_code, "bold magenta"))

    def _text(self, text: str, style: str = "", *, longest: int | None = LONGEST) -> Text:
        return Text(encodable(plain(text, longest=longest), self.console.encoding), style=style)

    def _line(self, text: str, style: str = "") -> None:
        """Print one line and leave it in one piece: a verdict is searched for, a command is copied."""
        self.console.print(self._text(text, style, longest=None), highlight=False, soft_wrap=True)

    def _field(self, name: str, value: str, style: str = "") -> None:
        """Print a value that is wrapped beside its name."""
        width = max(self.console.width - INDENT, 20)
        for line in self._text(value, style).wrap(self.console, width, overflow="fold"):
            line.rstrip()
            start = Text(f"  {name}".ljust(INDENT), style="dim")
            self.console.print(start.append_text(line), highlight=False, soft_wrap=True)
            name = ""

    def _heading(self, title: str, number: int) -> None:
        self.console.print()
        self._line(f"{title}: {number}", "bold")

    def _introduction(self) -> None:
        header, coverage = self.report.header, self.report.coverage
        for line in changes_lines(self.report.changes):
            self._line(line)
        self._line(f"{parts.contract_line(header)}, fails on {header.fail_on}")
        if header.target is not None:
            self._line(f"target {parts.target_line(header.target)}")
            if models := models_line(header.target):
                self._line(f"models {models}")
        if header.configuration is not None:
            self._line(f"configuration {header.configuration.line}")
        if header.golden is not None:
            self._line(golden_line(header.golden))
        for line in observed_lines(header):
            self._line(line)
        if header.target is None and header.inputs:
            shown, more = parts.cut(header.inputs, 3)
            self._line(f"traffic {', '.join(shown)} {more}".rstrip())
        if coverage.unrouted:
            self._line(parts.unrouted_line(coverage.unrouted))
        for line in parts.unjudged_lines(self.report.footer.totals):
            self._line(line, "yellow")
        if commands := parts.commands_line(self.report):
            self._line(commands)
        if coverage.cases is not None:
            self._line(parts.cases_line(coverage.cases))
            if hint := hints.absent(self.report):
                self._line(hint, "yellow")
            for hint in hints.missing(coverage.cases):
                self._line(hint, "yellow")

    def _exercised(self) -> None:
        totals = parts.exercised(self.report)
        if totals:
            self.console.print()
            self._line("Exercised", "bold")
            table = _grid()
            for one in totals:
                table.add_row(f"  {one.name}", f"{one.seen}/{one.declared}", f"({one.share})")
            self.console.print(table, highlight=False)

    def _glance(self, rows: Sequence[Row]) -> None:
        """Print the findings by kind, where they are too many to be overlooked one by one."""
        if len(rows) < parts.GLANCE_FROM:
            return
        self.console.print()
        self._line("At a glance", "bold")
        table = _table()
        for name in ("severity", "kind"):
            table.add_column(name, no_wrap=True)
        for name in ("findings", "operations", "exchanges"):
            table.add_column(name, justify="right", no_wrap=True)
        kinds = parts.glance(rows)
        for one in kinds[: self.limit]:
            numbers = map(str, (one.findings, one.operations, one.exchanges))
            table.add_row(Text(one.severity, STYLES[one.severity]), one.kind, *numbers)
        self.console.print(table, highlight=False)
        if len(kinds) > self.limit:
            self._line(parts.more(len(kinds) - self.limit))

    def _operations(self) -> None:
        operations = self.report.coverage.operations
        if operations:
            self._heading("Operations", len(operations))
            table = _table()
            table.add_column("operation", overflow="fold")
            for name in ("judged", "clean", "breaking", "additive", "spec defects"):
                table.add_column(name, justify="right", no_wrap=True)
            for one in operations:
                numbers = (one.judged, one.clean, one.breaking, one.additive, one.known_defects)
                style = "red" if one.breaking else "yellow" if one.additive else ""
                cells = [Text(str(number)) for number in numbers]
                table.add_row(self._text(one.operation), *cells, style=style)
            self.console.print(table, highlight=False)

    def _fuzzed(self) -> None:
        rows = parts.fuzzed(self.report)
        if not rows:
            return
        self._heading("Fuzzed", len(rows) - 1)
        # Narrow columns leave the labels of operations a line of their own more often than not.
        gap = " " if self.console.width >= WIDE else "\n"
        table = _table(padding=(0, 1, 0, 0))
        table.add_column("operation", overflow="fold")
        for name in parts.FUZZED_COLUMNS:
            table.add_column(name, justify="right", no_wrap=True)
        for one in rows:
            rates = (gap.join(filter(None, rate)) for rate in (one.positive, one.negative))
            numbers = (*rates, str(one.protocol), str(one.shapes), one.request, one.response)
            table.add_row(self._text(one.operation), *map(Text, numbers), end_section=one is rows[-2])
        self.console.print(table, highlight=False)
        self.console.print(self._text(parts.FUZZED_NOTE, "dim", longest=None), highlight=False)

    def _cause(self, number: int, cause: Cause, *, in_full: bool) -> None:
        head = Text().append(f"{number:>2} ", "dim").append(cause.severity.upper(), STYLES[cause.severity])
        self._one_line(head.append_text(self._text(f" {cause.title}", "bold")))
        self._field_line("change", cause.change)
        extent = members.cause_extent(cause)
        if in_full:
            if blame := members.blame_unless_server(cause):
                self._field_line("blame", blame)
            for effect in sdks.effect_lines(cause):
                self._field_line("SDK", effect)
        else:
            extent = "; ".join((extent, *members.blamed_unless_server(cause), *sdks.effects_in_short(cause)))
        self._field_line("shown by", extent)
        self._line("  more".ljust(INDENT) + parts.explain_command(cause.id, self.folder))

    def _field_line(self, name: str, value: str) -> None:
        """Print the beginning of a value in one line."""
        self._one_line(Text().append(f"  {name}".ljust(INDENT), "dim").append_text(self._text(value)))

    def _one_line(self, text: Text) -> None:
        width = max(self.console.width, 20)
        if text.cell_len > width:
            text.truncate(width - 3, overflow="crop")
            text.append("...")
        self.console.print(text, highlight=False, soft_wrap=True)

    def _rows(self, title: str, rows: Sequence[Row], limit: int) -> None:
        if not rows:
            return
        self._heading(title, len(rows))
        shown, more = parts.cut(rows, min(limit, self.limit))
        for row in shown:
            self._row(row)
        if more:
            self._line(more)

    def _row(self, row: Row) -> None:
        says = self.report.sentences
        self._head(row)
        if row.requirement:
            self._field("requires", _with(row.requirement, says.requirements))
        self._field("expected", wording.expected(row))
        self._field("observed", row.observed)
        if row.omitted:
            self._field("omitted", parts.omitted(row))
        if row.cases:
            self._field("cases", _with(row.cases[0], says.cases))
            if len(row.cases) > 1:
                self._field("", f"and {members.shown_cases(row.cases[1:])}")
        for effect in sdks.effect_lines(row):
            self._field("SDK", effect)
        self._line("  seen".ljust(INDENT) + f"{parts.seen(row)}; first {parts.location(row.example)}")
        self._line("  more".ljust(INDENT) + parts.explain_command(row.fingerprint, self.folder))

    def _head(self, row: Row) -> None:
        """Print severity, kind, operation, status and location of a finding."""
        head = Text().append(row.severity.upper(), STYLES[row.severity])
        head.append_text(self._text(f" {row.kind}  {row.operation}  {row.status}", "bold"))
        location = self._text(f"  {row.location or parts.WHOLE_BODY}")
        beside = head.cell_len + location.cell_len <= self.console.width
        self.console.print(head.append_text(location) if beside else head, highlight=False)
        if not beside:
            self._field("location", row.location or parts.WHOLE_BODY)

    def _amendments(self) -> None:
        amendments = self.report.coverage.amendments
        if not amendments:
            return
        self._heading(parts.KNOWN_DEFECTS, len(amendments))
        shown, more = parts.cut(amendments, self.limit)
        table = _table()
        table.add_column("amendment", overflow="fold")
        table.add_column("findings", justify="right", no_wrap=True)
        table.add_column("exchanges", justify="right", no_wrap=True)
        table.add_column("first finding", no_wrap=True)
        for one in shown:
            first = parts.first_explained(self.report, one.amendment)
            numbers = (Text(str(one.findings)), Text(str(one.exchanges)))
            table.add_row(self._text(one.amendment), *numbers, self._text(first))
        self.console.print(table, highlight=False)
        if more:
            self._line(more)
        self._line(parts.AMENDMENTS_NOTE)
        self._line(f"  {parts.explain_command('FINGERPRINT', self.folder)}")

    def _list(
        self, title: str, lines: Sequence[str], style: str = "", limit: int | None = None, *, number: int = 0
    ) -> None:
        if not lines:
            return
        self._heading(title, number or len(lines))
        shown, more = parts.cut(lines, self.limit if limit is None else limit)
        for line in shown:
            self.console.print(self._text(f"  {line}", style), highlight=False)
        if more:
            self._line(f"  {more}")


def _with(name: str, sentences: Mapping[str, str]) -> str:
    """Return an id with the sentence about it, if there is one."""
    says = sentences.get(name)
    return f"{name}: {says}" if says else name


def _table(**options: Any) -> Table:
    from rich.box import SIMPLE_HEAD  # a summary needs no tables
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, **options)


def _grid() -> Table:
    from rich.table import Table

    return Table.grid(padding=(0, 2))
