"""A model server in Starlette whose routes became version 2, while its responses remained those of version 1.

Mistakes, each with words that say how to recognise its cause:

1. Chat has text instead of message, and meta instead of usage. :: response-form Responses /v2/chat
2. Embeddings are a bare list, of the type embeddings_floats. :: response-form Responses /v2/embed
3. Streams have the events of version 1, without event lines. :: response-form Streams /v2/chat
4. Unknown fields are ignored, as in version 1. :: topic Unknown fields accepted
5. tokenize has no token_strings. :: property-missing token_strings
6. Nothing but the presence of properties is validated. :: topic Values accepted
7. embed takes texts only, no images and no inputs. :: no-feature images
"""

from __future__ import annotations

import json
import sys
import uuid
from typing import TYPE_CHECKING, Any
from zlib import crc32

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

WORDS = ("A", " short", " answer", " of", " the", " model", ".")
MODELS = {"small-chat": ["chat"], "small-embed": ["embed"], "small-rerank": ["rerank"]}
JUNK = ("invalid", "unknown", "wrong")


class Keys:
    """Refuses requests without a bearer token, or with one that says that it is wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or pass it on."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            scheme, _, key = given.partition(" ")
            if scheme.lower() != "bearer" or not key or any(word in key for word in JUNK):
                await error("invalid api token", 401)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def error(text: str, status: int) -> JSONResponse:
    """Return an error as the API sends them."""
    return JSONResponse({"id": str(uuid.uuid4()), "message": text}, status)


async def refused(_: Request, cause: Exception) -> Response:
    """Respond to an exception."""
    assert isinstance(cause, HTTPException)
    return error(str(cause.detail), cause.status_code)


async def body_of(request: Request, **required: type) -> dict[str, Any]:
    """Return the body, or raise an exception."""
    try:
        body = await request.json()
    except ValueError:
        raise HTTPException(400, "invalid json syntax") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "invalid request: expected an object")
    for name, kind in required.items():
        if not isinstance(body.get(name), kind) or not body[name]:
            raise HTTPException(400, f"invalid request: {name} is required")
    if body["model"] not in MODELS:
        raise HTTPException(404, f"model '{body['model']}' not found")
    return body


def meta(**billed: int) -> dict[str, Any]:
    """Return version and bill."""
    return {"api_version": {"version": "1"}, "billed_units": billed}


async def chat(request: Request) -> Response:
    """Answer with the same words."""
    body = await body_of(request, model=str, messages=list)
    bill = meta(input_tokens=10, output_tokens=len(WORDS))
    names = {"response_id": str(uuid.uuid4()), "generation_id": str(uuid.uuid4())}
    whole = {"text": "".join(WORDS), "finish_reason": "COMPLETE", "meta": bill, **names}
    if body.get("stream"):
        return StreamingResponse(events(whole), media_type="text/event-stream")
    return JSONResponse({"id": names["response_id"], "chat_history": [], **whole})


def events(whole: dict[str, Any]) -> Iterator[str]:
    """Yield the answer word by word."""
    yield event("stream-start", generation_id=whole["generation_id"])
    for word in WORDS:
        yield event("text-generation", text=word)
    yield event("stream-end", finish_reason="COMPLETE", response=whole)


def event(kind: str, **rest: Any) -> str:
    """Return one event."""
    last = kind == "stream-end"
    return f"data: {json.dumps({'is_finished': last, 'event_type': kind, **rest})}\n\n"


async def embed(request: Request) -> Response:
    """Return a vector for each text, which depends on nothing but its letters."""
    body = await body_of(request, model=str, texts=list)
    vectors = [vector(str(text)) for text in body["texts"]]
    answer = {"id": str(uuid.uuid4()), "texts": body["texts"], "meta": meta(input_tokens=len(vectors))}
    return JSONResponse({**answer, "response_type": "embeddings_floats", "embeddings": vectors})


def vector(text: str) -> list[float]:
    """Return a vector of length 1."""
    values = [float(crc32(f"{place} {text.lower()}".encode()) % 2000 - 1000) for place in range(1536)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


async def rerank(request: Request) -> Response:
    """Order documents by the words that they share with the query."""
    body = await body_of(request, model=str, query=str, documents=list)
    words = set(body["query"].lower().split())
    scores = [len(words & set(str(one).lower().split())) / len(words) for one in body["documents"]]
    order = sorted(range(len(scores)), key=lambda place: -scores[place])[: body.get("top_n") or None]
    results = [{"index": place, "relevance_score": scores[place]} for place in order]
    bill = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return JSONResponse({"id": str(uuid.uuid4()), "results": results, "meta": bill})


def card(name: str) -> dict[str, Any]:
    """Return the description of a model."""
    sizes = {"context_length": 8192, "tokenizer_url": None, "features": None}
    return {"name": name, "endpoints": MODELS[name], "finetuned": False, "default_endpoints": [], **sizes}


async def models(request: Request) -> Response:
    """List the models, of one endpoint if it is named."""
    endpoint = request.query_params.get("endpoint")
    chosen = [card(name) for name, endpoints in MODELS.items() if not endpoint or endpoint in endpoints]
    return JSONResponse({"models": chosen})


async def model(request: Request) -> Response:
    """Return one model."""
    name = request.path_params["name"]
    return JSONResponse(card(name)) if name in MODELS else error(f"model '{name}' not found", 404)


async def tokenize(request: Request) -> Response:
    """Return a token for each letter."""
    body = await body_of(request, model=str, text=str)
    return JSONResponse({"tokens": [ord(letter) for letter in body["text"]], "meta": meta()})


app = Starlette(
    routes=[
        Route("/v2/chat", chat, methods=["POST"]),
        Route("/v2/embed", embed, methods=["POST"]),
        Route("/v2/rerank", rerank, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/v1/tokenize", tokenize, methods=["POST"]),
    ],
    middleware=[Middleware(Keys)],
    exception_handlers={HTTPException: refused},
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
