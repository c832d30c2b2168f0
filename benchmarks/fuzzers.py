"""The contestants of `fuzz.py`: how each one is called, and what it has reported.

Schemathesis comes twice. Once as it is: the document, the address and the key. Once as somebody sets it up
who knows the service as well as we do: with the bodies that our own fuzzer starts from as examples, with the
names of the models, with a document that says where null means absent, and without the checks that
are wrong about most operations of this service.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cohere_conformance.cases import shipped_suite
from cohere_conformance.cases.template import mapped, rendered
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import UsageError
from cohere_conformance.fuzz.anchors import anchors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEY = "reference-key"
_FILLED = {"unique": "example", "run": "example", "operation": "example"}
"""Values for the placeholders that need no resource."""
_WRONG_HERE = ("positive_data_acceptance", "unsupported_method")
"""Checks that fail on most operations of a right server: it refuses models that nobody knows, as no schema
can tell, and it answers undeclared methods of some paths with 404 as the live service does."""


class Reported(NamedTuple):
    """What distinguishes two reports of one contestant.

    Attributes:
        operation: such as `POST /v2/rerank`.
        kind: of our finding, with its requirement, or of the failure of schemathesis.
        status: of the response; 0 if there was none.
        place: in the body, in the schema, or what of the request was invalid.
    """

    operation: str
    kind: str
    status: int
    location: str


class Task(NamedTuple):
    """What a contestant is to do.

    Attributes:
        url: of the server.
        groups: of operations; empty: all.
        seed: what is drawn.
        requests: number that others sent for each operation, for contestants that accept a number.
        folder: where it may write.
    """

    url: str
    groups: tuple[str, ...]
    seed: int
    requests: int
    folder: Path


# -- ours ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """Our own fuzzer.

    Attributes:
        binary: the words that call it.
        name: in the tables.
        codes: exit codes of a complete run: clean, deviating, or some case failed in the harness.
        profile: how much it sends.
    """

    binary: tuple[str, ...] = (sys.executable, "-m", "cohere_conformance")
    name: str = "ours"
    codes: tuple[int, ...] = (0, 1, 3)
    profile: str = "gate"

    def command(self, task: Task) -> list[str]:
        """Return the words of the call."""
        groups = [f"--only={','.join(task.groups)}"] if task.groups else []
        options = [f"--url={task.url}", f"--seed={task.seed}", f"--report-dir={task.folder / 'report'}"]
        return [*self.binary, "fuzz", f"--fuzz-profile={self.profile}", *options, *groups]

    def reported(self, task: Task) -> frozenset[Reported]:
        """Return what no amendment explains, down to notices, which do not fail a run.

        Raises:
            OSError: there is no report.
        """
        report = json.loads((task.folder / "report" / "report.json").read_text(encoding="utf-8"))
        return frozenset(
            Reported(
                one["operation"],
                " ".join(filter(None, (one["kind"], one["requirement"]))),
                one["status"],
                one["location"],
            )
            for one in report["findings"]
            if one["amendment"] is None
        )


# -- schemathesis --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schemathesis:
    """`schemathesis run`.

    Attributes:
        binary: the words that call it.
        name: in the tables.
        document: the OpenAPI document it reads.
        config: its `schemathesis.toml`.
        as_many: whether it gets the number of requests that others have sent.
        codes: exit codes of a complete run.
    """

    binary: tuple[str, ...]
    name: str
    document: Path
    config: Path
    as_many: bool
    codes: tuple[int, ...] = (0, 1)

    def command(self, task: Task) -> list[str]:
        """Return the words of the call."""
        command = [*self.binary, f"--config-file={self.config}", "run", str(self.document), "--no-color"]
        command += [f"--url={task.url}", f"--seed={task.seed}", "--report=ndjson"]
        command += [f"--report-ndjson-path={task.folder / 'events.ndjson'}"]
        command += [f"--include-tag={group}" for group in task.groups]
        return [*command, f"--max-examples={task.requests}"] if self.as_many else command

    def reported(self, task: Task) -> frozenset[Reported]:
        """Return the failures, and the errors that end the test of an operation.

        Raises:
            OSError: there is no report.
        """
        found: set[Reported] = set()
        with (task.folder / "events.ndjson").open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break  # it was killed while it wrote
                kind, event = next(iter(json.loads(line).items()))
                if kind == "ScenarioFinished":
                    found.update(_failures(event["recorder"]))
                elif kind == "NonFatalError":
                    found.add(Reported(event["label"], event["value"]["type"], 0, ""))
        return frozenset(found)


def _failures(recorder: dict[str, Any]) -> Iterator[Reported]:
    for case, checks in recorder.get("checks", {}).items():
        answer = recorder.get("interactions", {}).get(case, {}).get("response") or {}
        for check in checks:
            if check["status"] != "success":
                failure = check["failure_info"]["failure"]
                location = _place(failure)
                yield Reported(failure["operation"], failure["type"], answer.get("status_code", 0), location)


def _place(failure: dict[str, Any]) -> str:
    """Return what distinguishes a failure from others of its type, and is the same in every run."""
    invalid = re.search(r"^Invalid component: (.*)", failure["message"], re.MULTILINE)
    if invalid:
        return invalid[1]
    if failure.get("schema_path"):
        return "/".join(str(part) for part in failure["schema_path"])
    return str(failure.get("content_type") or failure.get("missing_headers") or "")


def schemathesis(binary: tuple[str, ...], workspace: Path) -> tuple[Schemathesis, Schemathesis]:
    """Return both set-ups of it, and write what they read.

    Args:
        binary: the words that call it.
        workspace: where to write.
    """
    document = load_contract().document
    plain, known = workspace / "contract.json", workspace / "contract-with-examples.json"
    plain.write_text(json.dumps(document), encoding="utf-8")
    informed = with_examples(with_nulls(document))
    known.write_text(json.dumps(informed), encoding="utf-8")
    bare, full = workspace / "defaults.toml", workspace / "configured.toml"
    bare.write_text(_AUTH, encoding="utf-8")
    full.write_text("\n".join(_configured(informed)), encoding="utf-8")
    return (
        Schemathesis(binary, "schemathesis, defaults", plain, bare, as_many=False),
        Schemathesis(binary, "schemathesis, configured", known, full, as_many=True),
    )


_AUTH = f'[auth.openapi.bearerAuth]\nbearer = "{KEY}"\n'
_SETTINGS = """\
continue-on-failure = true
workers = 1
suppress-health-check = ["all"]

[generation]
# Texts stay as they are (utf-8): in ASCII most of the odd characters could not be found.
codec = "utf-8"
allow-extra-parameters = false
"""


def _configured(document: dict[str, Any]) -> Iterator[str]:
    yield _SETTINGS
    yield _AUTH
    yield from (f"[checks.{name}]\nenabled = false\n" for name in _WRONG_HERE)
    models = dict(_models(document))
    yield from (f"[dictionaries.{name}]\nvalues = {json.dumps(values)}\n" for name, values in models.items())
    for name in models:
        binding = f'{{ "body.model" = {{ dictionary = "{name}", probability = 0.9 }} }}'
        yield f'[[operations]]\ninclude-operation-id = "{name}"\nparameters = {binding}\n'


def _models(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the id of each operation whose examples name models, and these."""
    for _, operation in _operations(document):
        media = operation.get("requestBody", {}).get("content", {}).values()
        values = [example["value"] for one in media for example in one.get("examples", {}).values()]
        named = {value.get("model") for value in values} - {None}
        if named:
            yield operation["operationId"], sorted(named)


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the JSON bodies that our fuzzer starts from, where they need no resource."""
    document = copy.deepcopy(document)
    operations = dict(_operations(document))
    for label, bodies in _bodies().items():
        media = operations[label]["requestBody"]["content"]["application/json"]
        media["examples"] = {f"example-{number}": {"value": body} for number, body in enumerate(bodies)}
    return document


@cache
def _bodies() -> dict[str, list[object]]:
    contract = load_contract()
    suite = shipped_suite()
    found: defaultdict[str, list[object]] = defaultdict(list)
    for label, operation in contract.operations.items():
        for anchor in anchors(suite, operation, "contract"):
            if anchor.template.body is msgspec.UNSET or anchor.needs:
                continue
            try:
                body = mapped(anchor.template.body, lambda text: rendered(text, _FILLED))
            except UsageError:
                continue
            found[label].append(body)
    return found


def with_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with null allowed for each property of a request that may be left out.

    The service takes it for left out, which our own judgement knows of requests.
    """
    document = copy.deepcopy(document)
    components = document["components"]["schemas"]
    asked: dict[str, Any] = {}

    def changed(schema: Any) -> Any:
        if isinstance(schema, list):
            return [changed(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return schema | {"$ref": copied(reference)}
        out = {word: value if word in _LITERAL else changed(value) for word, value in schema.items()}
        if "properties" in schema:
            required = schema.get("required", ())
            one = {name: changed(value) for name, value in schema["properties"].items()}
            nullable = {name: {"anyOf": [value, {"type": "null"}]} for name, value in one.items()}
            out["properties"] = {name: one[name] if name in required else nullable[name] for name in one}
        if "mapping" in schema.get("discriminator", {}):
            mapping = schema["discriminator"]["mapping"]
            moved = {tag: copied(to) for tag, to in mapping.items()}
            out["discriminator"] = schema["discriminator"] | {"mapping": moved}
        return out

    def copied(reference: str) -> str:
        name = reference.removeprefix("#/components/schemas/")
        if name not in components:
            return reference
        if name not in asked:
            asked[name] = None  # a schema may refer to itself
            asked[name] = changed(components[name])
        return f"#/components/schemas/{name}.asked"

    for _, operation in _operations(document):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if media:
            media["schema"] = changed(media["schema"])
    components.update({f"{name}.asked": schema for name, schema in asked.items()})
    return document


_LITERAL = frozenset({"const", "default", "discriminator", "enum", "example", "examples", "properties"})
"""Words of a schema whose values are no schemas; names of properties may be words as well."""
_METHODS = ("get", "put", "post", "delete", "patch")


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((f"{method.upper()} {path}", item[method]) for method in _METHODS if method in item)


def sizes() -> Counter[str]:
    """Return how many operations each group has."""
    return Counter(operation.group for operation in load_contract().operations.values())


def within(reported: Iterable[Reported], groups: tuple[str, ...]) -> frozenset[Reported]:
    """Return what is about operations of these groups, or about no declared operation."""
    group = {label: operation.group for label, operation in load_contract().operations.items()}
    return frozenset(one for one in reported if not groups or group.get(one.operation, groups[0]) in groups)
