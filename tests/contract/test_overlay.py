"""The actions of an overlay, applied to small documents.

The shipped amendments are tested in `test_amendments.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.contract.overlay import Action, Amendment, apply, load_amendments
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract.documents import Document


def before() -> Document:
    return {"list": ["a", "b", "c", "d"], "one": {"x": 1, "deep": {"l": [1], "y": 2}}, "two": {}, "word": "w"}


def changed(*actions: Action) -> Document:
    """Return what a document differs in after the actions: the top-level keys that are new or other."""
    document = before()
    after = apply(document, [Amendment("made.up", "document-defect", "Because.", "1 of 1", actions)])
    assert document == before(), "the given document must stay as it was"
    gone = {key: None for key in document if key not in after}
    return {key: value for key, value in after.items() if value != document.get(key)} | gone


def remove(target: str) -> Action:
    return Action(target, remove=True)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (Action("$.two", update={"x": {"y": 1}}), {"two": {"x": {"y": 1}}}),
        (
            Action("$.one", update={"deep": {"l": [2, 3], "z": 4}}),
            {"one": {"x": 1, "deep": {"l": [1, 2, 3], "y": 2, "z": 4}}},
        ),
        (Action("$.one", update={"deep": "flat"}), {"one": {"x": 1, "deep": "flat"}}),
        (
            Action("$.one", update={"x": {"now": "deep"}}),
            {"one": {"x": {"now": "deep"}, "deep": {"l": [1], "y": 2}}},
        ),
        (Action("$.one", update={"x": None}), {"one": {"x": None, "deep": {"l": [1], "y": 2}}}),
        (Action("$.one", update={}), {}),
        (Action("$.list", update="e"), {"list": ["a", "b", "c", "d", "e"]}),
        (Action("$.list", update=["e"]), {"list": ["a", "b", "c", "d", ["e"]]}),
        (Action("$.list", update=None), {"list": ["a", "b", "c", "d", None]}),
        (Action("$", update={"three": 3}), {"three": 3}),
        (
            Action("$['one','two']", update={"n": 1}),
            {"one": {"x": 1, "deep": {"l": [1], "y": 2}, "n": 1}, "two": {"n": 1}},
        ),
    ],
    ids=[
        "merge-into-empty",
        "merge-deep-and-extend",
        "object-by-word",
        "word-by-object",
        "null",
        "nothing",
        "append",
        "append-list-as-one",
        "append-null",
        "root",
        "several",
    ],
)
def test_an_update_is_merged_or_appended(action: Action, outcome: Document) -> None:
    assert changed(action) == outcome


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("$.word", {"word": None}),
        ("$.one.deep", {"one": {"x": 1}}),
        ("$.one.deep.l[0]", {"one": {"x": 1, "deep": {"l": [], "y": 2}}}),
        ("$.list[0]", {"list": ["b", "c", "d"]}),
        ("$.list[-1]", {"list": ["a", "b", "c"]}),
        ("$.list[1:3]", {"list": ["a", "d"]}),
        ("$.list[*]", {"list": []}),
        ("$.list[?@=='a' || @=='b']", {"list": ["c", "d"]}),
        ("$.list[?@!='b']", {"list": ["b"]}),
        ("$['word','list']", {"word": None, "list": None}),
        ("$..deep", {"one": {"x": 1}}),
        ("$.one..*", {"one": {}}),
    ],
)
def test_everything_selected_is_removed(target: str, outcome: Document) -> None:
    assert changed(remove(target)) == outcome


@pytest.mark.parametrize(
    ("target", "rest"),
    [("$.list[2,0]", ["b", "d"]), ("$.list[::-2]", ["a", "c"]), ("$.list[0,0]", ["b", "c", "d"])],
    ids=["other-order", "backwards", "twice"],
)
def test_removal_does_not_depend_on_the_order_of_the_selection(target: str, rest: list[str]) -> None:
    assert changed(remove(target)) == {"list": rest}


def test_a_removal_wins_over_an_update() -> None:
    assert changed(Action("$.two", update={"x": 1}, remove=True)) == {"two": None}


def test_later_actions_see_what_earlier_ones_did() -> None:
    actions = (
        Action("$.two", update={"x": {}}),
        Action("$.two.x", update={"y": [1]}),
        remove("$.two.x.y[0]"),
    )
    assert changed(*actions) == {"two": {"x": {"y": []}}}


def test_what_no_action_changes_is_not_copied() -> None:
    document = before()
    update = Action("$.one.deep", update={"l": [2]})
    after = apply(document, [Amendment("made.up", "document-defect", "Because.", "1 of 1", (update,))])
    assert [key for key in document if after[key] is not document[key]] == ["one"]
    assert after["list"] is document["list"]


def test_what_is_added_is_not_shared() -> None:
    update: dict[str, Any] = {"x": {"y": []}}
    amendment = Amendment(
        "made.up", "document-defect", "Because.", "1 of 1", (Action("$['one','two']", update=update),)
    )
    after = apply(before(), [amendment])
    after["one"]["x"]["y"].append(1)
    assert (after["two"], update) == ({"x": {"y": []}}, {"x": {"y": []}})


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        (remove("$.nowhere"), r"made\.up: \$\.nowhere: selects nothing"),
        (remove("$.list[?@=='z']"), "selects nothing"),
        (remove("$.list[9]"), "selects nothing"),
        (Action("$.word", update="v"), "an update needs an object or an array, found str"),
        (Action("$.one", update="v"), "an update needs an object"),
        (remove("$.list["), r"made\.up: \$\.list\["),
        (remove("list"), r"made\.up: list"),
        (Action("$.list"), r"made\.up: \$\.list"),
        (Action("$.one"), r"made\.up: \$\.one"),
        (remove("$"), r"made\.up: \$"),
    ],
    ids=[
        "miss",
        "filter-miss",
        "index-miss",
        "update-of-a-word",
        "word-into-object",
        "no-jsonpath",
        "no-root",
        "does-nothing-to-a-list",
        "does-nothing-to-an-object",
        "removes-everything",
    ],
)
def test_an_action_that_cannot_be_carried_out_is_refused(action: Action, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        changed(action)


HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"


def test_actions_with_one_id_are_one_amendment(tmp_path: Path) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(
        HEAD
        + "- {target: $.a, x-id: a.b, x-class: document-defect, x-reason: r, x-evidence: e, remove: true}\n"
        + "- {target: $.b, x-id: a.b, update: {OFF: 2026-08-20}}\n"
        + "- {target: $.c, x-id: c.d, x-class: request-tolerance, x-reason: s, x-evidence: f, update: 1}\n",
        encoding="utf-8",
    )
    assert load_amendments(path) == (
        Amendment(
            "a.b",
            "document-defect",
            "r",
            "e",
            (Action("$.a", remove=True), Action("$.b", update={"OFF": "2026-08-20"})),
        ),
        Amendment("c.d", "request-tolerance", "s", "f", (Action("$.c", update=1),)),
    )


@pytest.mark.parametrize("lacks", ["x-reason", "x-evidence", "x-class"])
def test_an_amendment_that_does_not_say_why_is_refused(tmp_path: Path, lacks: str) -> None:
    reported = {"x-id": "a.b", "x-class": "document-defect", "x-reason": "r", "x-evidence": "e"}
    del reported[lacks]
    path = tmp_path / "overlay.yaml"
    fields = ", ".join(f"{key}: {value}" for key, value in reported.items())
    path.write_text(f"{HEAD}- {{target: $.a, {fields}, remove: true}}\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"amendment a\.b: "):
        load_amendments(path)
