"""The SDK method for each operation."""

from __future__ import annotations

import msgspec


class Method(msgspec.Struct, frozen=True):
    """One method of the SDK.

    Attributes:
        path: from the client to the method.
        client: name of the client's class.
        streamed: the same for requests that ask for a stream; empty if there is none.
        raw: only the raw client has a method that works.
        whole: the argument for the complete body; empty if each property is an argument.
        times: arguments that are a `datetime`, not text.
        fixed: arguments that are not part of the request.
        batched: the argument whose items are sent in several requests; the responses are joined, which is
            another way to parse them.
    """

    path: str
    client: str = "Client"
    streamed: str = ""
    raw: bool = False
    whole: str = ""
    times: tuple[str, ...] = ()
    fixed: dict[str, bool] = {}
    batched: str = ""


V2 = "ClientV2"
_OVER_HTTP = {"offline": False}
"""By default the SDK downloads a tokenizer and does not call the API."""
_FINETUNED = "/v1/finetuning/finetuned-models"

METHODS = {
    "POST /v1/check-api-key": Method("check_api_key", raw=True),
    "POST /v1/chat": Method("chat", streamed="chat_stream"),
    "POST /v2/chat": Method("chat", V2, streamed="chat_stream"),
    "POST /v1/generate": Method("generate", streamed="generate_stream"),
    "POST /v1/embed": Method("embed", batched="texts"),
    "POST /v2/embed": Method("embed", V2),
    "POST /v1/rerank": Method("rerank"),
    "POST /v2/rerank": Method("rerank", V2),
    "POST /v1/classify": Method("classify"),
    "POST /v1/summarize": Method("summarize"),
    "POST /v1/tokenize": Method("tokenize", fixed=_OVER_HTTP),
    "POST /v1/detokenize": Method("detokenize", fixed=_OVER_HTTP),
    "POST /v2/audio/transcriptions": Method("audio.transcriptions.create", V2),
    "POST /v2/parse": Method("parse", V2),
    "GET /v1/models": Method("models.list"),
    "GET /v1/models/{model}": Method("models.get"),
    "POST /v1/datasets": Method("datasets.create"),
    "GET /v1/datasets": Method("datasets.list", times=("before", "after")),
    "GET /v1/datasets/{id}": Method("datasets.get"),
    "DELETE /v1/datasets/{id}": Method("datasets.delete"),
    "GET /v1/datasets/usage": Method("datasets.get_usage"),
    "POST /v1/embed-jobs": Method("embed_jobs.create"),
    "GET /v1/embed-jobs": Method("embed_jobs.list"),
    "GET /v1/embed-jobs/{id}": Method("embed_jobs.get"),
    "POST /v1/embed-jobs/{id}/cancel": Method("embed_jobs.cancel"),
    "POST /v2/batches": Method("batches.create", V2, whole="request"),
    "GET /v2/batches": Method("batches.list", V2),
    "GET /v2/batches/{id}": Method("batches.retrieve", V2),
    "POST /v2/batches/{id}:cancel": Method("batches.cancel", V2),
    "POST /v1/connectors": Method("connectors.create"),
    "GET /v1/connectors": Method("connectors.list"),
    "GET /v1/connectors/{id}": Method("connectors.get"),
    "PATCH /v1/connectors/{id}": Method("connectors.update"),
    "DELETE /v1/connectors/{id}": Method("connectors.delete"),
    "POST /v1/connectors/{id}/oauth/authorize": Method("connectors.o_auth_authorize"),
    f"POST {_FINETUNED}": Method("finetuning.create_finetuned_model", whole="request"),
    f"GET {_FINETUNED}": Method("finetuning.list_finetuned_models"),
    f"GET {_FINETUNED}/{{id}}": Method("finetuning.get_finetuned_model"),
    f"PATCH {_FINETUNED}/{{id}}": Method("finetuning.update_finetuned_model"),
    f"DELETE {_FINETUNED}/{{id}}": Method("finetuning.delete_finetuned_model"),
    f"GET {_FINETUNED}/{{finetuned_model_id}}/events": Method("finetuning.list_events"),
    f"GET {_FINETUNED}/{{finetuned_model_id}}/training-step-metrics": Method(
        "finetuning.list_training_step_metrics"
    ),
}
"""The method of each operation."""
