"""The lines of a journal, and how they are written so that people can search them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from cohere_conformance.model import Exchange, Finding
from cohere_conformance.privacy import redact
from cohere_conformance.report.coverage import CaseOutcome, Waiting
from cohere_conformance.report.header import Header
from cohere_conformance.report.render.safe import json_visible
from cohere_conformance.report.shorten import shorten, what_is_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_WRITTEN = 5_000_000
"""Bytes that one exchange takes in a journal, with its findings."""
_MOST_READ = 8_000_000
"""Bytes of a body that are looked through for credentials; what is behind them is never written."""
JOURNAL_FORMAT = 2
"""The version of the lines that this module reads and writes."""


class Opening(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="opening"):
    """The first line: which run this is.

    Attributes:
        worker: name of the worker, `main` or pytest-xdist's `gw0`.
        header: what is judged, against what; the same for every worker.
        planned: ids of the cases that this worker knows; `None` if it does not say.
        run: identity of the run, the same for its workers; journals of two runs are never mixed.
        led: a process leads the run and writes how it ended; without that, the run has not ended.
        format: the version of the lines.
    """

    worker: str
    header: Header
    planned: tuple[str, ...] | None = None
    run: str = ""
    led: bool = False
    format: int = JOURNAL_FORMAT


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="record"):
    """One exchange of a case, or the end of a case without one.

    A case may have several records; its result is the worst of them. Records of setup and teardown are judged
    like all others, but are no result of a case.

    Attributes:
        case: id of the case.
        operation: label such as `POST /v2/chat`; empty where no operation of the contract matches.
        outcome: the result of the case, judged by this exchange alone.
        reason: why, if the findings do not say it.
        exchange: request and response; `None` if nothing was sent. It is redacted when written.
        findings: what the checks said about the exchange.
        setup: whether the exchange created or removed a resource for the case.
        mode: what the fuzzer changed the request for, if it did.
        cut: what of the exchange was too long to be written, such as `response body: 9 of 99 bytes`.
        unsent: requests that the fuzzer derived and did not send, because their unchanged starting request
            is not served.
        unclaimed: requests that the fuzzer derived and did not send, because they need a feature that the
            target does without.
    """

    case: str
    operation: str
    outcome: CaseOutcome
    reason: str = ""
    exchange: Exchange | None = None
    findings: tuple[Finding, ...] = ()
    setup: bool = False
    mode: str = ""
    cut: tuple[str, ...] = ()
    unsent: int = 0
    unclaimed: int = 0


class Closing(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="closing"):
    """The last line: the worker ended by itself.

    Attributes:
        records: number of records before this line.
        interrupted: whether the run was stopped, so that it ended early but orderly.
        reason: what stopped it, if that is known.
        waits: the resources that the worker waited for.
        billed: what responses said was billed, by unit.
    """

    records: int
    interrupted: bool = False
    reason: str = ""
    waits: tuple[Waiting, ...] = ()
    billed: dict[str, float] = {}


Line = Opening | Record | Closing


def encode(line: Line) -> bytes:
    """Return the line with its line feed; an exchange is written without credentials."""
    if not isinstance(line, Record) or line.exchange is None:
        return _written(line)
    # Redact before the final cut: half a credential might not be recognised.
    most, shown = _MOST_READ, _shown(replace(line, exchange=shorten(line.exchange, _MOST_READ)))
    while len(written := _written(shown)) > MOST_WRITTEN and most and shown.exchange is not None:
        most //= 2
        exchange = shorten(shown.exchange, most)
        shown = replace(shown, exchange=exchange, cut=what_is_cut(line.exchange, exchange, most))
    return written


def _written(line: Line) -> bytes:
    raw: dict[str, Any] = msgspec.to_builtins(line, builtin_types=(bytes,))
    for side in _sides(raw):
        side["body"] = _body_text(side["body"])
    return (json_visible(json.dumps(raw, ensure_ascii=False)) + "\n").encode("utf-8")


def decode(raw: bytes) -> Line:
    """Parse a line.

    Raises:
        ValueError: it is no JSON, or no line of a journal.
    """
    line: Any
    try:
        line = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        # The standard library's parser reads unpaired surrogates, which findings may quote.
        line = json.loads(raw)
    for side in _sides(line):
        side["body"] = _body_bytes(side.get("body"))
    decoded: Line = msgspec.convert(line, Line, builtin_types=(bytes,))
    return decoded


def _shown(record: Record) -> Record:
    """Return the record without the credentials that its exchange shows, also where findings quote them."""
    if record.exchange is None:
        return record
    exchange, say = redact.cleaned(record.exchange)
    return replace(
        record,
        exchange=exchange,
        reason=say(record.reason),
        findings=tuple(_redacted(finding, say) for finding in record.findings),
    )


def _redacted(finding: Finding, say: Callable[[str], str]) -> Finding:
    # The identity as well: a server that makes up a new key each time is not a new finding each time.
    return replace(
        finding,
        location=say(finding.location),
        expected=say(finding.expected),
        observed=say(finding.observed),
        value_class=say(finding.value_class),
    )


def _sides(line: Any) -> Iterator[dict[str, Any]]:
    """Yield request and response of a line, as far as it is shaped so that it can have them."""
    exchange = line.get("exchange") if isinstance(line, dict) else None
    if isinstance(exchange, dict):
        yield from (side for name in ("request", "response") if isinstance(side := exchange.get(name), dict))


def _body_text(body: bytes | None) -> str | dict[str, str] | None:
    """Return a body as text wherever it is text: people search journals."""
    if body is None:
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def _body_bytes(written: object) -> bytes | None:
    match written:
        case None:
            return None
        case str():
            return written.encode("utf-8")
        case {"base64": str(coded)}:
            return base64.b64decode(coded, validate=True)
    raise ValueError("a body is null, text or base64")
