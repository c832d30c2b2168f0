"""The official SDK at a reference server: its clients, what went over the wire, what has to exist first."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from dataclasses import dataclass, field
from fnmatch import fnmatchcase as fnmatch
from typing import TYPE_CHECKING, Any

import httpx
import pydantic
import pytest

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import Running
from cohere_conformance.reference.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import cohere

    from cohere_conformance.model import Finding

STEP = 0.02
_API = "https://api.cohere.com"
_CONTRACT = load_contract()

EXPLAINED = {
    "*StreamedChatResponse.is_finished": "chat-v1.is-finished",
    "ChatMessageStartEventDeltaMessage.*": "chat-v2.message-start",
    "RerankResponseResultsItemDocument.*": "rerank-v1.document-echo",
    "SingleGeneration.finish_reason": "generate.candidate-finish-reason",
}
"""Fields that the SDK's types do not know, and the amendment of the contract that does."""


def _untyped(value: object, place: str = "") -> Iterator[str]:
    """Yield what the SDK could not fit into its types.

    It never refuses an answer: what it does not know becomes an extra field, what has a wrong type stays so.
    """
    match value:
        case pydantic.BaseModel():
            kind = type(value)
            extra = (f"{kind.__name__}.{name}" for name in value.model_extra or {})
            yield from (
                f"{one} is unknown" for one in extra if not any(fnmatch(one, known) for known in EXPLAINED)
            )
            try:
                kind.model_validate(value.model_dump(by_alias=True, exclude_unset=True))
            except pydantic.ValidationError as error:
                yield f"{kind.__name__} {place}: {error}"
            for name, one in value:
                yield from _untyped(one, f"{place}/{name}")
        case dict():
            for name, one in value.items():
                yield from _untyped(one, f"{place}/{name}")
        case list() | tuple():
            for index, one in enumerate(value):
                yield from _untyped(one, f"{place}/{index}")


@dataclass
class Wire:
    """What went to the server and came back, as httpx saw it.

    Attributes:
        operations: labels of the operations that were called, in their order.
        findings: what the contract finds wrong, with requests and answers alike.
    """

    operations: list[str | None] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def saw(self, response: httpx.Response) -> None:
        """Judge one exchange, whose contents have been read."""
        request = response.request
        target = f"{_API}{request.url.raw_path.decode()}"
        self.operations.append(_CONTRACT.route(request.method, target).operation)
        exchange = Exchange(
            Request(request.method, target, _fields(request.headers), request.content),
            Response(response.status_code, _fields(response.headers), response.content),
            Source("sdk", target),
        )
        self.findings += judge(_CONTRACT, exchange)


def _fields(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), text) for name, text in headers.multi_items())


@dataclass(frozen=True)
class Sdk:
    """The SDK's clients at one server.

    Attributes:
        url: where the server listens.
        state: the server's memory.
        explained: what the SDK's types do not know, and which amendment does.
    """

    url: str
    state: State
    explained = EXPLAINED

    @staticmethod
    def untyped(value: object) -> list[str]:
        """Return what the SDK could not fit into its types."""
        return list(_untyped(value))

    def do(
        self, kind: str, work: Callable[[Any], Any], *, key: str = PRODUCTION, retries: int = 0
    ) -> tuple[Any, Wire]:
        """Let a client work, and return what comes of it with what went over the wire.

        Args:
            kind: the client's class.
            work: is given the client; of an asynchronous one it may return a coroutine or an iterator.
            key: the API key.
            retries: how often a call may be repeated.
        """
        import cohere

        wire = Wire()
        client_of = getattr(cohere, kind)
        options: dict[str, Any] = {"base_url": self.url, "max_retries": retries}
        if kind.startswith("Async"):
            return asyncio.run(_asynchronously(client_of, key, options, work, wire)), wire

        def sent(request: httpx.Request) -> None:
            request.read()

        def came(response: httpx.Response) -> None:
            response.read()
            wire.saw(response)

        hooks = {"request": [sent], "response": [came]}
        with httpx.Client(event_hooks=hooks, trust_env=False, verify=False, timeout=30) as transport:
            found = work(client_of(key, httpx_client=transport, **options))
            return (list(found) if hasattr(found, "__next__") else found), wire


async def _asynchronously(
    client_of: Callable[..., Any], key: str, options: dict[str, Any], work: Callable[[Any], Any], wire: Wire
) -> Any:
    async def sent(request: httpx.Request) -> None:
        await request.aread()

    async def came(response: httpx.Response) -> None:
        await response.aread()
        wire.saw(response)

    hooks = {"request": [sent], "response": [came]}
    async with httpx.AsyncClient(event_hooks=hooks, trust_env=False, verify=False, timeout=30) as transport:
        found = work(client_of(key, httpx_client=transport, **options))
        if hasattr(found, "__anext__"):
            return [one async for one in found]
        return await found if hasattr(found, "__await__") else found


class Made:
    """What has to exist before some methods can be called; it is made anew each time.

    Args:
        client: makes it.
        state: of the server; its clock is moved instead of waiting.
    """

    def __init__(self, client: cohere.ClientV2, state: State) -> None:
        self._client = client
        self._state = state

    def settle(self) -> None:
        """Let everything that was begun come to its end."""
        self._state.clock.advance(20 * STEP)

    def dataset(self, kind: str = "embed-input") -> str:
        """Return the id of a validated dataset."""
        keep = [] if "finetune" in kind else ["custom_id"]
        created = self._client.datasets.create(
            name="made", type=kind, data=("rows.jsonl", self.rows(kind)), keep_fields=keep
        )
        self.settle()
        assert created.id is not None
        return created.id

    def connector(self, *, oauth: bool = False) -> str:
        """Return the id of a connector."""
        from cohere.types import CreateConnectorOAuth

        place = "https://auth.example.com"
        settings = CreateConnectorOAuth(
            client_id="reader", client_secret="hidden", authorize_url=f"{place}/a", token_url=f"{place}/t"
        )
        further = {"oauth": settings} if oauth else {}
        made = self._client.connectors.create(name="made", url="https://example.com/search", **further)
        return made.connector.id

    def job(self) -> str:
        """Return the id of an embed job that has just begun."""
        return self._client.embed_jobs.create(
            dataset_id=self.dataset(), model="embed-english-light-v3.0", input_type="search_document"
        ).job_id

    def batch(self) -> str:
        """Return the id of a batch that has just begun."""
        made = self._client.batches.create(request=self.batch_request())
        assert made.batch.id is not None
        return made.batch.id

    def batch_request(self) -> Any:
        """Return what creates a batch."""
        from cohere.batches import Batch

        identity = self.dataset("batch-embed-v2-input")
        return Batch(name="made", input_dataset_id=identity, model="embed-english-light-v3.0")

    def settings(self) -> Any:
        """Return the settings of a training."""
        from cohere.finetuning import BaseModel, Hyperparameters, Settings

        return Settings(
            base_model=BaseModel(base_type="BASE_TYPE_CHAT"),
            dataset_id=self.dataset("chat-finetune-input"),
            hyperparameters=Hyperparameters(train_epochs=2, train_batch_size=2),
        )

    def finetuned(self) -> str:
        """Return the id of a model that is trained."""
        from cohere.finetuning import FinetunedModel

        request = FinetunedModel(name="made", settings=self.settings())
        made = self._client.finetuning.create_finetuned_model(request=request).finetuned_model
        self.settle()
        assert made is not None
        assert made.id is not None
        return made.id

    @staticmethod
    def rows(kind: str) -> bytes:
        """Return an upload of a type of dataset as JSON lines."""
        turns = [{"role": "User", "content": "Which pier?"}, {"role": "Chatbot", "content": "The second."}]
        body = {"texts": ["a ferry", "a pier"], "input_type": "classification", "embedding_types": ["float"]}
        content = {
            "embed-input": [{"custom_id": str(n), "text": f"Ferry number {n}"} for n in range(4)],
            "chat-finetune-input": [{"messages": turns}] * 8,
            "batch-embed-v2-input": [{"custom_id": str(n), "body": body} for n in range(3)],
        }[kind]
        return "".join(f"{json.dumps(row)}\n" for row in content).encode()

    @staticmethod
    def tone(seconds: int = 2) -> bytes:
        """Return a WAV file with something to hear."""
        target = io.BytesIO()
        with wave.open(target, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(n * 37 % 251 for n in range(2 * 8000 * seconds)))
        return target.getvalue()


@pytest.fixture(scope="session")
def sdk() -> Iterator[Sdk]:
    state = State(step=STEP)
    with Running(state) as server:
        yield Sdk(server.url, state)


@pytest.fixture(scope="session")
def made(sdk: Sdk) -> Iterator[Made]:
    import cohere

    with httpx.Client(trust_env=False, verify=False, timeout=30) as transport:
        yield Made(cohere.ClientV2(PRODUCTION, base_url=sdk.url, httpx_client=transport), sdk.state)
