"""The official TypeScript SDK, in a process of Node that parses one response after the other.

The process gets no key, and `node_parse.cjs` puts the response in place of the network.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import re
import select
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.route import path_parameters
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.model import Request
from cohere_conformance.report import SdkParse
from cohere_conformance.sdk.arguments import api_path, asks_otherwise, json_value, streams
from cohere_conformance.sdk.installed import NODE_PACKAGE, OPTION, folder_name
from cohere_conformance.sdk.methods import METHODS, V2
from cohere_conformance.sdk.parse import listed
from cohere_conformance.sdk.parsing import body_value, events_of, succeeded
from cohere_conformance.sdk.transport import OF_THE_CONNECTION, cut, is_other_media, with_body
from cohere_conformance.sdk.values import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange, Response

_SCRIPT = Path(__file__).with_name("node_parse.cjs")
_PATIENCE = 60.0
"""Seconds that one response may take; the first one includes the start of Node."""
_UNDERSCORE = re.compile(r"_([a-z])")
_INDEX = re.compile(r"\[\d+\]")
_BREADCRUMB = "response"


class NodeSdk:
    """The TypeScript SDK in a folder.

    Args:
        folder: with `node_modules/cohere-ai`.

    Attributes:
        name: name and version, such as `cohere-ai 8.1.0`.

    Raises:
        UsageError: there is no Node, or no such SDK.
    """

    def __init__(self, folder: str) -> None:
        self.name = folder_name(folder)
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            ["node", str(_SCRIPT), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "")},
        )
        atexit.register(self.close)
        try:
            self._line()
        except ReportError as error:
            raise UsageError(
                f"{OPTION} {folder}: expected {NODE_PACKAGE} 7 or newer, got: {error}"
            ) from error

    def parse(self, exchange: Exchange, label: str) -> SdkParse | None:
        """Return how the SDK parses a response.

        Args:
            exchange: request and response.
            label: of the operation.

        Returns:
            The result; `None` if the SDK has no method for the operation, or there is no complete response
            for it to parse.

        Raises:
            ReportError: the process has ended, or does not respond.
        """
        response, method = with_body(exchange.response), METHODS.get(label)
        streamed = streams(exchange.request)
        if response is None or method is None:
            return None
        streamed = streamed and bool(method.streamed)
        names = _UNDERSCORE.sub(lambda match: match[1].upper(), method.streamed if streamed else method.path)
        body = json_value(exchange.request.body)
        answer = self._called(
            {
                "methods": [f"v2.{names}", names] if method.client == V2 else [names],
                "parameters": list(path_parameters(label, api_path(label, exchange.request.url)).values()),
                "request": body if isinstance(body, dict) else {},
                "status": response.status,
                "headers": [pair for pair in response.headers if pair[0] not in OF_THE_CONNECTION],
                "body": base64.b64encode(response.body or b"").decode("ascii"),
                "streamed": streamed,
            }
        )
        sent = Request(exchange.request.method, exchange.request.url, (("accept", answer["accept"]),))
        if not answer["sent"] or (asks_otherwise(exchange.request, sent) and is_other_media(response)):
            return None
        values = answer["values"]
        lost = () if answer["raised"] or not succeeded(response) else _lost(response, values, streamed)
        return SdkParse(
            sdk=self.name,
            raised=f"{answer['raised']} ({answer['cause']})" if answer["cause"] else answer["raised"],
            lost=listed(lost),
            mistyped=listed(() if answer["raised"] else _mistyped(response, values, streamed)),
        )

    def close(self) -> None:
        """End the process."""
        if self._owner != os.getpid():
            return  # the process belongs to the one that this process was forked from
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _called(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._ended() from error
        return self._line()

    def _line(self) -> Any:
        output = self._process.stdout
        assert output is not None
        # One line for each request: nothing is left in the buffer when the next one is waited for.
        ready, _, _ = select.select([output], [], [], _PATIENCE)
        line = output.readline() if ready else b""
        if not line:
            self.close()
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> ReportError:
        return ReportError(
            f"the process of {NODE_PACKAGE}: expected a result within {_PATIENCE:g} seconds, got none; "
            f"leave out {OPTION}, or use another version of {NODE_PACKAGE}"
        )


def _lost(response: Response, values: list[Any], streamed: bool) -> Iterator[str]:
    if streamed:
        for location, payload, value in _events(response, values):
            yield from [location] if value is None else differences(payload, value["back"], location)
        return
    payload = body_value(response.body)
    if isinstance(payload, dict | list) and values:
        yield from differences(payload, values[0]["back"])
    elif isinstance(payload, dict):
        yield from (f"/{name}" for name in payload)
    elif payload is not None:
        # The body is no JSON, and the SDK returns an object of its own in its place.
        yield ""


def _mistyped(response: Response, values: list[Any], streamed: bool) -> Iterator[str]:
    if not streamed:
        found = [("", value) for value in values[:1]]
    else:
        found = [(location, value) for location, _, value in _events(response, values) if value is not None]
    for location, value in found:
        for steps in value["errors"]:
            below = steps[1:] if steps[:1] == [_BREADCRUMB] else steps
            yield location + "".join(f"/{'*' if _INDEX.fullmatch(step) else step}" for step in below)


def _events(response: Response, values: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield location, payload, and what the SDK made of it, of each event; `None` for one that it skipped."""
    left = list(values)
    for _, location, payload in events_of(response, cut(response)):
        found = left and left[0]["raw"] == payload
        yield location, payload, left.pop(0) if found else None
