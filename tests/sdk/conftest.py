"""The official SDK at a reference server: its clients, what went over the wire, what has to exist first."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pydantic
import pytest

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.reference.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import cohere

    from cohere_conformance.model import Finding

STEP = 0.02
TOLERATED = (
    # Raised as an error it is swallowed by the SDK, which then finds the member of a union in another way
    # than it does for everybody else.
    "ignore:The `__fields__` attribute:DeprecationWarning:cohere.core.unchecked_base_model",
    # To put several answers together the SDK uses what newer versions of pydantic deprecate.
    "ignore:Accessing the 'model_fields' attribute:DeprecationWarning:cohere.core.pydantic_utilities",
    "ignore:The `parse_obj` method:DeprecationWarning:cohere.utils",
)
"""Warnings of the SDK's own code that nobody who calls it can avoid."""
_API = "https://api.cohere.com"
_CONTRACT = load_contract()

EXPLAINED = {
    "*StreamedChatResponse.is_finished": "chat-v1.is-finished",
    "ToolCallsChunkStreamedChatResponse.tool_call_delta": "chat-v1.tool-call-delta",
    "ChatMessageStartEventDeltaMessage.*": "chat-v2.message-start",
    "RerankResponseResultsItemDocument.*": "rerank-v1.document-echo",
    "SingleGeneration.finish_reason": "generate.candidate-finish-reason",
}
"""Fields that the SDK's types do not know, or always want, and the amendment that says more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            for one in TOLERATED:
                item.add_marker(pytest.mark.filterwarnings(one))


def _untyped(value: object, location: str = "") -> Iterator[str]:
    """Yield what the SDK could not fit into its types.

    It never refuses an answer: what it does not know becomes an extra field, what has a wrong type stays so.
    """
    match value:
        case pydantic.BaseModel():
            kind = type(value)
            found = {f"{kind.__name__}.{name}": "is unknown" for name in value.model_extra or {}}
            try:
                kind.model_validate(value.model_dump(by_alias=True, exclude_unset=True))
            except pydantic.ValidationError as error:
                wrong = error.errors()
                found |= {".".join(map(str, (kind.__name__, *one["loc"]))): one["msg"] for one in wrong}
            for name, reason in found.items():
                if not any(fnmatchcase(name, known) for known in EXPLAINED):
                    yield f"{name} at {location or '/'}: {reason}"
            for name, one in value:
                yield from _untyped(one, f"{location}/{name}")
        case dict():
            for name, one in value.items():
                yield from _untyped(one, f"{location}/{name}")
        case list() | tuple():
            for index, one in enumerate(value):
                yield from _untyped(one, f"{location}/{index}")


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
            Request(request.method, target, _fields(request.headers), request.read()),
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
        explained: where the SDK's types differ from the contract, and by which amendment.
    """

    url: str
    state: ServerState
    explained = EXPLAINED

    @staticmethod
    def untyped(value: object) -> list[str]:
        """Return what the SDK could not fit into its types."""
        return list(_untyped(value))

    @staticmethod
    async def got(answer: Any) -> Any:
        """Return what a call of any client comes to, the elements of a stream as a list."""
        if hasattr(answer, "__anext__"):
            return [one async for one in answer]
        if hasattr(answer, "__await__"):
            return await answer
        return list(answer) if hasattr(answer, "__next__") else answer

    def do(self, kind: str, work: Callable[[Any], Any], *, key: str = PRODUCTION) -> tuple[Any, Wire]:
        """Let a client work, and return what comes of it with what went over the wire.

        Args:
            kind: the client's class.
            work: is given the client and returns a value, a stream, or what has to be awaited.
            key: the API key.
        """
        wire = Wire()
        return asyncio.run(self._worked(kind, work, key, wire)), wire

    async def _worked(self, kind: str, work: Callable[[Any], Any], key: str, wire: Wire) -> Any:
        import cohere

        client_of = partial(getattr(cohere, kind), key, base_url=self.url, max_retries=0)
        options: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 30}
        if kind.startswith("Async"):

            async def received(response: httpx.Response) -> None:
                await response.aread()
                wire.saw(response)

            async with httpx.AsyncClient(event_hooks={"response": [received]}, **options) as transport:
                return await self.got(work(client_of(httpx_client=transport)))

        def come(response: httpx.Response) -> None:
            response.read()
            wire.saw(response)

        with httpx.Client(event_hooks={"response": [come]}, **options) as transport:
            return await self.got(work(client_of(httpx_client=transport)))


class Made:
    """What has to exist before some methods can be called; it is made anew each time.

    Args:
        client: makes it.
        state: of the server; its clock is moved instead of waiting.
    """

    def __init__(self, client: cohere.ClientV2, state: ServerState) -> None:
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

        location = "https://auth.example.com"
        settings = CreateConnectorOAuth(
            client_id="reader",
            client_secret="hidden",
            authorize_url=f"{location}/a",
            token_url=f"{location}/t",
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
        with wave.open(target, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(n * 37 % 251 for n in range(2 * 8000 * seconds)))
        return target.getvalue()


@pytest.fixture(scope="session")
def sdk() -> Iterator[Sdk]:
    state = ServerState(step=STEP)
    with ServerThread(state) as server:
        yield Sdk(server.url, state)


@pytest.fixture(scope="session")
def live() -> Iterator[Sdk]:
    """Return the SDK at a server that behaves as the live service does, not as it is written."""
    state = ServerState(profile=Profile.LIVE_2026, step=STEP)
    with ServerThread(state) as server:
        yield Sdk(server.url, state)


@pytest.fixture(scope="session")
def made(sdk: Sdk) -> Iterator[Made]:
    import cohere

    with httpx.Client(trust_env=False, verify=False, timeout=30) as transport:
        yield Made(cohere.ClientV2(PRODUCTION, base_url=sdk.url, httpx_client=transport), sdk.state)
