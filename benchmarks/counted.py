"""The reference server on a free port, counting what is sent to it: by group of operations and by answer.

The first line it prints is its address; SIGTERM ends it, and the last line is what it has counted:
`{"rerank": {"2xx": 12, "4xx": 30}, "": {"4xx": 1}}`, the empty group for what calls no declared operation.
What is no HTTP at all is refused below the application and not counted.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import uvicorn

from cohere_conformance.client.listening import address, listen
from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.reference.app import application

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cohere_conformance.contract import Contract

TRANSPORT = "transport."
"""What the names of faults begin with that need more than the application: the relay before it."""


class Counting:
    """An application around another one.

    Attributes:
        counts: requests by the group that they call, then by the class of the answer's status; `none` where
            no answer began.
    """

    def __init__(self, application: ASGIApp, contract: Contract) -> None:
        self._application = application
        self._contract = contract
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status_class = "none"

        async def listening(message: Message) -> None:
            nonlocal status_class
            if message["type"] == "http.response.start":
                status_class = f"{message['status'] // 100}xx"
            await send(message)

        try:
            await self._application(scope, receive, listening)
        finally:
            self.counts[self._group(scope)][status_class] += 1

    def _group(self, scope: Scope) -> str:
        path = scope["raw_path"].decode("latin-1")
        label = self._contract.route(scope["method"], f"http://localhost{path}").operation
        return "" if label is None else self._contract.operations[label].group


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fault", action="append", default=[], metavar="NAME")
    names = parser.parse_args(arguments).fault
    if any(name.startswith(TRANSPORT) for name in names):
        parser.error("faults of the transport are not made by the application")
    state = ServerState(faults=chosen(names))
    counting = Counting(application(state), state.contract)
    config = uvicorn.Config(
        counting,
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    # uvicorn raises the signal again when it has ended; the process is to live on and tell.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    with listen("127.0.0.1", 0) as listening:
        print(address(listening), flush=True)
        uvicorn.Server(config).run(sockets=[listening])
    print(json.dumps(counting.counts), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
