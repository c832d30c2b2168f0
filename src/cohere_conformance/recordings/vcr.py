"""Parses interactions of cassettes: VCR.py, its kin, and the VCR of Ruby (with Betamax, its twin)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Exchange, Headers, Request, Response, Source
from cohere_conformance.recordings import jsonstream
from cohere_conformance.recordings.bodies import content, json_bytes, recorded
from cohere_conformance.recordings.fields import assemble, headers, mapping, status, timestamp
from cohere_conformance.recordings.scalars import UnusableError, text, unbase64

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from cohere_conformance.errors import TrafficError


def parse_json(stream: io.BufferedReader, file: str, name: str) -> Iterator[Exchange | TrafficError]:
    """Yield each interaction of the list of that name, or an error for one that is unusable."""
    return jsonstream.parse(stream, file, (f"{name}.item", "interaction"), exchange_of)


def exchange_of(value: object, file: str, position: str) -> Exchange:
    """Return the exchange of an interaction.

    Raises:
        UnusableError: it is no exchange.
    """
    interaction = mapping(value, "an interaction")
    request = mapping(interaction.get("request"), "request")
    if interaction.get("response") is None:
        raise UnusableError("no response was recorded")
    response = mapping(interaction["response"], "response")
    request_headers = headers(request.get("headers"))
    response_headers = headers(response.get("headers"))
    body, undecoded = recorded(lambda: _body(response, response_headers))
    sent, _ = recorded(lambda: _body(request, request_headers))
    return assemble(
        Request(
            method=text(request.get("method")),
            url=text(request.get("uri") or request.get("url")),
            headers=request_headers,
            body=sent,
        ),
        Response(_status(response), response_headers, body, undecoded=undecoded),
        Source(file, position, timestamp(interaction.get("recorded_at") or interaction.get("recordedAt"))),
    )


def _status(response: Mapping[str, object]) -> int:
    value = response.get("status")
    if isinstance(value, dict):
        value = value.get("code")
    # go-vcr puts `200 OK` under status and the number under code; VCR.py 5 has it otherwise for httpx.
    named = (response.get(name) for name in ("code", "status_code", "statusCode"))
    return status(next((code for code in named if code is not None), value))


def _body(message: Mapping[str, object], fields: Headers) -> bytes | None:
    value = message.get("body", message.get("content"))
    if value is None or value == "":
        # A serializer in wide use keeps JSON as YAML, for the sake of readable diffs.
        if "parsed_body" in message:
            return json_bytes(message["parsed_body"])
        return content(value, fields)
    if not isinstance(value, dict) or "kind" in value:
        return content(value, fields)
    encoded = value.get("base64_string")
    if encoded is not None:
        return content(unbase64(text(encoded)), fields)
    if "string" in value or not value.keys() - {"encoding"}:
        label = value.get("encoding")
        return content(value.get("string"), fields, text(label) if label else None)
    return json_bytes(value)
