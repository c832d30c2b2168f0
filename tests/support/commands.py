"""The commands of texts: found in examples, and resolved as click resolves them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click

from cohere_conformance.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLES = re.compile(r"^(?:\w+=\S+ +)*")


def every(
    command: click.Command = commands, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name, groups of commands as well."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from every(below, (*path, name))


def parse(line: str) -> click.Context:
    """Parse a command line that begins with our command, and raise a usage error if it is wrong."""
    line = _VARIABLES.sub("", line.partition(" > ")[0].partition("   #")[0].strip())
    name, *arguments = shlex.split(line)
    assert name == "cohere-conformance", line
    command: click.Command = commands
    while isinstance(command, click.Group):
        if not arguments or arguments[0].startswith("-"):
            break
        below = command.get_command(click.Context(command), arguments[0])
        if below is None:
            raise click.UsageError(f"no such command: {arguments[0]}")
        command, arguments = below, arguments[1:]
    # As below the top command: click remembers the names of the option for help.
    return command.make_context(command.name, [*arguments], **commands.context_settings)
