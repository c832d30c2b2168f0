"""An SDK is a witness for what it declares as it was observed, and for nothing else."""

from __future__ import annotations

import pytest

from cohere_conformance.drift.facts import Description, DescriptionKind, Node
from cohere_conformance.drift.supporting import supported
from cohere_conformance.model import SEVERITY, Kind
from cohere_conformance.report import Row
from cohere_conformance.report.shape import Example

LABEL = "POST /v2/chat"


def node(kind: str, **attributes: object) -> Node:
    return Node("", {"types": frozenset({kind}), **attributes})


BODY = Node(
    "",
    {"types": frozenset({"object"})},
    {
        ".id": node("string", required=True),
        ".usage": node("number", required=False),
        ".reason": node("string", enum=frozenset({"COMPLETE", "TIMEOUT"})),
        ".anything": Node(),
    },
)
EVENTS = Node("", {}, {"<news>": node("object")})
SDK = Description(
    "cohere 9.9",
    {LABEL: Node("", {}, {"response": BODY, "events": EVENTS}), "GET /v2/new/{}": Node()},
    {LABEL: LABEL},
    DescriptionKind.SDK,
)


def known(kind: Kind, location: str, observed: str = "3", *, status: int = 200, label: str = LABEL) -> bool:
    row = Row(
        fingerprint="0" * 12,
        kind=kind,
        severity=SEVERITY[kind],
        operation=label,
        status=status,
        location=location,
        expected="",
        observed=observed,
        requirement=None,
        amendment=None,
        count=1,
        example=Example(file="a", position="", recorded_at=None, request=label),
    )
    return supported(SDK, [row]) == {row.fingerprint: "cohere 9.9"}


@pytest.mark.parametrize(
    ("kind", "location", "observed", "expected"),
    [
        (Kind.PROPERTY_UNDOCUMENTED, "/usage", "3", True),
        (Kind.PROPERTY_UNDOCUMENTED, "/new", "3", False),
        (Kind.STREAM_EVENT_UNKNOWN, "<news>", "", True),
        (Kind.STREAM_EVENT_UNKNOWN, "<olds>", "", False),
        (Kind.PROPERTY_MISSING, "/usage", "", True),
        (Kind.PROPERTY_MISSING, "/id", "", False),
        (Kind.ENUM_UNKNOWN, "/reason", '"TIMEOUT"', True),
        (Kind.ENUM_UNKNOWN, "/reason", '"stop"', False),
        (Kind.TYPE_CHANGED, "/usage", "3", True),
        (Kind.TYPE_CHANGED, "/usage", '"3"', False),
        (Kind.TYPE_CHANGED, "/id", '"a"', True),
        (Kind.TYPE_CHANGED, "/anything", '"a"', False),
        (Kind.NULL_UNEXPECTED, "/usage", "null", False),
        (Kind.REQUIREMENT_VIOLATED, "/usage", "3", False),
    ],
)
def test_an_sdk_declares_a_finding_or_not(kind: Kind, location: str, observed: str, expected: bool) -> None:
    assert known(kind, location, observed) is expected


def test_an_sdk_knows_no_bodies_of_errors() -> None:
    assert not known(Kind.PROPERTY_UNDOCUMENTED, "/usage", status=400)


@pytest.mark.parametrize(("label", "expected"), [("GET /v2/new/*", True), ("GET /v2/old/*", False)])
def test_a_path_that_only_an_sdk_knows_is_declared(label: str, expected: bool) -> None:
    assert known(Kind.ROUTE_UNKNOWN, "", label=label) is expected
