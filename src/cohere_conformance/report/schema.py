"""The JSON Schema of `report.json`, from the types that write it.

`python -m cohere_conformance.report.schema > reports/report.schema.json` renews the committed copy.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import msgspec

from cohere_conformance.report.header import FORMAT
from cohere_conformance.report.shape import Report

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n      .+)*)", re.MULTILINE)


def schema() -> bytes:
    """Return the schema as indented JSON; the descriptions are those of the types."""
    (_, *_), components = msgspec.json.schema_components((Report,), ref_template="#/$defs/{name}")
    for component in components.values():
        describe(component)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cohere-conformance:report:{FORMAT}",
        "$ref": "#/$defs/Report",
        "$defs": dict(sorted(components.items())),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def describe(component: dict[str, Any]) -> None:
    """Move the description of each attribute from that of its type to its property."""
    text = inspect.cleandoc(component.get("description", ""))
    summary, _, attributes = text.partition("Attributes:\n")
    component["description"] = " ".join(summary.split())
    for name, description in _ATTRIBUTE.findall(attributes):
        name = name if name in component["properties"] else name.replace("_", "-")
        declared = component["properties"][name]
        words = {"description": " ".join(description.split())}
        # Beside a reference a description is an annotation of the place, not of what is referred to.
        component["properties"][name] = declared | words


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
