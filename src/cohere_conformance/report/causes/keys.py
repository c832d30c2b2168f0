"""What the findings of one mistake have in common: the rules that group them, the most specific one first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.absent import absent_operations
from cohere_conformance.report.causes.echoing import ECHO, echoing_operations
from cohere_conformance.report.causes.forms import form_of
from cohere_conformance.report.causes.frameworks import error_text, own_form, recognised
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.inputs import BODY, MEDIA_TYPE, changed_part, sort_of_input
from cohere_conformance.report.causes.named_models import model_of, not_found
from cohere_conformance.report.causes.refusing import RefusingOperations
from cohere_conformance.report.causes.spelling import respelled
from cohere_conformance.report.causes.streams import stream_key
from cohere_conformance.report.causes.topics import (
    ACCEPTED,
    crashed_on_invalid,
    outcome,
    topic_of,
)
from cohere_conformance.report.causes.unvalidated import unvalidated_key, unvalidated_operations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.report.causes.seen import Background, SeenFinding
    from cohere_conformance.report.coverage import Coverage
    from cohere_conformance.report.shape import Row

_HEADERS = frozenset({Kind.HEADER_MISSING, Kind.HEADER_INVALID})
_BY_INPUT = frozenset({Kind.SERVER_ERROR, Kind.VALID_REFUSED, Kind.RULE_UNENFORCED})
_SCHEMA = frozenset(
    {
        Kind.BODY_MALFORMED,
        Kind.PROPERTY_MISSING,
        Kind.PROPERTY_UNDOCUMENTED,
        Kind.TYPE_CHANGED,
        Kind.NULL_UNEXPECTED,
        Kind.ENUM_UNKNOWN,
        Kind.FORMAT_INVALID,
        Kind.BOUND_EXCEEDED,
        Kind.PATTERN_MISMATCH,
        Kind.UNION_UNMATCHED,
        Kind.SHAPE_VANISHED,
        Kind.SHAPE_NEW,
        Kind.SDK_INCOMPATIBLE,
    }
)


class Facts:
    """What holds for a whole run.

    Args:
        sightings: every finding.
        coverage: of the run.
        background: what explains findings besides themselves.

    Attributes:
        background: what explains findings besides themselves.
        absent: operations that do not seem to exist on the target.
        unvalidated: operations that refuse no invalid request of the fuzzer.
        refusing: operations that serve nothing, with one status.
        echoing: operations that send the request back.
        checks_keys: whether requests without a key are refused.
        missing_models: names of models that do not exist on the target, though cases expect them.
    """

    def __init__(self, sightings: Sequence[SeenFinding], coverage: Coverage, background: Background) -> None:
        self.background = background
        self.checks_keys = not any(_without_key(one) for one in sightings)
        self._groups = coverage.groups
        served = {one.operation for one in coverage.operations if any(map(_success, one.statuses))}
        self.missing_models = frozenset(
            model
            for one in sightings
            if one.row.operation in served and not_found(one) and "200" in one.row.expected
            if (model := model_of(one)) is not None
        )
        self.absent = absent_operations(sightings, coverage)
        self.refusing = RefusingOperations(sightings, coverage, self.absent)
        self.echoing = echoing_operations(sightings)
        self.unvalidated = unvalidated_operations(sightings, coverage)
        self._judged = {one.operation: one.judged for one in coverage.operations}

    def group(self, operation: str) -> str:
        """Return the group of an operation; the operation itself, if it has none."""
        return self._groups.get(operation, operation)


def _success(status: str) -> bool:
    return status.startswith("2")


def _without_key(one: SeenFinding) -> bool:
    """Return whether a request without a key was served."""
    topic = topic_of(one)
    return topic is not None and topic.name == "key-missing" and outcome(one.row) == ACCEPTED


def key_of(one: SeenFinding, facts: Facts) -> Key:
    """Return what a finding has in common with others of the same mistake."""
    return next(key for rule in _RULES if (key := rule(one, facts)) is not None)


def _client(one: SeenFinding, facts: Facts) -> Key | None:
    row = one.row
    if row.kind is Kind.ROUTE_UNKNOWN:
        return Key("route", (row.operation,))
    if row.kind is Kind.REQUEST_INVALID:
        declared = facts.background.declaration(row.operation, row.location)
        return Key("request", (declared, one.value_class))
    return None


def _no_operation(one: SeenFinding, facts: Facts) -> Key | None:
    if one.row.operation in facts.absent:
        return Key("no-operation", ())
    return None


def _refuses_everything(one: SeenFinding, facts: Facts) -> Key | None:
    return facts.refusing.key(one)


def _echo(one: SeenFinding, facts: Facts) -> Key | None:
    """Return that an operation does nothing; whether it checks the key is another question."""
    if not one.served or one.row.operation not in facts.echoing:
        return None
    topic = topic_of(one)
    return None if topic is not None and topic.name.startswith("key-") else ECHO


def _no_feature(one: SeenFinding, facts: Facts) -> Key | None:
    """Return the feature that the server lacks, if a requirement is about it or every case needs it."""
    for feature, cases in facts.background.missing.items():
        about_it = one.row.requirement in facts.background.about_missing.get(feature, ())
        if about_it or (one.cases and one.cases <= frozenset(cases)):
            return Key("no-feature", (feature,), feature=feature)
    return None


def _broken(one: SeenFinding, _: Facts) -> Key | None:
    return Key("broken-response", (one.value_class,)) if one.row.kind is Kind.ANSWER_BROKEN else None


def _error_body(one: SeenFinding, _: Facts) -> Key | None:
    row = one.row
    about_body = row.kind in _SCHEMA or row.kind in {Kind.ERROR_ENVELOPE, Kind.MEDIA_TYPE_UNDECLARED}
    if row.status < 400 or not about_body:
        return None
    if row.kind is Kind.MEDIA_TYPE_UNDECLARED and error_text(row.example.response_text):
        return None  # of a body that can be parsed as JSON, as in successes
    if framework := recognised(row.example.response_text):
        return Key("error-body", (framework,), framework=framework)
    if form := own_form(row.example.response_text):
        return Key("error-body", (form,))
    if row.kind is Kind.PROPERTY_UNDOCUMENTED:
        return Key("error-body", (row.kind, row.location.rpartition("/")[0]))
    return Key("error-body", (row.kind, row.location, one.value_class))


def _response_form(one: SeenFinding, _: Facts) -> Key | None:
    if form := form_of(one.row):
        return Key("response-form", (form.framework, one.row.operation, form.part), framework=form.framework)
    return None


def _model_unknown(one: SeenFinding, facts: Facts) -> Key | None:
    if not_found(one) and model_of(one) in facts.missing_models:
        return Key("model-unknown", ())
    return None


def _crash_on_invalid(one: SeenFinding, _: Facts) -> Key | None:
    return Key("crash-on-invalid", ()) if crashed_on_invalid(one) else None


def _forbidden(one: SeenFinding, _: Facts) -> Key | None:
    row = one.row
    if row.status == 403 and "401" in row.expected:
        return Key("forbidden", ())
    return None


def _topic(one: SeenFinding, facts: Facts) -> Key | None:
    topic = topic_of(one)
    if topic is None:
        return None
    # Where another rule of the request is checked first, or none, the key is not.
    if topic.name.startswith("key-"):
        return Key("key", (topic.name,) if facts.checks_keys else ())
    return Key("topic", (topic.name, outcome(one.row)))


def _unvalidated(one: SeenFinding, facts: Facts) -> Key | None:
    return unvalidated_key(one, facts.unvalidated)


def _spelling(one: SeenFinding, _: Facts) -> Key | None:
    return Key("spelling", ()) if respelled(one) else None


def _requirement(one: SeenFinding, _: Facts) -> Key | None:
    return Key("requirement", (one.row.requirement,)) if one.row.requirement else None


def _header(one: SeenFinding, _: Facts) -> Key | None:
    row = one.row
    return Key("header", (row.kind, row.location, one.value_class)) if row.kind in _HEADERS else None


def _media_type(one: SeenFinding, _: Facts) -> Key | None:
    if one.row.kind is Kind.MEDIA_TYPE_UNDECLARED:
        return Key("media-type", (one.value_class,))
    return None


def _status(one: SeenFinding, _: Facts) -> Key | None:
    return Key("status", (one.value_class,)) if one.row.kind is Kind.STATUS_UNDECLARED else None


def _stream(one: SeenFinding, _: Facts) -> Key | None:
    return stream_key(one)


def _wherever(row: Row) -> str | None:
    """Return what a location has in common with those in other responses where the same is wrong.

    A server forgets an id in the responses of all operations, and adds the same property to a plain response
    and to the last event of a stream.
    """
    if row.kind is Kind.PROPERTY_MISSING and row.location.count("/") == 1 and row.location.startswith("/"):
        return row.location
    if row.kind is Kind.PROPERTY_UNDOCUMENTED:
        parent, _, name = row.location.rpartition("/")
        above = parent.rpartition("/")[2]
        return f"{above}/{name}" if above == "usage" else None
    return None


def _declaration(one: SeenFinding, facts: Facts) -> Key | None:
    row = one.row
    if row.kind not in _SCHEMA:
        return None
    if row.kind is Kind.ENUM_UNKNOWN or (row.kind is Kind.UNION_UNMATCHED and row.observed.startswith('"')):
        # A plain response and the last event of a stream have it at different locations; who spells one value
        # in another way does so with all of them.
        name = row.location.rpartition("/")[2]
        return Key("declaration", (Kind.ENUM_UNKNOWN, name, facts.group(row.operation)))
    if not row.location and row.kind is not Kind.BODY_MALFORMED:
        # Of a body that is null, an array or a text nothing else can be said.
        return Key("declaration", (row.kind, "", one.value_class))
    if where := _wherever(row):
        return Key("declaration", (row.kind, where, one.value_class))
    return Key(
        "declaration",
        (row.kind, facts.background.declaration(row.operation, row.location), one.value_class),
    )


def _input(one: SeenFinding, _: Facts) -> Key | None:
    """Return what was changed in a generated request, wherever it was: most servers read it in one place."""
    row = one.row
    if row.kind not in _BY_INPUT:
        return None
    part, name = changed_part(row)
    outcome_class = f"{row.status // 100}xx"
    sort = sort_of_input(one)
    if part == "header" and sort != MEDIA_TYPE:
        return Key("input", (row.kind, outcome_class, part, name))
    if part not in {BODY, "header"}:
        return Key("input", (row.kind, outcome_class, part))
    return Key("input", (row.kind, outcome_class, "request", sort))


def _golden(one: SeenFinding, _: Facts) -> Key | None:
    return Key("golden", (one.place, one.value_class)) if one.row.kind is Kind.GOLDEN_CHANGED else None


def _unexpected_status(one: SeenFinding, facts: Facts) -> Key | None:
    row = one.row
    if row.kind is not Kind.STATUS_UNEXPECTED:
        return None
    if row.status >= 500:
        return Key("crash", (row.operation, str(row.status)))
    subjects = sorted({case.rpartition(".")[2] for case in one.cases})
    return Key("unexpected-status", (facts.group(row.operation), outcome(row), *subjects[:1]))


def _expectation(one: SeenFinding, _: Facts) -> Key:
    return Key("expectation", (one.row.kind, one.place, one.value_class))


_RULES: tuple[Callable[[SeenFinding, Facts], Key | None], ...] = (
    _client,
    _no_operation,
    _refuses_everything,
    _echo,
    _no_feature,
    _broken,
    _error_body,
    _response_form,
    _model_unknown,
    _crash_on_invalid,
    _forbidden,
    _unvalidated,
    _topic,
    _spelling,
    _requirement,
    _header,
    _stream,
    _media_type,
    _status,
    _declaration,
    _input,
    _golden,
    _unexpected_status,
    _expectation,
)
