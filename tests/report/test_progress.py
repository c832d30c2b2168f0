"""The progress bar: on a terminal, and nothing anywhere else."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, suppress
from pathlib import Path

import pytest
from running import environment
from warm import WARM

from cohere_conformance.report.render.progress import ProgressBar, on_terminal

pty = pytest.importorskip("pty")
CASE = ("--case", "tokenize.plain")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_bar_counts_up_to_its_total(terminal: Terminal) -> None:
    with redirect_stderr(terminal), ProgressBar("testing [bold]\x1b[31m", 3) as bar:
        bar.advance()
        bar.advance(description="testing, 1 failed")
    shown = terminal.getvalue()
    assert "0/3" in shown
    assert "testing [bold]\\x1b" in shown, "the description is text"
    assert shown.endswith("\x1b[?25h\r\x1b[1A\x1b[2K"), "removed at its end, with the cursor back"


def test_a_bar_is_removed_after_an_interrupt(terminal: Terminal) -> None:
    with pytest.raises(KeyboardInterrupt), redirect_stderr(terminal), ProgressBar("testing", 3):
        raise KeyboardInterrupt
    assert "\x1b[?25h" in terminal.getvalue()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_rewrite_a_line_gets_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    with redirect_stderr(terminal), ProgressBar("testing", 3) as bar:
        bar.advance()
    assert terminal.getvalue() == ""


def test_what_is_no_terminal_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setenv("FORCE_COLOR", "1")
    with redirect_stderr(shown):
        with ProgressBar("testing", 3) as bar:
            bar.advance()
        assert (shown.getvalue(), bar.drawn, on_terminal()) == ("", False, False)
        shown.close()
        assert not on_terminal()


def _run(tmp_path: Path, *options: str) -> tuple[str, str]:
    """Run a command whose standard error is a terminal; return standard output and what the terminal got."""
    ours, theirs = pty.openpty()
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(_read, ours)
        arguments = ("run", "--no-config", *CASE, *options)
        variables = {
            name: value for name, value in environment(TERM="xterm").items() if not name.endswith("_COLOR")
        }
        try:
            ended = WARM.call(arguments, tmp_path, variables, terminal=Path(os.ttyname(theirs)))
        finally:
            os.close(theirs)
    os.close(ours)
    assert ended.code == 0, ended.output
    return ended.output, shown.result()


def _read(terminal: int) -> str:
    shown = b""
    with suppress(OSError):  # the end, on Linux
        while part := os.read(terminal, 65536):
            shown += part
    return shown.decode()


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "a worker"])
def test_a_run_counts_its_tests_on_standard_error_only(tmp_path: Path, options: tuple[str, ...]) -> None:
    output, shown = _run(tmp_path, *options)
    assert "\x1b" not in output
    assert "CONFORMS" in output
    assert "0/1" in shown
    assert shown.count("\x1b[?25h") == 1


def test_a_quiet_run_prints_its_verdict_only(tmp_path: Path) -> None:
    output, shown = _run(tmp_path, "-q")
    assert output.strip() == "CONFORMS: 1 case, 1 exchange of 1 operation"
    assert shown == ""
