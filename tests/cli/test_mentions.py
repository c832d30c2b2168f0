"""Which tests name a requirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cli.mentions import naming

if TYPE_CHECKING:
    from pathlib import Path

RELATIONS = """
SHARED = "g.shared"

def helper(api):
    api.require("g.helped", True)

def test_one_thing(api):
    api.require("g.one", True)

def test_another(api):
    api.require("g.one-more", True)

class Machine:
    name = "g.one"
"""


@pytest.mark.parametrize(
    ("requirement", "tests"),
    [
        ("g.one", ["my-group.relations.one-thing", "my-group.relations"]),
        ("g.one-more", ["my-group.relations.another"]),
        ("g.shared", ["my-group.relations"]),
        ("g.helped", ["my-group.relations"]),
        ("g.on", []),
        ("one", []),
    ],
)
def test_tests_are_found_by_whole_ids(requirement: str, tests: list[str], tmp_path: Path) -> None:
    (tmp_path / "my_group").mkdir()
    (tmp_path / "my_group" / "test_relations.py").write_text(RELATIONS, encoding="utf-8")
    (tmp_path / "my_group" / "helpers.py").write_text("'g.one'", encoding="utf-8")
    assert naming(requirement, tmp_path) == tests
