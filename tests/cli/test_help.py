"""Every command explains itself: help texts have an example, and examples use options that exist."""

from __future__ import annotations

import re

import click
import pytest
from commands import every, parse

from cohere_conformance.cli import commands, lazy

_EXAMPLE = re.compile(r"^ +((?:\w+=\S+ )?cohere-conformance .*)$", re.MULTILINE)
COMMANDS = dict(every())


_DEFAULT = re.compile(r" +\[default: .*\]$")
"""How a default that click cannot show by itself is written behind the sentence."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_that_can_be_run(name: str) -> None:
    examples = _EXAMPLE.findall(COMMANDS[name].help or "")
    assert examples, "expected an example in the help text"
    for example in examples:
        parse(example)
        assert example.partition("cohere-conformance ")[2].startswith(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text_that_is_a_sentence(name: str) -> None:
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert option.help[0].isupper() or option.help[0].isdigit(), option.help
            assert _DEFAULT.sub("", option.help).endswith("."), option.help


@pytest.mark.parametrize("name", lazy.COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name: str) -> None:
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(1000) == lazy.COMMANDS[name].says
