"""Changes of an answer that is one JSON value: its status, its header fields, its text, its value."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.model import Kind, Response
from mutations.build import UUID, variants
from mutations.change import ANYTHING, Change, Expected
from mutations.values import edits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Media, Operation, ResponseDeclaration
    from cohere_conformance.contract.schema import Schema
    from cohere_conformance.model import Headers

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_STATUSES = (200, 201, 204, 302, 400, 402, 418, 599)
_ERROR_TEXTS = ("", " \n", "\t")
_ERROR_IDS = ("", "42", UUID.replace("-", ""), f"{{{UUID}}}", UUID[:-1], UUID.upper())


def encoded(value: Any) -> bytes:
    """Return a value as the bytes of a body."""
    return json.dumps(value, ensure_ascii=False).encode()


def envelope(value: Any) -> tuple[Expected, ...]:
    """Return what an error body lacks: rules E-01 and E-02, said a second time."""
    if not isinstance(value, dict):
        return (Expected(Kind.ERROR_ENVELOPE),)
    message, identifier = value.get("message"), value.get("id")
    lacking = []
    if not isinstance(message, str) or not message.strip():
        lacking.append(Expected(Kind.ERROR_ENVELOPE, "/message"))
    if isinstance(identifier, str) and not _UUID.fullmatch(identifier):
        lacking.append(Expected(Kind.ERROR_ENVELOPE, "/id"))
    return tuple(lacking)


def header_fields(declared: ResponseDeclaration, media: str | None) -> Headers:
    """Return every declared header field with a legal value, and one that nobody declares."""
    named = [(header.name, _text(variants(header.value.schema)[0])) for header in declared.headers.values()]
    return (*((("content-type", media),) if media else ()), *named, ("x-elsewhere", "1"))


def answers(declared: ResponseDeclaration, status: int) -> Iterator[Response]:
    """Yield conforming answers for everything but streams; together they show every branch."""
    for name, media in declared.media.items():
        if media.body is None:
            continue
        for value in variants(media.body.schema):
            if status >= 400:
                value = {**value, "message": "what went wrong"}
                value |= {"id": UUID} if "id" in value else {}
            yield Response(status, header_fields(declared, name), encoded(value))
    if not declared.media:
        for body in (b"", b"{}", b"not even JSON"):
            yield Response(status, header_fields(declared, None), body)


def of_value(media: Media, response: Response) -> Iterator[Change]:
    """Yield the edits of the body's value."""
    if media.body is None or response.body is None:
        return
    value = json.loads(response.body)
    failed = response.status >= 400
    for edit in edits(media.body.schema, value):
        must = edit.must + (envelope(edit.value) if failed else ())
        changed = _with_body(response, encoded(edit.value))
        yield Change(edit.name, edit.location, changed, must, edit.may, edit.reason)
    if failed:
        yield from _of_error(value, response)


def _of_error(value: dict[str, Any], response: Response) -> Iterator[Change]:
    replaced = [("message", text) for text in _ERROR_TEXTS]
    replaced += [("id", text) for text in _ERROR_IDS if "id" in value]
    for name, text in replaced:
        changed = {**value, name: text}
        reason = "an id may be written in capitals"
        yield Change(
            f"error {name} {text!r}",
            f"/{name}",
            _with_body(response, encoded(changed)),
            envelope(changed),
            reason=reason,
        )


def of_envelope(operation: Operation, declared: ResponseDeclaration, response: Response) -> Iterator[Change]:
    """Yield the changes of what surrounds a body, whatever the body is."""
    undeclared = [status for status in _STATUSES if operation.response(status) is None]
    for status in undeclared:
        must = (Expected(Kind.STATUS_UNDECLARED, "", str(status)),)
        yield Change(f"status {status}", "", msgspec.structs.replace(response, status=status), must)
    if declared.media and response.body:
        yield from _of_media_type(declared, response)
    yield from _of_headers(declared, response)


def _of_media_type(declared: ResponseDeclaration, response: Response) -> Iterator[Change]:
    media_type = next(value for name, value in response.headers if name == "content-type")
    rest = tuple(field for field in response.headers if field[0] != "content-type")
    for name in ("text/html", "application/problem+json", "text/plain; charset=utf-8", "nonsense", ""):
        value_class = name.partition(";")[0] or "absent"
        must = (Expected(Kind.MEDIA_TYPE_UNDECLARED, "", value_class),)
        fields = (("content-type", name), *rest)
        yield Change(f"content-type {name!r}", "", msgspec.structs.replace(response, headers=fields), must)
    must = (Expected(Kind.MEDIA_TYPE_UNDECLARED, "", "absent"),)
    yield Change("drop content-type", "", msgspec.structs.replace(response, headers=rest), must)
    for name in (f"{media_type}; charset=utf-8", media_type.upper()):
        fields = (("content-type", name), *rest)
        yield Change(
            f"content-type {name!r}",
            "",
            msgspec.structs.replace(response, headers=fields),
            reason="a media type has parameters and no case",
        )
    yield Change(
        "no header fields",
        "",
        msgspec.structs.replace(response, headers=()),
        reason="a recorder may keep no header fields",
    )


def _of_headers(declared: ResponseDeclaration, response: Response) -> Iterator[Change]:
    for header in declared.headers.values():
        location = f"header:{header.name}"
        rest = tuple(field for field in response.headers if field[0] != header.name)
        if len(rest) == len(response.headers):
            continue
        missing = (Expected(Kind.HEADER_MISSING, location),) if header.required else ()
        without = msgspec.structs.replace(response, headers=rest)
        yield Change(
            "drop header", location, without, missing, reason="a header that is not required may be absent"
        )
        must = (Expected(Kind.HEADER_INVALID, location),)
        for text in _illegal_texts(header.value.schema):
            fields = (*rest, (header.name, text))
            yield Change(
                f"header {text!r}", location, msgspec.structs.replace(response, headers=fields), must
            )
            twice = (*response.headers, (header.name, text))
            changed = msgspec.structs.replace(response, headers=twice)
            yield Change(f"second header {text!r}", location, changed, must)


def _illegal_texts(schema: Schema) -> list[str]:
    """Return texts that no value of the schema is written as; none where any text is one."""
    if schema.get("type") == "string" and not schema.keys() - {"type", "x-format"}:
        return []
    values = [edit.value for edit in edits(schema, variants(schema)[0]) if edit.must]
    texts = [_text(value) for value in values if isinstance(value, str | int | float)]
    if schema.get("type") == "string":
        texts = [text for text, value in zip(texts, values, strict=False) if isinstance(value, str)]
    return list(dict.fromkeys([*texts, ""]))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def of_text(response: Response) -> Iterator[Change]:
    """Yield the ways in which the text of a JSON body can be broken, and some in which it is not."""
    body = response.body or b""
    for name, rule, text in broken_texts(body):
        yield Change(
            name, "", _with_body(response, text), (Expected(Kind.BODY_MALFORMED, "", rule),), ANYTHING
        )
    if response.status < 400:
        tokens = b'{"x":[-1.5e+3,true,false,null,"\\u00e9\\n"]'
        for cut in range(1, len(tokens)):
            must = (Expected(Kind.BODY_MALFORMED, "", "truncated"),)
            yield Change(f"cut at {tokens[:cut].decode()}", "", _with_body(response, tokens[:cut]), must)
    pretty = json.dumps(json.loads(body), indent=2).encode()
    for name, text in (("indented", pretty), ("spaces", b"\r\n\t " + body + b"\n ")):
        yield Change(
            name, "", _with_body(response, text), reason="JSON may be written with spaces and escapes"
        )


def broken_texts(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield a name, the rule that is broken, and the broken text of a JSON value."""
    yield "empty", "empty", b""
    yield "spaces only", "empty", b" \n"
    for cut in sorted({1, len(body) // 2, len(body) - 1} - {0, len(body)}):
        yield f"truncated after {cut}", "truncated", body[:cut]
    yield "trailing text", "trailing", body + b"x"
    yield "trailing value", "trailing", body + b"\n" + body
    yield "trailing comma", "trailing", body + b","
    yield "invalid UTF-8", "utf-8", body + b"\xff"
    yield "Latin-1", "utf-8", b'{"x": "caf\xe9"}'
    yield "byte order mark", "byte-order-mark", b"\xef\xbb\xbf" + body
    yield "not JSON", "syntax", b"<html></html>"
    yield "single quotes", "syntax", b"{'x': 1}"
    value = json.loads(body)
    if not isinstance(value, dict):
        return
    inside = encoded(value)[1:-1]
    comma = b"," if value else b""
    yield "duplicate key", "duplicate-key:x", b'{"x":1,"x":1' + comma + inside + b"}"
    yield "deep duplicate key", "duplicate-key:y", b'{"x":[{"y":1,"y":2}]' + comma + inside + b"}"
    for name in ("NaN", "Infinity", "-Infinity"):
        yield name, f"not-a-number:{name}", b'{"x":' + name.encode() + comma + inside + b"}"
    yield "unpaired surrogate", "surrogate", b'{"x":"\\ud83d"' + comma + inside + b"}"
    yield "endless number", "number-too-long", b'{"x":' + b"9" * 5000 + comma + inside + b"}"
    yield "bottomless", "too-deep", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + comma + inside + b"}"
    for name, text in value.items():
        if isinstance(text, int | float) and not isinstance(text, bool):
            yield f"NaN at {name}", "not-a-number:NaN", encoded(value | {name: float("nan")})
            yield (
                f"repeat {name}",
                f"duplicate-key:{name}",
                b"{" + encoded({name: text})[1:-1] + b"," + inside + b"}",
            )
            break


def _with_body(response: Response, body: bytes) -> Response:
    return msgspec.structs.replace(response, body=body)
