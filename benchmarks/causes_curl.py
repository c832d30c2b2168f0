"""Sends the command of a cause by curl, and judges what comes back: does it show the cause?"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import threading
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from cohere_conformance.cases import Skip, shipped_suite
from cohere_conformance.cases.model import conditions
from cohere_conformance.checks.expect import expected
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Expectation, Kind, Request, Response, Source
from cohere_conformance.privacy.words import REDACTED
from cohere_conformance.reference import Clock, Profile, ServerState, chosen
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.report.entry import fingerprint, key_of
from cohere_conformance.report.journal import read_journals
from cohere_conformance.report.line import Record
from cohere_conformance.report.script import script_of
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.removal import value as value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from cohere_conformance.cases import Case
    from cohere_conformance.cases.model import Conditions
    from cohere_conformance.model import Finding
    from cohere_conformance.report.shape import Cause, Row

KEYS = {
    "CO_API_KEY": "reference-key",
    "CONFORMANCE_TRIAL_KEY": "reference-trial-key",
    "CONFORMANCE_EXPIRED_KEY": "reference-expired-key",
}
WAIT = "/_wait"
"""What a script requests of the recorder instead of sleeping."""
PAUSE, GROWTH = 0.05, 1.6
"""Seconds of the first wait for something, and by what each further one is longer, as in a run."""
SECRET = "a-secret-of-the-reader"
"""What a reader writes in place of a redacted secret; the comments of a script say where one is."""
_SENT_FOR = re.compile(r"^# ([\d, ]+)\. (?:[A-Z]+ \S+ for|the run waited until) (\S+)", re.MULTILINE)
_HOPS = frozenset({"transfer-encoding", "connection", "content-length", "date", "server"})


class _Recorder(ThreadingHTTPServer):
    """Passes requests on to a server, and keeps the exchanges.

    Args:
        url: of the server.
        advance: moves the clock of the server ahead by so many seconds.
    """

    def __init__(self, url: str, advance: Callable[[float], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(url).netloc
        self.exchanges: list[Exchange] = []
        self._advance = advance
        self._pause = PAUSE

    def wait(self) -> None:
        """Let time pass on the server, each time more, as a run does until something is ready."""
        self._advance(self._pause)
        self._pause *= GROWTH

    def keep(self, exchange: Exchange) -> None:
        """Add an exchange; after another one than a look at something, waits are short again."""
        self.exchanges.append(exchange)
        if exchange.request.method != "GET":
            self._pause = PAUSE


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
        if self.path == WAIT:
            self.server.wait()
            self.send_response_only(204)
            self.end_headers()
            return
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        connection = http.client.HTTPConnection(self.server.upstream, timeout=20)
        # One by one: a field may be there twice, such as two content types.
        connection.putrequest(self.command, self.path, skip_accept_encoding=True)
        for name, value in headers:
            if name not in {"host", "accept-encoding"}:
                connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        received = answer.read()
        fields = tuple((name.lower(), value) for name, value in answer.getheaders())
        self.server.keep(
            Exchange(
                Request(
                    self.command,
                    f"http://{self.server.upstream}{self.path}",
                    headers,
                    body or None,
                    has_key="authorization" in dict(headers),
                ),
                Response(answer.status, fields, received),
                Source("curl", recorded_at=datetime.now(UTC).isoformat()),
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
        rows: the findings of the report, by fingerprint.
    """

    def __init__(self, faults: Sequence[str], rows: Mapping[str, Row]) -> None:
        self._rows = rows
        # Its clock moves as that of a run does, so that figures do not depend on the speed of the machine.
        self._clock = Clock(runs=False)
        state = ServerState(
            profile=Profile("contract"), faults=chosen(faults), time_per_request=0.001, clock=self._clock
        )
        self._server = ServerThread(state)

    def __enter__(self) -> Self:
        self._recorder = _Recorder(self._server.__enter__().url, self._clock.advance)
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
        wait = f"  curl -sS http://127.0.0.1:{self._recorder.server_address[1]}{WAIT}\n"
        found = self._shown(script.replace("  sleep 1\n", wait), cause)
        said = int(script.partition("# Sends the ")[2].partition(" ")[0])
        return found if len(self._recorder.exchanges) == said else None

    def _shown(self, commands: str, cause: Cause) -> set[str]:
        address = urlsplit(cause.example.request.partition(" ")[2])
        port = self._recorder.server_address[1]
        self._recorder.exchanges.clear()
        commands = commands.replace(f"//{address.netloc}", f"//127.0.0.1:{port}")
        commands = commands.replace(REDACTED, SECRET)
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "LC_ALL": "C", **KEYS}
        subprocess.run(
            ["bash"], input=commands.encode(), env=environment, capture_output=True, check=False, timeout=60
        )
        names = (cause.example.position, *cause.case_ids)
        values = _values(commands, self._recorder.exchanges)
        found = {
            fingerprint(key_of(finding, name))
            for exchange in self._recorder.exchanges
            for finding, name in _findings(exchange, names, values)
        }
        statuses = [exchange.response.status for exchange in self._recorder.exchanges]
        return found | {name for name in cause.findings if _has_status(self._rows[name], statuses)}


def _has_status(row: Row, statuses: Sequence[int]) -> bool:
    """Return whether one of some statuses is what the fuzzer or a test has found, which no case expects."""
    match row.kind:
        case Kind.SERVER_ERROR:
            return any(status >= 500 for status in statuses)
        case Kind.VALID_REFUSED:
            return any(400 <= status < 500 for status in statuses)
        case Kind.RULE_UNENFORCED:
            return any(status < 300 for status in statuses)
        case Kind.STATUS_UNEXPECTED if not _cases().keys() & set(row.cases):
            return row.status in statuses  # a test has sent it, which the judge cannot repeat
    return False


def shown_alone(folder: Path, cause: Cause) -> bool:
    """Return whether one exchange of a run shows a finding of a cause without any other exchange."""
    members = set(cause.findings)
    return any(
        fingerprint(key_of(finding, line.case)) in members
        for journal in read_journals(folder)
        for line in journal.lines()
        if isinstance(line, Record) and line.exchange is not None
        if members & {fingerprint(key_of(one, line.case)) for one in line.findings}
        for finding in _judge().findings(line.exchange)
    )


def _values(script: str, exchanges: Sequence[Exchange]) -> dict[str, str]:
    """Return the values of the placeholders of the resources that a script has created."""
    resources = shipped_suite().resources
    found: dict[str, str] = {}
    for numbers, name in _SENT_FOR.findall(script):
        exchange = exchanges[min(int(numbers.rpartition(" ")[2]), len(exchanges)) - 1]
        if (resource := resources.get(name)) is not None:
            pointers = resource.capture | (resource.wait.capture if resource.wait else {})
            texts = {key: value_at(pointer, exchange) for key, pointer in pointers.items()}
            found |= {f"{name}.{key}": text for key, text in texts.items() if text is not None}
    return found


def _findings(
    exchange: Exchange, names: Sequence[str], values: Mapping[str, str]
) -> Iterator[tuple[Finding, str]]:
    """Yield the findings of an exchange, each with every case that may have sent it."""
    for finding in _judge().findings(exchange):
        yield from ((finding, name) for name in names)
    for name in names:
        yield from ((finding, name) for finding in _expected(exchange, name, values))


def _expected(exchange: Exchange, name: str, values: Mapping[str, str]) -> list[Finding]:
    """Return what a written case does not expect, as far as the values of its placeholders are known."""
    case = _cases().get(name)
    if case is None or isinstance(written := case.profiles.get("contract", case.expect), Skip):
        return []
    expectation = Expectation(
        status=written.status,
        headers=_known(written.headers, values),
        body=_known(written.body, values),
    )
    return list(expected(_judge().contract, exchange, expectation))


def _known(templates: Conditions, values: Mapping[str, str]) -> Conditions:
    """Return the conditions of which all placeholders have values."""
    known: Conditions = {}
    for place, template in templates.items():
        with contextlib.suppress(UsageError):
            known |= conditions({place: template}, values)
    return known


@cache
def _judge() -> Judge:
    return Judge(JudgeSettings())


@cache
def _cases() -> dict[str, Case]:
    return {case.id: case for case in shipped_suite().cases}
