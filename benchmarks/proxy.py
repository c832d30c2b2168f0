"""What the proxy adds: latency of one client, delay of events in many streams, and not a single byte.

An upstream of canned bytes runs in a process of its own, and so does the command `proxy`, which judges every
exchange meanwhile. Requests directly to the upstream and through the proxy take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import multiprocessing
import os
import platform
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx

from cohere_conformance.client.listening import address, listen
from cohere_conformance.data import folder
from cohere_conformance.golden import find, load

if TYPE_CHECKING:
    from collections.abc import Iterator

GOAL = 3.0
"""Milliseconds that the median of a request may take longer through the proxy, with one client."""
EVENTS, PAUSE = 40, 0.02
"""Events of a stream, and the seconds between two of them."""
_REQUEST = b"%s %s HTTP/1.1\r\nHost: proxy\r\nAuthorization: Bearer some-key\r\nContent-Length: %d\r\n\r\n%s"
_CHAT = b'{"model":"command-a-03-2025","messages":[{"role":"user","content":"When does the ferry leave?"}]}'


# -- the upstream ------------------------------------------------------------------------------------------


def chat_response() -> bytes:
    """Return a recorded response of the chat operation as it is on the wire."""
    names = sorted(name for name in find(folder("cassettes")) if name.startswith("chat.v2."))
    recorded = (load(find(folder("cassettes"))[name]).exchange.response for name in names)
    body = next(
        one.body for one in recorded
        if one.status == 200 and one.body and ("content-type", "application/json") in one.headers
    )  # fmt: skip
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def random_response(number: int) -> bytes:
    """Return a response with a random body in a random form, equal for equal numbers."""
    dice = random.Random(number)
    body = dice.randbytes(dice.choice((0, 1, 1_000, 70_000, 300_000)))
    head = b"HTTP/1.1 200 OK\r\nX-Odd-CASE: 1\r\nSet-Cookie: a=1\r\nX-Odd-Case: 2\r\nSet-Cookie: b=2\r\n"
    if dice.random() < 0.5:
        body, head = gzip.compress(body, 1, mtime=0), head + b"Content-Encoding: gzip\r\n"
    if dice.random() < 0.5:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks, rest = b"", body
    while rest:
        size = dice.randint(1, 40_000)
        chunks, rest = chunks + b"%x\r\n%s\r\n" % (len(rest[:size]), rest[:size]), rest[size:]
    return head + b"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + chunks + b"0\r\nX-Sum: 1\r\n\r\n"


def _serve(listening: socket.socket, plain: bytes) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            path = head.split(b" ")[1]
            if path.startswith(b"/bytes/"):
                writer.write(random_response(int(path.rpartition(b"/")[2])))
            elif path == b"/stream":
                await _stream(writer)
            else:
                writer.write(plain)
            await writer.drain()

    async def serve() -> None:
        async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await respond(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        server = await asyncio.start_server(quiet, sock=listening)
        await server.serve_forever()

    asyncio.run(serve())


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.sleep(random.random() * PAUSE)
    for _ in range(EVENTS):
        event = b"data: %d\n\n" % time.perf_counter_ns()
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
        await asyncio.sleep(PAUSE)
    writer.write(b"0\r\n\r\n")


@contextmanager
def upstream() -> Iterator[str]:
    """Run the upstream in a process of its own, and yield its URL."""
    with listen("127.0.0.1", 0) as listening:
        arguments = (listening, chat_response())
        process = multiprocessing.get_context("fork").Process(target=_serve, args=arguments, daemon=True)
        process.start()
        try:
            yield address(listening)
        finally:
            process.terminate()
            process.join()


@contextmanager
def proxied(url: str) -> Iterator[str]:
    """Run the command `proxy` in a process of its own, and yield its URL."""
    with tempfile.TemporaryDirectory() as home:
        command = (sys.executable, "-m", "cohere_conformance", "proxy", "--upstream", url)
        process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--no-config"],
            cwd=home, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[2]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


# -- the client --------------------------------------------------------------------------------------------


class RawClient:
    """A connection that sends requests and returns the bytes of responses."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request: bytes, length: int) -> bytes:
        """Return the response to a request, of which the length is known."""
        self._socket.sendall(request)
        received = bytearray()
        while len(received) < length:
            received += self._socket.recv(1_000_000)
        return bytes(received)


class Delays(NamedTuple):
    """Milliseconds, directly and through the proxy."""

    direct: list[float]
    through: list[float]


def latency(url: str, proxy: str, requests: int) -> Delays:
    """Return how long requests of one client take, one after another."""
    request = _REQUEST % (b"POST", b"/v2/chat", len(_CHAT), _CHAT)
    length, delays = len(chat_response()), Delays([], [])
    clients = (RawClient(url), RawClient(proxy))
    for number in range(requests + 50):
        for client, times in zip(clients, delays, strict=True):
            begin = time.perf_counter()
            client.call(request, length)
            if number >= 50:
                times.append(1000 * (time.perf_counter() - begin))
    return delays


async def _events(url: str, delays: list[float]) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(_REQUEST % (b"GET", b"/stream", 0, b""))
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(EVENTS):
        line = (await reader.readuntil(b"\n\n")).rpartition(b"data: ")[2]
        delays.append((time.perf_counter_ns() - int(line)) / 1e6)
    writer.close()


def streams(url: str, proxy: str, number: int) -> Delays:
    """Return how late events of many streams at the same time are received."""
    delays = Delays([], [])

    async def many(where: str, times: list[float]) -> None:
        await asyncio.gather(*(_events(where, times) for _ in range(number)))

    for where, times in ((url, delays.direct), (proxy, delays.through)):
        asyncio.run(many(where, times))
    return delays


def unequal(proxy: str, responses: int) -> int:
    """Return how many responses are received with other bytes than were sent."""
    client, different = RawClient(proxy), 0
    for number in range(responses):
        sent = random_response(number)
        different += client.call(_REQUEST % (b"GET", b"/bytes/%d" % number, 0, b""), len(sent)) != sent
    return different


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--responses", type=int, default=300)
    parser.add_argument("--no-gate", action="store_true")
    given = parser.parse_args(arguments)
    with upstream() as url, proxied(url) as proxy:
        different = unequal(proxy, given.responses)
        one = latency(url, proxy, given.requests)
        # Responds as soon as everything is judged: what follows has only its own exchanges beside it.
        httpx.get(f"{proxy}/_conformance", timeout=600, trust_env=False)
        many = streams(url, proxy, given.streams)
    added = statistics.median(one.through) - statistics.median(one.direct)
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| | directly | through the proxy | added |\n|---|--:|--:|--:|")
    rows = [("one client, median", one, 0.5), ("one client, 95 %", one, 0.95)]
    rows += [(f"event of {given.streams} streams, {name}", many, share) for name, share in
             (("median", 0.5), ("95 %", 0.95))]  # fmt: skip
    for name, delays, share in rows:
        direct, through = (_quantile(times, share) for times in delays)
        print(f"| {name} | {direct:.2f} ms | {through:.2f} ms | {through - direct:.2f} ms |")
    print(f"\nresponses with other bytes: {different} of {given.responses}")
    missed = added >= GOAL or different > 0
    print(f"goal: less than {GOAL:g} ms added to the median, no other byte: {'missed' if missed else 'kept'}")
    return int(missed and not given.no_gate)


if __name__ == "__main__":
    sys.exit(main())
