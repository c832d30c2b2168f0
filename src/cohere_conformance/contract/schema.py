"""Translates an OpenAPI schema into one JSON Schema whose errors name the invalid leaf.

The translation changes this, and nothing else:

* `allOf` of plain objects is merged, so that an object knows all of its properties;
* a `oneOf` with a discriminator becomes the tag's values plus one `if`/`then` a branch;
* a `oneOf` whose branches have different JSON types becomes one `if`/`then` a type;
* an object with `properties` and without `additionalProperties` is closed: other properties are reported as
  undocumented, which is additive drift and not an error;
* `int32` and `int64`, which no validator asserts, become limits.

Extension keywords (`x-tag`, `x-format`) are kept on their nodes, where findings need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.bundle import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract.documents import Document

Schema = dict[str, Any]

_ASSERTIONS = frozenset(
    "type enum const required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength "
    "maxLength pattern minItems maxItems uniqueItems minProperties maxProperties".split()
)
_FORMATS = frozenset(
    "date date-time time duration email hostname ipv4 ipv6 uri uri-reference uuid regex json-pointer".split()
)
_HOLD_TWICE = _ASSERTIONS | {"format", "items", "additionalProperties"}
"""Keywords that are merged if two parts of an `allOf` have them; others have no effect on validation."""
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


class Translator:
    """Translates the schemas of one document; components become `$defs`.

    Args:
        document: the bundled OpenAPI document.
        null_for_optional: a property that is not required may be `null` (what the live API accepts in
            requests).
        closed: report undeclared properties. Without it the schema has declared constraints only, which a
            second validator is compared with.
    """

    def __init__(self, document: Document, *, null_for_optional: bool = False, closed: bool = True) -> None:
        self._document = document
        self._null_for_optional = null_for_optional
        self._closed = closed
        self._definitions: dict[str, Schema] = {}
        self._uses: dict[str, frozenset[str]] = {}

    def schema(self, source: Schema) -> Schema:
        """Return a self-contained JSON Schema for one schema of the document."""
        return self.closed_over(self._translate(source))

    def closed_over(self, translated: Schema) -> Schema:
        """Add the referenced `$defs` to a translated schema."""
        wanted, pending = set[str](), [_definitions_in(translated)]
        while pending:
            for name in pending.pop() - wanted:
                wanted.add(name)
                pending.append(self._used_by(name))
        if wanted:
            translated = {**translated, "$defs": {name: self._definitions[name] for name in sorted(wanted)}}
        return translated

    def _used_by(self, name: str) -> frozenset[str]:
        """Return the definitions that a definition refers to; once, as many schemas share it."""
        if name not in self._uses:
            self._uses[name] = _definitions_in(self._definitions[name])
        return self._uses[name]

    def branches(self, source: Schema) -> tuple[str, dict[str, Schema]] | None:
        """Return the tag and the branch of each value, if the schema is a union with a discriminator."""
        source = self._followed(source)
        tag = source.get("discriminator", {}).get("propertyName")
        if not tag or "oneOf" not in source:
            return None
        return tag, {value: branch for values, branch in self._tagged(source) for value in values}

    def _translate(self, source: Schema) -> Schema:
        if "$ref" in source:
            reference = {"$ref": f"#/$defs/{self._define(source['$ref'])}"}
            siblings = {key: value for key, value in source.items() if key in _ASSERTIONS}
            return {"allOf": [reference], **siblings} if siblings else reference
        source = self._merged(source)
        if "discriminator" in source and "oneOf" in source:
            return self._discriminated(source)
        for word in ("oneOf", "anyOf"):
            if word in source:
                return self._untagged(source, word)
        return self._plain(source)

    def _define(self, reference: str) -> str:
        name = reference.rsplit("/", 1)[-1]
        if name not in self._definitions:
            self._definitions[name] = {}  # a recursive schema refers to itself while it is translated
            self._definitions[name] = self._translate(resolve(self._document, reference))
        return name

    def _followed(self, source: Schema) -> Schema:
        while "$ref" in source:
            source = resolve(self._document, source["$ref"])
        return source

    def _merged(self, source: Schema) -> Schema:
        """Merge `allOf` parts that are plain objects into one; keep anything else."""
        if "allOf" not in source:
            return source
        parts = [self._merged(self._followed(part)) for part in source["allOf"]]
        if any({"oneOf", "anyOf", "allOf", "not", "if"} & part.keys() for part in parts):
            return source
        merged: Schema = {"properties": {}, "required": []}
        again: list[Schema] = []
        for part in [*parts, {key: value for key, value in source.items() if key != "allOf"}]:
            for key, value in part.items():
                if key == "properties":
                    for name, schema in value.items():
                        earlier = merged["properties"].get(name)
                        same = earlier is None or earlier == schema
                        merged["properties"][name] = schema if same else {"allOf": [earlier, schema]}
                elif key == "required":
                    merged["required"] += [name for name in value if name not in merged["required"]]
                elif key in merged and merged[key] != value and key in _HOLD_TWICE:
                    again.append({key: value})
                else:
                    merged.setdefault(key, value)
        return {**merged, "allOf": again} if again else merged

    def _plain(self, source: Schema) -> Schema:
        out: Schema = {key: source[key] for key in source if key in _ASSERTIONS}
        if not out.get("required", True):
            del out["required"]
        if "allOf" in source:
            out["allOf"] = [self._translate(part) for part in source["allOf"]]
        properties = source.get("properties", {})
        if properties:
            out.setdefault("type", "object")
            out["properties"] = {name: self._property(source, name) for name in properties}
        if isinstance(source.get("items"), dict) and out.get("type") != "object":
            out["items"] = self._translate(source["items"])
        extra = source.get("additionalProperties")
        if isinstance(extra, dict):
            out["additionalProperties"] = self._translate(extra)
        elif extra is False or (extra is None and properties and self._closed):
            # With `properties`, even if empty, the validator reports the unexpected names.
            out |= {"properties": out.get("properties", {}), "additionalProperties": False}
        self._assert_format(source.get("format"), out)
        return out

    def _property(self, source: Schema, name: str) -> Schema:
        declared = source["properties"][name]
        translated = self._translate(declared)
        if declared.get("readOnly"):
            # It asserts nothing, but is needed for requests: a server may ignore or refuse the property.
            translated = {**translated, "readOnly": True}
        if self._null_for_optional and name not in source.get("required", ()):
            return {"if": {"type": "null"}, "else": translated}
        return translated

    def _assert_format(self, name: str | None, out: Schema) -> None:
        if name in _FORMATS:
            out["format"] = name
        elif name in _RANGES:
            # A node of its own, so that an error distinguishes the format from a declared limit.
            low, high = _RANGES[name]
            limits = {"minimum": low, "maximum": high}
            if out.get("type") != "integer":
                limits["multipleOf"] = 1
            digits = {"pattern": _digits(high)}
            node = {"x-format": name, **(digits if out.get("type") == "string" else limits)}
            out["allOf"] = [*out.get("allOf", ()), node]

    def _tagged(self, source: Schema) -> Iterable[tuple[list[str], Schema]]:
        """Yield the tag values and the translated schema of each branch.

        A mapping entry whose target is not a branch of the union is ignored: the union does not allow it.
        """
        tag = source["discriminator"]["propertyName"]
        mapping = source["discriminator"].get("mapping", {})
        for branch in source["oneOf"]:
            reference = branch.get("$ref", "")
            values = [value for value, target in mapping.items() if target == reference]
            yield values or [reference.rsplit("/", 1)[-1]], self._branch(reference, tag, branch)

    def _branch(self, reference: str, tag: str, branch: Schema) -> Schema:
        plain = self._merged(self._followed(branch))
        if "properties" not in plain or tag in plain["properties"]:
            return self._translate(branch)
        # The discriminator declares the tag even if a branch does not.
        name = f"{reference.rsplit('/', 1)[-1]}.{tag}"
        if name not in self._definitions:
            named = {**plain, "properties": {tag: {"type": "string"}, **plain["properties"]}}
            self._definitions[name] = self._plain(named)
        return {"$ref": f"#/$defs/{name}"}

    def _discriminated(self, source: Schema) -> Schema:
        tag = source["discriminator"]["propertyName"]
        branches = list(self._tagged(source))
        known = [value for values, _ in branches for value in values]
        return {
            "type": "object",
            "required": [tag],
            "properties": {tag: {"enum": known, "x-tag": True}},
            "allOf": [
                {"if": {"properties": {tag: {"enum": values}}, "required": [tag]}, "then": branch}
                for values, branch in branches
            ],
        }

    def _untagged(self, source: Schema, word: str) -> Schema:
        rest = {key: value for key, value in source.items() if key != word}
        out = self._plain(rest)
        branches = [(self._types(branch), self._translate(branch)) for branch in source[word]]
        union = [kind for kinds, _ in branches for kind in kinds]
        if len(union) == len(set(union)) and not {"integer", "number"} <= set(union):
            out.setdefault("type", sorted(union))
            picks = [{"if": {"type": sorted(kinds)}, "then": branch} for kinds, branch in branches]
            out["allOf"] = [*out.get("allOf", ()), *picks]
        else:
            out[word] = [branch for _, branch in branches]
        return out

    def _types(self, source: Schema) -> set[str]:
        """Return the JSON types that a schema itself allows."""
        plain = self._merged(self._followed(source))
        if "type" in plain:
            return {plain["type"]} if isinstance(plain["type"], str) else set(plain["type"])
        if "properties" in plain or "discriminator" in plain:
            return {"object"}
        return set(_TYPES)


def _digits(high: int) -> str:
    """Return a pattern for the decimal texts of -high-1 to high, which no other keyword can limit."""
    most = str(high)
    shorter = f"[1-9][0-9]{{0,{len(most) - 2}}}"
    lower = [
        f"{most[:index]}[{'1' if index == 0 else '0'}-{int(digit) - 1}][0-9]{{{len(most) - index - 1}}}"
        for index, digit in enumerate(most)
        if int(digit) > (1 if index == 0 else 0)
    ]
    return f"^(?:-?(?:0|{'|'.join([shorter, *lower, most])})|-{high + 1})$"


def _definitions_in(node: Any) -> frozenset[str]:
    """Return the names of the definitions that a translated schema refers to."""
    found, pending = set[str](), [node]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            for key, value in one.items():
                if key == "$ref" and isinstance(value, str):
                    found.add(value.removeprefix("#/$defs/"))
                elif isinstance(value, dict | list):
                    pending.append(value)
        elif isinstance(one, list):
            pending += one
    return frozenset(found)
