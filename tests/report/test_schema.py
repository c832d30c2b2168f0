from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from cohere_conformance.data import folder
from cohere_conformance.report import Report, render_json
from cohere_conformance.report.schema import schema

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    document = json.loads(schema())
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = (folder("reports") / "report.schema.json").read_bytes()
    assert committed == schema(), (
        "run: python -m cohere_conformance.report.schema > reports/report.schema.json"
    )


def test_a_report_fits_its_schema(validator: Draft202012Validator, report: Report) -> None:
    assert list(validator.iter_errors(json.loads(render_json(report)))) == []


def test_the_schema_says_what_everything_is() -> None:
    for name, component in json.loads(schema())["$defs"].items():
        assert component["description"], name
        if "properties" in component:
            bare = [key for key, declared in component["properties"].items() if "description" not in declared]
            assert not bare, name


def _no_footer(raw: dict[str, Any]) -> None:
    del raw["footer"]


def _not_complete(raw: dict[str, Any]) -> None:
    raw["footer"]["complete"] = False


def _bad_kind(raw: dict[str, Any]) -> None:
    raw["findings"][0]["kind"] = "odd"


def _bad_count(raw: dict[str, Any]) -> None:
    raw["findings"][0]["count"] = 0


def _bad_example(raw: dict[str, Any]) -> None:
    raw["findings"][0]["example"]["file"] = None


@pytest.mark.parametrize("spoil", [_no_footer, _not_complete, _bad_kind, _bad_count, _bad_example])
def test_a_spoilt_report_does_not_fit(
    validator: Draft202012Validator, report: Report, spoil: Callable[[dict[str, Any]], None]
) -> None:
    raw = json.loads(render_json(report))
    spoil(raw)
    assert not validator.is_valid(raw)
