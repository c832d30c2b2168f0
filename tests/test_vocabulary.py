"""One name means one thing, and a docstring says in words what it documents."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

import cohere_conformance

SOURCES = Path(cohere_conformance.__file__).parent
PUBLIC_CLASS = re.compile(r"^ *class ([A-Za-z]\w*)[(:\[]", re.MULTILINE)
DOCSTRING = re.compile(r'"""(.*?)"""', re.DOTALL)
ONLY_IDS = re.compile(r"(?:[A-Z][A-Z0-9]*[.-][A-Z0-9.-]*\d[\w.-]*[\s,;.]*)+")


def is_only_ids(docstring: str) -> bool:
    """Return whether a docstring names sources and says nothing."""
    return ONLY_IDS.fullmatch(docstring.strip()) is not None


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Return the text of every module."""
    return {
        str(path.relative_to(SOURCES)): path.read_text(encoding="utf-8")
        for path in sorted(SOURCES.rglob("*.py"))
        if "_data" not in path.parts
    }


def test_a_public_class_has_a_name_of_its_own(texts: dict[str, str]) -> None:
    modules = defaultdict(set)
    for module, text in texts.items():
        for name in PUBLIC_CLASS.findall(text):
            modules[name].add(module)
    assert len(modules) > 500
    assert {name: sorted(places) for name, places in modules.items() if len(places) > 1} == {}


def test_no_docstring_is_only_a_source(texts: dict[str, str]) -> None:
    found = [
        f"{module}: {docstring}"
        for module, text in texts.items()
        for docstring in DOCSTRING.findall(text)
        if is_only_ids(docstring)
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
