"""The catalogue of requirements is complete, and each has an operation, a check and a fault."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.checks.registry import checked
from cohere_conformance.contract.facts import shipped_facts
from cohere_conformance.contract.requirements import load_requirements, shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError
from cohere_conformance.model import Level
from cohere_conformance.reference import catalogue
from cohere_conformance.session import steady, unauthenticated

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

known = shipped_requirements()


def test_every_requirement_has_a_fault_that_there_is() -> None:
    faults = catalogue()
    unknown = {one.id: sorted(set(one.faults) - set(faults)) for one in known.requirements.values()}
    assert {name: missing for name, missing in unknown.items() if missing} == {}
    assert [one.id for one in known.requirements.values() if not one.faults] == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("rerank.sorted", "rerank.sorted"),
        ("v1.rerank.sorted", "rerank.sorted"),
        ("v2.rerank.sorted", "rerank.sorted"),
        ("v2.chat.id", "v2.chat.id"),
        ("v1.v2.chat.id", None),
        ("v2.tokenize.repeatable", None),
        ("v3.rerank.sorted", None),
    ],
)
def test_a_requirement_of_both_versions_is_found_under_either(name: str, found: str | None) -> None:
    requirement = shipped_requirements().find(name)
    assert (requirement.id if requirement else None) == found


def test_every_requirement_is_about_operations_that_there_are(amended: Contract) -> None:
    reported = {
        one.id: sorted(set(one.operations) - set(amended.operations)) for one in known.requirements.values()
    }
    assert {name: missing for name, missing in reported.items() if missing} == {}


def test_every_requirement_is_checked_by_something() -> None:
    tests = folder("suites").rglob("test_*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    text += Path(unauthenticated.__file__).read_text(encoding="utf-8")
    over_a_run = {steady.REQUIREMENT}
    bound = checked() | over_a_run
    assert [name for name in known.requirements if name not in bound and name not in text] == []


def test_every_check_has_a_requirement() -> None:
    assert checked() <= known.requirements.keys()


def test_every_fact_is_a_requirement_or_is_excluded_with_a_reason() -> None:
    """Defects of the published document are the amendments' affair."""
    facts = {name for name, fact in shipped_facts().facts.items() if fact.group != "document"}
    assert len(facts) > 400
    assert sorted(facts - known.facts()) == []


ENTRY = {
    "level": "MUST",
    "about": "content",
    "says": "It is so.",
    "source": "spec",
    "reason": "H-01.",
    "operations": "[POST /v2/chat]",
    "faults": "[chat.v2.wrong]",
}


def written(
    home: Path, *, name: str = "chat.so", group: str = "chat", excluded: str = "{}", **changes: str
) -> Path:
    lines = [f"group: {group}", "requirements:", f"  {name}:"]
    lines += [f"    {key}: {value}" for key, value in (ENTRY | changes).items()]
    (home / "chat.yaml").write_text("\n".join([*lines, f"excluded: {excluded}"]), encoding="utf-8")
    return home


def test_a_valid_catalogue_is_loaded(tmp_path: Path) -> None:
    found = load_requirements(written(tmp_path, excluded="{H-02: because}", source="observed 9/10, inferred"))
    (one,) = found.requirements.values()
    assert (one.id, one.level, one.group, one.operations) == (
        "chat.so",
        Level.MUST,
        "chat",
        ("POST /v2/chat",),
    )
    assert found.facts() == {"H-01", "H-02"}


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"name": "so"}, "expected an id such as"),
        ({"name": "chat.So"}, "expected an id such as"),
        ({"source": "hearsay"}, "expected sources such as"),
        ({"source": "inferred"}, "what is inferred is a SHOULD"),
        ({"operations": "[]"}, "expected at least one operation"),
        ({"says": "It is so"}, "ends with a full stop"),
        ({"level": "MAY"}, "level"),
        ({"group": "embed"}, "expected the group chat, the file's name, got embed"),
        ({"excluded": "{H2: because}"}, "expected the id of a fact and a reason"),
        ({"excluded": "{H-02: ' '}"}, "expected the id of a fact and a reason"),
        ({"follows": "[chat.none]"}, "chat.so: follows: expected the id of a requirement, got chat.none"),
        ({"follows": "[chat.so]"}, "chat.so: follows: expected another requirement"),
    ],
)
def test_a_malformed_catalogue_is_refused(tmp_path: Path, changes: dict[str, str], reported: str) -> None:
    with pytest.raises(ContractError, match=re.escape(reported)):
        load_requirements(written(tmp_path, **changes))


def test_a_withdrawn_id_is_kept_with_its_reason_and_never_used_again(tmp_path: Path) -> None:
    """What a requirement was withdrawn for accounts for its facts, too."""
    path = written(tmp_path) / "chat.yaml"
    valid = path.read_text(encoding="utf-8")
    path.write_text(f"{valid}\nwithdrawn: {{chat.old: H-03 was wrong}}", encoding="utf-8")
    found = load_requirements(tmp_path)
    assert found.withdrawn == {"chat.old": "H-03 was wrong"}
    assert "H-03" in found.facts()
    path.write_text(f"{valid}\nwithdrawn: {{chat.so: it was wrong}}", encoding="utf-8")
    with pytest.raises(ContractError, match=r"chat\.so: expected a unique id, got one that was withdrawn"):
        load_requirements(tmp_path)
    path.write_text(f"{valid}\nwithdrawn: {{chat.old: ' '}}", encoding="utf-8")
    with pytest.raises(ContractError, match="expected the id of a requirement and a reason"):
        load_requirements(tmp_path)


def test_an_id_belongs_to_one_file(tmp_path: Path) -> None:
    text = (written(tmp_path) / "chat.yaml").read_text(encoding="utf-8")
    (tmp_path / "embed.yaml").write_text(text.replace("group: chat", "group: embed"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"chat\.so: expected a unique id, got one that chat has"):
        load_requirements(tmp_path)
