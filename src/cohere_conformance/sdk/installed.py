"""Which official SDKs are installed, by name and version: nothing is imported or started for that."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from cohere_conformance.errors import UsageError

PACKAGE = "cohere"
NODE_PACKAGE = "cohere-ai"
OPTION = "--sdk-effect-node"
EXTRA = "pip install 'cohere-conformance[sdk]'"


def package_name() -> str:
    """Return name and version of the Python SDK, such as `cohere 7.3.1`.

    Raises:
        UsageError: it is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None:
        raise UsageError(f"expected the official SDK, the package cohere, got none; {EXTRA}")
    return f"{PACKAGE} {_version(found.origin or '')}"


def _version(file: str) -> str:
    """Return the version of the Python SDK.

    Args:
        file: of the package; the folder of its metadata is usually beside it, and is named after the version.
    """
    beside = list(Path(file).parent.parent.glob(f"{PACKAGE}-*.dist-info")) if file else []
    if len(beside) == 1:
        return beside[0].stem.removeprefix(f"{PACKAGE}-")
    from importlib.metadata import PackageNotFoundError, version  # slow to import

    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "(version unknown)"


def folder_name(folder: str) -> str:
    """Return name and version of the TypeScript SDK in a folder, such as `cohere-ai 8.1.0`.

    Args:
        folder: with `node_modules/cohere-ai`.

    Raises:
        UsageError: there is no Node, or no such SDK.
    """
    if shutil.which("node") is None:
        raise UsageError(f"{OPTION} {folder}: expected Node on the search path, got none; install Node")
    package = Path(folder, "node_modules", NODE_PACKAGE, "package.json")
    try:
        version = json.loads(package.read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{OPTION} {folder}: expected a folder with node_modules/{NODE_PACKAGE}, got none; "
            f"npm install --prefix {folder} {NODE_PACKAGE}"
        ) from error
    return f"{NODE_PACKAGE} {version}"
