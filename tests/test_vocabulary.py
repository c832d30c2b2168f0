"""One name means one thing, and a docstring says in words what it documents."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import cohere_conformance

SOURCES = Path(cohere_conformance.__file__).parent
ONLY_IDS = re.compile(r"(?:[A-Z][A-Z0-9]*[.-][A-Z0-9.-]*\d[\w.-]*[\s,;.]*)+")


def is_only_ids(docstring: str) -> bool:
    """Return whether a docstring names sources and says nothing."""
    return ONLY_IDS.fullmatch(docstring.strip()) is not None


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Return the syntax tree of every module; not made when tests are collected, and freed afterwards."""
    return {
        str(path.relative_to(SOURCES)): ast.parse(path.read_bytes())
        for path in sorted(SOURCES.rglob("*.py"))
        if "_data" not in path.parts
    }


def test_a_public_class_has_a_name_of_its_own(trees: dict[str, ast.Module]) -> None:
    modules = defaultdict(set)
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(name)
    assert {name: sorted(places) for name, places in modules.items() if len(places) > 1} == {}


def test_no_docstring_is_only_a_source(trees: dict[str, ast.Module]) -> None:
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    found = [
        f"{name}: {text}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, documented) and (text := ast.get_docstring(node)) and is_only_ids(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("docstring", "empty"),
    [
        ("RR-O04.", True),
        ("RR-O04, S2.10-1", True),
        ("The scores descend (RR-O04).", False),
        ("HTTP/1.1", False),
    ],
)
def test_a_docstring_of_only_sources_is_recognised(docstring: str, empty: bool) -> None:
    assert is_only_ids(docstring) is empty
