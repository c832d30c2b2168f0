"""The modules of a generated Python SDK, parsed out of a wheel or a folder and never imported."""

from __future__ import annotations

import ast
import zipfile
from collections import deque
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST, _MOST = 4_000_000, 80_000_000
"""Bytes of one module and of all modules: many times what the SDK has, and little enough to be parsed."""
Definition = tuple[str, ast.ClassDef | ast.expr]
"""The module of a name, and its class or its type expression."""


class SdkPackage:
    """The parsed modules of one SDK.

    Args:
        sources: the text of each module by its dotted name; a package is its `__init__`.
        name: of the source, for error messages.
    """

    def __init__(self, sources: dict[str, str], name: str) -> None:
        self.name = name
        self._sources = sources
        self._packages = {
            module[:end] for module in sources for end, letter in enumerate(module) if letter == "."
        }
        self._parsed: dict[str, ast.Module] = {}
        self._names: dict[str, dict[str, ast.ClassDef | ast.expr | tuple[str, str]]] = {}

    def clients(self) -> list[str]:
        """Return the modules that send requests: `raw_client` of each group, and `raw_base_client`."""
        return sorted(m for m in self._sources if m.rpartition(".")[2] in {"raw_client", "raw_base_client"})

    def tree(self, module: str) -> ast.Module:
        """Return the parsed module.

        Raises:
            DescriptionError: it is not Python.
        """
        if module not in self._parsed:
            try:
                self._parsed[module] = ast.parse(self._sources[module])
            except (SyntaxError, ValueError, RecursionError) as error:
                raise DescriptionError(
                    self.name, module, f"expected Python source, got a syntax error: {error}"
                ) from error
        return self._parsed[module]

    def definition(self, module: str, name: str) -> Definition | None:
        """Return the definition of a name of a module; `None` if it is not of this package."""
        seen: set[tuple[str, str]] = set()
        while (module, name) not in seen and module in self._sources:
            seen.add((module, name))
            found = self._defined(module).get(name)
            if not isinstance(found, tuple):
                return None if found is None else (module, found)
            module, name = found
        return None

    def _defined(self, module: str) -> dict[str, ast.ClassDef | ast.expr | tuple[str, str]]:
        if module not in self._names:
            self._names[module] = dict(self._definitions(module))
        return self._names[module]

    def _definitions(self, module: str) -> Iterator[tuple[str, ast.ClassDef | ast.expr | tuple[str, str]]]:
        for statement in _statements(self.tree(module)):
            if isinstance(statement, ast.ImportFrom):
                base = self._absolute(module, statement)
                for alias in statement.names:
                    yield alias.asname or alias.name, (base, alias.name)
        for statement in self.tree(module).body:
            if isinstance(statement, ast.ClassDef):
                yield statement.name, statement
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                yield statement.targets[0].id, statement.value

    def _absolute(self, module: str, node: ast.ImportFrom) -> str:
        """Return the module that is imported from; a package is known by its own name."""
        if not node.level:
            return node.module or ""
        above = module.split(".")
        if module not in self._packages:
            above = above[:-1]
        above = above[: len(above) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield every statement, outer ones first, without looking at expressions, which most of a tree is."""
    blocks: deque[ast.AST] = deque([tree])
    while blocks:
        block = blocks.popleft()
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            inner = getattr(block, field, ())
            blocks.extend(inner)
            yield from (one for one in inner if isinstance(one, ast.stmt))


def package_of_wheel(path: Path, name: str) -> SdkPackage:
    """Return the modules of a wheel.

    Raises:
        DescriptionError: it is no wheel of a generated SDK.
    """
    sources = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".py"):
                    total += entry.file_size
                    if entry.file_size > _LARGEST or total > _MOST:
                        raise DescriptionError(
                            name, entry.filename, f"expected at most {_LARGEST} bytes, got {entry.file_size}"
                        )
                    sources[_module(entry.filename)] = archive.read(entry).decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DescriptionError(name, "the file", f"expected a wheel (a ZIP archive), got {error}") from error
    return _checked(SdkPackage(sources, name))


def package_of_folder(folder: Path, name: str) -> SdkPackage:
    """Return the modules of an installed package, by the folder that its `__init__.py` is in.

    Raises:
        DescriptionError: it is no generated SDK.
    """
    sources = {
        _module(f"{folder.name}/{path.relative_to(folder).as_posix()}"): path.read_text("utf-8", "replace")
        for path in sorted(folder.rglob("*.py"))
    }
    return _checked(SdkPackage(sources, name))


def _module(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _checked(package: SdkPackage) -> SdkPackage:
    if not package.clients():
        raise DescriptionError(
            package.name,
            "the package",
            "expected modules called raw_client, as SDKs that Fern has generated have them, got none; "
            "name another version, or compare with an OpenAPI document",
        )
    return package
