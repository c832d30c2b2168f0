"""A server that lies about what is new: it names resources that others have, and counts who touches them."""

from __future__ import annotations

import gzip
import json
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import unquote

import httpx

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.collections import collection_of, shipped_collections
from cohere_conformance.contract.location import Location
from cohere_conformance.reference import ServerState
from cohere_conformance.reference import server as module
from cohere_conformance.reference.app import application
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LISTS = ("honest", "empty", "failing", "half")
"""What the lists show: everything, nothing, no list at all, or only the newer half."""
READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DAY = 86_400.0
_PACKED = (b"content-encoding", b"gzip")
_ROW = b'{"text": "Fog until noon, then fair."}\n'
_CONTRACT = load_contract()
_COLLECTIONS = shipped_collections()
_TRICKS = (
    "{}", "{}", "{}", "../datasets/{}", "..%2F{}", "{}/", "{}?a=1", "{}:cancel", "{}%2Fcancel", "./{}",
    "{}.json", "{}%20", "", "..", "usage",
)  # fmt: skip
"""How a response names what others have; mostly as it is."""


class Liar:
    """What the server shows, and what was done to the resources that were there before.

    Args:
        lists: one of `LISTS`.
        seed: which resource is named, and how.

    Attributes:
        theirs: ids of the resources that were there, by the path of their collection.
        requests: how many the server got.
        touched: method and path of each request that could have changed one of them.
        lied: how often it has named one of them as new.
        lies: whether it does.
        created: ids of what it has created since then.
        deleted: ids that it was asked to delete.
    """

    def __init__(self, lists: str, seed: int) -> None:
        self.theirs: dict[str, list[str]] = {}
        self.requests = 0
        self.touched: list[tuple[str, str]] = []
        self.lied = 0
        self.lies = True
        self.created: set[str] = set()
        self.deleted: set[str] = set()
        self._lists = lists
        self._random = random.Random(seed)

    def note(self, method: str, path: str) -> None:
        """Count a request."""
        self.requests += 1
        while (decoded := unquote(path)) != path:
            path = decoded
        if method not in READS and any(one in path for ids in self.theirs.values() for one in ids):
            self.touched.append((method, path))

    def answer(self, method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of a response as this server sends them."""
        label = _CONTRACT.route(method, f"http://localhost{path}").operation
        known = _COLLECTIONS.get(collection_of(label)) if label else None
        if known is None or status != 200:
            return status, body
        said: Any = json.loads(body)
        if label == known.create and known.identity is not None:
            self.created.add(str(next(Location(None, known.identity.tokens).values(said))))
        elif label == known.remove:
            self.deleted.add(unquote(path.rpartition("/")[2]))
        if not self.lies:
            return status, body
        if label == known.list and self._lists == "failing":
            return 500, b'{"message": "no list today"}'
        if label == known.list:
            name = known.items[0].tokens[0]
            hidden = self.theirs[known.path] if self._lists == "empty" else self.theirs[known.path][::2]
            kept = [
                one for one in said.get(name) or () if self._lists == "honest" or not self._is(one, hidden)
            ]
            said[name] = kept
        elif (label == known.create or method == "PATCH") and known.identity is not None:
            self._put(said, known.identity.tokens, known.path)
        elif label == known.read:
            for where, location in known.results:
                self._put(said, location.tokens, where)
        return 200, json.dumps(said).encode()

    def _is(self, one: dict[str, Any], ids: list[str]) -> bool:
        return any(str(one.get(name)) in ids for name in ("id", "job_id"))

    def _put(self, said: Any, tokens: tuple[str, ...], where: str) -> None:
        everything = [one for ids in self.theirs.values() for one in ids]
        known = self.theirs[where] if self._random.random() < 0.8 else everything
        for token in tokens[:-1]:
            said = said.get(token, {})
        if self._random.random() < 0.6 and known:
            self.lied += 1
            said[tokens[-1]] = self._random.choice(_TRICKS).format(self._random.choice(known))


@contextmanager
def lying(lists: str, seed: int, *, old: bool = True) -> Iterator[tuple[str, Liar]]:
    """Run a server with resources of others on it; yield its address and what it knows.

    Args:
        lists: one of `LISTS`.
        seed: of the lies.
        old: what was there is a day old; otherwise as old as the server.
    """
    state, liar = ServerState(step=0.01), Liar(lists, seed)
    honest = True

    def wrapped(state: ServerState) -> Any:
        inner = application(state)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or honest:
                await inner(scope, receive, send)
                return
            method, path = scope["method"], scope["raw_path"].decode("latin-1")
            liar.note(method, path)
            started: dict[str, Any] = {}
            parts: list[bytes] = []

            async def held(message: Any) -> None:
                if message["type"] == "http.response.start":
                    started.update(message)
                elif message["type"] == "http.response.body":
                    parts.append(message.get("body", b""))
                    if not message.get("more_body"):
                        packed = _PACKED in started["headers"]
                        content = gzip.decompress(b"".join(parts)) if packed else b"".join(parts)
                        status, said = liar.answer(method, path, started["status"], content)
                        await _sent(send, started, status, gzip.compress(said) if packed else said)

            await inner(scope, receive, held)

        return app

    with mock.patch.object(module, "application", wrapped), module.ServerThread(state) as running:
        if old:
            state.clock.advance(-_DAY)
        liar.theirs = _furnished(running.url)
        if old:
            state.clock.advance(_DAY)
        honest = False
        yield running.url, liar


async def _sent(send: Callable[[Any], Any], started: dict[str, Any], status: int, body: bytes) -> None:
    kept = [(name, value) for name, value in started["headers"] if name.lower() != b"content-length"]
    await send(
        {**started, "status": status, "headers": [*kept, (b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


def _furnished(url: str) -> dict[str, list[str]]:
    """Make what others have, and return the ids of that."""
    found: dict[str, list[str]] = {}
    with httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {PRODUCTION}"}, trust_env=False, timeout=30
    ) as client:

        def made(where: str, tokens: tuple[str, ...], **sent: Any) -> str:
            said = client.post(where, **sent).raise_for_status().json()
            for token in tokens:
                said = said[token]
            found.setdefault(where.partition("?")[0], []).append(said)
            return str(said)

        for number in range(6):
            name = f"payroll-{number}"
            dataset = made(
                f"/v1/datasets?name={name}&type=embed-input", ("id",), files={"data": ("a.jsonl", _ROW)}
            )
            _validated(client, dataset)
            job = {"model": "embed-english-light-v3.0", "dataset_id": dataset, "input_type": "clustering"}
            made("/v1/embed-jobs", ("job_id",), json=job)
            made(
                "/v1/connectors",
                ("connector", "id"),
                json={"name": f"payroll {number}", "url": "https://a.example/search"},
            )
    for where in _COLLECTIONS:
        found.setdefault(where, [])
    return found


def _validated(client: httpx.Client, dataset: str) -> None:
    while client.get(f"/v1/datasets/{dataset}").json()["dataset"]["validation_status"] != "validated":
        time.sleep(0.01)
