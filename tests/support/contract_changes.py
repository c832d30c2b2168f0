"""Changes planted in our contract, each with the class, location and number of operations to report."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.pointer import unescaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract.documents import Document

DELETED = object()
"""In place of a value: the key is removed, or the item of a list."""
_SCHEMAS = "components/schemas"


@dataclass(frozen=True)
class Planted:
    """A change of our document, and what a comparison has to report about it.

    Attributes:
        name: of the change.
        edits: the new value by JSON pointer; a pointer that ends with `/-` appends to a list.
        severity: the class.
        location: of the first place.
        what: the changes in the first place.
        operations: how many are affected.
    """

    name: str
    edits: Mapping[str, Any]
    severity: str
    location: str
    what: tuple[str, ...]
    operations: int = 1


def planted(document: Document, edits: Mapping[str, Any]) -> Document:
    """Return a copy of a document with some values replaced, added or removed."""
    edited: Document = marshal.loads(marshal.dumps(document))  # much faster than deepcopy
    for pointer, value in edits.items():
        *above, last = [unescaped(token) for token in pointer.split("/")]
        node: Any = edited
        for step in above:
            node = node[int(step) if isinstance(node, list) else step]
        if isinstance(node, list):
            if value is DELETED:
                del node[int(last)]
            elif last == "-":
                node.append(value)
            else:
                node[int(last)] = value
        elif value is DELETED:
            del node[last]
        else:
            node[last] = value
    return edited


def _schema(name: str, rest: str = "") -> str:
    return f"{_SCHEMAS}/{name}/{rest}" if rest else f"{_SCHEMAS}/{name}"


def _operation(method: str, path: str, rest: str = "") -> str:
    where = f"paths/{path.replace('/', '~1')}/{method}"
    return f"{where}/{rest}" if rest else where


_REASON = _schema("ChatV2FinishReason", "enum")
_RERANK = _operation("post", "/v2/rerank")
_MODELS = _operation("get", "/v1/models")
_OBJECT = {
    "type": "object",
    "required": ["mode"],
    "properties": {"mode": {"type": "string"}, "n": {"type": "integer"}},
}
_XML = {"schema": {"$ref": f"#/{_schema('RerankV2Request')}"}}
_EVENT = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}

PLANTED = (
    # Operations
    Planted(
        "operation-removed", {"paths/~1v1~1tokenize/post": DELETED},
        "breaking", "POST /v1/tokenize", ("removed",),
    ),
    Planted(
        "operation-added",
        {"paths/~1v2~1parse": {"post": {"responses": {"200": {"description": "OK"}}}}},
        "additive", "POST /v2/parse", ("added",),
    ),
    Planted(
        "operation-deprecated", {f"{_RERANK}/deprecated": True}, "notice", "POST /v2/rerank", ("deprecated",)
    ),
    Planted(
        "operations-deprecated",
        {f"{_RERANK}/deprecated": True, f"{_MODELS}/deprecated": True},
        "notice", "POST /v2/rerank", ("deprecated",), 2,
    ),
    Planted(
        "operation-no-longer-deprecated",
        {_operation("post", "/v1/generate", "deprecated"): DELETED},
        "notice", "POST /v1/generate", ("deprecated",),
    ),
    # Parameters
    Planted(
        "parameter-added",
        {f"{_MODELS}/parameters/-": {"name": "order", "in": "query", "schema": {"type": "string"}}},
        "additive", "GET /v1/models query.order", ("added",),
    ),
    Planted(
        "required-parameter-added",
        {f"{_MODELS}/parameters/-": {"name": "order", "in": "query", "required": True, "schema": {}}},
        "breaking", "GET /v1/models query.order", ("added",),
    ),
    Planted(
        "parameter-removed", {f"{_MODELS}/parameters/3": DELETED},
        "breaking", "GET /v1/models query.default_only", ("removed",),
    ),
    Planted(
        "parameter-becomes-required", {f"{_MODELS}/parameters/1/required": True},
        "breaking", "GET /v1/models query.page_token", ("required",),
    ),
    Planted(
        "parameter-becomes-optional", {_operation("post", "/v1/datasets", "parameters/0/required"): DELETED},
        "additive", "POST /v1/datasets query.name", ("required",),
    ),
    Planted(
        "parameter-written-otherwise", {_operation("post", "/v1/datasets", "parameters/4/explode"): False},
        "breaking", "POST /v1/datasets query.keep_fields", ("style",),
    ),
    # Properties of requests
    Planted(
        "request-property-removed", {_schema("RerankV2Request", "properties/priority"): DELETED},
        "breaking", "POST /v2/rerank request.priority", ("removed",),
    ),
    Planted(
        "request-property-added", {_schema("RerankV2Request", "properties/relevant_spans"): _OBJECT},
        "additive", "POST /v2/rerank request.relevant_spans", ("added",),
    ),
    Planted(
        "required-request-property-added",
        {
            _schema("RerankV2Request", "properties/relevant_spans"): _OBJECT,
            _schema("RerankV2Request", "required/-"): "relevant_spans",
        },
        "breaking", "POST /v2/rerank request.relevant_spans", ("added",),
    ),
    Planted(
        "request-property-becomes-required", {_schema("RerankV2Request", "required/-"): "top_n"},
        "breaking", "POST /v2/rerank request.top_n", ("required",),
    ),
    Planted(
        "request-property-becomes-optional", {_schema("RerankV2Request", "required/2"): DELETED},
        "additive", "POST /v2/rerank request.model", ("required",),
    ),
    Planted(
        "request-body-becomes-required", {f"{_RERANK}/requestBody/required": True},
        "breaking", "POST /v2/rerank request", ("required",),
    ),
    Planted(
        "request-type-widened", {_schema("RerankV2Request", "properties/top_n/type"): "number"},
        "additive", "POST /v2/rerank request.top_n", ("types",),
    ),
    Planted(
        "request-type-changed", {_schema("RerankV2Request", "properties/query/type"): "integer"},
        "breaking", "POST /v2/rerank request.query", ("types",),
    ),
    Planted(
        "request-value-removed", {_schema("EmbedInputType", "enum/0"): DELETED},
        "breaking", "POST /v1/embed request.input_type", ("enum",), 3,
    ),
    Planted(
        "request-value-added", {_schema("EmbedInputType", "enum/-"): "video"},
        "additive", "POST /v1/embed request.input_type", ("enum",), 3,
    ),
    Planted(
        "request-values-listed", {_schema("RerankV2Request", "properties/model/enum"): ["rerank-v3.5"]},
        "breaking", "POST /v2/rerank request.model", ("enum",),
    ),
    Planted(
        "request-maximum-lowered", {_schema("RerankV2Request", "properties/priority/maximum"): 9},
        "breaking", "POST /v2/rerank request.priority", ("maximum",),
    ),
    Planted(
        "request-maximum-raised", {_schema("TokenizeRequest", "properties/text/maxLength"): 100_000},
        "additive", "POST /v1/tokenize request.text", ("maxLength",),
    ),
    Planted(
        "request-minimum-removed", {_schema("RerankV2Request", "properties/top_n/minimum"): DELETED},
        "additive", "POST /v2/rerank request.top_n", ("minimum",),
    ),
    Planted(
        "request-minimum-of-0", {_schema("RerankV2Request", "properties/max_tokens_per_doc/minimum"): 0},
        "breaking", "POST /v2/rerank request.max_tokens_per_doc", ("minimum",),
    ),
    Planted(
        "request-pattern-added", {_schema("TokenizeRequest", "properties/model/pattern"): "^c"},
        "breaking", "POST /v1/tokenize request.model", ("pattern",),
    ),
    Planted(
        "request-closed", {_schema("RerankV2Request", "additionalProperties"): False},
        "breaking", "POST /v2/rerank request", ("closed",),
    ),
    Planted(
        "request-default-changed", {_schema("RerankV2Request", "properties/priority/default"): 5},
        "notice", "POST /v2/rerank request.priority", ("default",),
    ),
    Planted(
        "request-property-deprecated", {_schema("RerankV2Request", "properties/top_n/deprecated"): True},
        "notice", "POST /v2/rerank request.top_n", ("deprecated",),
    ),
    Planted(
        "request-alternative-removed", {_schema("ChatV2Message", "oneOf/3"): DELETED,
                                        _schema("ChatV2Message", "discriminator/mapping/tool"): DELETED},
        "breaking", "POST /v2/chat request.messages[]<tool>", ("removed",),
    ),
    Planted(
        "request-media-type-added",
        {f"{_RERANK}/requestBody/content/application~1xml": _XML},
        "additive", "POST /v2/rerank request", ("media",),
    ),
    # Responses
    Planted(
        "response-property-removed", {_schema("TokenizeAnswer", "properties/meta"): DELETED},
        "breaking", "POST /v1/tokenize response.meta", ("removed",),
    ),
    Planted(
        "response-property-added", {_schema("RerankV2Result", "properties/relevant_spans"): _OBJECT},
        "additive", "POST /v2/rerank response.results[].relevant_spans", ("added",),
    ),
    Planted(
        "response-property-added-in-many-operations",
        {_schema("BilledUnits", "properties/text_tokens"): {"type": "number"}},
        "additive", "POST /v1/chat response.meta.billed_units.text_tokens", ("added",), 13,
    ),
    Planted(
        "response-property-becomes-optional", {_schema("RerankV2Result", "required/0"): DELETED},
        "breaking", "POST /v2/rerank response.results[].index", ("required",),
    ),
    Planted(
        "response-property-becomes-required", {_schema("TokenizeAnswer", "required/-"): "meta"},
        "additive", "POST /v1/tokenize response.meta", ("required",),
    ),
    Planted(
        "response-value-added", {f"{_REASON}/-": "REFUSED"},
        "breaking", "POST /v2/chat response.finish_reason", ("enum",),
    ),
    Planted(
        "response-value-removed", {f"{_REASON}/5": DELETED},
        "additive", "POST /v2/chat response.finish_reason", ("enum",),
    ),
    Planted(
        "response-values-no-longer-listed", {_REASON: DELETED},
        "breaking", "POST /v2/chat response.finish_reason", ("enum",),
    ),
    Planted(
        "response-type-widened", {_schema("RerankV2Result", "properties/index/type"): "number"},
        "breaking", "POST /v2/rerank response.results[].index", ("types",),
    ),
    Planted(
        "response-type-narrowed", {_schema("RerankV2Result", "properties/relevance_score/type"): "integer"},
        "additive", "POST /v2/rerank response.results[].relevance_score", ("types",),
    ),
    Planted(
        "response-nullable", {_schema("RerankV2Result", "properties/index/type"): ["integer", "null"]},
        "breaking", "POST /v2/rerank response.results[].index", ("nullable",),
    ),
    Planted(
        "response-maximum-added", {_schema("RerankV2Result", "properties/relevance_score/maximum"): 1},
        "additive", "POST /v2/rerank response.results[].relevance_score", ("maximum",),
    ),
    Planted(
        "response-format-changed", {_schema("RerankV2Result", "properties/relevance_score/format"): "double"},
        "notice", "POST /v2/rerank response.results[].relevance_score", ("format",),
    ),
    Planted(
        "two-changes-of-one-property",
        {_schema("RerankV2Result", "properties/index"): {"type": "string", "maxLength": 9}},
        "breaking", "POST /v2/rerank response.results[].index", ("maxLength", "types"),
    ),
    Planted(
        "object-in-place-of-a-string", {_schema("RerankV2Answer", "properties/id"): _OBJECT},
        "breaking", "POST /v2/rerank response.id", ("types",),
    ),
    Planted(
        "error-status-added", {f"{_RERANK}/responses/413": {"description": "too large"}},
        "notice", "POST /v2/rerank error.413", ("added",),
    ),
    Planted(
        "success-status-added", {f"{_RERANK}/responses/202": {"description": "later"}},
        "breaking", "POST /v2/rerank response", ("statuses",),
    ),
    Planted(
        "response-header-added",
        {f"{_RERANK}/responses/200/headers": {"X-Endpoint": {"schema": {"type": "string"}}}},
        "additive", "POST /v2/rerank response header.x-endpoint", ("added",),
    ),
    # Streams, and what is both sent and received
    Planted(
        "event-added",
        {
            _schema("ChatV2Ping"): _EVENT,
            _schema("ChatV2Event", "oneOf/-"): {"$ref": f"#/{_schema('ChatV2Ping')}"},
            _schema("ChatV2Event", "discriminator/mapping/ping"): f"#/{_schema('ChatV2Ping')}",
        },
        "breaking", "POST /v2/chat events<ping>", ("added",),
    ),
    Planted(
        "event-removed",
        {
            _schema("ChatV2Event", "oneOf/4"): DELETED,
            _schema("ChatV2Event", "discriminator/mapping/tool-plan-delta"): DELETED,
        },
        "breaking", "POST /v2/chat events<tool-plan-delta>", ("removed",),
    ),
    Planted(
        "sent-and-received-value-added", {_schema("ChatV2ToolCall", "properties/type/enum/-"): "custom"},
        "breaking", "POST /v2/chat request.messages[]<assistant>.tool_calls[].type", ("enum",),
    ),
    Planted(
        "sent-and-received-property-becomes-required", {_schema("ChatV2ToolCall", "required/-"): "function"},
        "breaking", "POST /v2/chat request.messages[]<assistant>.tool_calls[].function", ("required",),
    ),
)  # fmt: skip
