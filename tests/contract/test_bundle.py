"""Many files become one document with local references only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis

from cohere_conformance.contract.bundle import bundle, references, resolve
from cohere_conformance.contract.compile import METHODS
from cohere_conformance.contract.validity import document_errors
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract import Contract, Declarations
    from cohere_conformance.contract.documents import Document


def bundled(folder: Path, **files: str) -> Document:
    """Write `root` and other files, and bundle them."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return bundle(folder / "root.yaml")


def test_a_path_item_of_another_file_is_put_in_its_place(tmp_path: Path) -> None:
    made = bundled(
        tmp_path,
        root=(
            "openapi: 3.2.0\ninfo: {title: t}\npaths: {'/v1/a/{id}': {$ref: 'a.yaml#/paths/~1v1~1a~1{id}'}}\n"
        ),
        a="paths: {'/v1/a/{id}': {get: {operationId: a}}}\n",
    )
    assert made == {
        "openapi": "3.2.0",
        "info": {"title": "t"},
        "paths": {"/v1/a/{id}": {"get": {"operationId": "a"}}},
        "components": {},
    }


def test_components_are_gathered_over_several_files(tmp_path: Path) -> None:
    made = bundled(
        tmp_path,
        root="paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n",
        a=(
            "paths: {/a: {get: {parameters: [{$ref: 'b.yaml#/components/parameters/P'}]}}}\n"
            "components: {schemas: {A: {$ref: '#/components/schemas/Own'}, Own: {type: string}}}\n"
        ),
        b="components: {parameters: {P: {name: p, schema: {$ref: 'c.yaml#/components/schemas/C'}}}}\n",
        c="components: {schemas: {C: {items: {$ref: 'a.yaml#/components/schemas/A'}}}}\n",
    )
    assert made == {
        "paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/parameters/P"}]}}},
        "components": {
            "schemas": {
                "A": {"$ref": "#/components/schemas/Own"},
                "Own": {"type": "string"},
                "C": {"items": {"$ref": "#/components/schemas/A"}},
            },
            "parameters": {"P": {"name": "p", "schema": {"$ref": "#/components/schemas/C"}}},
        },
    }


def test_the_targets_of_a_discriminator_are_references(tmp_path: Path) -> None:
    made = bundled(
        tmp_path,
        root="paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n",
        a=(
            "paths: {/a: {}}\n"
            "components: {schemas: {U: {discriminator: {mapping: {b: 'b.yaml#/components/schemas/B'}}}}}\n"
        ),
        b="components: {schemas: {B: {type: object}}}\n",
    )
    assert made["components"]["schemas"] == {
        "U": {"discriminator": {"mapping": {"b": "#/components/schemas/B"}}},
        "B": {"type": "object"},
    }


def test_the_root_may_name_a_component_of_another_file(tmp_path: Path) -> None:
    made = bundled(
        tmp_path,
        root=(
            "paths: {}\ncomponents: {securitySchemes: {k: {$ref: 'a.yaml#/components/securitySchemes/k'}}}\n"
        ),
        a="components: {securitySchemes: {k: {type: http}}}\n",
    )
    assert made["components"] == {"securitySchemes": {"k": {"type": "http"}}}


def test_a_path_item_of_the_root_may_refer_to_another_file(tmp_path: Path) -> None:
    made = bundled(
        tmp_path,
        root="paths: {/a: {get: {responses: {'200': {$ref: 'a.yaml#/components/responses/R'}}}}}\n",
        a="components: {responses: {R: {description: r}}}\n",
    )
    assert made["paths"]["/a"]["get"]["responses"] == {"200": {"$ref": "#/components/responses/R"}}


def test_a_property_may_be_called_mapping(tmp_path: Path) -> None:
    schema = "{type: object, properties: {mapping: {type: object}}}"
    made = bundled(tmp_path, root=f"paths: {{}}\ncomponents: {{schemas: {{A: {schema}}}}}\n")
    assert made["components"]["schemas"]["A"]["properties"] == {"mapping": {"type": "object"}}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            {"root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n"},
            r"a\.yaml: cannot be read",
        ),
        (
            {"root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n", "a": "paths: {/b: {}}\n"},
            "#/paths/~1a: expected a component, got nothing at '/a'",
        ),
        (
            {
                "root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n",
                "a": "paths: {/a: {get: {$ref: '#/components/schemas/A'}}}\n",
            },
            "#/components/schemas/A: expected a component, got nothing at 'schemas'",
        ),
        (
            {
                "root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n",
                "a": (
                    "paths: {/a: {}}\ncomponents: {schemas: "
                    "{U: {discriminator: {mapping: {x: '#/components/schemas/Gone'}}}}}\n"
                ),
            },
            "#/components/schemas/Gone: expected a component, got nothing at 'Gone'",
        ),
        (
            {
                "root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}, /b: {$ref: 'b.yaml#/paths/~1b'}}\n",
                "a": "paths: {/a: {}}\ncomponents: {schemas: {S: {type: string}}}\n",
                "b": "paths: {/b: {}}\ncomponents: {schemas: {S: {type: string}}}\n",
            },
            r"components/schemas/S in a\.yaml and in b\.yaml: expected it in one file",
        ),
        (
            {
                "root": "paths: {/a: {$ref: 'a.yaml#/paths/~1a'}}\n",
                "a": "paths: {/a: {get: {$ref: 'b.yaml#/paths/~1b/get'}}}\n",
                "b": "paths: {/b: {get: {}}}\n",
            },
            "expected a component as the target of a reference",
        ),
        (
            {"root": "paths: {/a: {}, /a: {}}\n"},
            r"line 1, column 17: expected unique keys, got '/a' twice",
        ),
    ],
    ids=["no-file", "no-path", "no-component", "no-branch", "collision", "no-such-kind", "twice"],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint):
        bundled(tmp_path, **files)


def test_a_pointer_is_unescaped() -> None:
    assert resolve({"paths": {"/a~b": {"get": 1}}}, "#/paths/~1a~0b/get") == 1


def test_references_are_found_at_every_depth() -> None:
    node = {
        "a": [{"$ref": "#/x"}, [{"b": {"$ref": "#/y"}}]],
        "discriminator": {"propertyName": "t", "mapping": {"one": "#/z"}},
        "properties": {"$ref": {"type": "string"}},
    }
    assert references(node) == {"#/x", "#/y", "#/z"}


# -- the shipped documents


@pytest.fixture(params=["as published", "amended"])
def document(request: pytest.FixtureRequest, declarations: Declarations) -> Document:
    return declarations.published if request.param == "as published" else declarations.amended


def test_the_shipped_document_is_self_contained(document: Document) -> None:
    assert all(pointer.startswith("#/") for pointer in references(document))
    for pointer in references(document):
        resolve(document, pointer)


def test_the_shipped_document_declares_the_operations_of_the_contract(
    document: Document, declarations: Declarations, published: Contract
) -> None:
    labels = [f"{m.upper()} {path}" for path, item in document["paths"].items() for m in METHODS if m in item]
    added = declarations.contract().added if document is declarations.amended else frozenset()
    assert sorted(labels) == sorted({*published.operations, *added})


def test_the_shipped_document_is_valid_openapi(document: Document) -> None:
    assert [error.message for error in document_errors(document)] == []


def test_schemathesis_reads_every_operation_of_the_shipped_document(
    document: Document, declarations: Declarations, published: Contract
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    loaded: list[Any] = [result.ok() for result in schema.get_all_operations()]
    added = declarations.contract().added if document is declarations.amended else frozenset()
    assert {operation.label for operation in loaded} == published.operations.keys() | added
