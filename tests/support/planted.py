"""A key that is recognisable, in every place where one can stand, and a search for it in what is written."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import yaml

from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from pathlib import Path

    from hostile import Talk

    from cohere_conformance.model import Headers

KEY = "pl4nted/K3y+of~nobody.At-all_8d21c07e"
"""Looks different in each encoding."""
_JSON = ("content-type", "application/json")
_API = "https://api.cohere.com"


class Planted(NamedTuple):
    """One exchange that shows the key, and deviates so that a report quotes it."""

    where: str
    method: str
    path: str
    sent: Headers
    body: bytes
    status: int
    came: Headers
    answer: bytes


def coded(before: int = 0) -> str:
    """Return the key in base64 as it stands in a text with so many characters before it."""
    return base64.b64encode(b"u" * before + KEY.encode() + b"/more").decode()


def small() -> str:
    """Return the key encoded for a URL with the digits of its escapes in small letters."""
    return re.sub("%..", lambda escape: escape[0].lower(), quote(KEY, safe=""))


def split() -> list[str]:
    """Return the key in pieces, as a stream may hand it out."""
    return [KEY[:5], KEY[5:6], KEY[6:25], KEY[25:]]


def planted() -> list[Planted]:
    """Return an exchange for each place."""
    bearer = ("Authorization", f"Bearer {KEY}")
    encoded = quote(KEY, safe="")
    user = base64.b64encode(f"somebody:{KEY}".encode()).decode()
    signed = f"https://storage.example/f?X-Goog-Signature={encoded}\\u0026Expires=1"
    arguments = json.dumps(json.dumps({"api_key": KEY, "city": "Bern"}))
    part = f'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{KEY}\r\n--b--\r\n'
    encodings = " ".join((coded(), coded(1), coded(2), KEY.encode().hex(), small()))
    # Quoted by what has no name that could tell: only the request does.
    echo = json.dumps({"message": f"no {KEY}, not even as {quote(KEY, safe='')} or {encodings}"}).encode()
    events = f'event: message\ndata: {{"text": "it is {KEY}"}}\n\n'.encode()
    nothing = b'{"message": "no"}'
    deltas = b"".join(
        b'data: {"type": "content-delta", "index": 0, "delta": {"text": "%s"}}\n\n' % piece.encode()
        for piece in split()
    )
    stream = (("content-type", "text/event-stream"),)
    form = (("content-type", "application/x-www-form-urlencoded"),)
    parts = (("content-type", "multipart/form-data; boundary=b"),)
    chat = b'{"model": "m", "message": "hi", "stream": true}'

    def one(
        where: str, call: str, *, sent: Headers = (_JSON,), body: bytes = b"", status: int = 418,
        came: Headers = (_JSON,), answer: bytes = nothing,
    ) -> Planted:  # fmt: skip
        return Planted(where, *call.split(" "), sent, body, status, came, answer)

    return [
        one("echo of a bearer token", "POST /v2/chat", sent=(_JSON, bearer), body=b"{}", answer=echo),
        one("header", "POST /v1/rerank", sent=(_JSON, ("X-API-KEY", KEY)), body=b"{}", answer=echo),
        one("basic", "POST /v2/rerank", sent=(_JSON, ("authorization", f"bAsIc {user}")), answer=echo),
        one("cookie", "GET /v1/connectors", sent=(("Cookie", f"a=b; s={KEY}"),), answer=echo),
        one("set-cookie", "GET /v1/datasets", came=(_JSON, ("Set-Cookie", f"s={KEY}; Path=/")), answer=echo),
        one("query", f"GET /v1/models?x=1&Api-Key={quote(KEY, safe='')}", answer=echo),
        one("JSON", "POST /v1/connectors", body=json.dumps({"a": [{"Api_Key": KEY}]}).encode(), answer=echo),
        one("JSON in JSON", "POST /v1/embed", answer=f'{{"arguments": {arguments}}}'.encode()),
        one("cut JSON", "POST /v2/embed", answer=f'{{"a": {{"client_secret": "{KEY}'.encode()),
        one("form", "POST /v1/tokenize", sent=form, body=f"x=1&api_key={quote(KEY)}".encode(), answer=echo),
        one("part", "POST /v1/detokenize", sent=parts, body=part.encode(), answer=echo),
        one("stream", "POST /v1/chat", sent=(bearer,), body=chat, status=200, came=stream, answer=events),
        one("split stream", "POST /v1/embed-jobs", sent=(bearer,), body=b"{}", came=stream, answer=deltas),
        one("redirect", "GET /v1/embed-jobs", status=302, came=(("Location", f"/?access_token={KEY}"),)),
        one("signed address", "POST /v1/classify", answer=f'{{"url": "{signed}"}}'.encode()),
        one("user", "POST /v1/summarize", answer=f'{{"url": "https://u:{encoded}@h/"}}'.encode()),
        one("bearer in text", "POST /v1/generate", answer=f'{{"message": "Bearer {KEY}"}}'.encode()),
    ]  # fmt: skip


# -- recordings


def record(folder: Path) -> int:
    """Write recordings of all of it in every format, and return how many exchanges they hold."""
    rows = planted()
    folder.mkdir(parents=True)
    (folder / "traffic.har").write_text(json.dumps({"log": {"entries": [_har(row) for row in rows]}}))
    cassette = {"interactions": [_vcr(row) for row in rows], "version": 1}
    (folder / "python.yaml").write_text(yaml.safe_dump(cassette))
    (folder / "python.json").write_text(json.dumps(cassette))
    lines = "".join(json.dumps(_line(row)) + "\n" for row in rows)
    (folder / "lines.jsonl").write_text(lines)
    (folder / "packed.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return 5 * len(rows)


def _har(row: Planted) -> dict[str, Any]:
    def listed(headers: Headers) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in headers]

    body = {"postData": {"mimeType": first(row.sent, "content-type"), "text": row.body.decode()}}
    content = {"mimeType": first(row.came, "content-type") or "", "text": row.answer.decode()}
    return {
        "startedDateTime": "2026-01-02T03:04:05Z",
        "request": {"method": row.method, "url": _API + row.path, "headers": listed(row.sent)} | body,
        "response": {"status": row.status, "headers": listed(row.came), "content": content},
    }


def _vcr(row: Planted) -> dict[str, Any]:
    request = {"method": row.method, "uri": _API + row.path, "body": row.body.decode()}
    return {
        "request": request | {"headers": {name: [value] for name, value in row.sent}},
        "response": {
            "status": {"code": row.status, "message": ""},
            "headers": {name: [value] for name, value in row.came},
            "body": {"string": row.answer.decode()},
        },
    }


def _line(row: Planted) -> dict[str, Any]:
    return {
        "method": row.method,
        "url": _API + row.path,
        "status": row.status,
        "request_headers": dict(row.sent),
        "request_body": row.body.decode(),
        "response_headers": dict(row.came),
        "response_body": row.answer.decode(),
    }


# -- a server


def streaming(talk: Talk) -> None:
    """Answer every request with an endless chat that says the key piece by piece (a script)."""
    while talk.hear():
        events = [
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
            for piece in ("it is ", *split(), ", they say")
        ]
        said = b"".join(
            b"event: content-delta\ndata: " + json.dumps(one).encode() + b"\n\n" for one in events
        )
        fields = ("HTTP/1.1 200 OK", f"content-length: {len(said)}", "content-type: text/event-stream")
        talk.say("\r\n".join((*fields, "", "")).encode() + said)


def echoing(talk: Talk) -> None:
    """Answer every request with the key that it was sent with, in every form and place (a script)."""
    while came := talk.hear():
        key = KEY if KEY.encode() in came else "none"
        message = f"no {key}: {coded()} {coded(1)} {coded(2)} {KEY.encode().hex()} {quote(KEY, safe='')}"
        body = {"message": message, "api_key": key, "echo": came.decode("utf-8", "replace"), "id": key}
        said = json.dumps(body).encode()
        fields = (
            *("HTTP/1.1 200 OK", f"content-length: {len(said)}", "content-type: application/json"),
            *(f"x-echo: {key}", f"set-cookie: key={key}", f"location: https://h/?q={quote(key, safe='')}"),
        )
        talk.say("\r\n".join((*fields, "", "")).encode() + said)


# -- what was written


def forms() -> dict[str, bytes]:
    """Return what the key is known by, with the name of each form; of some only a part."""
    raw = KEY.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "url": quote(KEY, safe="").encode()}
    found |= {"path": quote(KEY).encode(), "json": raw.replace(b"/", b"\\/"), "small url": small().encode()}
    # Half of it is too much.
    found |= {"first half": raw[: len(raw) // 2], "second half": raw[len(raw) // 2 :], "middle": raw[6:25]}
    for before in range(3):
        # Only what does not depend on what stands around it.
        start, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        found[f"base64 after {before}"] = base64.b64encode(b"u" * before + raw)[start:end]
        found[f"urlsafe base64 after {before}"] = base64.urlsafe_b64encode(b"u" * before + raw)[start:end]
    return found


def betrays(data: bytes) -> list[str]:
    """Return the forms of the key that stand in the data."""
    return [name for name, form in forms().items() if form in data]


def betrayed(folder: Path, *but: Path) -> dict[str, list[str]]:
    """Return which files below a folder show the key, and in what forms; packed ones are opened.

    Args:
        folder: everything that a command has written.
        but: folders below it that hold what was planted.

    Raises:
        AssertionError: there is no file, so that nothing was looked at.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    written = [path for path in paths if not any(path.is_relative_to(other) for other in but)]
    assert written, "nothing was written"
    found: dict[str, list[str]] = {}
    for path in written:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        if shown := betrays(data + str(path.relative_to(folder)).encode()):
            found[str(path.relative_to(folder))] = shown
    return found
