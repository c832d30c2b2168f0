"""Options whose defaults are in a configuration file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
from click.core import ParameterSource

from cohere_conformance.client.address import address
from cohere_conformance.configuration import Loaded, found, load
from cohere_conformance.configuration.shape import given as given_keys
from cohere_conformance.errors import UsageError
from cohere_conformance.history.place import NO_HISTORY
from cohere_conformance.report import ConfigurationUsed
from cohere_conformance.session.shapes import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.client.address import Address

_Command = TypeVar("_Command", bound="Callable[..., Any]")

USED = "cohere_conformance.configuration"
"""Where the context of the command has what was used of the file."""
_TYPED = {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.PROMPT}
_SERVER = frozenset(
    "url own_server key_variable headers tls_verify ca_file client_cert client_key name".split()
)
"""What belongs to the server that the file names, and is not used for another host."""
_PATHS = frozenset(
    "tls.ca-file tls.client-cert tls.client-key baseline history sdk-effect-node ledger observed".split()
)
_KEYWORDS = {"history": (NO_HISTORY,), "observed": KEYWORDS}
"""What such a key may have instead of a path."""
_FOLDERS = frozenset({"cassettes", "report-dir"})
_PARAMETERS = {
    "own": "own_server",
    "tls.verify": "tls_verify",
    "limits.n": "workers",
    "fail-on": "fail_on",
    "gate.min": "least",
    "gate.sdk": "sdks",
}
"""The parameters of keys that have another name."""
_NEEDED = {"run": ("declares", "without", "models", "protocol-only", "baseline")}
"""Keys that a command must not ignore, whatever else it lacks an option for."""


def configurable(command: _Command) -> _Command:
    """Give a command the options `--config` and `--no-config`, and its other options defaults from a file."""

    @functools.wraps(command)
    def configured(config_file: Path | None, no_config: bool, **given: Any) -> Any:
        file = None if no_config else config_file or found(Path.cwd())
        return command(**given if file is None else _merged(load(file), given))

    for option in (
        click.option("--no-config", is_flag=True, help="Use no configuration file."),
        click.option(
            "--config",
            "config_file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Configuration file with defaults of the options; by default conformance.toml, or "
            "pyproject.toml, in this folder or one above.",
        ),
    ):
        configured = option(configured)
    return configured  # type: ignore[return-value]


def used() -> ConfigurationUsed | None:
    """Return what the current command took from a configuration file; `None` if there was none."""
    value: ConfigurationUsed | None = click.get_current_context().meta.get(USED)
    return value


def _merged(loaded: Loaded, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a command: as typed, else as in the file, else their defaults."""
    context = click.get_current_context()
    typed = {name for name in given if context.get_parameter_source(name) in _TYPED}
    repeatable = {one.name for one in context.command.params if getattr(one, "multiple", False)}
    elsewhere = "url" in typed and _is_other(loaded.where, str(given["url"]))
    taken, replaced, merged = [], [], dict(given)
    for key, parameter, value in _values(loaded):
        if parameter not in given:
            if parameter != "name" and key in _NEEDED.get(context.command.name or "", ()):
                raise UsageError(f"{loaded.file}: {key}: this version has no such option")
            continue
        if parameter in typed or (elsewhere and parameter in _SERVER):
            replaced.append(key)
        else:
            taken.append(key)
            joined = isinstance(value, tuple) and parameter not in repeatable
            merged[parameter] = ",".join(value) if joined else value
    if "url" in taken and given.get("faults"):
        raise UsageError(
            f"--fault is for the embedded reference server: expected no url in {loaded.file}, got one; "
            "add --no-config"
        )
    name = "" if elsewhere else loaded.configuration.name or ""
    context.meta[USED] = ConfigurationUsed(
        file=loaded.file, name=name, used=tuple(taken), overridden=tuple(replaced)
    )
    return merged


def _is_other(where: Address | None, typed: str) -> bool:
    """Return whether a URL of the command line names another host than the file."""
    if where is None:
        return False
    other = address("--url", typed)
    if where.socket or other.socket:
        return where.socket != other.socket
    return where.host != other.host and not (where.is_local and other.is_local)


def _values(loaded: Loaded) -> Iterator[tuple[str, str, Any]]:
    """Yield the keys of a file, with the parameter of each and its value for that parameter."""
    for key, value in given_keys(loaded.configuration).items():
        match key:
            case "name" | "base-path":
                continue
            case "url" if loaded.where is not None:
                yield key, "url", loaded.where.shown
            case "tls" | "limits" | "gate":
                for inner, one in given_keys(value).items():
                    yield _value(loaded, f"{key}.{inner}", one)
            case _:
                yield _value(loaded, key, value)


def _value(loaded: Loaded, key: str, value: Any) -> tuple[str, str, Any]:
    parameter = _PARAMETERS.get(key, key.rpartition(".")[2].replace("-", "_"))
    if key in _PATHS and value not in _KEYWORDS.get(key, ()):
        return key, parameter, loaded.path(value)
    if key in _FOLDERS:
        return key, parameter, Path(loaded.path(value))
    match key:
        case "headers":
            value = tuple(f"{name}: {text}" for name, text in value.items())
        case "models":
            value = tuple(f"{role}={name}" for role, name in value.items())
        case "gate.min":
            value = tuple(f"{what}={percent:g}" for what, percent in value.items())
        case "gate.document" if "://" not in value:
            value = loaded.path(value)
        case "fail-on":
            value = str(value)
        case "limits.time-limit" if not isinstance(value, str):
            value = f"{value:.9f}".rstrip("0").rstrip(".")
    return key, parameter, value


def encoded(used: ConfigurationUsed) -> str:
    """Return what was used as the value of an option of the plugin."""
    return msgspec.json.encode(used).decode("utf-8")
