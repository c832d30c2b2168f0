"""Which configuration file belongs to a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.configuration import found

if TYPE_CHECKING:
    from pathlib import Path

OURS = "[tool.cohere-conformance]\nname = 'x'\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `top/repository/a/b`; the repository is no home, and nothing above it is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "top" / "repository" / "a" / "b").mkdir(parents=True)
    (tmp_path / "top" / "repository" / ".git").mkdir()
    return tmp_path / "top" / "repository"


def test_the_nearest_file_is_found(tree: Path) -> None:
    assert found(tree / "a" / "b") is None
    (tree / "conformance.toml").touch()
    assert found(tree / "a" / "b") == tree / "conformance.toml"
    (tree / "a" / "pyproject.toml").write_text(OURS, encoding="utf-8")
    assert found(tree / "a" / "b") == tree / "a" / "pyproject.toml"
    (tree / "a" / "conformance.toml").touch()
    assert found(tree / "a" / "b") == tree / "a" / "conformance.toml"


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'cohere-conformance'\n", "not toml: cohere-conformance", "", "[tool.black]"]
)
def test_a_project_without_the_table_is_none(tree: Path, text: str) -> None:
    (tree / "pyproject.toml").write_text(text, encoding="utf-8")
    assert found(tree / "a") is None


@pytest.mark.parametrize(
    "text", [OURS, '[tool."cohere-conformance"]\n', "[ tool . cohere-conformance.limits ]\nn = 1"]
)
def test_the_table_may_be_written_in_other_ways(tree: Path, text: str) -> None:
    (tree / "pyproject.toml").write_text(text, encoding="utf-8")
    assert found(tree / "a") == tree / "pyproject.toml"


def test_nothing_above_the_repository_is_looked_at(tree: Path) -> None:
    (tree.parent / "conformance.toml").touch()
    assert found(tree / "a") is None


def test_nothing_above_the_home_folder_is_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / ".git").rmdir()
    monkeypatch.setenv("HOME", str(tree))
    (tree.parent / "conformance.toml").touch()
    assert found(tree / "a") is None
    (tree / "conformance.toml").touch()
    assert found(tree / "a") == tree / "conformance.toml"


def test_where_others_may_write_only_the_folder_itself_counts(tree: Path) -> None:
    (tree / ".git").rmdir()
    (tree / "conformance.toml").touch()
    assert found(tree / "a") is None
    assert found(tree) == tree / "conformance.toml"


def test_what_is_no_file_is_not_waited_for(tree: Path) -> None:
    import os

    os.mkfifo(tree / "pyproject.toml")
    (tree / "conformance.toml").mkdir()
    assert found(tree) is None
