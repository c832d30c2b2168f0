"""Every request to the target passes the guard: only `client.wire` opens connections."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import cohere_conformance

SOURCES = Path(cohere_conformance.__file__).parent
OPENING = {
    "HTTPTransport", "AsyncHTTPTransport", "ConnectionPool", "HTTPProxy", "HTTPConnection", "HTTPSConnection",
    "SyncBackend", "Client", "AsyncClient", "create_connection", "open_connection", "open_unix_connection",
    "urlopen", "socket",
}  # fmt: skip
"""What opens connections, or is made for it, by the last part of its name."""
MODULES = {"aiohttp", "ftplib", "http.client", "requests", "urllib3", "websockets"}
"""Whole libraries that do."""
SERVER = "reference"
"""The other side of a connection; it is never the target's client."""
KNOWN = {
    "client/wire.py": {"SyncBackend", "ConnectionPool", "HTTPProxy"},
    # A socket to listen on.
    "client/listening.py": {"socket"},
    # The proxy sends what its clients send, and nothing of its own: there is nothing to guard.
    "proxy/upstream.py": {"open_connection", "open_unix_connection"},
    # The transport of other people's clients: it sends what they send, and judges the responses.
    "testing/transport.py": {"HTTPTransport", "AsyncHTTPTransport"},
    # The vendor's SDK, on a transport that plays what was recorded.
    "sdk/calling.py": {"Client"},
    # The OpenAPI document that `contract drift --document URL` names; it is no target, and no key is sent.
    "drift/fetching.py": {"Client"},
    # The Dask cluster that `check --engine` names: nothing is sent to a target from there.
    "session/cluster.py": {"Client"},
}
SENDERS = {"session/worker.py", "session/probe.py", "session/survey.py", "session/sweeping.py"}
"""What sends to a target: through the guard of the run."""
OFFLINE = {"golden/replayer.py", "golden/fresh_server.py"}
"""What plays recordings, or calls an application in this process: through a transport that reaches nobody."""


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def calls(path: Path) -> list[ast.Call]:
    return [node for node in nodes(path) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    """Return the last part of what is called."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def sources() -> dict[str, Path]:
    found = {path.relative_to(SOURCES).as_posix(): path for path in SOURCES.rglob("*.py")}
    return {name: path for name, path in found.items() if not name.startswith((f"{SERVER}/", "_data/"))}


def test_only_the_wire_opens_connections() -> None:
    """Whatever else wants to reach the target has to go through the sender, and so through the guard."""
    found = {name: {name_of(call) for call in calls(path)} & OPENING for name, path in sources().items()}
    assert {name: made for name, made in found.items() if made} == KNOWN


def test_no_other_library_for_the_network_is_imported() -> None:
    """What opens connections by another name would not be found above."""
    for name, path in sources().items():
        for node in nodes(path):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not MODULES & set(names), name


def test_only_a_sender_that_reaches_nobody_has_an_open_gate() -> None:
    """The senders to a target get the guard of the run; the others have a transport without a socket."""
    made = {
        name: [call for call in calls(path) if name_of(call) in {"Sender", "PatientSender", "sender_class"}]
        for name, path in sources().items()
    }
    assert {name for name, found in made.items() if found} == SENDERS | OFFLINE
    for name, found in made.items():
        for call in found:
            given = {one.arg: ast.unparse(one.value) for one in call.keywords}
            offline = name in OFFLINE
            assert (given["gate"] == "OPEN") == offline, name
            assert not offline or "transport" in given, name
