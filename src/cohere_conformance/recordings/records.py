"""Parses documents of records: nock, WireMock, Hoverfly, httpmock, rows in an array, and similar ones.

Each record is one exchange in the notation of some recorder; it is converted to an interaction of a cassette.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cohere_conformance.recordings import jsonl, jsonstream, vcr
from cohere_conformance.recordings.bodies import json_bytes, pieces
from cohere_conformance.recordings.fields import mapping
from cohere_conformance.recordings.scalars import UnusableError, text, unbase64

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from cohere_conformance.errors import TrafficError
    from cohere_conformance.model import Exchange

_PORTS = {"https": ":443", "http": ":80"}


def parse(stream: io.BufferedReader, file: str, path: str) -> Iterator[Exchange | TrafficError]:
    """Yield each record of a JSON document, or an error for one that is no exchange.

    Args:
        stream: the document.
        file: its path as given by the caller.
        path: location of the records in the notation of ijson: `entries.item`; empty for the document itself.
    """
    return jsonstream.parse(stream, file, (path, "record"), exchange_of)


def exchange_of(value: object, file: str, position: str) -> Exchange:
    """Return the exchange of a record, in the notation of any recorder.

    Raises:
        UnusableError: it is no exchange.
    """
    record = mapping(value, "a record")
    if "scope" in record and "path" in record:
        return vcr.exchange_of(_of_nock(record), file, position)
    if "when" in record and "then" in record:
        return vcr.exchange_of(_of_httpmock(record), file, position)
    if isinstance(record.get("request"), dict) and isinstance(record.get("response"), dict):
        return _exchanged(record, file, position)
    return jsonl.exchange_of(json_bytes(dict(record)), file, position)


def _exchanged(record: Mapping[str, object], file: str, position: str) -> Exchange:
    """Return the exchange of a record with a request and a response."""
    request, response = mapping(record["request"], "request"), mapping(record["response"], "response")
    if isinstance(response.get("content"), dict):
        return jsonl.exchange_of(json_bytes(dict(record)), file, position)
    if isinstance(request.get("destination"), list):
        request, response = _of_hoverfly(request, response)
    request, response = _of_wiremock(request, response)
    return vcr.exchange_of({**record, "request": request, "response": response}, file, position)


# -- nock, the recorder of Node


def _of_nock(record: Mapping[str, object]) -> dict[str, object]:
    """Convert a definition of nock to an interaction."""
    scope = text(record["scope"])
    scheme, _, _ = scope.partition("://")
    url = scope.removesuffix(_PORTS.get(scheme, " ")) + text(record["path"])
    raw = record.get("rawHeaders", record.get("headers"))
    if isinstance(raw, list) and not any(isinstance(one, list | dict) for one in raw):
        raw = [[raw[at], raw[at + 1]] for at in range(0, len(raw) - 1, 2)]
    sent = record.get("body")
    return {
        "request": {
            "method": record.get("method", "GET"),
            "uri": url,
            "headers": record.get("reqheaders"),
            "body": {"kind": "json", "value": sent} if isinstance(sent, dict | list) else sent,
        },
        "response": {
            "status": record.get("status", 200),
            "headers": raw,
            "body": _nocked(record.get("response"), binary=record.get("responseIsBinary") is True),
        },
    }


def _nocked(body: object, *, binary: bool) -> object:
    """Return the body of a definition: text, JSON, or bytes as pieces in hexadecimal."""
    texts = [body] if binary and isinstance(body, str) else body
    # A list of texts may also be JSON, but then its texts are hardly all hexadecimal.
    if isinstance(texts, list) and texts and all(isinstance(one, str) and one for one in texts):
        joined = pieces([str(one) for one in texts])
        if joined is not None:
            return joined
    return {"kind": "json", "value": body} if isinstance(body, dict | list) else body


# -- httpmock, the recorder of Rust


def _of_httpmock(record: Mapping[str, object]) -> dict[str, object]:
    """Convert a mock of httpmock, as its proxy records them, to an interaction."""
    when, then = mapping(record["when"], "when"), mapping(record["then"], "then")
    body = then.get("body", then.get("json_body"))
    if then.get("body_base64") is not None:
        body = unbase64(text(then["body_base64"]))
    host = text(when.get("host"))
    pairs = [(text(one.get("name")), text(one.get("value"))) for one in _dicts(when.get("query_param"))]
    query = urlencode(pairs, errors="replace")
    return {
        "request": {
            "method": when.get("method", "GET"),
            "uri": f"{_base(host, when)}{text(when.get('path'))}{'?' if query else ''}{query}",
            "headers": when.get("header"),
            "body": when.get("body", when.get("json_body")),
        },
        "response": {"status": then.get("status", 200), "headers": then.get("header"), "body": body},
    }


def _base(host: str, when: Mapping[str, object]) -> str:
    if not host:
        return ""
    port = text(when.get("port"))
    return f"{text(when.get('scheme')) or 'https'}://{host}{':' if port else ''}{port}"


def _dicts(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# -- WireMock and Hoverfly, the mock servers


def _of_wiremock(
    request: Mapping[str, object], response: Mapping[str, object]
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return request and response with the usual names instead of those of WireMock."""
    sent, received = dict(request), dict(response)
    if not (sent.get("url") or sent.get("uri")):
        sent["url"] = sent.get("urlPath")
    for pattern in _dicts(sent.get("bodyPatterns")):
        sent.setdefault("body", pattern.get("equalToJson", pattern.get("equalTo")))
    if "jsonBody" in received:
        received.setdefault("body", {"kind": "json", "value": received["jsonBody"]})
    if "base64Body" in received:
        received.setdefault("body", {"kind": "base64", "value": received["base64Body"]})
    return sent, received


def _of_hoverfly(
    request: Mapping[str, object], response: Mapping[str, object]
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return request and response of a Hoverfly simulation, whose requests consist of matchers."""
    scheme, host, path = (_matched(request.get(name)) for name in ("scheme", "destination", "path"))
    body = response.get("body")
    if response.get("encodedBody") is True:
        body = unbase64(text(body))
    sent = {
        "method": _matched(request.get("method")),
        "url": f"{scheme or 'https'}://{host}{path}",
        "headers": request.get("requestHeaders"),
        "body": _matched(request.get("body")) or None,
    }
    return sent, {**response, "body": body}


def _matched(value: object) -> str:
    """Return the value of the first matcher with an exact value."""
    for matcher in _dicts(value):
        if matcher.get("matcher") in {"exact", "json", None}:
            return text(matcher.get("value"))
    if value is None or isinstance(value, list):
        return ""
    raise UnusableError("expected matchers as Hoverfly writes them")
