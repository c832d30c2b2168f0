"""What is deprecated, as a table: for the sections of reports, and as a calendar of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.deprecated import DeprecatedKind, Deprecation
from cohere_conformance.report.render.safe import encodable, json_visible, plain
from cohere_conformance.report.render.safe import markdown_code as code
from cohere_conformance.report.render.safe import markdown_text as prose
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.text import Text

TITLE = "Deprecated"
COLUMNS = ("days left", "ends", "announced", "what", "seen", "instead", "source")
NOTE = "Days are counted from the day of the report; a negative number means that the day has passed."
_UNKNOWN = "?"
_NOT_SEEN = "no"
_OPERATIONS = 2
"""Operations of one row that are named."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar, as `calendar --format json` prints it.

    Attributes:
        day: from which days are counted.
        sources: the reports and the history that it was made from.
        deprecations: the rows, what ends first before what ends later.
    """

    day: str
    sources: tuple[str, ...]
    deprecations: tuple[Deprecation, ...]


def cells(row: Deprecation) -> tuple[str, ...]:
    """Return the texts of one row, in the order of `COLUMNS`."""
    return (
        _UNKNOWN if row.days_left is None else str(row.days_left),
        row.ends or _UNKNOWN,
        row.announced,
        _what(row),
        _seen(row),
        row.successor or "",
        row.source,
    )


def markdown_lines(rows: Sequence[Deprecation]) -> Iterator[str]:
    """Yield a section of a report; nothing if there are no rows."""
    if not rows:
        return
    yield from (f"## {TITLE}: {len(rows)}", "")
    yield from _markdown_table(rows)
    yield from ("", NOTE, "")


def calendar_json(made: Calendar) -> str:
    """Return a calendar as indented JSON."""
    text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode("utf-8")
    return json_visible(text)


def calendar_markdown(made: Calendar) -> str:
    """Return a calendar as a page of Markdown."""
    lines = [f"# Deprecations, {made.day}", "", *map(prose, introduction(made)), ""]
    return "\n".join([*lines, *_markdown_table(made.deprecations), "", NOTE])


def calendar_terminal(made: Calendar, console: Console) -> None:
    """Print a calendar.

    Args:
        made: the calendar.
        console: where it is printed.
    """

    from rich.table import Table  # not needed for reports
    from rich.text import Text

    def text(value: str) -> Text:
        return Text(encodable(plain(value, longest=None), console.encoding))

    for line in introduction(made):
        console.print(text(line), highlight=False, soft_wrap=True)
    # A table of seven columns would be a column of syllables in a terminal of usual width.
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(*COLUMNS[:2], style="bold")
    for row in made.deprecations:
        left, ends, announced, what, seen, instead, source = cells(row)
        about = (
            f"instead {instead}" if instead else "",
            f"seen: {seen}" if row.count else "not seen",
            f"announced {announced}" if announced else "",
            f"source {source}",
        )
        more = "; ".join(filter(None, about))
        table.add_row(text(left), text(ends), Text("\n").join([text(what), text(more)]))
    if made.deprecations:
        console.print(table, highlight=False)


def introduction(made: Calendar) -> list[str]:
    """Return what a calendar was made from, and what is in it."""
    seen = sum(1 for row in made.deprecations if row.count)
    rows = quantity(len(made.deprecations), "deprecation")
    sources = f" in {', '.join(made.sources)}" if made.sources else ""
    return [f"{rows}, {seen} of them seen{sources}; days from {made.day}"]


def _markdown_table(rows: Sequence[Deprecation]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|--:|---|---|---|---|---|---|"
    for row in rows:
        left, ends, announced, what, seen, instead, source = cells(row)
        yield (
            f"| {left} | {ends} | {announced} | {code(what, longest=None)} | {prose(seen)} | "
            f"{code(instead) if instead else ''} | {prose(source)} |"
        )


def _what(row: Deprecation) -> str:
    if row.kind is DeprecatedKind.NOTICE:
        return f'"{row.name}"'
    more = f" and {len(row.operations) - 1} more operations" if len(row.operations) > 1 else ""
    return f"{row.kind} {row.name}{more if row.kind in {'parameter', 'property'} else ''}"


def _seen(row: Deprecation) -> str:
    if not row.count:
        return _NOT_SEEN
    times = row.first_seen[:10], row.last_seen[:10]
    when = times[0] if times[0] == times[1] else f"{times[0]} to {times[1]}"
    if row.kind not in {DeprecatedKind.MODEL, DeprecatedKind.NOTICE}:
        return f"{quantity(row.count, 'exchange')}, {when}"  # its name says where
    shown = row.operations[:_OPERATIONS]
    more = f" and {len(row.operations) - _OPERATIONS} more" if len(row.operations) > _OPERATIONS else ""
    where = f", {', '.join(shown)}{more}" if shown else ""
    return f"{quantity(row.count, 'exchange')}, {when}{where}"
