"""The search for unwanted words: it finds them wherever they are, and leaves ids alone."""

from __future__ import annotations

import pytest
import words

CODE = {
    "name": "def report(told_by):\n    pass\n",
    "attribute": "value = answer.told\n",
    "comment": "value = 1  # what is told of it\n",
    "docstring": '''"""A module.\n\nIt says what is told.\n"""\n''',
    "string": "value = 'nothing is told'\n",
    "text of an f-string": "value = f'{1} is told'\n",
    "name in an f-string": "value = f'{told} is here'\n",
    "attribute in an f-string": "value = f'{answer.told!r:>10} is here'\n",
    "string in an f-string": """value = f\"{values['what is told']}\"\n""",
    "raw f-string": "value = rf'{1} is told'\n",
    "f-string of several lines": "value = f'''{1}\nis told {1}\n'''\n",
}
LINES = {"docstring": 3}


@pytest.mark.parametrize("kind", CODE)
def test_a_word_is_found_in_code(kind: str) -> None:
    """Each Python version splits an f-string differently, and on each the word is found once."""
    [hit] = words.in_code(CODE[kind], "src/x.py")
    assert "told" in hit.word
    assert hit.instead.startswith("reported")
    if kind != "f-string of several lines":
        assert hit.line == LINES.get(kind, 1)


def test_a_string_of_one_word_is_a_value() -> None:
    assert list(words.in_code("value = 'told'\n", "src/x.py")) == []


def test_a_word_is_found_in_a_data_file() -> None:
    """With its line, and whatever its case."""
    [hit] = words.in_text("id: x\nabout: Told twice.\n", "suites/x/cases.yaml", 1)
    assert (hit.line, hit.word) == (2, "Told")


@pytest.mark.parametrize(
    "text",
    [
        "common.counts-told is a requirement",
        "told-twice",
        "the option `told`",
        "retold",
        "datasets.told.*",
    ],
)
def test_ids_and_code_in_a_text_are_exempt(text: str) -> None:
    """Ids of requirements, cases and faults never change, so they may hold any word."""
    assert not list(words.in_text(text, "README.md", 1))


@pytest.mark.parametrize(("path", "found"), [("suites/chat/test_x.py", 0), ("tests/test_x.py", 1)])
def test_the_name_of_a_test_of_the_suites_is_an_id(path: str, found: int) -> None:
    """Reports and baselines name these tests; a test of the engine can be renamed."""
    assert len(list(words.in_code("def test_counts_are_told():\n    pass\n", path))) == found


@pytest.mark.parametrize("name", ["told", "_told", "told_by", "TOLD", "toldBy", "isTold"])
def test_each_part_of_a_name_is_looked_at(name: str) -> None:
    """Snake case, camel case and capitals."""
    assert list(words.in_name(name, "src/x.py", 1))


def test_a_longer_word_is_another_word() -> None:
    """`tolerance` does not contain `told`."""
    assert not list(words.in_name("tolerance_untold", "src/x.py", 1))
