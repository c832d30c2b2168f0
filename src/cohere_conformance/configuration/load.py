"""Reads a configuration file, and says in one line what is wrong with it."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec

from cohere_conformance.client.added import checked_field, checked_variable
from cohere_conformance.client.address import Address, address
from cohere_conformance.configuration.find import PYPROJECT, TABLE
from cohere_conformance.configuration.shape import TABLES, Configuration, given, keys
from cohere_conformance.errors import UsageError
from cohere_conformance.inputs.files import read_document
from cohere_conformance.model import Severity
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PATH = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`(?:, got `(?P<got>[^`]*)`)?(?P<bound>[^`]*)")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}
_ELSEWHERE = {
    "base-url": "write url",
    "headers-file": "write headers",
    "key": "name its environment variable in key-variable",
    "api-key": "name its environment variable in key-variable",
    "token": "name its environment variable in key-variable",
    "live": "it is an option of the command line only, because it may cost money",
    "allow": "it is an option of the command line only, because it may cost money",
    "plan": "it is an option of the command line only",
    "no-plan": "it is an option of the command line only, because it may cost money",
    "only": "it is an option of the command line only",
    "case": "it is an option of the command line only",
    "fault": "it is an option of the command line only",
    "seed": "it is an option of the command line only",
    "shard": "it is an option of the command line only, because each job has another one",
    "max-requests": "write it below [limits]",
    "max-billed": "write it below [limits]",
    "time-limit": "write it below [limits]",
    "patience": "write it below [limits]",
    "request-timeout": "write it below [limits]",
    "n": "write it below [limits]",
    "verify": "write it below [tls]",
    "ca-file": "write it below [tls]",
    "client-cert": "write it below [tls]",
    "client-key": "write it below [tls]",
}
"""Keys that people may expect at the top, with what to do instead."""


class Loaded(NamedTuple):
    """A configuration file.

    Attributes:
        file: its name for a reader.
        folder: where it is; relative paths in it begin there.
        configuration: what it says.
        where: the address of the target with its base path, if it names one.
    """

    file: str
    folder: Path
    configuration: Configuration
    where: Address | None

    def path(self, value: str) -> str:
        """Return a path of the file as it is reached from the working directory."""
        joined = os.path.normpath(self.folder / os.path.expanduser(value))  # noqa: PTH111 - a text
        near = os.path.relpath(joined)
        return near if not near.startswith(os.pardir) or len(near) < len(joined) else joined


def load(file: Path) -> Loaded:
    """Read a configuration file.

    Args:
        file: a `pyproject.toml`, or any other file in the form of `conformance.toml`.

    Raises:
        UsageError: it cannot be read, or has a key or a value that it must not have.
    """
    name = plain(os.path.relpath(file))
    table = _table(file, name)
    _check_keys(name, "", table, Configuration)
    for key, shape in TABLES.items():
        if isinstance(inner := table.get(key), dict):
            _check_keys(name, f"{key}.", inner, shape)
    try:
        configuration = msgspec.convert(table, Configuration)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {_in_words(str(error))}") from error
    return Loaded(name, file.resolve().parent, configuration, _checked(name, configuration))


def _table(file: Path, name: str) -> dict[str, Any]:
    import tomllib  # most commands have no file

    try:
        document: Any = tomllib.loads(read_document(file).decode("utf-8"))
    except OSError as error:
        reason = (error.strerror or "no file").lower()
        raise UsageError(f"{name}: expected a configuration file, got: {reason}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: expected TOML in UTF-8, got other bytes at {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # Without the text of the file, which is not in the message of the parser either.
        raise UsageError(f"{name}: expected TOML, got an error: {plain(str(error))}") from error
    if file.name != PYPROJECT:
        return dict(document)
    tool = document.get("tool")
    table = tool.get(TABLE) if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise UsageError(f"{name}: expected the table [tool.{TABLE}], got none")
    return table


def _check_keys(name: str, prefix: str, table: Mapping[str, object], shape: type[msgspec.Struct]) -> None:
    known = keys(shape)
    for key in table:
        if key in known:
            continue
        written = key.replace("_", "-").lower()
        close = [written] if written in known else get_close_matches(written, known, n=3)
        if not prefix and written in _ELSEWHERE:
            hint = _ELSEWHERE[written]
        elif close:
            hint = f"did you mean {' or '.join(close)}?"
        else:
            hint = f"choose one of {', '.join(known)}"
        raise UsageError(f"{name}: {prefix}{plain(key, longest=80)}: unknown key; {hint}")


def _in_words(message: str) -> str:
    """Return an error of msgspec as the path of the key and what it may hold; never the value itself."""
    at = _PATH.search(message)
    path = plain(at["path"].replace("[...]", "")) if at else ""
    text = message[: at.start()] if at else message
    if text.startswith("Invalid enum value"):
        return f"{path}: expected one of {', '.join(Severity)}"
    expected = _EXPECTED.match(text)
    if expected is None:
        return f"{path}: {plain(text)}"
    wanted = " or ".join(_WORDS.get(one, one) for one in expected["expected"].split(" | "))
    got = f", got {_WORDS.get(expected['got'], expected['got'])}" if expected["got"] else ""
    return f"{path}: expected {wanted}{plain(expected['bound'])}{got}"


def _checked(name: str, configuration: Configuration) -> Address | None:
    """Check what depends on more than one type, and return the address of the target."""
    said = given(configuration)
    where = None
    if "url" in said:
        base = said.get("base-path", "")
        if base and not base.startswith("/"):
            _refuse(name, "base-path", "expected a path that begins with /")
        where = _address(name, said["url"], base)
    elif "base-path" in said:
        _refuse(name, "base-path", "expected url as well, which it belongs to")
    if said.get("own"):
        if where is None:
            _refuse(name, "own", "expected url as well: it is said of that host only")
        if where.is_vendors:
            _refuse(name, "own", f"expected a host of yours in url, got {where.host}, which is the vendor's")
    checked_variable(f"{name}: key-variable", said.get("key-variable", ""))
    for field, value in said.get("headers", {}).items():
        checked_field(f"{name}: headers.{plain(field, longest=80)}", field, value)
    for key in ("declares", "without"):
        if any("," in one for one in said.get(key, ())):
            _refuse(name, key, "expected one name in each text of the list, got a comma")
    if any("=" in role for role in said.get("models", {})):
        _refuse(name, "models", "expected roles, got a key with an equals sign")
    if not said.get("name", "").isprintable():
        _refuse(name, "name", "expected printable characters")
    return where


def _address(name: str, url: str, base: str) -> Address:
    where = address(f"{name}: url", url)
    if not base:
        return where
    joined = f"{where.url}/{base.strip('/')}".rstrip("/")
    return where._replace(url=address(f"{name}: base-path", joined).url)


def _refuse(name: str, key: str, reason: str) -> NoReturn:
    raise UsageError(f"{name}: {key}: {reason}")
