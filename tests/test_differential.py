"""A second opinion: `jsonschema` and the fast path report the same errors for every value.

The fast path is what every verdict rests on, and it is a binding of foreign code. The reference is slow and
independent. Three things are set right in it, because there the standards side with the fast path: `$` in a
pattern is the very end (ECMA-262; Python lets a line feed follow), a `date-time` is what RFC 3339 says (the
package refuses leap seconds and the year 0000, and lets a line feed follow), a `uuid` is hexadecimal (Python
takes signs, underscores, blanks and digits of other scripts for digits).
"""

from __future__ import annotations

import calendar
import json
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import arbitrary
import jsonschema
import pytest
from jsonschema.exceptions import ValidationError
from mutations.build import variants
from mutations.change import replaced
from mutations.values import edits

from cohere_conformance.checks.framing import split
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.compile import Validator
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract import Contract, Media, Operation

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "interactions.jsonl"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
UUID = "5f0c6f9a-3d51-4c7e-9a54-0d7f1f6f2b11"
TEXTS: dict[str, dict[str, bool]] = {
    "date-time": {
        "2024-02-29T23:59:59Z": True,
        "2024-02-29t23:59:59.123456789z": True,
        "2024-02-29T23:59:59-00:00": True,
        "2024-02-29T23:59:59+23:59": True,
        "2024-02-29 23:59:59Z": False,
        "2024-02-29T23:59:59": False,
        "2024-02-29T23:59Z": False,
        "2024-02-29": False,
        "2023-02-29T00:00:00Z": False,
        "1900-02-29T00:00:00Z": False,
        "2024-00-01T00:00:00Z": False,
        "2024-13-01T00:00:00Z": False,
        "2024-01-01T24:00:00Z": False,
        "2024-01-01T00:60:00Z": False,
        "2024-01-01T00:00:61Z": False,
        "2024-01-01T00:00:00+24:00": False,
        "2024-01-01T00:00:00+12:60": False,
        "2024-01-01T00:00:00+0000": False,
        "2024-01-01T00:00:00.Z": False,
        "2024-01-01T00:00:00,5Z": False,
        "12024-01-01T00:00:00Z": False,
        "２024-01-01T00:00:00Z": False,
        " 2024-01-01T00:00:00Z": False,
        "": False,
    },
    "uuid": {
        UUID: True,
        UUID.upper(): True,
        "00000000-0000-0000-0000-000000000000": True,
        UUID.replace("-", ""): False,
        f"{{{UUID}}}": False,
        f"urn:uuid:{UUID}": False,
        f"{UUID}\n": False,
        f"{UUID}1": False,
        UUID[:-1]: False,
        f"{UUID[:-1]}g": False,
        "": False,
    },
}
"""Examples of the standards on which the unaltered package agrees."""
TEXTS_OF_OUR_OWN: dict[str, dict[str, bool]] = {
    "date-time": {
        "2016-12-31T23:59:60Z": True,
        "2016-12-31T15:59:60-08:00": True,
        "2017-01-01T05:29:60+05:30": True,
        "2016-12-31T23:59:60+01:00": False,
        "2016-12-31T12:00:60Z": False,
        "0000-02-29T00:00:00Z": True,
        "0000-02-30T00:00:00Z": False,
        "2024-01-01T00:00:00Z\n": False,
    },
    "uuid": {
        f"+{UUID[1:]}": False,
        f" {UUID[1:]}": False,
        f"0x{UUID[2:]}": False,
        f"{UUID[:-2]}_1": False,
        f"٣{UUID[1:]}": False,
    },
}
"""Examples of the standards on which the package disagrees, or sometimes does."""


# --- the reference


def is_uuid(value: object) -> bool:
    return not isinstance(value, str) or _UUID.fullmatch(value) is not None


def is_date_time(value: object) -> bool:
    """Say whether RFC 3339 allows it; a leap second only where UTC has one, at the last minute of a day."""
    if not isinstance(value, str):
        return True
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    ahead, hours, minutes = match[7], int(match[8] or 0), int(match[9] or 0)
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60 and hours < 24 and minutes < 60):
        return False
    # The calendar of a year repeats after 400, and Python's knows no year 0.
    if not 1 <= day <= calendar.monthrange(year or 400, month)[1]:
        return False
    shift = (hours * 60 + minutes) * (-1 if ahead == "+" else 1)
    return second < 60 or (hour * 60 + minute + shift) % 1440 == 1439


def _pattern(
    validator: jsonschema.Draft202012Validator, pattern: str, instance: object, schema: object
) -> Iterator[ValidationError]:
    if not isinstance(instance, str):
        return
    # No class or dot, which the two dialects read differently: then the end is all there is to set right.
    assert not re.search(r"\\[dDwWsSbB]|\.", pattern), pattern
    if re.search(re.sub(r"\$(?=$|[)|])", r"\\Z", pattern), instance) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_FORMATS = jsonschema.FormatChecker(formats=[])
_FORMATS.checks("uuid")(is_uuid)
_FORMATS.checks("date-time")(is_date_time)


def _reference(schema: Any) -> Any:
    """Return the reference, which looks at a value once for each subschema to which it conforms.

    Values that are compared one after the other share all parts but one, mostly. The validator of a subschema
    is made once: none has an id of its own, which would change what its references mean.
    """
    made = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
    descend, evolve = made.descend, made.evolve
    evolved: dict[int, Any] = {}
    conforming: dict[tuple[int, int], tuple[object, object]] = {}

    def descend_once(self: Any, instance: object, schema: object, **how: Any) -> Iterator[ValidationError]:
        key = (id(schema), id(instance))
        if key in conforming:
            return
        conforms = True
        for error in descend(self, instance, schema, **how):
            conforms = False
            yield error
        if conforms:
            # Both are stored, because the id of a freed object is reused.
            conforming[key] = (schema, instance)

    def evolve_once(self: Any, schema: Any, **changes: Any) -> Any:
        if id(schema) not in evolved:
            evolved[id(schema)] = evolve(self, schema=schema, **changes)
        return evolved[id(schema)]

    made.descend, made.evolve = descend_once, evolve_once
    return made(schema, format_checker=_FORMATS)


_REFERENCES: dict[int, tuple[Validator, Any]] = {}
"""By the identity of the fast validator, which is stored because the id of a freed object is reused."""

Errors = set[tuple[tuple[str, ...], str]]


def fast(validator: Validator, value: Any) -> Errors:
    found = set()
    for error in validator.compiled.iter_errors(value):
        path, keyword = error.instance_path, str(error.schema_path[-1])
        # Without declared properties the fast path reports each name by itself, at its own place.
        by_name = keyword == "additionalProperties" and "unexpected" not in error.kind.as_dict()
        found.add((_path(path[:-1] if by_name else path), keyword))
    assert validator.compiled.is_valid(value) is not bool(found), "the library contradicts itself"
    return found


def _path(tokens: Iterable[str | int]) -> tuple[str, ...]:
    """Return a path in the form of the fast validator: `"0"` is a number, and `""` is omitted."""
    return tuple(str(token) for token in tokens if token != "")


def slow(validator: Validator, value: Any) -> Errors:
    if id(validator) not in _REFERENCES:
        _REFERENCES[id(validator)] = (validator, _reference(validator.schema))
    _, reference = _REFERENCES[id(validator)]
    return {(_path(error.absolute_path), str(error.validator)) for error in reference.iter_errors(value)}


# --- what is compared


def _of_operation(operation: Operation) -> Iterator[tuple[str, Validator]]:
    for media_type, validator in operation.request.media.items() if operation.request else ():
        yield f"{operation.label} request {media_type}", validator
    for status, declared in operation.responses.items():
        for header in declared.headers.values():
            yield f"{operation.label} {status} header {header.name}", header.value
        for media in declared.media.values():
            location = f"{operation.label} {status} {media.name}"
            if media.body is not None:
                yield location, media.body
            for tag, branch in media.events.branches.items() if media.events else ():
                yield f"{location} {tag}", branch


def _distinct(contract: Contract) -> list[Any]:
    """Return every validator of the contract once, named by where it is met first."""
    named: dict[int, tuple[str, Validator]] = {}
    for operation in contract.operations.values():
        for name, validator in _of_operation(operation):
            named.setdefault(id(validator), (name, validator))
    return [pytest.param(validator, id=name) for name, validator in named.values()]


EVERY = _distinct(load_contract())


def _formats(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("format"), str):
            yield node["format"]
        for value in node.values():
            yield from _formats(value)
    elif isinstance(node, list):
        for value in node:
            yield from _formats(value)


def test_every_asserted_format_has_a_reference() -> None:
    used = {name for parameter in EVERY for name in _formats(parameter.values[0].schema)}
    assert used == set(_FORMATS.checkers)


@pytest.mark.parametrize(
    ("name", "text", "valid"),
    [(name, text, valid) for name, texts in TEXTS.items() for text, valid in texts.items()],
)
def test_a_format_is_that_of_its_standard(name: str, text: str, valid: bool) -> None:
    validator = Validator({"format": name})
    package = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert (not fast(validator, text), not slow(validator, text), package.conforms(text, name)) == (
        (valid,) * 3
    )


@pytest.mark.parametrize(
    ("name", "text", "valid"),
    [(name, text, valid) for name, texts in TEXTS_OF_OUR_OWN.items() for text, valid in texts.items()],
)
def test_a_format_is_that_of_its_standard_even_if_the_package_differs(
    name: str, text: str, valid: bool
) -> None:
    validator = Validator({"format": name})
    assert (not fast(validator, text), not slow(validator, text)) == (valid, valid)


@pytest.mark.parametrize("text", ["12", "-12", "12\n", "\n12", "", "1２", "x12", "12x"])
def test_the_end_of_a_pattern_is_the_end(text: str) -> None:
    validator = Validator({"pattern": "^-?[0-9]+$"})
    valid = text in {"12", "-12"}
    assert (not fast(validator, text), not slow(validator, text)) == (valid, valid)


@pytest.mark.parametrize("validator", EVERY)
def test_both_agree_on_what_conforms_and_on_every_change_of_it(validator: Validator) -> None:
    instances = variants(validator.schema)
    for value in instances:
        assert fast(validator, value) == slow(validator, value) == set()
    # The first has every property, the last only what is required: what the others add is not worth its time.
    for value in (instances[0], instances[-1]):
        for edit in edits(validator.schema, value):
            if edit.name != "reorder properties":
                assert fast(validator, edit.value) == slow(validator, edit.value), (edit.name, edit.location)


_WORDS = [text for texts in (TEXTS, TEXTS_OF_OUR_OWN) for each in texts.values() for text in each]


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inside:
        yield from _paths(item, (*path, name))


def _disturbed(random: Random, value: Any) -> Any:
    """Return the value with up to four places replaced, emptied or filled."""
    for _ in range(random.randint(0, 4)):
        new, name = arbitrary.value(random, _WORDS), arbitrary.text(random, 5)
        keep = random.random() < 0.5

        def disturb(old: Any, new: Any = new, name: str = name, keep: bool = keep) -> Any:
            if isinstance(old, dict) and keep:
                return {key: item for key, item in old.items() if key[:1] not in name} | {name: new}
            return [*old, new] if isinstance(old, list) and keep else new

        value = replaced(value, random.choice(list(_paths(value))), disturb)
    return value


@pytest.mark.parametrize("validator", EVERY)
def test_both_agree_on_whatever_becomes_of_it(validator: Validator) -> None:
    random, instances = Random(0), variants(validator.schema)
    for _ in range(100):
        value = _disturbed(random, random.choice(instances))
        assert fast(validator, value) == slow(validator, value), value


@pytest.fixture(scope="module")
def recordings() -> list[Exchange]:
    if not CORPUS.is_file():
        pytest.skip("the recordings are not part of the repository")
    return [one for one in parse_recording(str(CORPUS)) if isinstance(one, Exchange)]


@pytest.mark.parametrize("as_published", [False, True], ids=["amended", "published"])
def test_both_agree_on_every_recorded_body(as_published: bool, recordings: list[Exchange]) -> None:
    contract = load_contract(as_published=as_published)
    compared: set[tuple[int, bytes | str]] = set()
    for exchange in recordings:
        for validator, text in _recorded(contract, exchange):
            if (id(validator), text) not in compared:
                compared.add((id(validator), text))
                for value in _values(text):
                    assert fast(validator, value) == slow(validator, value), exchange.source.position
    assert len(compared) > 1000


def _recorded(contract: Contract, exchange: Exchange) -> Iterator[tuple[Validator, bytes | str]]:
    """Yield each JSON text of an exchange with the validator of its values."""
    label = contract.route(exchange.request.method, exchange.request.url).operation
    if label is None:
        return
    operation, response = contract.operations[label], exchange.response
    sent = operation.request.media.get("application/json") if operation.request else None
    if sent is not None and exchange.request.body:
        yield sent, exchange.request.body
    declared = operation.response(response.status)
    for media in declared.media.values() if declared else ():
        if media.body is not None and response.body is not None:
            yield media.body, response.body
        elif media.events is not None:
            yield from _events(media, exchange)


def _events(media: Media, exchange: Exchange) -> Iterator[tuple[Validator, bytes | str]]:
    assert media.events is not None
    body = exchange.response.body or b""
    kept = exchange.response.events
    for event in kept if kept is not None else split(body.decode("utf-8", "replace"), media.framing):
        for payload in _values(event.data):
            tag = payload.get(media.events.tag) if isinstance(payload, dict) else None
            if tag in media.events.branches:
                yield media.events.branches[tag], event.data


@cache
def _values(text: bytes | str) -> list[Any]:
    """Return the value of a JSON text; none where it has none, which is not a validator's business."""
    try:
        return [json.loads(text)]
    except ValueError:
        return []
