"""The reference server under load: many clients at once, every response compared with its own request.

The server is `serve` in a process of its own. Each request carries its number, and the right answer to it is
one that no other request has; so an answer that is lost, late for somebody else or mixed up is seen. The
server keeps the last thousands of words and vectors: what fills these caches is sent before anything is
counted, as memory that grows up to a bound would look like memory that grows.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from cohere_conformance.reference.tokens import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "reference-key"
MEMORY_GOAL = 1.1
"""Times the memory after a fifth of the requests that all of them may take."""
WARM_UP = 2500
"""Requests that fill the server's caches."""
MODELS = ("command-r-08-2024", "command-a-03-2025", "embed-v4.0", "rerank-v3.5", "embed-english-v3.0")


# -- what is asked -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """What is sent under a number, and whether an answer is the one to it."""

    target: Callable[[int], str]
    body: Callable[[int], object]
    right: Callable[[int, Any], bool]


def _text(number: int) -> str:
    return f"Request number {number} of many, sent by nobody else."


def _documents(number: int) -> list[str]:
    fruit = ["apples", "pears", "plums", "cherries", "quinces"]
    return [
        f"A note about {name}." if index != number % 5 else _text(number) for index, name in enumerate(fruit)
    ]


def _chat(number: int) -> object:
    return {"model": "command-a-03-2025", "messages": [{"role": "user", "content": _text(number)}]}


def _chatted(number: int, answer: Any) -> bool:
    text = "".join(part.get("text", "") for part in answer["message"]["content"])
    return _text(number) in text


OPERATIONS = {
    "tokenize": Operation(
        lambda number: "POST /v1/tokenize",
        lambda number: {"model": "command-r-08-2024", "text": _text(number)},
        lambda number, answer: decode(answer["tokens"]) == _text(number),
    ),
    "detokenize": Operation(
        lambda number: "POST /v1/detokenize",
        lambda number: {"model": "command-r-08-2024", "tokens": encode(_text(number))},
        lambda number, answer: answer["text"] == _text(number),
    ),
    "embed": Operation(
        lambda number: "POST /v2/embed",
        lambda number: {
            "model": "embed-english-v3.0",
            "texts": [_text(number)],
            "input_type": "search_document",
            "embedding_types": ["float"],
        },
        lambda number, answer: answer["texts"] == [_text(number)] and len(answer["embeddings"]["float"]) == 1,
    ),
    "rerank": Operation(
        lambda number: "POST /v2/rerank",
        lambda number: {"model": "rerank-v3.5", "query": _text(number), "documents": _documents(number)},
        lambda number, answer: answer["results"][0]["index"] == number % 5 and len(answer["results"]) == 5,
    ),
    "chat": Operation(lambda number: "POST /v2/chat", _chat, _chatted),
    "models": Operation(
        lambda number: f"GET /v1/models/{MODELS[number % len(MODELS)]}",
        lambda number: None,
        lambda number, answer: answer["name"] == MODELS[number % len(MODELS)],
    ),
    "datasets": Operation(
        lambda number: f"GET /v1/datasets?limit={number % 7 + 1}",
        lambda number: None,
        lambda number, answer: answer["datasets"] == [],
    ),
    "check-api-key": Operation(
        lambda number: "POST /v1/check-api-key",
        lambda number: None,
        lambda number, answer: answer["valid"] is True,
    ),
}
"""By name; requests take turns among them."""


# -- asking --------------------------------------------------------------------------------------------------


@dataclass
class LoadResult:
    """What became of the requests, by operation.

    Attributes:
        sent: how many were sent.
        right: how many were answered with 200 and with what belongs to the request.
        seconds: how long each answer took.
        wrong: an example of each way of being wrong.
    """

    sent: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


async def bombard(
    url: str, *, clients: int, requests: int, names: tuple[str, ...], before_send: Callable[[int], None]
) -> LoadResult:
    """Send the requests, each client one after the other, and hold each answer against its request.

    Args:
        url: where the server is.
        clients: how many ask at the same time.
        requests: how many there are.
        names: the operations to choose from.
        before_send: called with the number of each request that is about to be sent.
    """
    outcome, numbers = LoadResult(), iter(range(requests))

    async def ask(client: httpx.AsyncClient) -> None:
        for number in numbers:
            before_send(number)
            name = names[number % len(names)]
            outcome.sent[name] += 1
            start = time.perf_counter()
            try:
                await _hold(OPERATIONS[name], number, client)
            except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                outcome.wrong.setdefault(name, f"request {number}: {type(error).__name__}: {error}")
                continue
            outcome.right[name] += 1
            outcome.seconds.setdefault(name, []).append(time.perf_counter() - start)

    async def one() -> None:
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
            await ask(client)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(one())
    return outcome


async def _hold(operation: Operation, number: int, client: httpx.AsyncClient) -> None:
    method, _, path = operation.target(number).partition(" ")
    body = operation.body(number)
    answer = await client.request(method, path, json=body) if body else await client.request(method, path)
    if answer.status_code != 200 or not operation.right(number, answer.json()):
        raise ValueError(f"{answer.status_code} {answer.text[:300]}")


# -- the server ----------------------------------------------------------------------------------------------


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Run `serve` and yield where it listens and the id of its process."""
    command = [sys.executable, "-m", "cohere_conformance", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[2], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        if process.returncode:
            raise RuntimeError(f"the server ended with {process.returncode}")


def resident(process: int) -> float:
    """Return the memory of a process in MB."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024
    command = ["ps", "-o", "rss=", "-p", str(process)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


def load(clients: int, requests: int, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the table of the answers and that of the memory."""
    marks = {requests // 5: 0.0, requests: 0.0}
    with serving() as (url, process):

        def before_send(number: int) -> None:
            if number in marks:
                marks[number] = resident(process)

        filling = tuple(name for name in ("embed", "rerank") if name in names)
        if filling:
            sends = bombard(
                url, clients=clients, requests=WARM_UP, names=filling, before_send=lambda number: None
            )
            asyncio.run(sends)
        start = time.perf_counter()
        outcome = asyncio.run(
            bombard(url, clients=clients, requests=requests, names=names, before_send=before_send)
        )
        seconds = time.perf_counter() - start
        marks[requests] = resident(process)
    yield f"{clients} clients, {requests:,} requests in {seconds:.1f} s ({requests / seconds:,.0f} a second)."
    yield from ("", "| operation | sent | right | median, ms | 99 %, ms |", "|---|--:|--:|--:|--:|")
    for name in names:
        took = sorted(one * 1000 for one in outcome.seconds.get(name, [0.0]))
        sent, right = outcome.sent[name], outcome.right[name]
        missed = "" if sent == right else " MISSED"
        percentile = took[min(len(took) - 1, int(len(took) * 0.99))]
        yield f"| {name} | {sent:,} | {right:,}{missed} | {statistics.median(took):.1f} | {percentile:.1f} |"
    answered = outcome.right.total()
    yield f"| all | {outcome.sent.total():,} | {answered:,}{'' if answered == requests else ' MISSED'} | | |"
    few, many = marks.values()
    flat = "" if many <= MEMORY_GOAL * few else " MISSED"
    yield from ("", "| requests | server's memory, MB | of a fifth |", "|--:|--:|--:|")
    yield f"| {requests // 5:,} | {few:.1f} | |"
    yield f"| {requests:,} | {many:.1f} | {many / few:.2f}{flat} |"
    yield from (f"\n{name}: {example}" for name, example in outcome.wrong.items())


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; return 1 if an answer is missing or wrong, or memory grows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument(
        "--only", action="append", choices=list(OPERATIONS), help="repeatable; all if not given"
    )
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever comes out")
    options = parser.parse_args(arguments)
    names = tuple(options.only or OPERATIONS)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    missed = False
    for line in load(options.clients, options.requests, names):
        print(line, flush=True)
        missed = missed or "MISSED" in line
    return 1 if missed and not options.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
