"""Digests of cases and contracts, which show that one has changed since a cassette was recorded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases.roles import needed_resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.model import Requirement

_DIGITS = 12
_BETWEEN = "-"


class CaseDigests:
    """Digests of the requests of cases.

    Args:
        suite: the resources that they need.
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def of(self, case: Case) -> str:
        """Return a digest (12 hex digits) of the requests of a case and of the resources that it needs.

        It depends on the requests with the models of their roles and their other placeholders, and on the
        key; not on the order of properties in objects, the location of the case in its file, or what the case
        expects.

        Raises:
            UsageError: a resource does not exist.
        """
        made = {one.name: one.create for one in needed_resources(case, self._suite)}
        return _digest([case.template, case.key, made])


class ContractDigests:
    """Digests of a contract, one for each operation, computed on first use.

    Args:
        contract: that exchanges are judged against.
        requirements: all there are.
    """

    def __init__(self, contract: Contract, requirements: Iterable[Requirement]) -> None:
        self._contract = contract
        self._requirements = tuple(requirements)
        self._made: dict[str, str] = {}

    def of(self, operation: str) -> str:
        """Return a digest of the contract and, after a hyphen, of its part for the operation.

        With equal second parts responses are judged alike: descriptions and examples are not in it;
        amendments, tolerances, the grammar of a stream and the requirements are.

        Args:
            operation: label; one that the contract does not declare has no second part.
        """
        if operation not in self._contract.operations:
            return self._contract.digest
        if operation not in self._made:
            declared = _declared(self._contract.operations[operation])
            demanded = sorted(
                (one.id, one.level) for one in self._requirements if operation in one.operations
            )
            self._made[operation] = f"{self._contract.digest}{_BETWEEN}{_digest([declared, demanded])}"
        return self._made[operation]


@dataclasses.dataclass(frozen=True)
class _Declared:
    """An operation as cassettes have stored digests of it: another field would change all of them."""

    label: str
    group: str
    deprecated: bool
    request: object
    query: object
    responses: object
    digest: str = ""
    _found: Mapping[int, object] = dataclasses.field(default_factory=dict)


def _declared(one: Operation) -> _Declared:
    return _Declared(one.label, one.group, False, one.request, one.query, one.responses)


def part_of(digest: str) -> str:
    """Return the second part of a digest of `ContractDigests`; empty where it has only the first."""
    return digest.partition(_BETWEEN)[2]


def _digest(value: object) -> str:
    # All in ASCII: half a surrogate pair has no bytes in UTF-8, but an escape in JSON.
    text = json.dumps(_canonical(value), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def _canonical(value: object) -> object:
    """Return a JSON value that is equal for equal values, and distinguishes types that JSON does not have."""
    match value:
        case bytes():
            return ["bytes", value.hex()]
        case msgspec.Struct():
            return ["fields", sorted(_given(value))]
        case Mapping():
            return ["object", sorted([str(key), _canonical(item)] for key, item in value.items())]
        case AbstractSet():
            return ["set", sorted(map(str, value))]
        case list() | tuple():
            return ["array", [_canonical(item) for item in value]]
        case _ if dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            return ["fields", [[field.name, _canonical(getattr(value, field.name))] for field in fields]]
    return value


def _given(value: msgspec.Struct) -> Iterator[list[object]]:
    """Yield the fields that differ from their default: a new field changes no digest until it is used."""
    for field in _fields(type(value)):
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        given = getattr(value, field.name)
        if default is msgspec.NODEFAULT or given != default:
            yield [field.name, _canonical(given)]


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)
