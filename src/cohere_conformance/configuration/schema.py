"""The JSON Schema of a configuration file, from the types that read it, so that editors complete its keys.

`python -m cohere_conformance.configuration.schema > contracts/configuration.schema.json` renews the committed
copy.
"""

from __future__ import annotations

import sys

import msgspec

from cohere_conformance.configuration.shape import Configuration
from cohere_conformance.report.schema import describe

URL = (
    "https://raw.githubusercontent.com/cohere-conformance/cohere-conformance/main/"
    "contracts/configuration.schema.json"
)
"""Where editors find the schema."""


def schema() -> bytes:
    """Return the schema as indented JSON; it refers to nothing, because some editors do not resolve that."""
    (_, *_), components = msgspec.json.schema_components((Configuration,), ref_template="{name}")
    for component in components.values():
        describe(component)
    document = components["Configuration"]
    for key, declared in document["properties"].items():
        if "$ref" in declared:
            name = declared.pop("$ref")
            document["properties"][key] = {**components[name], **declared}
    document = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": URL, **document}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(schema())
