"""Whether a requirement that is violated at another location, or in another response, explains a finding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cohere_conformance.report.causes.seen import SeenFinding

_WHOSE = re.compile(r"\bwhose (\w+) is ")
_NAMED = re.compile(r'"(\w+)": ')
_ANOTHER = "other than "
_CUT = "\u2026"
"""Ends a text that is too long to be shown."""
_ELEMENT = re.compile(r"/(?:\*|\d+)/")
_STATUS = re.compile(r"\b\d{3}\b")
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d{1,6}")
_DIGIT = re.compile(r"\d")
_OF_AN_ORDER = frozenset(
    "after ascending descending first following order ordered precedes sorted successive".split()
)
_OF_AN_UPDATE = frozenset({"change", "changed", "changes", "update", "updated", "updates"})
_ID = ("/id", "_id")


def explained_elsewhere(
    one: SeenFinding, ours: Sequence[SeenFinding], near: Sequence[SeenFinding], said: Mapping[str, str]
) -> bool:
    """Return whether something that the contract finds explains what a case does not expect.

    Args:
        one: what the case did not expect.
        ours: what the contract finds in the same operation.
        near: what it finds in the same group of operations.
        said: the sentence of each requirement, by its id.
    """
    return (
        any(_compared(one, other) or _of_missing(one, other) for other in ours)
        or any(_required(one, other) or _absent_too(one, other) for other in near)
        or any(_of_same_status(one, other) for other in ours)
        or any(_ordered(one, other, said) for other in ours)
        or any(_not_found_by(one, other) or _filtered(one, other) for other in near)
        or any(_paged(one, other) or _resent(one, other) for other in ours)
        or any(_longer(one, other) or _sized(one, other) or _paired(one, other) for other in ours)
        or any(_unlisted(one, other) for other in ours)
        or any(_referred(one, other) for other in ours)
        or any(_beside(one, other, said) or _updated(one, other, said) for other in ours)
    )


def _compared(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a requirement about a complete object names the value that a case has found in it."""
    name = one.place.rpartition("/")[2]
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and bool(other.row.requirement)
        and bool(name)
        and one.place.startswith(f"{other.place}/")
        and f'"{name}"' in other.row.observed
    )


def _of_missing(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case expects an object with a property that is missing in it."""
    parent, _, name = other.place.rpartition("/")
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and other.row.kind is Kind.PROPERTY_MISSING
        and one.place == parent
        and name in _WORD.findall(one.row.expected)
    )


def _of_same_status(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a requirement on the status of an operation expects and finds what a case does."""
    statuses = [set(_STATUS.findall(row.expected)) for row in (one.row, other.row)]
    return (
        one.row.kind is Kind.STATUS_UNEXPECTED
        and bool(other.row.requirement)
        and not other.place
        and one.row.status == other.row.status
        and statuses[0] == statuses[1] != set()
    )


def _required(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses an element with a value that a requirement finds wrong elsewhere.

    An element has its own id, which only the one resource of another response says otherwise. A requirement
    about a complete resource names the properties that it compares.
    """
    if one.row.kind is not Kind.EXPECTATION_FAILED or not other.row.requirement:
        return False
    name, names = other.place.rpartition("/")[2], _WHOSE.findall(one.row.expected)
    if one.row.expected.startswith(_ANOTHER):
        return False  # it is not missed
    elsewhere = other.served and "*" not in other.place and other.row.operation != one.row.operation
    if names and not other.place and elsewhere:
        compared = _NAMED.findall(other.row.observed)
        return bool(set(names) & set(compared)) or (bool(compared) and one.row.expected.endswith(_CUT))
    return name in names and (elsewhere or not name.endswith("id"))


def _absent_too(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses a property that a requirement misses as well in an object of the API."""
    name = other.place.rpartition("/")[2]
    if not other.row.requirement or not other.absent or one.row.kind is not Kind.EXPECTATION_FAILED:
        return False
    if one.absent:
        return one.place.rpartition("/")[2] == name
    return one.row.expected.startswith("an array") and name in _WORD.findall(one.row.expected)


def _ordered(one: SeenFinding, other: SeenFinding, said: Mapping[str, str]) -> bool:
    """Return whether a case expects a certain element of an array, and a requirement on the order of that
    array, or on its pages, is violated.
    """
    if not one.by_case or one.place == one.row.location:
        return False
    words = set(_WORD.findall(said.get(other.row.requirement or "", "")))
    array = _ELEMENT.split(other.place)[0]
    return bool(words & _OF_AN_ORDER) and one.place.startswith(f"{array}/*/")


def _not_found_by(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether something is not found, and the ids that responses have are wrong."""
    return (
        one.row.kind is Kind.STATUS_UNEXPECTED
        and one.row.status == 404
        and "{" in one.row.operation
        and other.served
        and other.place.endswith(_ID)
    )


def _filtered(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a list is empty, and a requirement finds wrong elsewhere what it is filtered by."""
    query = parse_qs(one.row.example.request.partition("?")[2])
    filters = {name.replace("_", "").lower() for name in query}
    return (
        one.row.observed == "[]"
        and other.served
        and bool(other.row.requirement)
        and other.place.rpartition("/")[2].replace("_", "") in filters
    )


def _paged(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a further page is refused, and a requirement finds the token of that page wrong."""
    return (
        one.row.kind is Kind.STATUS_UNEXPECTED
        and one.row.status >= 400
        and "page_token=" in one.row.example.request
        and bool(other.row.requirement)
        and other.place.endswith("/next_page_token")
    )


def _resent(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a query with a value of the server is refused, and such values have a wrong format."""
    query = parse_qs(one.row.example.request.partition("?")[2])
    sent = {_DIGIT.sub("0", value) for values in query.values() for value in values}
    return (
        one.row.kind is Kind.STATUS_UNEXPECTED
        and one.row.status >= 400
        and other.row.kind is Kind.FORMAT_INVALID
        and _DIGIT.sub("0", other.row.observed.strip('"')) in sent
    )


def _unlisted(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case finds nothing in a list, and a requirement finds the list wrong as a whole.

    In other arrays, whether it says that they have too few elements.
    """
    number = one.row.location.removeprefix(f"{other.place}/").partition("/")[0]
    few = _NUMBER.match(other.row.observed)
    too_few = number.isdigit() and few is not None and int(few[0]) <= int(number)
    return (
        one.absent
        and (one.row.operation.startswith("GET ") or too_few)
        and bool(other.row.requirement)
        and bool(other.place)
        and one.place.startswith(f"{other.place}/*/")
    )


def _referred(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses the id of an element, and a requirement finds ids that refer to none.

    What has the property `document_ids` refers to the `id` of `documents`.
    """
    names = [name for name in one.place.split("/") if name not in {"", "*"}]
    return (
        one.absent
        and bool(other.row.requirement)
        and len(names) > 1
        and f"{names[-2].removesuffix('s')}_{names[-1]}" == other.place.rpartition("/")[2].removesuffix("s")
    )


def _longer(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case expects a shorter text, and a requirement finds too many output tokens."""
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and one.place.endswith("/text")
        and ("at most" in one.row.expected or one.row.expected == "an empty string")
        and bool(other.row.requirement)
        and other.place.endswith("/output_tokens")
        and other.row.expected.startswith("at most")
    )


def _sized(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case finds an array of another size in a value where a requirement does so as well."""
    names = [place.split("/")[1:2] for place in (one.place, other.place)]
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and one.row.observed.startswith("array of ")
        and bool(other.row.requirement)
        and other.row.observed[:1].isdigit()
        and other.place.endswith("/*")
        and names[0] == names[1] != []
    )


def _paired(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case finds an array of another size, and in each of its responses a requirement is
    violated by an array beside it with a part of its name, as `tokens` and `token_strings` have.
    """
    names = [
        {word.removesuffix("s") for word in found.place.rpartition("/")[2].split("_")}
        for found in (one, other)
    ]
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and one.row.expected.startswith("an array of ")
        and one.row.observed.startswith("[")
        and bool(other.row.requirement)
        and other.row.fingerprint in one.companions
        and one.place.rpartition("/")[0] == other.place.rpartition("/")[0]
        and bool(names[0] & names[1])
    )


def _beside(one: SeenFinding, other: SeenFinding, said: Mapping[str, str]) -> bool:
    """Return whether a requirement is violated in each response by a property of the same object, and says
    something about what the case expects as well.
    """
    parent, _, name = one.place.rpartition("/")
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and other.row.fingerprint in one.companions
        and bool(parent)
        and parent == other.place.rpartition("/")[0]
        and bool(set(name.split("_")[1:]) & set(_WORD.findall(said.get(other.row.requirement or "", ""))))
    )


def _updated(one: SeenFinding, other: SeenFinding, said: Mapping[str, str]) -> bool:
    """Return whether a case expects something of a changed resource, and a requirement on changes finds that
    a property of the same resource is not changed.
    """
    return (
        one.row.kind is Kind.EXPECTATION_FAILED
        and one.row.operation.startswith(("PATCH ", "PUT "))
        and one.place.count("/") > 1
        and one.place.rpartition("/")[0] == other.place.rpartition("/")[0]
        and bool(_OF_AN_UPDATE & set(_WORD.findall(said.get(other.row.requirement or "", ""))))
    )
