"""The facts: the shipped ones, the form of their ids, malformed files, and mentions in other files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.contract.fact_references import FactReference, fact_references, referring_folders
from cohere_conformance.contract.facts import FACT, load_facts, shipped_facts
from cohere_conformance.contract.lint import _facts
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTED = re.compile(r'"""(.*?)"""', re.DOTALL)
"""The docstring of anything: to parse all modules for them takes seconds."""
SOURCES = "sources: {spec: {says: The document.}, observed: {says: Traffic.}}"


def test_every_mention_in_the_repository_resolves() -> None:
    """Documentation, tests and benchmarks are not shipped, so `contract lint` does not search them."""
    root = folder("contracts").parent
    names = ("contracts", "suites", "src", "tests", "benchmarks", "reports", "docs")
    folders = tuple(root / name for name in names if (root / name).is_dir())
    invented = {"tests/contract/test_facts.py", "tests/test_requirements.py", "tests/cli/test_catalogue.py"}
    unknown = [
        one
        for one in fact_references(folders)
        if one.fact not in shipped_facts().facts and one.location.split(":")[0] not in invented
    ]
    assert unknown == []


def test_no_docstring_consists_of_ids_only() -> None:
    root = folder("contracts").parent
    found = [
        f"{path.relative_to(root)}: {text}"
        for name in ("src", "suites", "tests", "benchmarks")
        for path in sorted((root / name).rglob("*.py"))
        for text in DOCUMENTED.findall(path.read_text(encoding="utf-8"))
        if FACT.search(text) and not re.search(r"\w", re.sub(r"\b(and|to)\b", "", FACT.sub("", text)))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("CH1-R01, CH2-O14 and EMB-O01", ["CH1-R01", "CH2-O14", "EMB-O01"]),
        (
            "H-01; GEN-01, CON-S01 (C07), S2.10-1, S2.10-14.",
            "H-01 GEN-01 CON-S01 C07 S2.10-1 S2.10-14".split(),
        ),
        ("UTF-8, UTF-16, ISO-639, SHA-25, RFC-12, 2.10, C1, BM25, S2.10", []),
    ],
)
def test_facts_are_found_in_a_text(text: str, facts: list[str]) -> None:
    assert FACT.findall(text) == facts


def facts_file(root: Path, **changes: str) -> Path:
    entry = {
        "name": "RR-O04",
        "says": "It holds.",
        "source": "spec, observed 3/3",
        "group": "rerank",
    } | changes
    root.mkdir(exist_ok=True)
    (root / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (root / "rerank.yaml").write_text(
        f"group: {entry['group']}\nfacts:\n"
        f"  {entry['name']}: {{says: {entry['says']}, source: '{entry['source']}'}}\n",
        encoding="utf-8",
    )
    return root


def test_a_fact_is_found_by_its_mention_and_knows_its_sources(tmp_path: Path) -> None:
    facts = load_facts(facts_file(tmp_path))
    (fact,) = facts.cited("RR-O04, ZZ-O01 and again RR-O04.")
    assert (fact.id, fact.says, fact.evidence, fact.group) == ("RR-O04", "It holds.", "", "rerank")
    assert {word: source.says for word, source in facts.sources_of(fact).items()} == {
        "spec": "The document.",
        "observed 3/3": "Traffic.",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "RR-4"}, "expected an id such as RR-O04"),
        ({"says": "It holds"}, "ends with a full stop"),
        ({"source": "hearsay"}, "expected sources such as"),
        ({"source": "spec 3/3"}, "expected sources such as"),
        ({"group": "embed"}, "expected the group rerank"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    with pytest.raises(ContractError, match=re.escape(expected)):
        load_facts(facts_file(tmp_path, **changes))


def test_an_id_belongs_to_one_file(tmp_path: Path) -> None:
    text = (facts_file(tmp_path) / "rerank.yaml").read_text(encoding="utf-8")
    (tmp_path / "zoo.yaml").write_text(text.replace("group: rerank", "group: zoo"), encoding="utf-8")
    with pytest.raises(ContractError, match="RR-O04: expected an id that is not in use, got one of rerank"):
        load_facts(tmp_path)


def test_lint_reports_unknown_and_unused_facts(tmp_path: Path) -> None:
    """A mention within the facts themselves is not a use."""
    facts_file(tmp_path / "facts")
    (tmp_path / "links.yaml").write_text("# see\n# RR-O05\n", encoding="utf-8")
    assert [(one.rule, one.where) for one in _facts(tmp_path)] == [
        ("fact-known", f"{tmp_path.name}/links.yaml:2"),
        ("fact-used", "RR-O04"),
    ]
    (tmp_path / "links.yaml").write_text("# RR-O04\n", encoding="utf-8")
    assert list(_facts(tmp_path)) == []


def test_a_contract_may_do_without_facts(tmp_path: Path) -> None:
    (tmp_path / "links.yaml").write_text("# RR-O05\n", encoding="utf-8")
    assert list(_facts(tmp_path)) == []


def test_texts_are_searched_and_the_data_of_a_wheel_is_searched_once(tmp_path: Path) -> None:
    package = tmp_path / "package"
    for name in ("code.py", "page.md", "image.png", "_data/copy.yaml"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("\nRR-O04", encoding="utf-8")
    assert list(fact_references((package,))) == [
        FactReference("RR-O04", "package/code.py:2"),
        FactReference("RR-O04", "package/page.md:2"),
    ]


def test_suites_and_package_refer_to_the_shipped_facts_only(tmp_path: Path) -> None:
    assert referring_folders(tmp_path) == (tmp_path,)
    names = [one.name for one in referring_folders(folder("contracts"))]
    assert names == ["contracts", "suites", "cohere_conformance"]
