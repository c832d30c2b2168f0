"""What `contract diff` can compare, by the words of the command line."""

from __future__ import annotations

import gzip
import importlib.metadata
import importlib.util
import io
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.bundle import bundle, references
from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.data import folder
from cohere_conformance.drift.lap import lap_facts
from cohere_conformance.drift.npm import npm_facts
from cohere_conformance.drift.openapi import document_facts
from cohere_conformance.drift.sdk import sdk_facts
from cohere_conformance.drift.sdk_package import package_of_folder, package_of_wheel
from cohere_conformance.errors import ContractError, DescriptionError
from cohere_conformance.inputs.bounds import LARGEST_DOCUMENT
from cohere_conformance.inputs.files import read_document

if TYPE_CHECKING:
    from cohere_conformance.contract import Declarations
    from cohere_conformance.contract.documents import Document
    from cohere_conformance.drift.facts import Description

FORMS = (
    "'ours' (the shipped contract, amended) or 'ours:published', an OpenAPI document (.yaml, .json, "
    ".json.gz), 'sdk' (the installed cohere package), a wheel (.whl), NAME==VERSION (fetched with pip), "
    "an archive of npm (.tgz), npm:NAME@VERSION (fetched with npm), or a .lap file"
)
_SDK = "cohere"
_RELEASE = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.+!_-]*)")
_NPM_RELEASE = re.compile(r"npm:((?:@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*)@([0-9][\w.+-]*)")
_PATIENCE = 180
"""Seconds that pip or npm has to fetch a package."""


def facts_of(source: str, root: Path | None = None) -> Description:
    """Return the facts of a source.

    The network is used for `NAME==VERSION` and `npm:NAME@VERSION` only.

    Args:
        source: in one of the forms of `FORMS`.
        root: the folder of our contract, with the layout of `contracts/`; the shipped one by default.

    Raises:
        DescriptionError: it cannot be read.
    """
    if source in {"ours", "ours:published"}:
        return our_facts(load_declarations(root), root or folder("contracts"), amended=source == "ours")
    if source == "sdk":
        return _installed()
    if match := _RELEASE.fullmatch(source):
        return _fetched(match[1], match[2])
    if match := _NPM_RELEASE.fullmatch(source):
        return _packed(match[1], match[2])
    path = Path(source)
    if not path.exists():
        raise DescriptionError(source, "the argument", f"no such file; expected {FORMS}")
    if path.suffix == ".whl":
        return sdk_facts(package_of_wheel(path, path.name))
    if path.suffix == ".tgz":
        return npm_facts(path, path.name)
    if path.suffix == ".lap":
        return lap_facts(_text(path), path.name)
    return _document(path)


def our_facts(declarations: Declarations, root: Path, *, amended: bool) -> Description:
    """Return the facts of our contract.

    Args:
        declarations: the contract.
        root: the folder that it was read from, with the layout of `contracts/`.
        amended: with our amendments, and the contract as published beside it.
    """
    ends = {
        label: grammar.terminators["text/event-stream"]
        for label, grammar in declarations.grammars.items()
        if "text/event-stream" in grammar.terminators
    }
    version = declarations.published["info"]["version"]
    files = root / "openapi"
    published = replace(
        document_facts(declarations.published, f"our contract of {version}, as published", ends), files=files
    )
    if not amended:
        return published
    declared = document_facts(declarations.declared, f"our contract of {version}, with additions", ends)
    facts = document_facts(declarations.amended, f"our contract of {version}", ends)
    return replace(facts, files=files, published=published, declared=declared)


def _installed() -> Description:
    found = importlib.util.find_spec(_SDK)
    if found is None or not found.submodule_search_locations:
        raise DescriptionError(
            "sdk",
            "this environment",
            f"the package {_SDK!r} is not installed; install it, or name {_SDK}==VERSION",
        )
    try:
        version = importlib.metadata.version(_SDK)
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown version"
    return _facts_in(Path(found.submodule_search_locations[0]), f"{_SDK} {version}")


@lru_cache(maxsize=1)
def _facts_in(folder: Path, name: str) -> Description:
    """Return the facts of an installed SDK, which a process that judges several times needs as often."""
    return sdk_facts(package_of_folder(folder, name))


def _fetched(name: str, version: str) -> Description:
    """Return the facts of a released SDK: its wheel is downloaded, parsed, and removed again."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--disable-pip-version-check", "--no-input", "--dest", place, f"{name}=={version}"]
        wheel = _downloaded(command, Path(place), "*.whl", "pip download", f"{name}=={version}")
        return sdk_facts(package_of_wheel(wheel, f"{name} {version}"))


def _packed(name: str, version: str) -> Description:
    """Return the facts of a released TypeScript SDK: its archive is downloaded, read, and removed again."""
    with tempfile.TemporaryDirectory() as place:
        command = [
            "npm",
            "pack",
            "--loglevel=error",
            "--ignore-scripts",
            "--pack-destination",
            place,
            f"{name}@{version}",
        ]
        archive = _downloaded(command, Path(place), "*.tgz", "npm pack", f"npm:{name}@{version}")
        return npm_facts(archive, f"{name} {version} (npm)")


def _downloaded(command: list[str], place: Path, pattern: str, tool: str, source: str) -> Path:
    """Return the only file that a command has fetched into a folder.

    Raises:
        DescriptionError: it has not.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DescriptionError(source, tool, f"expected a package, got {error}") from error
    files = sorted(place.glob(pattern))
    if done.returncode or not files:
        said = done.stderr.strip().splitlines() or ["no file"]
        reason = next((line for line in said if "No matching" in line), said[-1])
        raise DescriptionError(
            source, tool, f"expected a package, got: {reason}; or name a file that you have"
        )
    return files[0]


def _document(path: Path) -> Description:
    document = _parsed(path)
    version = document.get("openapi")
    if (
        not isinstance(version, str)
        or not version.startswith("3.")
        or not isinstance(document.get("paths"), dict)
    ):
        got = f"openapi {version!r}" if version else f"the keys {sorted(map(str, document))[:8]}"
        raise DescriptionError(
            str(path),
            "the top",
            f"expected an OpenAPI 3 document with openapi and paths, got {got}; expected {FORMS}",
        )
    try:
        if any(not reference.startswith("#") for reference in references(_without_extensions(document))):
            document = bundle(path)
        return document_facts(document, path.name)
    except ContractError as error:
        raise DescriptionError(str(path), "the document", str(error)) from error
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise DescriptionError(
            str(path),
            "the document",
            f"expected a valid OpenAPI document, got {type(error).__name__}: {error}",
        ) from error


def _without_extensions(node: Any) -> Any:
    """Return a document without the keys of vendors: what they refer to is no part of the API."""
    if isinstance(node, dict):
        return {
            key: _without_extensions(value) for key, value in node.items() if not str(key).startswith("x-")
        }
    return [_without_extensions(value) for value in node] if isinstance(node, list) else node


def _parsed(path: Path) -> Document:
    """Return a document in YAML or JSON, compressed or not."""
    if path.suffix not in {".json", ".gz"}:
        try:
            return load_yaml(path)
        except ContractError as error:
            raise DescriptionError(
                str(path), "the file", f"expected an OpenAPI document, got {error}"
            ) from error
    try:
        data = read_document(path)
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(LARGEST_DOCUMENT + 1)
        if len(data) > LARGEST_DOCUMENT:
            raise DescriptionError(
                str(path), "the file", f"expected at most {LARGEST_DOCUMENT:,} bytes, got more"
            )
        document: Any = msgspec.json.decode(data)
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DescriptionError(str(path), "the file", f"expected JSON, got {error}") from error
    if not isinstance(document, dict):
        raise DescriptionError(str(path), "the top", f"expected an object, got {type(document).__name__}")
    return document


def _text(path: Path) -> str:
    try:
        return read_document(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DescriptionError(str(path), "the file", f"expected text in UTF-8, got {error}") from error
