"""What a request costs the reference server, beside aimock: CPU time, and time to the first event.

    npm install --prefix NPM @copilotkit/aimock
    .venv/bin/python benchmarks/server_cost.py --npm NPM

Both servers run at the same time, and take turns in short rounds. What counts is the CPU time of the process
of the server, from `/proc` (Linux): the load generator costs nothing, and other work on the machine little.
Each figure is the least of its rounds. aimock responds with fixtures: a text, vectors of the same length, and
no results of rerank, which is the least that it can send. Without `--npm` only our own server is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from implementations import OURS, listens, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "reference-key"
CLIENTS = (1, 16, 64)
STREAMS = 64
FIRST_EVENT_GOAL = 2.0
"""Times aimock's time to the first event."""
POOL = 32
"""The number of different bodies that take turns."""
DIMENSION = 1536
OPERATIONS = ("rerank", "chat", "embed")
FRUIT = ("apples", "pears", "plums and bread", "cherries", "quinces")


def body(operation: str, number: int, *, stream: bool = False) -> dict[str, object]:
    """Return the body of a request; those of different numbers have different texts."""
    text = f"What is there to say about orchard {number}?"
    match operation:
        case "rerank":
            documents = [f"Note {number} about {name}." for name in FRUIT]
            return {"model": "rerank-v3.5", "query": text, "documents": documents}
        case "chat":
            messages = [{"role": "user", "content": text}]
            return {
                "model": "command-a-03-2025",
                "messages": messages,
                **({"stream": True} if stream else {}),
            }
        case _:
            texts = [text, f"Orchard {number} has apples."]
            given = {"input_type": "search_document", "embedding_types": ["float"]}
            return {"model": "embed-v4.0", "texts": texts, **given}


def message(operation: str, number: int, *, stream: bool = False) -> bytes:
    """Return a request as it is sent."""
    content = json.dumps(body(operation, number, stream=stream)).encode()
    fields = ("host: 127.0.0.1", f"authorization: Bearer {KEY}", "accept: */*", "user-agent: server_cost")
    lines = (f"POST /v2/{operation} HTTP/1.1", *fields, "content-type: application/json")
    return "\r\n".join((*lines, f"content-length: {len(content)}", "", "")).encode() + content


class Client(asyncio.Protocol):
    """One connection that sends requests one after the other.

    Args:
        messages: the requests.
        first_event: end with the first event of the first response.
    """

    def __init__(self, messages: list[bytes], *, first_event: bool = False) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._messages = iter(messages)
        self._first_event = first_event
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def start(self) -> None:
        """Send the next request, or end."""
        self._received.clear()
        if (request := next(self._messages, None)) is None:
            self.done.set_result(time.perf_counter())
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._first_event:
            if b"data:" in self._received and not self.done.done():
                self.done.set_result(time.perf_counter())
            return
        if self._complete():
            self.start()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the server closed the connection: {error}"))

    def _complete(self) -> bool:
        head, end, content = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(bytes(self._received[:500]).decode())
        if b"transfer-encoding: chunked" in head.lower():
            return content.endswith(b"0\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return len(content) >= int(length)

    def close(self) -> None:
        """Close the connection."""
        self._transport.abort()


async def sent(port: int, clients: int, messages: list[bytes], *, first_event: bool = False) -> list[float]:
    """Send requests by several clients at the same time; return the seconds until each client was done."""
    loop = asyncio.get_running_loop()
    made = [Client(messages[number::clients], first_event=first_event) for number in range(clients)]
    for one in made:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)
    start = time.perf_counter()
    for one in made:
        one.start()
    ends = await asyncio.gather(*(one.done for one in made))
    for one in made:
        one.close()
    return [end - start for end in ends]


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process so far, also of its threads that have ended."""
    # What clock_getcpuclockid() returns on Linux: in nanoseconds, where /proc has ticks of 10 ms.
    return time.clock_gettime(~process << 3 | 2)


# -- the servers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A running server."""

    name: str
    port: int
    process: int


@contextmanager
def running(name: str, command: list[str], port: int, home: Path) -> Iterator[Target]:
    """Run a server while the context lasts."""
    with (home / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
    try:
        until = time.monotonic() + 90
        while not listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} does not start: {(home / f'{port}.log').read_text()[-800:]}")
            time.sleep(0.1)
        yield Target(name, port, process.pid)
    finally:
        process.terminate()
        process.wait(30)


def aimock(npm: Path, port: int, home: Path) -> tuple[str, list[str]]:
    """Return the name and the command of aimock, with fixtures for the operations."""
    command = shutil.which("aimock", path=str(npm.resolve() / "node_modules" / ".bin"))
    if command is None:
        raise SystemExit(f"--npm {npm}: expected a folder with node_modules/.bin/aimock")
    vector = [round((number * 37 % 1009 - 504) / 20_011, 17) for number in range(DIMENSION)]
    text = "Let me see. You ask: Something. I answer from this conversation alone."
    fixtures = [
        {"match": {"endpoint": "chat"}, "response": {"content": text}},
        {"match": {"endpoint": "embedding"}, "response": {"embedding": vector}},
    ]
    (home / "fixtures").mkdir()
    (home / "fixtures" / "all.json").write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    given = {"llm": {"fixtures": "fixtures"}, "services": {"rerank": True}, "port": port}
    (home / "aimock.json").write_text(json.dumps(given), encoding="utf-8")
    version = version_of(npm / "node_modules" / "@copilotkit" / "aimock")
    return f"aimock {version}", [command, "-c", "aimock.json"]


# -- the tables ----------------------------------------------------------------------------------------------


def compared(ours: float, theirs: float | None, goal: float) -> str:
    """Return the last two cells of a row: what the other takes, and how often ours fits into it."""
    if theirs is None:
        return "| | |"
    return f"| {theirs:,.0f} | {ours / theirs:.2f}{'' if ours <= goal * theirs else ' MISSED'} |"


def costs(targets: list[Target], rounds: int, requests: int, *, new: bool) -> Iterator[str]:
    """Yield the table of CPU time, in microseconds for each request."""
    yield from ("", "| µs of CPU/request | clients | ours | aimock | ratio |", "|---|--:|--:|--:|--:|")
    number = iter(range(10**9))
    for operation in OPERATIONS:
        pool = [message(operation, next(number)) for _ in range(POOL)]

        def requested(operation: str = operation, pool: list[bytes] = pool) -> list[bytes]:
            if new:
                return [message(operation, next(number)) for _ in range(requests)]
            return [pool[index % POOL] for index in range(requests)]

        for clients in CLIENTS:
            best = [float("inf")] * len(targets)
            for round_number in range(rounds + 1):
                for index, target in enumerate(targets):
                    messages, before = requested(), cpu_seconds(target.process)
                    asyncio.run(sent(target.port, clients, messages))
                    took = (cpu_seconds(target.process) - before) / requests * 1e6
                    if round_number:  # the first one warms up
                        best[index] = min(best[index], took)
            theirs = best[1] if len(best) > 1 else None
            yield f"| {operation} | {clients} | {best[0]:,.0f} {compared(best[0], theirs, 1.0)}"


def first_events(targets: list[Target], rounds: int) -> Iterator[str]:
    """Yield the table of the time to the first event of parallel streams, in milliseconds."""
    yield from ("", f"| first event of {STREAMS} streams, ms | ours | aimock | ratio |", "|---|--:|--:|--:|")
    measures: dict[str, Callable[[list[float]], float]] = {
        "median stream": statistics.median,
        "last stream": max,
    }
    best: list[dict[str, float]] = [dict.fromkeys(measures, float("inf")) for _ in targets]
    messages = [message("chat", number, stream=True) for number in range(STREAMS)]
    for round_number in range(rounds + 1):
        for index, target in enumerate(targets):
            seconds = asyncio.run(sent(target.port, STREAMS, messages, first_event=True))
            time.sleep(0.3)  # the server notices the ends
            for name, measure in measures.items():
                if round_number:
                    best[index][name] = min(best[index][name], measure(seconds) * 1000)
    for name in measures:
        theirs = best[1][name] if len(best) > 1 else None
        yield f"| {name} | {best[0][name]:,.1f} {compared(best[0][name], theirs, FIRST_EVENT_GOAL)}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; return 1 if a goal is missed."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--npm", type=Path, metavar="DIR", help="folder with node_modules, for aimock")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--requests", type=int, default=512, help="of a round")
    parser.add_argument(
        "--new-texts", action="store_true", help="no text is sent twice: nothing is remembered"
    )
    parser.add_argument("--first-port", type=int, default=14610, help="the first of two free ports")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever the result is")
    options = parser.parse_args(arguments)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
    missed = False
    with ExitStack() as stack:
        home, port = Path(stack.enter_context(tempfile.TemporaryDirectory())), options.first_port
        commands = [("ours", [*OURS, "serve", "--port", str(port)])]
        if options.npm:
            commands.append(aimock(options.npm, port + 1, home))
        targets = [
            stack.enter_context(running(name, command, port + number, home))
            for number, (name, command) in enumerate(commands)
        ]
        for table in (
            costs(targets, options.rounds, options.requests, new=options.new_texts),
            first_events(targets, options.rounds),
        ):
            for line in table:
                print(line, flush=True)
                missed = missed or "MISSED" in line
    return 1 if missed and not options.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
