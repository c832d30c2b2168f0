"""Which groups of findings follow from others: a case that fails says less than the contract does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.consequences import CRASH, NOT_VALIDATED, without_consequences
from cohere_conformance.report.causes.elsewhere import explained_elsewhere
from cohere_conformance.report.causes.fitting import expected_at, wrapped
from cohere_conformance.report.causes.frameworks import ID
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.streams import NO_EVENT, expected_of_damaged_stream, is_harmless
from cohere_conformance.report.causes.topics import ACCEPTED, CRASHED, REFUSED, outcome, refusal_expected
from cohere_conformance.report.verdict import RANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.keys import Facts
    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.shape import Row


def explained(groups: Sequence[CauseGroup], facts: Facts) -> list[CauseGroup]:
    """Return the groups that no other explains; the others follow those that explain them."""
    strong = [group for group in groups if not all(one.by_case for one in group.members)]
    weak = [group for group in groups if all(one.by_case for one in group.members)]
    strong = without_consequences(strong, weak, facts)
    # What follows from a group explains cases as its members do; what cases show is added to no explanation.
    found = [(group, tuple(group.every)) for group in strong]
    left = []
    checks = [*strong, *(group for group in weak if group.key == _ANY_MODEL)]
    for group in sorted(weak, key=_late):
        rest = []
        by = group
        for one in group.members:
            topical = group.key.rule not in _UNGROUPED
            explaining = _explaining(one, found, facts, topical=topical)
            if explaining is None and topical and len(group.operations) == 1:
                explaining = _accepting(one, found)
            explaining = explaining or next((other for other in checks if _follows(one, other)), None)
            if explaining is not None:
                explaining.followers.append(one)
                by = explaining
            else:
                rest.append(one)
        if rest:
            group.members = rest
            left.append(group)
        else:
            by.followers += group.followers
    return [*strong, *_alike([group for group in left if not _follows_twins(group, strong)])]


def _follows_twins(group: CauseGroup, strong: Sequence[CauseGroup]) -> bool:
    """Let a group follow another one that explains the same of the properties beside, in the same case.

    Returns:
        whether it does.
    """
    for other in strong:
        known = [one for one in other.followers if one.by_case]
        if all(any(_twins(one, twin) for twin in known) for one in group.members):
            other.follow(group)
            return True
    return False


def _twins(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case finds the same in two properties of one object."""
    return (
        bool(one.cases & other.cases)
        and not one.absent
        and one.place.rpartition("/")[0] == other.place.rpartition("/")[0]
        and (one.row.kind, one.row.observed) == (other.row.kind, other.row.observed)
    )


def _late(group: CauseGroup) -> bool:
    """Return whether a group only misses something: what it misses may depend on what others find."""
    return all(one.absent for one in group.members)


def _follows(one: SeenFinding, group: CauseGroup) -> bool:
    """Return whether a finding follows from a group that explains a whole response, or what is checked."""
    return _of_another_state(one, group) or _unchecked(one, group) or _of_any_model(one, group)


def _of_any_model(one: SeenFinding, group: CauseGroup) -> bool:
    """Return whether a request with a model of another kind is served, where models that do not exist are."""
    about_model = all("model" in case.rpartition(".")[2].split("-") for case in one.cases)
    return (
        group.key == _ANY_MODEL
        and one not in group.members
        and one.row.operation in group.operations
        and outcome(one.row) == ACCEPTED
        and refusal_expected(one.row)
        and about_model
    )


def _of_another_state(one: SeenFinding, group: CauseGroup) -> bool:
    """Return whether a case misses something in a resource whose status, by the same response, is another
    one than it expects, and a group explains that.
    """
    at = f"{one.place.rpartition('/')[0]}/status"
    return one.absent and any(
        other.place == at and other.by_case and other.row.fingerprint in one.companions
        for other in group.followers
    )


def _unchecked(one: SeenFinding, group: CauseGroup) -> bool:
    """Return whether a request that may be refused crashes, where requests are not validated in general, or
    where those that have to be refused crash as well.
    """
    may_be_refused = _REFUSALS & set(_STATUS.findall(one.row.expected))
    return outcome(one.row) == CRASHED and bool(may_be_refused) and group.key in {CRASH, *NOT_VALIDATED}


def _accepting(
    one: SeenFinding, found: Sequence[tuple[CauseGroup, Sequence[SeenFinding]]]
) -> CauseGroup | None:
    """Return the group of a requirement on what the same operation refuses, if a request was accepted.

    A subject of many operations says less than that requirement if only one operation shows it.
    """
    if one.row.kind is not Kind.STATUS_UNEXPECTED or outcome(one.row) != ACCEPTED:
        return None
    for group, findings in found:
        here = (
            other for other in findings if other.row.requirement and other.row.operation == one.row.operation
        )
        if group.key.rule == "requirement" and any(
            other.served and (other.rank[0] or refusal_expected(other.row)) for other in here
        ):
            return group
    return None


def _explaining(
    one: SeenFinding,
    found: Sequence[tuple[CauseGroup, Sequence[SeenFinding]]],
    facts: Facts,
    *,
    topical: bool,
) -> CauseGroup | None:
    """Return the group that explains best why a case fails.

    Args:
        one: what the case did not expect.
        found: groups of what the contract finds, each with its findings.
        facts: about the run.
        topical: whether the case is about a subject of its own: only what is found with it explains it then.
    """
    rated = [
        (rating, group)
        for group, findings in found
        if (rating := _rating(one, group, findings, facts)) is not None
    ]
    rated = [(rating, group) for rating, group in rated if not topical or rating[0] <= _WHOLE]
    # Of several that explain it equally well, the rarest: what is wrong everywhere explains nothing.
    return min(rated, key=lambda pair: (pair[0], len(pair[1].cases), pair[1].key.parts))[1] if rated else None


def _rating(
    one: SeenFinding, group: CauseGroup, findings: Sequence[SeenFinding], facts: Facts
) -> tuple[int, int] | None:
    """Return how well a group explains a finding, the smallest value best; `None` if it does not."""
    ours = [other for other in findings if other.row.operation == one.row.operation]
    together = bool(one.companions & {other.row.fingerprint for other in ours})
    shared = bool(one.cases) and one.cases <= frozenset(case for other in ours for case in other.cases)
    telling = [other for other in ours if not is_harmless(other)]
    relations = [_relation(one, other) for other in telling if not _milder_below(one, other)]
    if shared and group.key.rule == "response-form" and one.served:
        return _WHOLE, 0
    if (together or shared) and (best := min(filter(None, relations), default=None)) is not None:
        return best, 0
    if shared and any(not other.place and one.cases <= other.cases for other in telling):
        return _WHOLE, 0
    api = facts.group(one.row.operation)
    near = [other for other in findings if facts.group(other.row.operation) == api]
    if any(_names(one.place) and _names(one.place) == _names(other.place) for other in near):
        return _ELSEWHERE, 0
    if explained_elsewhere(one, ours, near, facts.background.sentences.requirements):
        return _ELSEWHERE, 0
    common = max((len(_subjects(one) & _subject_of(other)) for other in near if _fits(one, other)), default=0)
    if common:
        return _SUBJECT, -common
    if group.key == _INVALID_SERVED and one.row.kind is Kind.STATUS_UNEXPECTED and refusal_expected(one.row):
        return (_UNCHECKED, 0) if outcome(one.row) == ACCEPTED else None
    return None


_SAME, _ABOVE, _ALIKE, _WHOLE, _ELSEWHERE, _SUBJECT, _UNCHECKED = range(1, 8)
_UNGROUPED = frozenset({"expectation", "unexpected-status"})
"""Rules that know nothing of what their findings have in common."""
_ANY_MODEL = Key("topic", ("unknown-model", ACCEPTED))
_INVALID_SERVED = Key("topic", ("invalid", ACCEPTED))
_REFUSALS = frozenset({"400", "422"})
_STATUS = re.compile(r"\b\d{3}\b")
_FROM_EVENTS = "absent from its "
_TOKENS = "/output_tokens"
_TYPES = {'"': ("string", "UUID", '"', "RFC 3339"), "{": ("object",), "[": ("array",)}
"""What is in the description of a type, by how its values begin."""
_BEGINS = {"[": "array", "{": "object"}
_COUNTS = frozenset({"meta", "usage"})
"""Objects that say how much was used, not what the output is."""
_WRAPPERS = frozenset({"*", "{}", "delta", "response", "message"})
_COMMON = frozenset("a and as by get id in is list no not of one plain stream the v1 v2 with".split())


def _relation(one: SeenFinding, other: SeenFinding) -> int | None:
    """Return how close the locations of two findings are; `None` if they are about different things."""
    if one.place == other.place:
        return _SAME
    if _near(one.place, other.place):
        return _ABOVE
    if _renamed(one, other) or _of_another_type(one, other) or wrapped(one, other):
        return _ALIKE
    names, others = _names(one.place), _names(other.place)
    if names and others and (names[-1] == others[-1] or _in_an_event(one, names, other, others)):
        return _ALIKE
    related = _counted(one, other) or _numbered(one, other) or expected_of_damaged_stream(one, other)
    return _WHOLE if related else None


def _renamed(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses something in an object that has undeclared properties instead.

    A complete body has properties about many things: what is missed there has the type of the other one.
    """
    parent, _, name = other.place.rpartition("/")
    if one.row.observed.startswith(_FROM_EVENTS) and other.row.kind is Kind.PROPERTY_UNDOCUMENTED:
        # A part of an event is beside the object that it should be in.
        return one.place.startswith(f"{parent}/") and name in one.place.split("/")
    return (
        one.absent
        and other.row.kind is Kind.PROPERTY_UNDOCUMENTED
        and one.place.startswith(f"{parent}/")
        and not _of_unlike_type(other.row, one)
        and (bool(parent) or (one.place.count("/") == 1 and _of_expected_type(other.row, one.row)))
    )


def _of_unlike_type(undeclared: Row, one: SeenFinding) -> bool:
    """Return whether an undeclared property is of another type than the array or object a case misses."""
    first = undeclared.observed.partition(": ")[2][:1]
    expected = one.row.expected.removeprefix("a non-empty ").removeprefix("an ")
    wanted = next((begin for begin, name in _BEGINS.items() if expected.startswith(name)), first)
    return one.place == one.row.location and first != wanted


def _of_expected_type(undeclared: Row, missed: Row) -> bool:
    """Return whether an undeclared property, such as `n: "a"`, has the type that a case expects elsewhere."""
    first = undeclared.observed.partition(": ")[2][:1]
    return any(name in missed.expected for name in _TYPES.get(first, ()))


def _of_another_type(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses something in an object that is of another type than it should be."""
    parent, _, name = other.place.rpartition("/")
    return one.absent and name == "type" and bool(parent) and one.place.startswith(f"{parent}/")


def _in_an_event(
    one: SeenFinding, names: tuple[str, ...], other: SeenFinding, others: tuple[str, ...]
) -> bool:
    """Return whether one of two findings is in an event, and above the other apart from that, or below."""
    few, many = sorted((names, others), key=len)
    return one.place.startswith("<") != other.place.startswith("<") and many[: len(few)] == few


def _counted(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case expects another number of output tokens, and the output itself is wrong, or an
    array of another size, and the number of output tokens is wrong.
    """
    if one.row.kind is not Kind.EXPECTATION_FAILED or not other.row.requirement:
        return False
    if one.place.endswith(_TOKENS):
        return bool(_names(other.place)) and _names(other.place)[0] not in _COUNTS
    return other.place.endswith(_TOKENS) and one.row.expected.startswith("an array of ")


def _numbered(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case expects another index, and the number of elements of an array is wrong, or one of
    the elements that events with this index are parts of.
    """
    event, _, name = one.place.rpartition("/")
    if one.row.kind is not Kind.EXPECTATION_FAILED or name != "index" or not other.row.requirement:
        return False
    if event.endswith(">") and _names(event)[:1] == _names(other.place)[:1] != ():
        return True
    return other.row.observed[:1].isdigit() and "*" not in other.place


def _near(one: str, other: str) -> bool:
    """Return whether one location is above the other."""
    if not one or not other:
        return False
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _milder_below(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether another finding is less severe, and only about a part of what a case expects."""
    return (
        RANK[one.row.severity] < RANK[other.row.severity]
        and other.place.startswith(f"{one.place}/")
        and not (other.row.requirement and _of_elements(one, other))
    )


def _of_elements(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a case misses an element in an array, and another finding is about its elements."""
    missing = one.row.expected.startswith(("an array with an element", "an array whose"))
    return missing and other.place.startswith(f"{one.place}/*/")


def _names(place: str) -> tuple[str, ...]:
    """Return the names of properties in a location that say what a value is.

    An event is named after what it is a part of: `<tool-call-start>` begins one of the `tool_calls`.
    """
    event, _, path = place.partition("/") if place.startswith("<") else ("", "", place)
    if event and not path:
        return tuple(filter(None, [event.strip("<>").rpartition("-")[0].replace("-", "_")]))
    names = (token for token in path.split("/") if token and token not in _WRAPPERS)
    return tuple(name.removesuffix("s") for name in names if not name.isdigit())


def _subjects(one: SeenFinding) -> frozenset[str]:
    """Return the words in the names of the cases and of the property."""
    words = {word for case in one.cases for word in case.rpartition(".")[2].split("-")}
    words |= {word for name in _names(one.place)[-1:] for word in name.split("_")}
    return frozenset(word.removesuffix("s") for word in words) - _COMMON


def _subject_of(other: SeenFinding) -> frozenset[str]:
    """Return the words in the name of a requirement."""
    words = (other.row.requirement or "").rpartition(".")[2].split("-")
    return frozenset(word.removesuffix("s") for word in words) - _COMMON


def _fits(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether two findings are about responses of one kind."""
    if one.row.kind is Kind.STATUS_UNEXPECTED and other.place and not refusal_expected(other.row):
        return False
    if refusal_expected(other.row) and not refusal_expected(one.row):
        return False
    return one.row.status // 100 == other.row.status // 100


def _alike(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return groups of what only cases expect, as one if they share a case or a location of one operation."""
    left: list[CauseGroup] = []
    for group in sorted(groups, key=lambda one: (-len(one.cases), one.key.parts)):
        first = next((one for one in left if _related(one, group)), None)
        if first is None:
            left.append(group)
        else:
            first.members += group.members
    return left


def _related(one: CauseGroup, other: CauseGroup) -> bool:
    if not one.operations & other.operations:
        return False
    places = set(map(expected_at, one.members)) & set(map(expected_at, other.members))
    same = places - {""} or _same_error(one, other) or _events(one) & _events(other)
    return bool(one.cases & other.cases or same)


def _events(group: CauseGroup) -> set[str]:
    """Return what the events that cases miss are parts of: a citation has `citation-start` and `-end`."""
    missing = (one.row.observed for one in group.members if one.row.observed.startswith(NO_EVENT))
    return {observed.removeprefix(NO_EVENT).rpartition("-")[0] for observed in missing}


def _same_error(one: CauseGroup, other: CauseGroup) -> bool:
    """Return whether valid requests to one operation are refused with the same error."""
    errors = [{_error(member) for member in group.members} for group in (one, other)]
    return len(errors[0]) == 1 and errors[0] == errors[1] != {None}


def _error(one: SeenFinding) -> tuple[str, str] | None:
    """Return operation and body of an error without its id; `None` if it is right to refuse the request."""
    row = one.row
    if row.kind is Kind.EXPECTATION_FAILED and row.location == "/message" and outcome(row) == REFUSED:
        return row.operation, ID.sub("", row.example.response_text.partition("\n\n")[2])
    if row.kind is not Kind.STATUS_UNEXPECTED or outcome(row) != REFUSED or refusal_expected(row):
        return None
    body = row.example.response_text.partition("\n\n")[2]
    return (row.operation, ID.sub("", body)) if body else None
