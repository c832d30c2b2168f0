"""The status of golden cassettes for a terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cohere_conformance.golden.policy import PolicyVerdict
from cohere_conformance.golden.states import GateOutcome
from cohere_conformance.report.render.golden import golden_line
from cohere_conformance.report.render.safe import LONGEST, encodable, json_visible, plain
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from cohere_conformance.golden.policy import Stale
    from cohere_conformance.golden.states import CassetteState, Status

_STYLES = {PolicyVerdict.FAIL: "bold red", PolicyVerdict.WARN: "yellow", PolicyVerdict.IGNORE: "dim"}
_OUTCOMES = {GateOutcome.FAIL: "bold red", GateOutcome.WARN: "bold yellow", GateOutcome.PASS: "bold green"}
_LIMIT = 10


class _Group(NamedTuple):
    """Problems of one kind that have the same consequence for the same reason."""

    verdict: PolicyVerdict
    stale: Stale
    why: str


def verdict_line(status: Status) -> str:
    """Return the verdict in one line, the outcome first."""
    found = Counter(reason.verdict for _, reason in status.reasons())
    counts = [
        f"{found[verdict]} {verdict}"
        for verdict in (PolicyVerdict.FAIL, PolicyVerdict.WARN)
        if found[verdict]
    ]
    word = "STALE" if status.outcome is GateOutcome.FAIL else "FRESH"
    return f"{word}: {', '.join(counts) or 'all cassettes are up to date'}"


def render_json(status: Status) -> bytes:
    """Return the status as indented UTF-8, with terminal control characters escaped."""
    text = msgspec.json.format(msgspec.json.encode(status, order="deterministic"), indent=2).decode("utf-8")
    return json_visible(text).encode("utf-8") + b"\n"


def render_terminal(status: Status, console: Console, *, verbose: bool = False) -> None:
    """Print the totals and the problems.

    Args:
        status: the status.
        console: where it is printed.
        verbose: print each cassette, the problems that the policy ignores, and every list in full.
    """
    _Printer(status, console, verbose=verbose).all()


class _Printer:
    """Prints one status; text from outside is never read as markup of rich."""

    def __init__(self, status: Status, console: Console, *, verbose: bool) -> None:
        self._status = status
        self._console = console
        self._verbose = verbose

    def all(self) -> None:
        self._verdict()
        self._line(golden_line(self._status.golden))
        self._ages()
        for group, members in sorted(self._groups().items(), key=_order):
            if self._verbose or group.verdict is not PolicyVerdict.IGNORE:
                self._group(group, members)
        self._left_out()
        if self._verbose:
            self._cassettes()
        self._console.print()
        self._verdict()

    def _text(self, text: str, style: str = "", *, longest: int | None = LONGEST) -> Text:
        return Text(encodable(plain(text, longest=longest), self._console.encoding), style=style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(self._text(text, style, longest=None), highlight=False, soft_wrap=True)

    def _heading(self, title: str, number: int, style: str = "bold") -> None:
        self._console.print()
        self._line(f"{title}: {number}", style)

    def _verdict(self) -> None:
        self._line(verdict_line(self._status), _OUTCOMES[self._status.outcome])

    def _ages(self) -> None:
        if not self._status.ages:
            return
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("origin", no_wrap=True)
        for name in ("cassettes", "newest", "oldest"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in self._status.ages:
            table.add_row(one.origin, str(one.cassettes), _days(one.newest), _days(one.oldest))
        self._console.print(table, highlight=False)

    def _groups(self) -> dict[_Group, list[tuple[str, str]]]:
        groups: dict[_Group, list[tuple[str, str]]] = {}
        for name, reason in self._status.reasons():
            group = _Group(reason.verdict, reason.stale, reason.why)
            groups.setdefault(group, []).append((name, reason.detail))
        return groups

    def _group(self, group: _Group, members: list[tuple[str, str]]) -> None:
        self._heading(f"{group.verdict.upper()} {group.stale}", len(members), _STYLES[group.verdict])
        self._line(f"  {group.why}", "dim")
        self._list(f"{name}: {detail}" for name, detail in members)

    def _left_out(self) -> None:
        if not self._status.left_out:
            return
        self._heading("Cases that are not recorded", len(self._status.left_out))
        if self._verbose:
            self._list(f"{one.id}: {one.why}" for one in self._status.left_out)
        else:
            reasons = Counter(one.why for one in self._status.left_out)
            self._list(f"{number}: {why}" for why, number in reasons.most_common())

    def _list(self, lines: Iterable[str]) -> None:
        entries = list(lines)
        shown = entries if self._verbose else entries[:_LIMIT]
        for line in shown:
            self._line(f"  {plain(line)}")
        if len(shown) < len(entries):
            self._line(f"  (+{len(entries) - len(shown)} more with --verbose)", "dim")

    def _cassettes(self) -> None:
        if not self._status.cassettes:
            return
        self._heading("Cassettes", len(self._status.cassettes))
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("cassette", overflow="fold")
        for name in ("origin", "recorded", "age", "state"):
            table.add_column(name, no_wrap=name != "state")
        for state in self._status.cassettes:
            worst, reasons = _state(state)
            cells = (state.id, state.origin or "?", state.recorded_at[:10] or "?", _days(state.days), reasons)
            table.add_row(*map(self._text, cells), style=_STYLES[worst] if state.reasons else "")
        self._console.print(table, highlight=False)


def _order(item: tuple[_Group, list[tuple[str, str]]]) -> tuple[int, str, str]:
    group, _ = item
    return list(PolicyVerdict).index(group.verdict), group.stale, group.why


def _days(number: int | None) -> str:
    return "?" if number is None else quantity(number, "day")


def _state(state: CassetteState) -> tuple[PolicyVerdict, str]:
    """Return the worst verdict, and every problem by its name."""
    verdicts = {reason.verdict for reason in state.reasons}
    worst = next((verdict for verdict in PolicyVerdict if verdict in verdicts), PolicyVerdict.IGNORE)
    return worst, ", ".join(reason.stale for reason in state.reasons) or "fresh"
