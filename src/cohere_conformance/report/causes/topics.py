"""Subjects that cases of many operations have in common, such as keys and unknown fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.shape import Row


@dataclass(frozen=True)
class Topic:
    """A subject of many cases and some requirements.

    Attributes:
        name: of the topic; it never changes, because ids of causes depend on it.
        requirements: ids of the requirements about it.
        cases: form of the last part of the ids of cases about it.
        accepted: what is wrong if the request is accepted.
        refused: what is wrong if it is refused, or refused in another way than expected.
        change: what to change.
    """

    name: str
    requirements: frozenset[str]
    cases: re.Pattern[str]
    accepted: str
    refused: str
    change: str


def _topic(name: str, requirements: str, cases: str, accepted: str, refused: str, change: str) -> Topic:
    return Topic(name, frozenset(requirements.split()), re.compile(cases), accepted, refused, change)


TOPICS = (
    _topic(
        "key-missing",
        "common.key-missing",
        r"no-key(-[a-z]+)*|none|empty",
        "Requests without a key are accepted",
        "Requests without a key are not refused with 401",
        "Check the Authorization header before anything else, and respond 401 if there is no key.",
    ),
    _topic(
        "key-wrong",
        "common.key-wrong",
        r"wrong(-key)?",
        "Requests with an unknown key are accepted",
        "Requests with an unknown key are not refused with 401",
        "Compare the key with those that exist before anything else, and respond 401 to any other.",
    ),
    _topic(
        "key-scheme",
        "common.key-scheme",
        r"malformed(-key)?",
        "Credentials of another scheme than bearer are accepted",
        "Credentials of another scheme than bearer are not refused with 401",
        "Respond 401 if the scheme of the Authorization header is not Bearer.",
    ),
    _topic(
        "json-syntax",
        "common.json-syntax",
        r"malformed-json|no-body",
        "Bodies that are not JSON are accepted",
        "Bodies that are not JSON are not refused with 400",
        "Respond 400 to a body that cannot be parsed.",
    ),
    _topic(
        "unknown-field",
        "common.v2-unknown-field common.v2-unknown-nested-field common.v2-unknown-field-status "
        "common.v1-unknown-field-served",
        r"unknown(-nested)?-field",
        "Unknown fields are accepted where they should be refused",
        "Unknown fields are refused with the wrong status, or where they should be accepted",
        "Ignore unknown fields in version 1, and refuse them with 422 in version 2.",
    ),
    _topic(
        "nulls",
        "common.null-is-absent",
        r"nulls",
        "Properties that are null are accepted where they should be refused",
        "Optional properties that are null are refused",
        "Take an optional property that is null as absent.",
    ),
    _topic(
        "client-name",
        "common.client-name",
        r"client-name",
        "The header X-Client-Name changes the response",
        "Requests with the header X-Client-Name are refused",
        "Ignore the header X-Client-Name.",
    ),
    _topic(
        "unknown-model",
        "common.unknown-model-status",
        r"unknown-model",
        "Models that do not exist are served",
        "Models that do not exist are not refused with 404",
        "Respond 404 if the model does not exist.",
    ),
    _topic(
        "required",
        "common.required-refused",
        r"no-(?!key|body|results|match)[a-z-]+|empty-body",
        "Bodies without a required property are accepted",
        "Bodies without a required property are not refused with 400 or 422",
        "Refuse a body without a required property with 400 or 422.",
    ),
    _topic(
        "invalid",
        "common.invalid-refused",
        r".+-of-wrong-(type|format)|.+-(above|below)|empty-page|page-too-large|unknown-(type|status|input-type|endpoint|kind-of-token)|fraction|negative",
        "Values of a wrong type or out of range are accepted",
        "Values of a wrong type or out of range are not refused with 400 or 422",
        "Validate the types and ranges of the request, and refuse invalid values with 400 or 422.",
    ),
)
_ABOUT_KEYS = re.compile("|".join(one.cases.pattern for one in TOPICS if one.name.startswith("key-")))
_UNKNOWN = re.compile(r"unknown|odd-name")
"""Cases that read a model which does not exist."""
_NO_CRASH = "common.no-crash"
_FOR_CONTENT = re.compile(r"\b4(?:00|22)\b")
"""Statuses of a refusal for what is in a request."""
CRASHED, ACCEPTED, REFUSED = "crashed", "accepted", "refused"


def crashed_on_invalid(one: SeenFinding) -> bool:
    """Return whether the server fails with 5xx where it should or may refuse what is in the request."""
    row = one.row
    if row.status < 500 or "401" in row.expected:
        return False
    of_status = row.kind in {Kind.STATUS_UNEXPECTED, Kind.REQUIREMENT_VIOLATED}
    may = row.kind is Kind.STATUS_UNEXPECTED and _FOR_CONTENT.search(row.expected) is not None
    return row.requirement == _NO_CRASH or may or (of_status and refusal_expected(row))


def refusal_expected(row: Row) -> bool:
    """Return whether what is expected is a refusal: by a requirement, or with 4xx statuses only."""
    if row.expected.startswith("a refusal"):
        return True
    statuses = re.findall(r"\b\d{3}\b", row.expected.partition(":")[0])
    return bool(statuses) and all(status.startswith("4") for status in statuses)


def topic_of(one: SeenFinding) -> Topic | None:
    """Return the subject of a finding; `None` if it has none that operations share."""
    row = one.row
    if row.requirement:
        return next((topic for topic in TOPICS if row.requirement in topic.requirements), None)
    if row.kind is not Kind.STATUS_UNEXPECTED:
        return None
    subjects = {case.rpartition(".")[2] for case in one.cases}
    if subjects and "401" in row.expected and all(map(_ABOUT_KEYS.fullmatch, subjects)):
        # One finding has the cases of all keys where they got the same status, such as 404.
        return next(topic for topic in TOPICS if any(map(topic.cases.fullmatch, subjects)))
    if row.operation.endswith("/{model}") and row.status < 300 and all(map(_UNKNOWN.fullmatch, subjects)):
        return named("unknown-model")
    for topic in TOPICS:
        about_key = topic.name.startswith("key-") and "401" not in row.expected
        if subjects and not about_key and all(map(topic.cases.fullmatch, subjects)):
            return topic
    return None


def outcome(row: Row) -> str:
    """Return what the server did with the request."""
    return CRASHED if row.status >= 500 else ACCEPTED if row.status < 300 else REFUSED


def named(name: str) -> Topic:
    """Return the topic of a name."""
    return next(topic for topic in TOPICS if topic.name == name)
