"""Sends the command of a cause by curl, and judges what comes back: does it show the cause?"""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from cohere_conformance.cases import Skip, shipped_suite
from cohere_conformance.checks.expect import expected
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference import Profile, ServerState, chosen
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.report.entry import fingerprint, key_of
from cohere_conformance.report.script import script_of
from cohere_conformance.session.judging import Judge, JudgeSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from cohere_conformance.model import Finding
    from cohere_conformance.report.shape import Cause

KEYS = {
    "CO_API_KEY": "reference-key",
    "CONFORMANCE_TRIAL_KEY": "reference-trial-key",
    "CONFORMANCE_EXPIRED_KEY": "reference-expired-key",
}
_HOPS = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


class _Recorder(ThreadingHTTPServer):
    """Passes requests on to a server, and keeps the exchanges."""

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(url).netloc
        self.exchanges: list[Exchange] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Recorder
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        """Pass one request on, whatever its method is."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.close_connection = True
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        connection = http.client.HTTPConnection(self.server.upstream, timeout=20)
        passed = {name: value for name, value in headers if name not in {"host", "accept-encoding"}}
        connection.request(self.command, self.path, body or None, passed)
        answer = connection.getresponse()
        received = answer.read()
        fields = tuple((name.lower(), value) for name, value in answer.getheaders())
        self.server.exchanges.append(
            Exchange(
                Request(
                    self.command,
                    f"http://{self.server.upstream}{self.path}",
                    headers,
                    body or None,
                    has_key="authorization" in dict(headers),
                ),
                Response(answer.status, fields, received),
                Source("curl"),
            )
        )
        self.send_response_only(answer.status)
        for name, value in fields:
            if name not in _HOPS:
                self.send_header(name, value)
        self.send_header("content-length", str(len(received)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(received)


class Again:
    """A server with faults, to which commands are sent again.

    Args:
        faults: of the server.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        state = ServerState(profile=Profile("contract"), faults=chosen(faults), step=0.02)
        self._server = ServerThread(state)
        self._judge = Judge(JudgeSettings())
        self._cases = {case.id: case for case in shipped_suite().cases}

    def __enter__(self) -> Self:
        self._recorder = _Recorder(self._server.__enter__().url)
        self._thread = threading.Thread(target=self._recorder.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.shutdown()
        self._recorder.server_close()
        self._thread.join()
        self._server.__exit__(kind, error, trace)

    def findings(self, cause: Cause) -> set[str]:
        """Return the fingerprints of the findings that the command of a cause shows."""
        return set() if cause.example.curl is None else self._shown(cause.example.curl, cause)

    def findings_of_script(self, folder: Path, cause: Cause) -> set[str] | None:
        """Return the fingerprints that the script of a cause shows; `None` if it sends less than it says."""
        try:
            script = script_of(folder, cause.id)
        except UsageError:
            return None
        found = self._shown(script.replace("  sleep 1\n", "  sleep 0.05\n"), cause)
        said = int(script.partition("# Sends the ")[2].partition(" ")[0])
        return found if len(self._recorder.exchanges) == said else None

    def _shown(self, commands: str, cause: Cause) -> set[str]:
        address = urlsplit(cause.example.request.partition(" ")[2])
        port = self._recorder.server_address[1]
        self._recorder.exchanges.clear()
        commands = commands.replace(f"//{address.netloc}", f"//127.0.0.1:{port}")
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "LC_ALL": "C", **KEYS}
        subprocess.run(
            ["bash"], input=commands.encode(), env=environment, capture_output=True, check=False, timeout=60
        )
        return {
            fingerprint(key_of(finding, case))
            for exchange in self._recorder.exchanges
            for case in (cause.example.position, *cause.case_ids)
            for finding in (*self._judge.findings(exchange), *self._expected(exchange, case))
        }

    def _expected(self, exchange: Exchange, name: str) -> list[Finding]:
        """Return what a written case does not expect."""
        case = self._cases.get(name)
        if case is None:
            return []
        try:
            expectation = case.expectation("contract")
        except UsageError:
            return []  # it depends on the resources of the run
        if isinstance(expectation, Skip):
            return []
        return list(expected(self._judge.contract, exchange, expectation))
