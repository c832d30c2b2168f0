"""Every method of the official SDK, once: it reaches its operation and gets what its types promise."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.contract import load_contract, load_declarations

cohere = pytest.importorskip("cohere", reason="the official SDK is an optional extra")

from cohere import types  # noqa: E402 - only where the SDK is installed
from cohere.client_v2 import _CombinedRawClient  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Made, Sdk

V1, V2 = "Client", "ClientV2"
BOTH = (V1, V2)
CHAT = "command-a-03-2025"
EMBED = "embed-english-light-v3.0"
FERRIES = ["The ferry leaves at noon.", "Bread is baked here.", "A ferry needs a pier."]
TEXT = " ".join(f"Ferry number {n} leaves from the second pier at noon, as it did before." for n in range(6))
TURN = {"role": "user", "content": "When does the ferry leave?"}
EXAMPLES = [
    types.ClassifyExample(text=text, label=label)
    for text, label in (("a boat", "sea"), ("a ship", "sea"), ("a car", "road"), ("a bus", "road"))
]


@dataclass(frozen=True)
class Method:
    """One method of the SDK.

    Attributes:
        path: from the client to the method.
        operation: what it calls.
        arguments: return its arguments, and create what has to exist first.
        kind: the type of its response, or of the last element of a stream.
        holds: checks the response (all elements of a stream), given the arguments.
        clients: the clients that have it, in this meaning.
        needs: what else has to exist first.
        raw: the method itself only refuses to work; the raw client still has it.
    """

    path: str
    operation: str
    arguments: Callable[[Made], dict[str, Any]]
    kind: type[object]
    holds: Callable[[Any, dict[str, Any]], bool]
    clients: tuple[str, ...] = BOTH
    raw: bool = False
    needs: tuple[str, ...] = ()

    def call(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Call it on a client."""
        found = client.with_raw_response if self.raw else client
        for name in self.path.split("."):
            found = getattr(found, name)
        return found(**arguments)


def constant(**arguments: Any) -> Callable[[Made], dict[str, Any]]:
    return lambda made: arguments


def spoken(events: list[Any]) -> str:
    """Return the text of a stream of version 2."""
    deltas = (event.delta for event in events if event.type == "content-delta")
    return "".join(delta.message.content.text or "" for delta in deltas)


def offsets(citations: list[Any], text: str) -> bool:
    """Return whether there are citations, each with the location of its text."""
    return bool(citations) and all(text[one.start : one.end] == one.text for one in citations)


_CHAT_V1 = constant(
    message=TURN["content"],
    model=CHAT,
    documents=[{"id": text[:3], "text": text} for text in FERRIES],
    seed=1,
)
_CHAT_V2 = constant(messages=[TURN], model=CHAT, documents=FERRIES, seed=1)
_EMBED = constant(
    texts=FERRIES, model=EMBED, input_type="search_document", embedding_types=["float", "int8", "ubinary"]
)
_RERANK = constant(query="Which ferry?", documents=FERRIES, model="rerank-v3.5", top_n=2)
_SPANS = constant(
    query="When does the ferry leave?",
    documents=[TEXT, *FERRIES],
    model="rerank-v5.0-pro",
    top_n=3,
    relevant_spans=types.RerankRelevantSpans(mode="enabled", threshold=0.1, max_spans=3),
)
_GENERATE = constant(prompt="A ferry", model="command", max_tokens=8)

METHODS = (
    Method("check_api_key", "POST /v1/check-api-key", constant(), types.CheckApiKeyResponse,
           lambda it, sent: it.valid and bool(it.organization_id), raw=True),
    Method("chat", "POST /v1/chat", _CHAT_V1, types.NonStreamedChatResponse,
           lambda it, sent: "ferry" in it.text and offsets(it.citations, it.text)
           and len(it.chat_history) == 2, (V1,)),
    Method("chat_stream", "POST /v1/chat", _CHAT_V1, types.StreamEndStreamedChatResponse,
           lambda it, sent: it[0].event_type == "stream-start" and it[-1].finish_reason == "COMPLETE"
           and "".join(one.text for one in it if one.event_type == "text-generation")
           == it[-1].response.text, (V1,)),
    *(
        Method(f"{path}chat", "POST /v2/chat", _CHAT_V2, cohere.V2ChatResponse,
               lambda it, sent: it.finish_reason == "COMPLETE"
               and offsets(it.message.citations, it.message.content[-1].text)
               and it.usage.tokens.output_tokens > 0, clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    *(
        Method(f"{path}chat_stream", "POST /v2/chat", _CHAT_V2, cohere.MessageEndV2ChatStreamResponse,
               lambda it, sent: it[0].type == "message-start" and it[-1].delta.finish_reason == "COMPLETE"
               and offsets([one.delta.message.citations for one in it if one.type == "citation-start"],
                           spoken(it)), clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    Method("embed", "POST /v1/embed",
           constant(texts=FERRIES, model="embed-english-v3.0", input_type="search_query"),
           types.EmbeddingsFloatsEmbedResponse,
           lambda it, sent: [len(one) for one in it.embeddings] == [1024] * 3 and it.texts == sent["texts"],
           (V1,)),
    *(
        Method(f"{path}embed", "POST /v2/embed", _EMBED, types.EmbedByTypeResponse,
               lambda it, sent: [len(one) for one in it.embeddings.float_] == [384] * 3
               and [len(one) for one in it.embeddings.ubinary] == [48] * 3
               and all(-128 <= one <= 127 for one in it.embeddings.int8[0]), clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    Method("rerank", "POST /v1/rerank",
           constant(query="Which ferry?", documents=[{"text": FERRIES[0], "id": "a"}, *FERRIES[1:]],
                    model="rerank-v3.5", return_documents=True), types.RerankResponse,
           lambda it, sent: sorted(one.index for one in it.results) == [0, 1, 2]
           and it.results[-1].document.text == FERRIES[1], (V1,)),
    *(
        Method(f"{path}rerank", "POST /v2/rerank", _RERANK, cohere.V2RerankResponse,
               lambda it, sent: {one.index for one in it.results} == {0, 2}
               and it.results[0].relevance_score >= it.results[1].relevance_score, clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    *(
        Method(f"{path}rerank", "POST /v2/rerank", _SPANS, cohere.V2RerankResponse,
               lambda it, sent: all(
                   0 <= span.start < span.end <= len(sent["documents"][one.index]) and 0.1 < span.score <= 1
                   for one in it.results for span in one.relevant_spans)
               and 0 < max(len(one.relevant_spans) for one in it.results) <= 3, clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    *(
        Method(f"{path}embed", "POST /v2/embed",
               constant(texts=FERRIES, model="embed-v5.0-fast", input_type="search_document",
                        embedding_types=["float"]), types.EmbedByTypeResponse,
               lambda it, sent: it.meta.billed_units.text_tokens == it.meta.billed_units.input_tokens > 0
               and [len(one) for one in it.embeddings.float_] == [2048] * 3, clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
    ),
    Method("classify", "POST /v1/classify", constant(inputs=["a small boat"], examples=EXAMPLES, model=EMBED),
           types.ClassifyResponse,
           lambda it, sent: it.classifications[0].prediction == "sea"
           and set(it.classifications[0].labels) == {"sea", "road"}),
    Method("summarize", "POST /v1/summarize", constant(text=TEXT, length="short"), types.SummarizeResponse,
           lambda it, sent: 0 < len(it.summary) < len(TEXT)),
    Method("generate", "POST /v1/generate", _GENERATE, types.Generation,
           lambda it, sent: bool(it.generations[0].text) and it.prompt == sent["prompt"]),
    Method("generate_stream", "POST /v1/generate", _GENERATE, types.StreamEndGenerateStreamedResponse,
           lambda it, sent: "".join(one.text for one in it[:-1]) == it[-1].response.generations[0].text
           and it[-1].is_finished),
    Method("tokenize", "POST /v1/tokenize", constant(text="a ferry at noon", model=CHAT, offline=False),
           types.TokenizeResponse,
           lambda it, sent: "".join(it.token_strings) == sent["text"]
           and len(it.tokens) == len(it.token_strings)),
    Method("detokenize", "POST /v1/detokenize", constant(tokens=[104, 101, 108], model=CHAT, offline=False),
           types.DetokenizeResponse, lambda it, sent: bool(it.text)),
    Method("audio.transcriptions.create", "POST /v2/audio/transcriptions",
           lambda made: {"model": "cohere-transcribe-03-2026", "language": "en",
                         "file": ("tone.wav", made.tone()), "temperature": 0.5},
           cohere.audio.AudioTranscriptionsCreateResponse, lambda it, sent: bool(it.text.strip())),
    *(
        Method(f"{path}parse", "POST /v2/parse",
               constant(model="parse-v5.0", output_format=form,
                        document=cohere.ParseDocument(image_url="https://cohere.com/favicon-32x32.png")),
               types.ParseResponse,
               lambda it, sent: [(one.type, one.index) for one in it.pages] == [(sent["output_format"], 0)]
               and it.finish_reason == "COMPLETE" and it.meta.billed_units.pages == 1, clients)
        for path, clients in (("", (V2,)), ("v2.", BOTH))
        for form in ("markdown", "blocks")
    ),
    Method("models.list", "GET /v1/models", constant(page_size=3, endpoint="chat"), types.ListModelsResponse,
           lambda it, sent: len(it.models) == 3 and bool(it.next_page_token)
           and all("chat" in one.endpoints for one in it.models)),
    Method("models.get", "GET /v1/models/{model}", constant(model=CHAT), types.GetModelResponse,
           lambda it, sent: it.name == CHAT and it.context_length > 0
           and 0 < it.sampling_defaults.temperature < 1),
    Method("datasets.create", "POST /v1/datasets",
           lambda made: {"name": "rows", "type": "embed-input", "keep_fields": ["custom_id"],
                         "data": ("rows.jsonl", made.rows("embed-input")), "keep_original_file": True},
           cohere.DatasetsCreateResponse, lambda it, sent: bool(it.id)),
    Method("datasets.list", "GET /v1/datasets",
           constant(limit=1, dataset_type="embed-input", validation_status="validated"),
           cohere.DatasetsListResponse,
           lambda it, sent: [one.dataset_type for one in it.datasets] == ["embed-input"], needs=("dataset",)),
    Method("datasets.get", "GET /v1/datasets/{id}", lambda made: {"id": made.dataset()},
           cohere.DatasetsGetResponse,
           lambda it, sent: it.dataset.id == sent["id"] and it.dataset.validation_status == "validated"
           and sum(part.num_rows for part in it.dataset.dataset_parts) == 4),
    Method("datasets.delete", "DELETE /v1/datasets/{id}", lambda made: {"id": made.dataset()}, dict,
           lambda it, sent: it == {}),
    Method("datasets.get_usage", "GET /v1/datasets/usage", constant(),
           cohere.DatasetsGetUsageResponse, lambda it, sent: it.organization_usage > 0, needs=("dataset",)),
    Method("embed_jobs.create", "POST /v1/embed-jobs",
           lambda made: {"dataset_id": made.dataset(), "model": EMBED, "input_type": "search_document",
                         "embedding_types": ["float", "int8"], "truncate": "END", "name": "all"},
           types.CreateEmbedJobResponse, lambda it, sent: bool(it.job_id)),
    Method("embed_jobs.list", "GET /v1/embed-jobs", constant(), types.ListEmbedJobResponse,
           lambda it, sent: bool(it.embed_jobs[0].input_dataset_id), needs=("job",)),
    Method("embed_jobs.get", "GET /v1/embed-jobs/{id}", lambda made: {"id": made.job()}, types.EmbedJob,
           lambda it, sent: it.job_id == sent["id"] and it.status in {"processing", "complete"}),
    Method("embed_jobs.cancel", "POST /v1/embed-jobs/{id}/cancel", lambda made: {"id": made.job()},
           type(None), lambda it, sent: it is None),
    Method("batches.create", "POST /v2/batches", lambda made: {"request": made.batch_request()},
           cohere.batches.CreateBatchResponse,
           lambda it, sent: it.batch.input_dataset_id == sent["request"].input_dataset_id),
    Method("batches.list", "GET /v2/batches",
           constant(page_size=1, order_by="created_at"), cohere.batches.ListBatchesResponse,
           lambda it, sent: len(it.batches) == 1 and bool(it.next_page_token), needs=("batch", "batch")),
    Method("batches.retrieve", "GET /v2/batches/{id}", lambda made: {"id": made.batch()},
           cohere.batches.GetBatchResponse,
           lambda it, sent: it.batch.id == sent["id"] and it.batch.num_records == 3),
    Method("batches.cancel", "POST /v2/batches/{id}:cancel", lambda made: {"id": made.batch()}, dict,
           lambda it, sent: it == {}),
    Method("connectors.create", "POST /v1/connectors",
           lambda made: {"name": "papers", "url": "https://example.com/search", "excludes": ["secret"],
                         "service_auth": types.CreateConnectorServiceAuth(type="bearer", token="hidden")},
           types.CreateConnectorResponse,
           lambda it, sent: it.connector.excludes == ["secret"] and "hidden" not in it.model_dump_json()),
    Method("connectors.list", "GET /v1/connectors",
           constant(limit=1, offset=0), types.ListConnectorsResponse,
           lambda it, sent: len(it.connectors) == 1 and it.total_count >= 1, needs=("connector",)),
    Method("connectors.get", "GET /v1/connectors/{id}", lambda made: {"id": made.connector(oauth=True)},
           types.GetConnectorResponse,
           lambda it, sent: it.connector.id == sent["id"] and "hidden" not in it.model_dump_json()),
    Method("connectors.update", "PATCH /v1/connectors/{id}",
           lambda made: {"id": made.connector(), "name": "other", "active": False},
           types.UpdateConnectorResponse,
           lambda it, sent: (it.connector.name, it.connector.active) == ("other", False)),
    Method("connectors.delete", "DELETE /v1/connectors/{id}", lambda made: {"id": made.connector()}, dict,
           lambda it, sent: it == {}),
    Method("connectors.o_auth_authorize", "POST /v1/connectors/{id}/oauth/authorize",
           lambda made: {"id": made.connector(oauth=True), "after_token_redirect": "https://example.com"},
           types.OAuthAuthorizeResponse,
           lambda it, sent: it.redirect_url.startswith("https://auth.example.com/a")),
    Method("finetuning.create_finetuned_model", "POST /v1/finetuning/finetuned-models",
           lambda made: {"request": cohere.finetuning.FinetunedModel(name="tuned", settings=made.settings())},
           cohere.finetuning.CreateFinetunedModelResponse,
           lambda it, sent: it.finetuned_model.name == "tuned"
           and it.finetuned_model.settings.hyperparameters.train_epochs == 2),
    Method("finetuning.list_finetuned_models", "GET /v1/finetuning/finetuned-models",
           constant(page_size=1, order_by="created_at desc"), cohere.finetuning.ListFinetunedModelsResponse,
           lambda it, sent: len(it.finetuned_models) == 1 and it.total_size >= 1, needs=("finetuned",)),
    Method("finetuning.get_finetuned_model", "GET /v1/finetuning/finetuned-models/{id}",
           lambda made: {"id": made.finetuned()}, cohere.finetuning.GetFinetunedModelResponse,
           lambda it, sent: it.finetuned_model.id == sent["id"]
           and it.finetuned_model.status == "STATUS_READY"),
    Method("finetuning.update_finetuned_model", "PATCH /v1/finetuning/finetuned-models/{id}",
           lambda made: {"id": made.finetuned(), "name": "again", "settings": made.settings()},
           cohere.finetuning.UpdateFinetunedModelResponse,
           lambda it, sent: it.finetuned_model.name == "again"),
    Method("finetuning.delete_finetuned_model", "DELETE /v1/finetuning/finetuned-models/{id}",
           lambda made: {"id": made.finetuned()}, dict, lambda it, sent: it == {}),
    Method("finetuning.list_events", "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events",
           lambda made: {"finetuned_model_id": made.finetuned()}, cohere.finetuning.ListEventsResponse,
           lambda it, sent: it.events[0].status == "STATUS_READY" and it.total_size == len(it.events)),
    Method("finetuning.list_training_step_metrics",
           "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics",
           lambda made: {"finetuned_model_id": made.finetuned(), "page_size": 2},
           cohere.finetuning.ListTrainingStepMetricsResponse,
           lambda it, sent: it.step_metrics[0].step_number > it.step_metrics[1].step_number),
)  # fmt: skip

NO_OPERATION = {
    "parse": "reads documents by POST /v2/parse, which the contract does not declare",
    "v2.parse": "the same",
    "fetch_tokenizer": "downloads a file of another server, found by models.get",
    "wait": "calls datasets.get or embed_jobs.get until they are done",
    "utils.save_dataset": "downloads what datasets.get names",
    "embed_stream": "calls embed for one batch of texts after the other",
}
"""Methods of the SDK that are no operation of their own, and why."""

CASES = [
    pytest.param(f"{how}{client}", method, id=f"{how}{client}.{method.path}")
    for method in METHODS
    for client in method.clients
    for how in ("", "Async")
]


@pytest.mark.parametrize(("client", "method"), CASES)
def test_a_method_reaches_its_operation_and_gets_what_its_type_promises(
    sdk: Sdk, made: Made, client: str, method: Method
) -> None:
    for name in method.needs:
        getattr(made, name)()
    sent = method.arguments(made)
    answer, wire = sdk.do(client, lambda one: method.call(one, sent))
    answer = answer.data if method.raw else answer
    assert isinstance(answer[-1] if isinstance(answer, list) else answer, method.kind)
    assert method.holds(answer, sent), answer
    assert sdk.untyped(answer) == []
    assert wire.operations == [method.operation]
    assert wire.findings == []


def surface(client: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the public methods below a client, raw ones under the name of what they are the raw form of."""
    parts = vars(client).values() if isinstance(client, _CombinedRawClient) else [client]
    for part in parts:
        for name in sorted(name for name in dir(type(part)) if not name.startswith("_")):
            found = getattr(part, name)
            if name == "with_raw_response":
                yield from surface(found, path)
            elif inspect.isroutine(found):
                yield f"{path}{name}", found
            elif type(found).__module__.startswith("cohere."):
                yield from surface(found, f"{path}{name}.")


def refuses(method: Any) -> bool:
    """Tell whether a method was taken out of the SDK, and only says so when it is called."""
    return method.__qualname__ in {"deprecated_function.<locals>.fn", "moved_function.<locals>.fn"}


@pytest.mark.parametrize("client", [*BOTH, "AsyncClient", "AsyncClientV2"])
def test_no_method_of_the_sdk_is_left_out(sdk: Sdk, client: str) -> None:
    found, _ = sdk.do(client, lambda one: list(surface(one)))
    named = {path for path, method in found if not refuses(method)}
    declared = {method.path for method in METHODS if client.removeprefix("Async") in method.clients}
    assert named - declared - NO_OPERATION.keys() == set()
    assert declared - named == set()


def test_a_method_that_was_taken_out_sends_nothing(sdk: Sdk) -> None:
    def work(client: Any) -> int:
        gone = [method for _, method in surface(client) if refuses(method)]
        for method in gone:
            with pytest.raises(ValueError, match="Since python sdk"):
                method()
        return len(gone)

    many, wire = sdk.do(V1, work)
    assert many > 30
    assert wire.operations == []


def test_what_the_types_of_the_sdk_lack_is_an_amendment_of_the_contract(sdk: Sdk) -> None:
    amendments = {one.id for one in load_declarations().amendments}
    assert set(sdk.explained.values()) <= amendments


def test_every_operation_of_the_contract_is_reached() -> None:
    assert {method.operation for method in METHODS} == set(load_contract().operations)
