"""Prints the result of the official SDK on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cohere_conformance.report.render.safe import encodable, json_visible, plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from rich.console import Console

    from cohere_conformance.golden.sdk.result import SdkReplay

_WHOLE = "(all)"


def as_json(replayed: SdkReplay) -> bytes:
    """Return the result as indented UTF-8, with terminal control characters escaped."""
    text = msgspec.json.format(msgspec.json.encode(replayed), indent=2).decode("utf-8")
    return json_visible(text).encode("utf-8") + b"\n"


def summary(replayed: SdkReplay) -> str:
    """Return the result in one line."""
    parts = [
        f"official SDK {replayed.version}: {quantity(replayed.parsed, 'response')} parsed",
        f"{len(replayed.failed)} failed",
        f"{len(replayed.losses)} locations lose data",
        f"{replayed.inexpressible} requests it cannot express",
    ]
    return ", ".join(parts)


def render(replayed: SdkReplay, console: Console, *, limit: int = 20) -> None:
    """Print the result.

    Args:
        replayed: the result.
        console: where it is printed.
        limit: longest list to print in full.
    """

    def text(value: str, style: str = "") -> Text:
        return Text(encodable(plain(value), console.encoding), style=style)

    def line(value: str, style: str = "") -> None:
        console.print(text(value, style), highlight=False, soft_wrap=True)

    def more(number: int) -> None:
        if number > limit:
            line(f"  (+{number - limit} more in JSON)")

    line(summary(replayed), "bold green" if replayed.passed else "bold red")
    for failure in replayed.failed[:limit]:
        line(f"  {failure.case}: {failure.reason}", "red")
    more(len(replayed.failed))
    for operation in replayed.absent_operations:
        line(f"  not in the SDK: {operation}", "yellow")
    if not replayed.losses:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("operation", "location"):
        table.add_column(name, overflow="fold")
    table.add_column("loss", no_wrap=True)
    table.add_column("responses", justify="right", no_wrap=True)
    table.add_column("first in", overflow="fold")
    for loss in replayed.losses[:limit]:
        cells = (loss.operation, loss.location or _WHOLE, loss.what, str(loss.count), loss.example)
        table.add_row(*map(text, cells))
    console.print(table, highlight=False)
    more(len(replayed.losses))
