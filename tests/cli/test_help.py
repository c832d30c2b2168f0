"""Every command explains itself: help texts have an example, and examples use options that exist."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from cohere_conformance.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXAMPLE = re.compile(r"^ +(?:\w+=\S+ )?cohere-conformance (.*)$", re.MULTILINE)


def every(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from every(below, (*path, name))


COMMANDS = dict(every(commands))


def resolved(arguments: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that arguments name, and what follows its name."""
    command: click.Command = commands
    while isinstance(command, click.Group):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    return command, arguments


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_can_be_run(name: str) -> None:
    examples = _EXAMPLE.findall(COMMANDS[name].help or "")
    assert examples, "expected an example in the help text"
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])
        command, arguments = resolved(words)
        command.make_context(command.name, arguments)
        assert example.startswith(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text_that_is_a_sentence(name: str) -> None:
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help[0].isupper() or option.help[0].isdigit(), option.help
            assert option.help.rstrip("]").endswith((".", "report folder", "this machine", "ones")), (
                option.help
            )
