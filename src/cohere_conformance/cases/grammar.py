"""The grammar of a file of cases: the keys of each mapping and their types."""

from __future__ import annotations

import msgspec

Scalar = str | int | float | bool
Schemas = dict[str, dict[str, object] | bool]


class YamlMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", kw_only=True):
    """A mapping with fixed keys; an underscore in a name here is a hyphen in the file."""


class PartEntry(YamlMapping, frozen=True, kw_only=True):
    """One part of a form: exactly one of `value`, `text`, `base64` and `wav` is its content."""

    name: str
    value: Scalar | None = None
    filename: str | None = None
    type: str | None = None
    text: str | None = None
    base64: str | None = None
    wav: float | None = None


class RequestEntry(YamlMapping, frozen=True, kw_only=True):
    """A request: at most one of `body`, `text` and `form` is its body."""

    operation: str
    path: dict[str, Scalar] = {}
    query: dict[str, Scalar | list[Scalar]] = {}
    headers: dict[str, str | list[str]] = {}
    body: object = msgspec.UNSET
    text: str | None = None
    form: list[PartEntry] | None = None
    content_type: str | None = None


class ExpectEntry(YamlMapping, frozen=True, kw_only=True):
    """What the response must be like."""

    status: int | list[int]
    headers: Schemas = {}
    body: Schemas = {}


class ProfileEntry(YamlMapping, frozen=True, kw_only=True):
    """What is different for a profile: either other expectations or a reason to skip the case."""

    expect: ExpectEntry | None = None
    skip: str | None = None


class CaseEntry(RequestEntry, frozen=True, kw_only=True):
    """One case."""

    id: str
    about: str
    key: str = "valid"
    needs: list[str] = []
    tier: str | None = None
    tier_reason: str | None = None
    expect: ExpectEntry
    profiles: dict[str, ProfileEntry] = {}


class WaitEntry(YamlMapping, frozen=True, kw_only=True):
    """What must have happened before a resource can be used."""

    send: RequestEntry
    until: Schemas
    fail: Schemas = {}
    seconds: float = 30.0
    capture: dict[str, str] = {}


class RemovalEntry(RequestEntry, frozen=True, kw_only=True):
    """One of the requests that delete a resource."""

    status: int | list[int] = msgspec.field(default_factory=lambda: [200, 404])
    until: Schemas = {}
    seconds: float = 30.0
    capture: dict[str, str] = {}
    since: dict[str, str] = {}


class ResourceEntry(YamlMapping, frozen=True, kw_only=True):
    """One resource."""

    about: str
    needs: list[str] = []
    create: RequestEntry
    capture: dict[str, str] = {}
    wait: WaitEntry | None = None
    remove: RemovalEntry | list[RemovalEntry] = []


class FileEntry(YamlMapping, frozen=True, kw_only=True):
    """One file."""

    group: str
    resources: dict[str, ResourceEntry] = {}
    cases: list[CaseEntry]


AT: dict[str, type[YamlMapping]] = {
    "resources": ResourceEntry,
    "cases": CaseEntry,
    "create": RequestEntry,
    "send": RequestEntry,
    "remove": RemovalEntry,
    "wait": WaitEntry,
    "form": PartEntry,
    "expect": ExpectEntry,
    "profiles": ProfileEntry,
}
"""The type of the mapping at each key; at the top it is `FileEntry`."""
