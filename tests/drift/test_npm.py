"""The facts of a TypeScript SDK, read out of an archive of npm."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from wheels import npm_archive, sdk_wheel

from cohere_conformance.drift.compare import compared
from cohere_conformance.drift.folding import folded
from cohere_conformance.drift.jsexpressions import expression
from cohere_conformance.drift.npm import npm_facts
from cohere_conformance.drift.sdk import sdk_facts
from cohere_conformance.drift.sdk_package import package_of_wheel
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from pathlib import Path


def test_it_equals_the_python_sdk_of_the_same_api(tmp_path: Path) -> None:
    found = npm_facts(npm_archive(tmp_path), "npm")
    assert found.operations.keys() == {"POST /v2/things", "PUT /v2/things/{}/file", "GET /v2/things"}
    assert found.operations["POST /v2/things"].children.keys() == {"request", "response", "events"}
    assert compared(sdk_facts(package_of_wheel(sdk_wheel(tmp_path), "pip")), found) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        (
            "Reply",
            "    count: core.serialization.number().optional(),\n", "",
            ["breaking response.count removed"],
        ),
        (
            "Reply", 'property("id"', 'property("uid"',
            ["breaking response.id removed", "additive response.uid added"],
        ),
        ("Mode", '"exact"', '"exact", "slow"', ["additive request.mode enum"]),
        ("Named", "string()", "string().optional()", ["breaking request.items[].name required"]),
        ("ThingRequest", "Mode_1.Mode.optional()", "Mode_1.Mode", ["breaking request.mode required"]),
        (
            "Event", "start: core", '"stop": core',
            ["breaking events<start> removed", "breaking events<stop> added"],
        ),
    ],
)  # fmt: skip
def test_a_change_is_one_line(
    file: str, before: str, after: str, expected: list[str], tmp_path: Path
) -> None:
    old = npm_facts(npm_archive(tmp_path), "npm")
    new = npm_facts(npm_archive(tmp_path, changes={f"serialization/types/{file}.js": (before, after)}), "npm")
    lines = folded(compared(old, new))
    places = [one.places[0].removeprefix("POST /v2/things ") for one in lines]
    found = [f"{one.severity} {at} {one.details[0].what}" for one, at in zip(lines, places, strict=True)]
    assert found == expected


def test_what_is_no_archive_of_an_sdk_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(b"no archive")
    with pytest.raises(DescriptionError, match=r"a: the file: expected an archive of npm \(\.tgz\), got"):
        npm_facts(path, "a")
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(DescriptionError, match=r"a: Client\.js: expected the clients of an SDK"):
        npm_facts(path, "a")
    changes = {"serialization/types/Mode.js": ('enum_(["fast", "exact"])', "enum_([")}
    with pytest.raises(DescriptionError, match="a: schema Mode: expected a serialization schema, got"):
        npm_facts(npm_archive(tmp_path, changes=changes), "a")


@pytest.mark.parametrize("source", ["", "a.", "f(", "{a: ", "[" * 100, "(a => b", "=> a"])
def test_what_is_no_expression_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"expression|expected"):
        expression(source)
