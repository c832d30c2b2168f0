"""Consistency checks of the documents below `contracts/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.contract.bundle import bundle, references, resolve
from cohere_conformance.contract.compile import METHODS
from cohere_conformance.contract.deprecations import DEPRECATIONS, load_ends
from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.contract.fact_references import fact_references, referring_folders
from cohere_conformance.contract.facts import load_facts
from cohere_conformance.contract.grammar import Grammar, load_grammars
from cohere_conformance.contract.links import load_links
from cohere_conformance.contract.models import load_models
from cohere_conformance.contract.overlay import Amendment, apply, load_additions, load_amendments, selected
from cohere_conformance.contract.tiers import LivePolicy, load_policies
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from cohere_conformance.contract.documents import Document


class LintProblem(msgspec.Struct, frozen=True):
    """One violation of a rule by a document.

    Attributes:
        rule: stable name of the rule.
        where: pointer or name.
        message: what was expected and what was found.
    """

    rule: str
    where: str
    message: str


def lint(root: Path, folds: Collection[str] | None = None) -> list[LintProblem]:
    """Return every problem of the documents below `root`.

    The published document has the vendor's defects, so only its references and its validity are checked; the
    amended one must be free of defects.

    Args:
        root: a folder of the layout of `contracts/`.
        folds: names that the grammar of a stream may have as its `fold`; any if not given.

    Raises:
        ContractError: a file cannot be read at all.
    """
    published = bundle(root / "openapi" / "openapi.yaml")
    grammars = load_grammars(root / "streams.yaml")
    amendments = load_amendments(root / "amendments.yaml")
    tolerances = load_amendments(root / "tolerances.yaml")
    policies = load_policies(root / "operations.yaml")
    if (models := root / "models.yaml").exists():
        load_models(models)
    if (ends := root / DEPRECATIONS).exists():
        load_ends(
            ends, {f"{method.upper()} {path}" for path, item in published["paths"].items() for method in item}
        )
    problems = list(_valid("as published", published))
    additions = load_additions(root / "additions.yaml")
    amended, missed = _amended(published, (*amendments, *additions))
    _, missed_requests = _amended(amended, tolerances)
    problems += missed + missed_requests
    problems += _declared_already(published, additions)
    schemas = list(_schemas(amended))
    problems += schemas
    if not any(problem.rule == "references-resolve" for problem in schemas):
        problems += _valid("amended", amended)  # fails on a reference to nothing
    problems += _operations(amended, policies, grammars)
    problems += _facts(root)
    problems += _subjects(root)
    problems += _folds(grammars, folds)
    # Links are checked against the document, which must be consistent for that.
    return problems or list(_links(root / "links.yaml", amended))


def _folds(grammars: Mapping[str, Grammar], folds: Collection[str] | None) -> Iterator[LintProblem]:
    for label, grammar in grammars.items():
        if folds is not None and grammar.fold not in folds:
            message = f"expected a fold such as {', '.join(sorted(folds))}, got {grammar.fold}"
            yield LintProblem("fold-known", label, message)


def _facts(root: Path) -> Iterator[LintProblem]:
    """Yield mentions of facts that do not exist, and facts that nothing mentions; facts are optional."""
    if not (root / "facts").is_dir():
        return
    known = load_facts(root / "facts").facts
    used: set[str] = set()
    for reference in fact_references(referring_folders(root)):
        if reference.fact not in known:
            expected = "expected the id of a fact in contracts/facts"
            yield LintProblem("fact-known", reference.location, f"{expected}, got {reference.fact}")
        elif not reference.location.startswith(f"{root.name}/facts/"):
            used.add(reference.fact)
    for name in sorted(known.keys() - used):
        yield LintProblem(
            "fact-used", name, "expected a requirement, amendment or text that refers to this fact"
        )


def _subjects(root: Path) -> Iterator[LintProblem]:
    """Yield the requirements that do not say whether they are about content or the protocol."""
    for path in sorted((root / "requirements").glob("*.yaml")):
        document = load_yaml(path)
        requirements = document.get("requirements") if isinstance(document, dict) else None
        for name, entry in requirements.items() if isinstance(requirements, dict) else ():
            if isinstance(entry, dict) and "about" not in entry:
                expected = "expected about: content, or protocol if canned answers must fulfil it as well"
                yield LintProblem("requirement-about", str(name), f"{expected}; got neither")


def _links(path: Path, document: Document) -> Iterator[LintProblem]:
    """Yield the first error of the links file, which is optional."""
    if not path.exists():
        return
    try:
        load_links(path, document)
    except ContractError as error:
        yield LintProblem("links-lead-somewhere", "links.yaml", str(error))


def _valid(which: str, document: Document) -> Iterator[LintProblem]:
    # Imported here because it is slow and only used here.
    from cohere_conformance.contract.validity import document_errors

    for error in document_errors(document):
        where = "/".join(str(token) for token in error.absolute_path)
        yield LintProblem("valid-openapi", f"{which}: {where}", error.message[:300])


def _amended(document: Document, amendments: tuple[Amendment, ...]) -> tuple[Document, list[LintProblem]]:
    """Apply the amendments one by one, so that each failing one is reported."""
    problems = []
    for amendment in amendments:
        try:
            amended = apply(document, (amendment,))
        except ContractError as error:
            problems.append(LintProblem("amendment-hits", amendment.id, str(error)))
            continue
        if amended == document:
            problems.append(LintProblem("amendment-hits", amendment.id, "changes nothing"))
        document = amended
    return document, problems


def _declared_already(published: Document, additions: tuple[Amendment, ...]) -> Iterator[LintProblem]:
    """Yield the additions of SDKs that the document declares: they belong into `openapi/` now."""
    for addition in additions:
        for action in addition.actions:
            new = action.update if isinstance(action.update, dict) else {}
            for value in selected(published, action.target):
                for name in sorted(new.keys() & value.keys()) if isinstance(value, dict) else ():
                    where = f"{addition.id}: {action.target}"
                    message = f"expected what the document does not declare, got {name}; move it to openapi/"
                    yield LintProblem("addition-new", where, message)


def _schemas(document: Document) -> Iterator[LintProblem]:
    for pointer in sorted(references(document)):
        try:
            resolve(document, pointer)
        except ContractError as error:
            yield LintProblem("references-resolve", pointer, str(error))
    for where, schema, whole in _walk(document, ""):
        for word in ("oneOf", "anyOf", "allOf"):
            if word in schema and not schema[word]:
                yield LintProblem("no-empty-union", where, f"{word} has no branch")
        required = schema.get("required")
        named = set(required) if isinstance(required, list) else set[str]()  # a flag on a parameter
        undeclared = named - _properties(document, whole).keys()
        if undeclared:
            names = ", ".join(sorted(undeclared))
            yield LintProblem("required-declared", where, f"required but not a property: {names}")
        if "discriminator" in schema:
            yield from _discriminator(document, where, schema)


def _discriminator(document: Document, where: str, schema: Document) -> Iterator[LintProblem]:
    tag = schema["discriminator"]["propertyName"]
    mapping: Mapping[str, str] = schema["discriminator"].get("mapping", {})
    branches = [branch.get("$ref", "") for branch in schema.get("oneOf", ())]
    for value, target in mapping.items():
        if target not in branches:
            yield LintProblem(
                "discriminator-agrees", where, f"{tag} {value!r} leads to no branch of the union"
            )
    for branch in branches:
        values = {value for value, target in mapping.items() if target == branch}
        if not values:
            yield LintProblem("discriminator-agrees", where, f"no value of {tag} leads to {branch}")
            continue
        declared = _properties(document, {"$ref": branch}).get(tag)
        if declared is None:
            yield LintProblem("discriminator-agrees", where, f"{branch} does not declare {tag}")
            continue
        allowed = set(_followed(document, declared).get("enum", values))
        if values - allowed:
            names = ", ".join(sorted(values - allowed))
            yield LintProblem("discriminator-agrees", where, f"{branch} does not allow {tag} {names}")


def _operations(
    document: Document, policies: Mapping[str, LivePolicy], grammars: Mapping[str, Grammar]
) -> Iterator[LintProblem]:
    seen: dict[str, str] = {}
    labels: set[str] = set()
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            label, operation = f"{method.upper()} {path}", item[method]
            labels.add(label)
            name = operation.get("operationId", "")
            earlier = seen.get(name)
            seen.setdefault(name, label)
            if not name or earlier is not None:
                yield LintProblem(
                    "operation-id", label, f"operationId {name!r} is empty or in use by {earlier}"
                )
            if label not in policies:
                yield LintProblem(
                    "tier-known", label, "no entry in operations.yaml; add its tier, effect and billing"
                )
            yield from _stream(document, label, operation, grammars.get(label))
    for label in sorted((policies.keys() | grammars.keys()) - labels):
        yield LintProblem(
            "operation-exists", label, "named in operations.yaml or streams.yaml, but not declared"
        )


def _stream(
    document: Document, label: str, operation: Document, grammar: Grammar | None
) -> Iterator[LintProblem]:
    media = operation.get("responses", {}).get("200", {}).get("content", {})
    items = [content["itemSchema"] for content in media.values() if "itemSchema" in content]
    if bool(items) != bool(grammar):
        yield LintProblem(
            "stream-grammar", label, "a stream needs a grammar in streams.yaml, and a grammar a stream"
        )
    if grammar is None:
        return
    for item in items:
        item = _followed(document, item)
        union = _followed(document, item.get("properties", {}).get("data", {}).get("contentSchema", item))
        declared = set(union.get("discriminator", {}).get("mapping", {}))
        for event in sorted(declared ^ grammar.events()):
            side = "the grammar" if event in declared else "the document"
            yield LintProblem("stream-grammar", label, f"{event} is unknown to {side}")


def _followed(document: Document, node: Any) -> Document:
    while isinstance(node, dict) and "$ref" in node:
        node = resolve(document, node["$ref"])
    return node if isinstance(node, dict) else {}


def _properties(document: Document, schema: Document) -> Document:
    """Return every property of a schema, through references and `allOf`."""
    schema = _followed(document, schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        found |= _properties(document, part)
    return found


def _walk(node: Any, where: str, whole: Document | None = None) -> Iterator[tuple[str, Document, Document]]:
    """Yield each mapping with keywords of a schema, and the schema whose properties count for it.

    The parts of an `allOf` describe one object: one part may declare what another requires.
    """
    if isinstance(node, dict):
        whole = whole or node
        if {"required", "oneOf", "anyOf", "allOf", "discriminator"} & node.keys():
            yield where, node, whole
        for key, value in node.items():
            if key == "allOf" and isinstance(value, list):
                for number, part in enumerate(value):
                    yield from _walk(part, f"{where}/{key}/{number}", whole)
            elif key not in {"example", "examples", "default", "enum", "mapping"}:
                yield from _walk(value, f"{where}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _walk(value, f"{where}/{number}")
