"""The name and version of an official SDK, without importing it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.sdk.installed import package_name

if TYPE_CHECKING:
    from pathlib import Path


def test_the_version_is_that_of_the_metadata() -> None:
    pytest.importorskip("cohere")
    assert package_name() == f"cohere {version('cohere')}"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, the only one in which packages are found."""
    monkeypatch.delitem(sys.modules, "cohere", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def test_the_version_is_in_the_name_of_the_folder_of_the_metadata(elsewhere: Path) -> None:
    (elsewhere / "cohere").mkdir()
    (elsewhere / "cohere" / "__init__.py").touch()
    (elsewhere / "cohere-9.1.0rc1.dist-info").mkdir()
    assert package_name() == "cohere 9.1.0rc1"


@pytest.mark.parametrize("file", ["cohere/__init__.py", "cohere.py", "cohere/other.py"])
def test_a_package_without_metadata_has_no_version(elsewhere: Path, file: str) -> None:
    path = elsewhere / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert package_name() == "cohere (version unknown)"
