"""Documents are YAML 1.2; other texts are refused with the location of the error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.contract import documents
from cohere_conformance.contract.documents import load_located, load_typed, load_yaml
from cohere_conformance.data import folder, is_shipped
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "document.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("OFF", "OFF"),
        ("on", "on"),
        ("No", "No"),
        ("yes", "yes"),
        ("y", "y"),
        ("2026-08-20", "2026-08-20"),
        ("2026-08-20T12:00:00Z", "2026-08-20T12:00:00Z"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-1", -1),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("'12'", "12"),
        ("1.2.3", "1.2.3"),
        ("v1", "v1"),
    ],
)
def test_a_scalar_is_read_by_the_rules_of_yaml_1_2(tmp_path: Path, scalar: str, value: Any) -> None:
    read = load_yaml(written(tmp_path, f"key: {scalar}\n"))["key"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("012", 12),
        ("0o17", 15),
        ("1e3", 1000.0),
        ("=", "="),
    ],
    ids=["sexagesimal", "underscore", "binary", "leading-zero", "octal", "exponent", "equals-sign"],
)
def test_a_number_is_read_by_the_rules_of_yaml_1_2(tmp_path: Path, scalar: str, value: Any) -> None:
    read = load_yaml(written(tmp_path, f"key: {scalar}\n"))["key"]
    assert (read, type(read)) == (value, type(value))


def test_keys_are_read_like_values(tmp_path: Path) -> None:
    text = "OFF: 1\n'200': 2\n2026-08-20: 3\nyes: {no: 4}\n"
    assert load_yaml(written(tmp_path, text)) == {"OFF": 1, "200": 2, "2026-08-20": 3, "yes": {"no": 4}}


def test_anchors_are_followed(tmp_path: Path) -> None:
    text = "first: &here {a: [1]}\nsecond: *here\n"
    assert load_yaml(written(tmp_path, text)) == {"first": {"a": [1]}, "second": {"a": [1]}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: expected unique keys, got 'a' twice"),
        (
            "top:\n  - {x: 1}\n  - y: 1\n    z: 2\n    y: 3\n",
            "line 5, column 5: expected unique keys, got 'y' twice",
        ),
        ("a: {b: 1, b: 1}\n", "line 1, column 11: expected unique keys, got 'b' twice"),
        ("'a': 1\n\"a\": 2\n", "line 2, column 1: expected unique keys, got 'a' twice"),
        ("a: [1\nb: 2\n", "line 2, column 2"),
        ("a:\n\t- 1\n", "line 2, column 1"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1"),
        ("a: *nowhere\n", "line 1, column 4"),
        ("a: !!python/name:os.system\n", "line 1, column 4"),
        ("", "expected a mapping at the top, found NoneType"),
        ("- 1\n", "expected a mapping at the top, found list"),
        ("words\n", "expected a mapping at the top, found str"),
        (b"a: 1\nb: \xff\n", "byte 8: expected UTF-8"),
    ],
)
def test_a_broken_document_is_refused(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ContractError, match=re.escape(f"{path}: {complaint}")):
        load_yaml(path)


@pytest.mark.parametrize(
    "text",
    ['a: "\x07"\n', "a: \x00\n", "? [a, b]\n: 1\n", "? {a: b}\n: 1\n"],
    ids=["control-character", "nul", "list-as-key", "mapping-as-key"],
)
def test_a_document_that_no_reader_can_hold_is_refused_all_the_same(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ContractError, match=re.escape(str(path))):
        load_yaml(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_yaml(tmp_path / "nowhere.yaml")


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        load_yaml(tmp_path)


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: int = 0


def test_a_document_is_read_into_a_type(tmp_path: Path) -> None:
    assert load_typed(written(tmp_path, "name: OFF\nsize: 3\n"), Shape) == Shape("OFF", 3)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("size: 1\n", "`name`"), ("name: a\nsize: b\n", r"\$\.size"), ("name: a\ncolour: b\n", "colour")],
    ids=["missing", "other-type", "unknown"],
)
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ContractError, match=rf"{re.escape(str(path))}: .*{complaint}"):
        load_typed(path, Shape)


def test_only_what_ships_and_is_never_written_is_trusted(tmp_path: Path) -> None:
    """A copy elsewhere is read within the bounds like any input, and so are cassettes, which are written."""
    shipped = folder("suites") / "rerank" / "cases.yaml"
    assert is_shipped(shipped)
    assert is_shipped(folder("contracts") / "openapi" / "openapi.yaml")
    assert not is_shipped(folder("cassettes") / "policy.yaml")
    assert not is_shipped(tmp_path / "suites" / "rerank" / "cases.yaml")


def test_a_document_knows_the_lines_of_its_values(tmp_path: Path) -> None:
    """From one parse; the nearest line that is there is named for what is not."""
    path = tmp_path / "a.yaml"
    path.write_text("a:\n  - b: 1\n    c: 2\n")
    document, lines = load_located(path)
    assert document == {"a": [{"b": 1, "c": 2}]}
    assert [lines.of(steps) for steps in ((), ("a",), ("a", 0, "c"), ("a", 7), ("z",))] == [1, 1, 3, 1, 1]


def test_a_document_that_is_read_with_its_lines_and_without_is_parsed_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = written(tmp_path, f"a: {tmp_path}\n")
    first, _ = load_located(path)
    monkeypatch.setattr(documents, "_parse", None)
    assert load_yaml(path) == load_located(path)[0] == first
    first.clear()
    assert load_yaml(path) != first, "nobody changes what others get"


@pytest.mark.parametrize(
    ("text", "steps", "line"),
    [
        ("a: &a\n  - b: 1\nc:\n  *a\n", ("c",), 3),
        ("a: &a\n  - b: 1\nc:\n  *a\n", ("c", 0, "b"), 2),
        ("a: 1\nb:\n  - 1\n  - - 2\n    - 3\n", ("b", 1, 1), 5),
        ("a: 1\nb:\n  - 1\n  - - 2\n    - 3\n", ("b", 1, 1, "c", 0), 5),
        ("a: 1\n200:\n  x: 2\n", (200, "x"), 3),
        ("a: !!pairs\n  - ? [x]\n    : 1\n", ("a", 0, "x"), 2),
        ("a: 1\n1: b\n'1': c\n", (1,), 2),
        ("a:\n  b: {c: 1,\n    d: 2}\n", ("a", "b", "d"), 3),
        ("a:\n  b: {c: 1,\n    d: 2}\n", ("a", 0), 1),
    ],
)
def test_the_lines_of_aliases_nested_lists_and_keys_that_are_no_words(
    text: str, steps: tuple[str | int, ...], line: int, tmp_path: Path
) -> None:
    assert load_located(written(tmp_path, text))[1].of(steps) == line
