"""The shipped suites as one package, so that none of their modules can shadow another one.

`suites/tokenize/test_relations.py` is imported as `cohere_conformance.suites.tokenize.test_relations` and by
no other name. Groups have names that other modules have as well (`tokenize` in the standard library,
`datasets` of Hugging Face), and left to itself pytest would enter them under these names in `sys.modules`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cohere_conformance.data import folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_HOME = folder("suites")
__path__ = [str(_HOME)]


def belongs(path: Path) -> bool:
    """Return whether a file is part of the shipped suites."""
    return path.is_relative_to(_HOME)


def is_group(path: Path) -> bool:
    """Return whether a path is the folder of a group."""
    return path.parent == _HOME and path.is_dir()


def load(path: Path) -> ModuleType:
    """Import a module of the suites by its name below this package.

    Args:
        path: of the module, in the shipped folder; folders may have names that are no identifiers.
    """
    return import_module(".".join((__name__, *path.relative_to(_HOME).with_suffix("").parts)))
