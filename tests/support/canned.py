"""Servers that know nothing: each response is made before the request comes, and no request changes it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.golden import find, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message

JSON = "application/json"
_NEVER = {
    "validation_status": "processing",
    "POST /v1/embed-jobs": "processing",
    "/v1/embed-jobs": "processing",
    "/v2/batches": "BATCH_STATUS_IN_PROGRESS",
    "/v1/finetuning": "STATUS_QUEUED",
}


class Canned(NamedTuple):
    """A response.

    Attributes:
        status: of HTTP.
        body: as it is sent.
        type: media type.
    """

    status: int = 200
    body: bytes = b"{}"
    type: str = JSON


def said(value: Any, status: int = 200) -> Canned:
    """Return a response of JSON."""
    return Canned(status, json.dumps(value).encode())


CRASHED = said({"message": "internal server error"}, 500)
ABSENT = said({"message": "page not found"}, 404)


@lru_cache(maxsize=1)
def examples() -> Mapping[str, Canned]:
    """Return a valid response of each operation; what takes time on a server has only begun in it."""
    found: dict[str, Canned] = {}
    for path in find(folder("cassettes")).values():
        cassette = load(path)
        label, response = cassette.provenance.operation, cassette.exchange.response
        kind = next((value for name, value in response.headers if name == "content-type"), "")
        if response.status == 200 and kind.startswith(JSON) and label not in found:
            value = _begun(json.loads(response.body or b"null"), label)
            found[label] = said(value)
    return found


def _begun(value: Any, label: str) -> Any:
    """Return a value in which nothing has come to its end."""
    if isinstance(value, list):
        return [_begun(item, label) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _begun(item, label) for name, item in value.items() if name != "output_dataset_id"}
    if "validation_status" in made:
        made["validation_status"] = _NEVER["validation_status"]
    if "status" in made:
        made["status"] = next((word for path, word in _NEVER.items() if path in label), made["status"])
    return made


class Mock:
    """Answers each operation with one response.

    Args:
        respond: returns the response by the label of the operation (`None` where there is none) and the
            number of earlier requests of it.
        refuse: returns the response to a request that is refused before anybody reads it, by its target, its
            header fields and the bytes of its body; `None` where it is not.

    Attributes:
        url: where it is found.
        requests: number of received requests, by label.
    """

    def __init__(
        self,
        respond: Callable[[str | None, int], Canned],
        refuse: Callable[[str, Message, int], Canned | None] = lambda *_: None,
    ) -> None:
        self.requests: Counter[str | None] = Counter()
        self._respond = respond
        self._refuse = refuse
        self._lock = threading.Lock()
        self._contract = load_contract()
        mock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A body that is sent after its header waits for what the client acknowledges 40 ms later.
            wbufsize = -1

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self._reply
                raise AttributeError(name)

            def _reply(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                self.rfile.read(length)
                refused = mock._refuse(self.path, self.headers, length)
                canned = refused or mock.response(self.command, self.path)
                self.send_response(canned.status)
                self.send_header("content-type", canned.type)
                self.send_header("content-length", str(len(canned.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(canned.body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def response(self, method: str, target: str) -> Canned:
        """Return the response to a request, and count it."""
        label = self._contract.route(method, f"https://api.cohere.com{target}").operation
        with self._lock:
            before = self.requests[label]
            self.requests[label] += 1
        return self._respond(label, before)


def always(canned: Canned) -> Mock:
    """Return a server with one response to everything."""
    return Mock(lambda *_: canned)


def static() -> Mock:
    """Return a server with a valid example for each operation, on which nothing ever gets ready."""
    known = examples()
    return Mock(lambda label, _: known.get(label or "", ABSENT))
