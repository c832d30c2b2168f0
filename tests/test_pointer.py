"""JSON pointers: escaped names, and what a pointer leads to."""

from __future__ import annotations

import pytest

from cohere_conformance.pointer import MISSING, escaped, tokens_of, unescaped, value_at


@pytest.mark.parametrize("name", ["plain", "a/b", "~", "~1", "/~0", "", "a~/b"])
def test_an_escaped_name_is_one_token_of_a_pointer(name: str) -> None:
    assert "/" not in escaped(name)
    assert unescaped(escaped(name)) == name
    assert tokens_of(f"/x/{escaped(name)}") == ("x", name)


def test_an_index_is_escaped_as_text() -> None:
    assert escaped(3) == "3"


def test_the_empty_pointer_has_no_tokens() -> None:
    assert tokens_of("") == ()
    assert value_at({"a": 1}, ()) == {"a": 1}


@pytest.mark.parametrize("pointer", ["/a~", "/~2", "/~~1"])
def test_a_tilde_needs_0_or_1(pointer: str) -> None:
    with pytest.raises(ValueError, match="expected ~0 or ~1 after a tilde"):
        tokens_of(pointer)


DOCUMENT = {"a": [1, {"b/c": None}], "": 0, "0": "property"}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/a/0", 1),
        ("/a/1/b~1c", None),
        ("/", 0),
        ("/0", "property"),
        ("/a/2", MISSING),
        ("/a/01", MISSING),
        ("/a/-1", MISSING),
        ("/a/x", MISSING),
        ("/a/0/b", MISSING),
        ("/b/c", MISSING),
    ],
)
def test_a_pointer_leads_to_a_value_or_to_nothing(pointer: str, value: object) -> None:
    found = value_at(DOCUMENT, tokens_of(pointer))
    assert found == value
    assert (found is MISSING) == (value is MISSING)
