"""A reference server that has changed as a live one does: it refuses, changes or loses something."""

from __future__ import annotations

import json
import os
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from cohere_conformance.cli import run as command
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.sdk.parsers import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator


def values_at(value: Any, pointer: str) -> Iterator[Any]:
    """Yield the values at a JSON pointer, in which `*` is every element of an array."""
    step, _, rest = pointer.removeprefix("/").partition("/")
    if not step:
        yield value
    elif step == "*" and isinstance(value, list):
        for item in value:
            yield from values_at(item, rest)
    elif isinstance(value, dict) and step in value:
        yield from values_at(value[step], rest)


def matches(body: Any, condition: dict[str, Any]) -> bool:
    """Return whether a request is one that is refused.

    Args:
        body: of the request.
        condition: `has` and `lacks` are lists of locations, `equals` has patterns of values by location; all
            in `together` have to be in one element of the array at its location.
    """
    if "together" in condition:
        (pointer, names) = next(iter(condition["together"].items()))
        if not any(
            isinstance(one, dict) and all(one.get(name) for name in names) for one in values_at(body, pointer)
        ):
            return False
    return (
        all(any(True for _ in values_at(body, pointer)) for pointer in condition.get("has", ()))
        and not any(True for pointer in condition.get("lacks", ()) for _ in values_at(body, pointer))
        and all(
            any(fnmatchcase(str(one), pattern) for one in values_at(body, pointer))
            for pointer, pattern in condition.get("equals", {}).items()
        )
    )


class DriftedServer:
    """A running reference server with a change.

    Args:
        change: `faults` are faults of the reference server, `profile` its profile; `refuse` has the
            `operation` and the condition of requests that it refuses, with the `status` and the `message`.
    """

    def __init__(self, change: dict[str, Any]) -> None:
        state = ServerState(
            profile=change.get("profile", "contract"), faults=change.get("faults", ()), time_per_request=0.2
        )
        inner, refuse = application(state), change.get("refuse")

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if refuse is None or f"{scope['method']} {scope['path']}" != refuse["operation"]:
                await inner(scope, receive, send)
                return
            messages, body = [], b""
            while True:
                messages.append(await receive())
                body += messages[-1].get("body", b"")
                if not messages[-1].get("more_body", False):
                    break
            if self._refused(body, scope, refuse):
                await _fail(send, refuse.get("status", 400), refuse["message"])
                return

            async def replayed() -> Any:
                return messages.pop(0) if messages else await receive()

            await inner(scope, replayed, send)

        self.thread = ServerThread(state, app)

    def _refused(self, body: bytes, scope: Any, refuse: dict[str, Any]) -> bool:
        authorized = any(value.endswith(PRODUCTION.encode()) for _, value in scope["headers"])
        try:
            content = json.loads(body or b"{}")
        except ValueError:
            return False
        return authorized and matches(content, refuse)


async def _fail(send: Any, status: int, message: str) -> None:
    content = json.dumps({"id": "5e1f9a3e-93c5-4d06-9d43-5cf0aa7e0b2f", "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def ran(server: DriftedServer, given: dict[str, Any]) -> dict[str, Any] | None:
    """Run cases against a server, and return report.json; `None` without one.

    Args:
        server: not yet running.
        given: `only` are groups, `cases` ids of cases.
    """
    with tempfile.TemporaryDirectory(prefix="incident-") as folder, server.thread:
        arguments = ["run", "--no-config", "--url", server.thread.url, "--only", given["only"]]
        arguments += ["--report-dir", folder, *(f"--case={case}" for case in given.get("cases", ()))]
        variables = {"CO_API_KEY": PRODUCTION, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: "0"}
        with mock.patch.dict(os.environ, variables):
            command(arguments)
        path = Path(folder, "report.json")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
