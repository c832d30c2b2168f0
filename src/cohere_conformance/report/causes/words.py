"""The words of a cause: what is wrong, and what to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.absent import NOT_THERE
from cohere_conformance.report.causes.echoing import RULE as ECHO
from cohere_conformance.report.causes.forms import STREAM
from cohere_conformance.report.causes.frameworks import error_text
from cohere_conformance.report.causes.inputs import BODY, changed_part, described
from cohere_conformance.report.causes.named_models import model_of
from cohere_conformance.report.causes.places import listed, place
from cohere_conformance.report.causes.refusing import RULE as REFUSES_EVERYTHING
from cohere_conformance.report.causes.refusing import refusing_words
from cohere_conformance.report.causes.spelling import respelled
from cohere_conformance.report.causes.stream_words import STREAM_WORDS
from cohere_conformance.report.causes.streams import NO_EVENT
from cohere_conformance.report.causes.topics import ACCEPTED, REFUSED, named, outcome
from cohere_conformance.report.causes.traits import common_trait
from cohere_conformance.report.causes.unvalidated import RULE as UNVALIDATED
from cohere_conformance.report.causes.unvalidated import unvalidated_words
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.seen import Background, SeenFinding
    from cohere_conformance.report.shape import Row

_MOST_OBSERVED, _MOST_EXPECTED = 60, 100
"""Letters of a value, and of what was expected instead of it, that a title shows."""
_MOST_RENAMED = 2
"""Undeclared properties beside a missing one, above which they are taken as what should be in it."""
_CONTAINERS = {"[": "an array", "{": "an object"}
_BARE_STATUS = re.compile(r"(?:(?:a )?status(?: from)? )?\d{3}(?:(?:,| or| to) \d{3})*")
"""What is expected, if it says nothing about the request."""
_CODE = re.compile(r"\b\d{3}\b")
_REFUSAL = re.compile(r"(?:a refusal|4\d\d(?: or 4\d\d)*)(?: of |: |, (?!or ))(?P<what>.+)", re.DOTALL)


def words(group: CauseGroup, members: Sequence[SeenFinding], background: Background) -> tuple[str, str]:
    """Return what is wrong, and what to change.

    Args:
        group: of the cause.
        members: its findings, the one that says most first.
        background: the sentences of requirements and cases.
    """
    first = members[0]
    if group.key.rule in STREAM_WORDS:
        return STREAM_WORDS[group.key.rule](group, first.row)
    title, change = _WORDS.get(group.key.rule, _of_value)(group, first, background)
    # A sentence about the body; those about a property begin with its name.
    return (f"T{title[1:]}" if title.startswith("the body") else title), change


def _where(group: CauseGroup) -> str:
    operations = sorted({one.row.operation for one in group.every})
    return operations[0] if len(operations) == 1 else quantity(len(operations), "operation")


def _do(group: CauseGroup, verb: str) -> str:
    """Return the operations of a group as the subject of a verb."""
    where = _where(group)
    return f"{where} {verb}" if where[0].isdigit() else f"{where} {verb}s"


def _requirement(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    row = first.row
    says = background.sentences.requirements.get(row.requirement or "", "").rstrip(".")
    where = place(row.location) if row.location else row.operation
    change = f"{row.requirement}: {says or f'Send {row.expected}'}."
    if first.absent and row.location:
        return f"{where} is absent", f"Send {row.expected}. {change}"
    if first.served and (refusal := _REFUSAL.fullmatch(row.expected)):
        accepted = "" if row.expected.startswith("a refusal of") else "what it should refuse: "
        return f"{_do(group, 'accept')} {accepted}{refusal['what']}", change
    if says and not row.location and _BARE_STATUS.fullmatch(row.expected):
        expected = row.expected.removeprefix("status ")
        return f"{_do(group, 'respond')} {row.observed} instead of {expected}: {_continued(says)}", change
    return _instead_of(where, row), change


def _instead_of(where: str, row: Row) -> str:
    observed = _clipped(row.observed, _MOST_OBSERVED) or "nothing"
    return f"{where}: got {observed} instead of {_clipped(row.expected, _MOST_EXPECTED)}"


def _continued(sentence: str) -> str:
    """Return a sentence as it is written after a colon."""
    first, _space, rest = sentence.partition(" ")
    return f"{first.lower()} {rest}" if first[1:].islower() or len(first) == 1 else sentence


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}..."


def _of_value(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    row = first.row
    where = place(row.location)
    match row.kind:
        case Kind.BODY_MALFORMED:
            return _malformed(group, first, background)
        case Kind.PROPERTY_MISSING:
            return f"{where} is missing", _missing(group, row)
        case Kind.PROPERTY_UNDOCUMENTED:
            named = _undeclared(group, row)
            return (
                f"{named} {'are' if ' and ' in named else 'is'} not declared",
                f"Remove {named}, which typed clients do not know{_instead(group)}.",
            )
        case Kind.NULL_UNEXPECTED:
            return f"{where} is null", f"Send {row.expected} as {where}, or leave it out."
        case Kind.SHAPE_VANISHED:
            return f"{where} has vanished: {row.expected}", (
                f"Send {where} again. If it is gone for good, prepare clients, and learn that "
                "(cohere-conformance explain shape-vanished)."
            )
        case Kind.SHAPE_NEW:
            return f"{where} is new: {row.observed}", (
                f"Check that clients can read it; the contract allows it. Expected: {row.expected}."
            )
        case Kind.SDK_INCOMPATIBLE:
            return f"{where}: {row.observed}", (
                "Use a release of the SDK that returns this; the server need not change anything."
            )
        case Kind.ENUM_UNKNOWN | Kind.UNION_UNMATCHED if group.key.parts[0] == Kind.ENUM_UNKNOWN:
            rows = (one.row for one in group.members if one.row.kind in {Kind.ENUM_UNKNOWN, row.kind})
            values = sorted({row.observed, *(one.observed for one in rows)})
            return f"{where} is {listed(values)}", f"Send {row.expected} as {where}."
        case Kind.TYPE_CHANGED if row.observed[:1] in _CONTAINERS:
            return f"{where} is {_CONTAINERS[row.observed[:1]]}", f"Send {row.expected} as {where}."
    if row.expected == "absent":
        return f"{where} is {row.observed}", f"Leave {where} out."
    change = f"Send {row.expected} as {where}."
    if row.kind is not Kind.EXPECTATION_FAILED:
        return f"{where} is {row.observed}", change
    about = background.sentences.cases.get(min(first.cases, default=""), "")
    if row.observed.startswith(NO_EVENT):
        event = row.observed.removeprefix(NO_EVENT)
        return f"Streams of {_where(group)} have no {event} events", f"Send {event} events. {about}".rstrip()
    if row.expected.startswith("other than "):
        title = f"{where} is {_clipped(row.observed, _MOST_OBSERVED)}, where another value is expected"
        return title, f"Send another value as {where}. {about}".rstrip()
    title = f"{place(first.place)} is absent" if first.absent else _instead_of(where, row)
    return title, f"{change} {about}".rstrip()


def _missing(group: CauseGroup, row: Row) -> str:
    """Return what to send where a property is missing, as far as what is undeclared beside it shows that."""
    parent, _, name = row.location.rpartition("/")
    rows = [one.row for one in group.every if one.row.kind is Kind.PROPERTY_UNDOCUMENTED]
    beside = {one.location: one.observed for one in rows if one.location.rpartition("/")[0] == parent}
    if len(beside) > _MOST_RENAMED:
        undeclared = listed(sorted(map(place, beside)))
        return f"Send {place(row.location)} around what is not declared beside it: {undeclared}."
    if len(beside) != 1:
        return f"Send {place(row.location)}: {row.expected}."
    ((location, observed),) = beside.items()
    where = place(location)
    if ": {" in observed and f'"{name}"' in row.example.response_text:
        return f"Send what is in {where} without {where} around it."
    return f"Send {place(row.location)} instead of {where}, which is not declared."


def _instead(group: CauseGroup) -> str:
    """Return what cases miss where something undeclared is."""
    missing = sorted({place(one.place) for one in group.followers if one.by_case and _is_missed(one)})
    return f", and send {listed(missing)}" if missing else ""


def _is_missed(one: SeenFinding) -> bool:
    return one.absent or one.row.observed.startswith("absent from its ")


def _undeclared(group: CauseGroup, row: Row) -> str:
    """Return the undeclared properties of the object of one, for a reader."""
    parent = row.location.rpartition("/")[0]
    rows = (one.row for one in group.every if one.row.kind is Kind.PROPERTY_UNDOCUMENTED)
    names = sorted({one.location for one in rows if one.location.rpartition("/")[0] == parent})
    return listed([place(name) for name in names])


def _error_body(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    framework = group.key.framework
    change = 'Send errors as {"id": UUID, "message": TEXT}.'
    if framework and all(one.row.status >= 500 for one in group.members):
        title = f"{_do(group, 'fail')} with {first.row.status} and an error in the form of {framework}"
        return title, f"Find the exception in the log of the server. {change}"
    if framework:
        return f"Errors have the form of {framework}", change
    if len(group.key.parts) == 1:
        return f"Errors have the form {group.key.parts[0]}", change
    if first.row.kind is Kind.BODY_MALFORMED:
        return f"Errors are not JSON: {first.row.observed}", change
    return f"Errors: {_of_value(group, first, background)[0]}", change


def _no_operation(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    status = min((one.row.status for one in group.members if str(one.row.status) in NOT_THERE), default=404)
    return (
        f"Not implemented (status {status}): {listed(sorted(group.operations))}",
        "Implement them; or, if that is not meant, name what the target implements with --declares.",
    )


def _refuses_everything(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    says = error_text(first.row.example.response_text)
    return refusing_words(group.key, _where(group), _clipped(says, _MOST_OBSERVED))


def _echo(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return f"{_do(group, 'respond')} with the body of the request", (
        "Implement them, or forward their requests to what does; nothing else of them could be checked."
    )


def _unvalidated(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return unvalidated_words(_where(group))


def _response_form(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    form, operation, part = group.key.parts
    if part == STREAM:
        return f"Streams of {operation} have the form of {form}", (
            "Send the events of version 2, each with its type: message-start, content-start, content-delta, "
            "content-end, message-end."
        )
    missing, undeclared = (
        [place(one.row.location) for one in group.members if one.row.kind is kind and _is_top(one.row)]
        for kind in (Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED)
    )
    title = f"Responses of {operation} have the form of {form}"
    if not missing and all(one.row.kind is Kind.PROPERTY_UNDOCUMENTED for one in group.members):
        named, change = _of_value(group, first, background)
        return f"{named}; they are of {form}", change
    if not missing:
        return title, _of_value(group, first, background)[1]
    instead = f" instead of {listed(sorted(set(undeclared)))}" if undeclared else ""
    return title, f"Send {listed(sorted(set(missing)))}{instead}."


def _is_top(row: Row) -> bool:
    return row.location.count("/") == 1


def _model_unknown(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    names = {name for one in group.members if (name := model_of(one))}
    if any(one.row.requirement for one in group.members):
        return f"Models that are listed do not exist (status 404): {listed(sorted(names))}", (
            "Serve the models that GET /v1/models lists, or do not list them."
        )
    return f"Models that cases name do not exist (status 404): {listed(sorted(names))}", (
        "Serve them; or, if that is not meant, accept these findings with a baseline."
    )


def _no_feature(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    feature = group.key.parts[0]
    return (
        f"The server does without {feature}",
        f"Implement it, or say that it is not meant to exist with --without {feature}.",
    )


def _crash(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return f"{_do(group, 'fail')} with {first.row.status}", "Find the exception in the log of the server."


def _unexpected_status(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    first = next((one for one in group.members if one.row.kind is Kind.STATUS_UNEXPECTED), first)
    row = first.row
    case = min(first.cases, default="")
    about = background.sentences.cases.get(case, "").rstrip(".")
    title = f"{_do(group, 'respond')} {row.status} instead of {row.expected.removeprefix('status ')}"
    if outcome(row) == REFUSED and (text := error_text(row.example.response_text)):
        title = f"{title}: {text}"
    elif about:
        title = f"{title}: {_continued(about)}"
    return title, f"{about}." if about else f"Respond with {row.expected}."


def _undeclared_status(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    declared = [code for code in _CODE.findall(first.row.expected) if code[0] == first.row.observed[0]]
    instead = f"Respond {' or '.join(declared)} instead" if declared else "Respond with a declared status"
    return (
        f"{_do(group, 'respond')} {first.row.observed}, which is not declared",
        f"{instead}: typed clients expect nothing else.",
    )


def _media_type(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    expected = first.row.expected.removeprefix("one of ")
    verb = "respond" if any(one.row.status < 400 for one in group.every) else "refuse"
    return (
        f"{_do(group, verb)} with {first.row.observed} instead of {expected}",
        f"Send {expected} as content-type, and a body that fits.",
    )


def _malformed(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return f"Bodies of {_where(group)} cannot be parsed: {first.row.observed}", f"Send {first.row.expected}."


def _broken(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return f"Responses are incomplete: {first.row.observed}", "Send the complete response."


def _topic(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    name, what = group.key.parts
    topic = named(name)
    if what == REFUSED and re.search(rf"\b{first.row.status}\b", topic.refused):
        return _unexpected_status(group, first, background)  # the right status for others, but not for this
    return (topic.accepted if what == ACCEPTED else topic.refused), topic.change


def _key(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    if not group.key.parts:
        return "The key is not checked", named("key-missing").change
    topic = named(group.key.parts[0])
    return (topic.accepted if outcome(first.row) == ACCEPTED else topic.refused), topic.change


def _crash_on_invalid(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return (
        f"Invalid requests crash {_where(group)} (status {first.row.status})",
        "Validate requests before they are used, and respond 400 or 422 to invalid ones.",
    )


def _forbidden(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    return "Requests without a valid key are refused with 403", "Respond 401 instead of 403."


def _input(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    row, where = first.row, _where(group)
    subject = common_trait(group) or described(first)
    changed = [changed_part(one.row) for one in group.members]
    locations = {one for part, name in changed if part == BODY for one in name.split(", ") if one.strip("/")}
    at = f": {listed(sorted(map(place, locations)))}" if locations else ""
    if row.kind is Kind.SERVER_ERROR:
        return f"{subject} crash {where} (status {row.status}){at}", (
            "Find the exception in the log of the server; serve such requests, or refuse them with 4xx."
        )
    if row.kind is Kind.VALID_REFUSED:
        allowed = row.expected.partition("the contract allows ")[2]
        return f"{subject} are refused by {where}, although they are allowed{at}", (
            f"Accept such requests{f'; allowed here: {allowed}' if allowed else ''}."
        )
    broken = row.expected.removeprefix("a refusal of what is ")
    return f"{subject} are accepted by {where}{at}", f"Refuse them with 400 or 422; sent here: {broken}."


def _spelling(group: CauseGroup, first: SeenFinding, background: Background) -> tuple[str, str]:
    names: dict[str, str] = {}
    for one in group.members:
        names |= respelled(one)
    spelled = sorted(names)
    return f"Properties are spelled in camelCase: {listed(spelled)}", (
        f"Spell them as the contract does: {listed([names[name] for name in spelled])}."
    )


_WORDS: dict[str, Callable[[CauseGroup, SeenFinding, Background], tuple[str, str]]] = {
    "requirement": _requirement,
    "error-body": _error_body,
    "no-operation": _no_operation,
    REFUSES_EVERYTHING: _refuses_everything,
    ECHO: _echo,
    UNVALIDATED: _unvalidated,
    "response-form": _response_form,
    "model-unknown": _model_unknown,
    "no-feature": _no_feature,
    "crash": _crash,
    "crash-on-invalid": _crash_on_invalid,
    "forbidden": _forbidden,
    "topic": _topic,
    "key": _key,
    "input": _input,
    "unexpected-status": _unexpected_status,
    "status": _undeclared_status,
    "media-type": _media_type,
    "spelling": _spelling,
    "broken-response": _broken,
}
