"""A mock for the tests of an application, as one writes it who knows FastAPI: version 2 only, simple answers.

Mistakes, each with words that say how to recognise its cause:

1. Errors are {"detail": ...}, with a list for an invalid body. :: error-body FastAPI
2. The key is never checked. :: key
3. finish_reason is "stop". :: enum-unknown finish_reason
4. The responses of chat and embed have no id. :: property-missing id
5. relevance_score is a percentage. :: rerank.score-range
6. The tokens of a text are strings. :: type-changed tokens
7. usage has prompt_tokens and completion_tokens, as that of OpenAI. :: property-undocumented usage
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any
from zlib import crc32

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

ANSWER = "Hello! This is the mock of the chat model."
MODELS = {"mock-chat": ["chat"], "mock-embed": ["embed"], "mock-rerank": ["rerank"]}
USAGE = {"prompt_tokens": 12, "completion_tokens": 9}


async def body_of(request: Request, **required: type) -> dict[str, Any]:
    """Return the body, or raise an exception for what FastAPI would refuse."""
    try:
        body = await request.json()
    except ValueError:
        raise invalid("json_invalid", "body", "JSON decode error") from None
    if not isinstance(body, dict):
        raise invalid("model_type", "body", "Input should be a valid dictionary")
    for name, kind in required.items():
        if name not in body:
            raise invalid("missing", name, "Field required")
        if not isinstance(body[name], kind):
            raise invalid(f"{kind.__name__}_type", name, f"Input should be a valid {kind.__name__}")
    if body.get("model") not in MODELS:
        raise HTTPException(404, "Model not found")
    return body


def invalid(kind: str, name: str, text: str) -> HTTPException:
    """Return what is raised for an invalid request."""
    return HTTPException(422, [{"type": kind, "loc": ["body", name], "msg": text}])  # type: ignore[arg-type]


async def chat(request: Request) -> JSONResponse | StreamingResponse:
    """Answer with the same words."""
    body = await body_of(request, model=str, messages=list)
    if body.get("stream"):
        return StreamingResponse(events(), media_type="text/event-stream")
    content = [{"type": "text", "text": ANSWER}]
    message = {"role": "assistant", "content": content}
    return JSONResponse({"message": message, "finish_reason": "stop", "usage": USAGE})


async def events() -> AsyncIterator[str]:
    """Yield the answer word by word."""
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield event("message-start", delta={"message": empty})
    yield event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
    for word in ANSWER.split():
        yield event("content-delta", index=0, delta={"message": {"content": {"text": f"{word} "}}})
        await asyncio.sleep(0.005)
    yield event("content-end", index=0)
    yield event("message-end", delta={"finish_reason": "stop", "usage": USAGE})


def event(kind: str, **rest: Any) -> str:
    """Return one server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n"


async def embed(request: Request) -> JSONResponse:
    """Return a vector for each text, which depends on nothing but its letters."""
    body = await body_of(request, model=str, texts=list, input_type=str)
    size = body.get("output_dimension") or 1536
    vectors = [vector(str(text), size) for text in body["texts"]]
    billed = {"billed_units": {"input_tokens": sum(len(str(text).split()) for text in body["texts"])}}
    meta = {"api_version": {"version": "2"}, **billed}
    kinds = body.get("embedding_types") or ["float"]
    if not set(kinds) <= {"float", "int8"}:
        raise invalid("literal_error", "embedding_types", "Input should be 'float' or 'int8'")
    answer = {
        "embeddings": {kind: scaled(vectors, kind) for kind in kinds},
        "texts": body["texts"],
        "meta": meta,
    }
    return JSONResponse({"response_type": "embeddings_by_type", **answer})


def scaled(vectors: list[list[float]], kind: str) -> list[list[float]]:
    """Return vectors of another type."""
    return vectors if kind == "float" else [[round(127 * value) for value in one] for one in vectors]


def vector(text: str, size: int) -> list[float]:
    """Return a vector of length 1."""
    values = [float(crc32(f"{place} {text.lower()}".encode()) % 2000 - 1000) for place in range(size)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


async def rerank(request: Request) -> JSONResponse:
    """Order documents by the words that they share with the query."""
    body = await body_of(request, model=str, query=str, documents=list)
    words = set(body["query"].lower().split())
    shared = [len(words & set(str(document).lower().split())) for document in body["documents"]]
    order = sorted(range(len(shared)), key=lambda place: -shared[place])[: body.get("top_n") or None]
    results = [{"index": place, "relevance_score": 100 * shared[place] / len(words)} for place in order]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return JSONResponse({"id": "5a6e6d7c-0d5f-4d62-9a3c-0f1e5c0f9b1e", "results": results, "meta": meta})


def card(name: str) -> dict[str, Any]:
    """Return the description of a model."""
    sizes = {"context_length": 128000, "tokenizer_url": None, "features": None}
    return {"name": name, "endpoints": MODELS[name], "finetuned": False, "default_endpoints": [], **sizes}


async def models(request: Request) -> JSONResponse:
    """List the models, of one endpoint if it is named."""
    endpoint = request.query_params.get("endpoint")
    chosen = [card(name) for name, endpoints in MODELS.items() if not endpoint or endpoint in endpoints]
    return JSONResponse({"models": chosen})


async def model(request: Request) -> JSONResponse:
    """Return one model."""
    name = request.path_params["name"]
    if name not in MODELS:
        raise HTTPException(404, "Model not found")
    return JSONResponse(card(name))


async def tokenize(request: Request) -> JSONResponse:
    """Split a text into words."""
    body = await body_of(request, model=str, text=str)
    words = body["text"].split() or [body["text"]]
    meta = {"api_version": {"version": "1"}}
    return JSONResponse({"tokens": words, "token_strings": words, "meta": meta})


async def refused(_: Request, error: Exception) -> JSONResponse:
    """Respond as FastAPI does to an exception."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code)


app = Starlette(
    routes=[
        Route("/v2/chat", chat, methods=["POST"]),
        Route("/v2/embed", embed, methods=["POST"]),
        Route("/v2/rerank", rerank, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/v1/tokenize", tokenize, methods=["POST"]),
    ],
    exception_handlers={HTTPException: refused},
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
