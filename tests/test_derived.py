"""Files derived from shipped ones: as good as their source, and only where bytecode may be written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from jinja2 import DictLoader

from cohere_conformance.contract import bundle, documents, load_declarations, overlay, yaml12
from cohere_conformance.contract.lines import Lines
from cohere_conformance.data import folder
from cohere_conformance.inputs.derived import load_derived, store_derived
from cohere_conformance.observed import file
from cohere_conformance.report.render import html

if TYPE_CHECKING:
    from pathlib import Path

CONTRACTS = folder("contracts")


@pytest.fixture(autouse=True)
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store bytecode in a folder of the test, whatever the environment says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    return tmp_path


def stored(prefix: Path) -> list[Path]:
    """Return the files below a folder."""
    return [path for path in prefix.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["openapi/chat.yaml", "requirements/common.yaml", "observed/rerank.yaml"])
def test_a_stored_document_is_the_parsed_one(
    name: str, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the type of each value, and it is not parsed a second time."""
    path = CONTRACTS / name
    parsed, tree = yaml12.parse(path, path.read_bytes())
    for _ in range(2):
        document, lines = documents.load_located(path)
        assert repr(documents.load_yaml(path)) == repr(document) == repr(parsed)
        assert vars(lines) == vars(Lines(tree))
        assert len(stored(prefix)) == 2
        monkeypatch.setattr(yaml12, "parse", None)


def test_a_damaged_copy_is_not_used(prefix: Path) -> None:
    """Neither one that was cut off, nor an empty one."""
    path = CONTRACTS / "streams.yaml"
    known = documents.load_yaml(path)
    [copy] = stored(prefix)
    whole = copy.read_bytes()
    for content in (whole[:-7], whole[:16], whole[:3], b""):
        copy.write_bytes(content)
        assert documents.load_yaml(path) == known
    assert copy.read_bytes() == whole


def test_what_was_derived_from_another_content_is_not_used(prefix: Path) -> None:
    """It is replaced, and nothing else is left beside it."""
    path = CONTRACTS / "streams.yaml"
    store_derived(path, b"before", b"old")
    assert load_derived(path, b"before") == b"old"
    assert load_derived(path, b"after") is None
    store_derived(path, b"after", b"new")
    assert load_derived(path, b"after") == b"new"
    assert len(stored(prefix)) == 1


def test_nothing_is_stored_where_bytecode_is_not_written(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because the user does not want it, or because the folder is a file."""
    path = CONTRACTS / "streams.yaml"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    documents.load_yaml(path)
    assert stored(prefix) == []
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (prefix / "file").touch()
    monkeypatch.setattr(sys, "pycache_prefix", str(prefix / "file"))
    assert documents.load_yaml(path)
    assert stored(prefix) == [prefix / "file"]


def test_stored_shapes_are_those_of_the_files(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same order; a damaged copy is not used."""
    loaded = file.load_observed(CONTRACTS / "observed")
    shipped = file.shipped_observed.__wrapped__
    assert shipped() == loaded
    [copy] = [one for one in stored(prefix) if one.name.startswith("evidence.")]
    with monkeypatch.context() as patch:
        patch.setattr(file, "load_observed", None)
        assert [*shipped().items()] == [*loaded.items()]
    whole = copy.read_bytes()
    for content in (whole[:-7], whole[:16], b""):
        copy.write_bytes(content)
        assert shipped() == loaded


def test_a_document_of_the_user_is_never_stored(prefix: Path) -> None:
    """It may be anywhere, and change at any time."""
    path = prefix / "own.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    assert documents.load_yaml(path) == {"a": 1}
    assert stored(prefix) == [path]


def test_a_stored_bundle_is_the_document_of_all_files(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the order of its keys, and each caller has its own."""
    root = CONTRACTS / "openapi" / "openapi.yaml"
    made = bundle.bundle(root)
    assert sum(one.name.startswith("bundle.") for one in stored(prefix)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "_bundled", None)
        again = bundle.bundle(root)
        assert repr(again) == repr(made)
        again["paths"].clear()
        assert bundle.bundle(root) == made
        patch.setattr(bundle, "rules", lambda: b"other rules of YAML")
        with pytest.raises(TypeError):
            bundle.bundle(root)


def test_a_stored_template_is_the_compiled_one(prefix: Path) -> None:
    """It renders the same text."""
    source = "{{ 1 + 1 }} of {{ name }}"
    loader = DictLoader({"page": source})
    for _ in range(2):
        made = html.environment().overlay()
        made.loader = loader
        assert made.get_template("page").render(name="two") == "2 of two"
        assert len(stored(prefix)) == 1


def test_a_stored_amended_document_is_what_the_amendments_make(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the order of its keys; other amendments make it anew."""
    declarations = load_declarations()
    changes = (*declarations.amendments, *declarations.additions)
    path = CONTRACTS / "amended"
    made = overlay.apply_once(declarations.published, changes, path)
    assert sum(one.name.startswith("amended.") for one in stored(prefix)) == 1
    assert repr(made) == repr(overlay.apply(declarations.published, changes))
    with monkeypatch.context() as patch:
        patch.setattr(overlay, "apply", None)
        assert repr(overlay.apply_once(declarations.published, changes, path)) == repr(made)
    fewer = overlay.apply_once(declarations.published, changes[:1], path)
    assert repr(fewer) == repr(overlay.apply(declarations.published, changes[:1])) != repr(made)


def test_the_parts_that_amendments_change_are_stored_as_well(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other amendments change others."""
    declarations = load_declarations()
    path = CONTRACTS / "changed"
    made = overlay.changed_parts_once(declarations.published, declarations.changes, path)
    assert made == overlay.changed_parts(declarations.published, declarations.changes)
    assert sum(one.name.startswith("changed.") for one in stored(prefix)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(overlay, "carry_out", None)
        assert overlay.changed_parts_once(declarations.published, declarations.changes, path) == made
    fewer = overlay.changed_parts_once(declarations.published, declarations.changes[:2], path)
    assert fewer == {one.id: made[one.id] for one in declarations.changes[:2]}
