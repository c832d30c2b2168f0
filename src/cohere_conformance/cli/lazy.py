"""The commands by name: each is imported when it is called, and none for the list of all."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

import click


class CommandEntry(NamedTuple):
    """Where a command is.

    Attributes:
        location: module below `cli`, and name of the command in it.
        says: its first sentence, as its own help begins with.
    """

    location: str
    says: str


COMMANDS = {
    "baseline": CommandEntry(
        "baseline:baseline", "Accept deviations until a day, in a file that belongs into your repository."
    ),
    "calendar": CommandEntry(
        "calendar:calendar",
        "List what is deprecated, what of it the REPORTS have seen, and how many days are left.",
    ),
    "cassettes": CommandEntry(
        "cassettes:cassettes", "Report stale golden cassettes, and import recorded traffic."
    ),
    "check": CommandEntry(
        "check:check",
        "Judge recorded TRAFFIC: files or folders of HAR archives, VCR cassettes, JSON Lines and more.",
    ),
    "compare": CommandEntry(
        "compare:compare",
        "Send the test cases to a server and then through a gateway to it, "
        "and report what the gateway changes.",
    ),
    "contract": CommandEntry("contract:contract", "Print the OpenAPI document, or check the contract files."),
    "explain": CommandEntry("catalogue:explain", "Explain SUBJECT."),
    "fuzz": CommandEntry(
        "run_and_fuzz:fuzz",
        "Send requests generated from the contract to a target, judge every response, and write a report.",
    ),
    "gate": CommandEntry(
        "gate:gate",
        "Compare the last report with what a release requires: one line for each condition, one exit code.",
    ),
    "history": CommandEntry(
        "history:history",
        "Read and prune the file of earlier runs that run, fuzz, verify and check compare with.",
    ),
    "init": CommandEntry(
        "init:init", "Ask a server which operations of the API it has, and write a configuration file for it."
    ),
    "learn": CommandEntry(
        "learn:learn",
        "Learn from recorded TRAFFIC what responses have always had, and which types and values they show.",
    ),
    "list": CommandEntry(
        "catalogue:list_", "List operations, requirements, faults, kinds of finding or amendments."
    ),
    "proxy": CommandEntry(
        "proxy:proxy",
        "Pass requests on to a server unchanged, and judge every exchange beside the traffic, until Ctrl-C.",
    ),
    "record": CommandEntry(
        "golden:record", "Run the test cases and record a golden cassette of each that passes."
    ),
    "replay": CommandEntry(
        "golden:replay",
        "Judge the responses in golden cassettes by the current contract, requirements and cases; "
        "send nothing.",
    ),
    "report": CommandEntry(
        "report:report",
        "Build the report of a run from its journals, also of one that was interrupted or killed.",
    ),
    "run": CommandEntry(
        "run_and_fuzz:run", "Run the test cases against a target, judge every response, and write a report."
    ),
    "selftest": CommandEntry(
        "selftest:selftest", "Run the suites against the reference server with each fault, and without any."
    ),
    "serve": CommandEntry(
        "serve:serve", "Run the reference server, a mock of the API with state, until Ctrl-C."
    ),
    "sweep": CommandEntry("sweep:sweep", "Remove what killed runs have left on a target."),
    "verify": CommandEntry(
        "golden:verify",
        "Send the recorded requests to a target, and report where its responses differ in meaning.",
    ),
}
"""All commands by name."""
_ROOM = 6
"""Columns around the name and the sentence of a command."""


class LazyGroup(click.Group):
    """A group whose commands are those of `COMMANDS`.

    Importing all of them takes longer than most of them run.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in their order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; `None` if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].location.partition(":")
        return cast("click.Command", getattr(import_module(f"{__package__}.{module}"), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands."""
        limit = formatter.width - _ROOM - max(map(len, COMMANDS))
        rows = [
            (name, click.Command(name, help=entry.says).get_short_help_str(limit))
            for name, entry in COMMANDS.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))
