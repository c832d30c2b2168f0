"""Unusual bodies, below their schema: media type, syntax, encoding, size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule
from cohere_conformance.fuzz.forms import FORM
from cohere_conformance.fuzz.paths import harmless, of_nobody
from cohere_conformance.fuzz.values import UNKNOWN
from cohere_conformance.fuzz.walk import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract import Operation
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.model import Headers

_JSON = "application/json"
_CHARSET = "application/json; charset=utf-8"
"""The media type that many clients send with JSON."""
_LARGE = 2**20
_ORDINARY = 200_000
"""Bytes of a body of ordinary size: a batch of texts is as large."""
_TYPES = (
    "text/plain",
    "application/xml",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "application/problem+json",
    _CHARSET,
    "application/json; charset=utf-16",
    "APPLICATION/JSON",
    "application/json, text/plain",
    "json",
    FORM,
    f"{FORM}; boundary=conformance",
)
_ENCODINGS = ("gzip", "br", "conformance")
_SYNTAX = ViolatedRule("/", "syntax", "JSON by RFC 8259")
_MEDIA_TYPE = ViolatedRule("header:content-type", "media-type", FORM)
_NO_FORM = (400, 415, 422)
"""Statuses with which a body that is no form is refused."""
_PART = f'--conformance\r\ncontent-disposition: form-data; name="{UNKNOWN}"; filename="a.csv"\r\n\r\na'


class _BodyVariant(NamedTuple):
    """One body.

    Attributes:
        says: what it is, for a reader.
        text: what is sent.
        type: its `Content-Type`.
        rule: the one that it breaks, if it has to be refused.
        statuses: with which it may be refused; any 4xx if empty.
        headers: further ones.
        served: ordinary clients send it, so it has to be served.
    """

    says: str
    text: str | bytes
    type: str = _JSON
    rule: ViolatedRule | None = None
    statuses: tuple[int, ...] = ()
    headers: Headers = ()
    served: bool = False


def contents(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield requests with unusual bodies.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    template = anchor.template
    if template.form:
        found = _instead_of_form()
    elif template.body is not msgspec.UNSET:
        found = _instead_of_json(operation, template.body)
        yield _twice(anchor)
    else:
        # The call would take effect whatever its body is.
        template = template if harmless(operation.label) else of_nobody(template)
        found = _instead_of_nothing()
    for content in found:
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            _with(template, content),
            location=content.rule.location if content.rule else "/",
            says=content.says,
            expected=_verdict(content),
            rule=content.rule,
            statuses=content.statuses,
        )


def _verdict(content: _BodyVariant) -> Expected:
    if content.rule:
        return Expected.REFUSED
    return Expected.SERVED if content.served else Expected.EITHER


def _with(template: RequestTemplate, content: _BodyVariant) -> RequestTemplate:
    return msgspec.structs.replace(
        template,
        body=msgspec.UNSET,
        form=(),
        text=content.text,
        content_type=content.type,
        headers=(*template.headers, *content.headers),
    )


def _twice(anchor: Anchor) -> Candidate:
    headers = (*anchor.template.headers, ("content-type", "text/plain"))
    return anchor.candidate(
        GenerationMode.PROTOCOL,
        msgspec.structs.replace(anchor.template, headers=headers),
        location="header:content-type",
        says="two content types",
        expected=Expected.EITHER,
    )


def _instead_of_nothing() -> Iterator[_BodyVariant]:
    yield _BodyVariant("an object where no body is declared", "{}")
    yield _BodyVariant("half an object where no body is declared", "{")
    yield _BodyVariant("a text where no body is declared", "conformance", "text/plain")
    yield _BodyVariant("1 MiB where no body is declared", " " * _LARGE)


def _instead_of_form() -> Iterator[_BodyVariant]:
    for says, text, kind in (
        ("nothing", "", ""),
        ("a JSON object instead of a form", "{}", _JSON),
        ("another kind of form", "conformance=1", "application/x-www-form-urlencoded"),
        ("a plain text instead of a form", "conformance", "text/plain"),
    ):
        yield _BodyVariant(says, text, kind, _MEDIA_TYPE, _NO_FORM)
    end = "\r\n--conformance--\r\n"
    for says, text, kind in (
        ("a form without a boundary", f"{_PART}{end}", FORM),
        ("a form with another boundary", f"{_PART}{end}", f"{FORM}; boundary=other"),
        ("a form without an end", _PART, f"{FORM}; boundary=conformance"),
        ("a form without parts", "--conformance--\r\n", f"{FORM}; boundary=conformance"),
        ("a part without a name", f"--conformance\r\n\r\na{end}", f"{FORM}; boundary=conformance"),
    ):
        yield _BodyVariant(says, text, kind, _MEDIA_TYPE)


def _instead_of_json(operation: Operation, body: Any) -> Iterator[_BodyVariant]:
    text = json.dumps(body, ensure_ascii=False)
    for kind in _TYPES:
        yield _BodyVariant(f"said to be {kind}", text, kind, served=kind == _CHARSET)
    blank = f"{text[0]}{' ' * _ORDINARY}{text[1:]}"
    yield _BodyVariant("with 200 kB of blanks between its parts", blank, served=isinstance(body, dict))
    yield _BodyVariant("not said to be anything", text, "")
    for name in _ENCODINGS:
        headers = (("content-encoding", name),)
        yield _BodyVariant(f"said to be compressed with {name}", text, headers=headers)
    yield from _invalid_json(text)
    yield from _other_values(operation, body)
    yield from _unusual(body, text)


def _invalid_json(text: str) -> Iterator[_BodyVariant]:
    """Yield bodies that are not JSON."""
    for says, violation in (
        ("without its last brace", text[:-1]),
        ("cut off in the middle", text[: len(text) // 2]),
        ("with single quotes", text.replace('"', "'")),
        ("with a comma at its end", f"{text[:-1]},}}"),
        ("with a comment", f"/* conformance */ {text}"),
        ("with a line break in a text", _extended(text, '"a\nb"')),
        ("with a number that begins with 0", _extended(text, "01")),
    ):
        yield _BodyVariant(f"JSON, {says}", violation, rule=_SYNTAX, statuses=(400,))
    # A parser that accepts it finds a property that is not declared.
    yield _BodyVariant("JSON with NaN", _extended(text, "NaN"), rule=_SYNTAX, statuses=(400, 422))


def _other_values(operation: Operation, body: Any) -> Iterator[_BodyVariant]:
    """Yield JSON that is no object, and empty bodies."""
    for text in ("null", "[]", '"conformance"'):
        yield _BodyVariant(text, text, rule=ViolatedRule("/", "type", "type object"), statuses=(400, 422))
    required = None
    declared = operation.request.media.get(_JSON) if operation.request else None
    if declared is not None:
        names = [
            name for one in rules(declared.schema, declared.schema, body) for name in one.get("required", ())
        ]
        required = ViolatedRule("/", "required", f"with {', '.join(names)}") if names else None
    for says, text in (("an empty body", ""), ("a body of blanks", " \r\n\t")):
        yield _BodyVariant(says, text, rule=required, statuses=(400, 422) if required else ())


def _unusual(body: Any, text: str) -> Iterator[_BodyVariant]:
    """Yield JSON that a parser may accept or not, or that is expensive to parse."""
    # Some parsers stop after the first value.
    yield _BodyVariant("two objects", f"{text} {text}")
    yield _BodyVariant("with a byte order mark", f"\ufeff{text}")
    yield _BodyVariant("bytes that are no UTF-8", b'{"conformance": "\xff\xfe"}')
    yield _BodyVariant("UTF-16", '{"conformance": 1}'.encode("utf-16"))
    yield _BodyVariant("bytes of no kind", bytes(range(256)))
    yield _BodyVariant("with a number that no reader holds", _extended(text, "1e999"))
    yield _BodyVariant("with 200 levels", _extended(text, f"{'[' * 200}{']' * 200}"))
    yield _BodyVariant("with 100,000 levels", _extended(text, f"{'[' * 100_000}{']' * 100_000}"))
    yield _BodyVariant("with 1 MiB of blanks", f"{text}{' ' * _LARGE}")
    yield _BodyVariant("with a text of 1 MiB", _extended(text, f'"{"x" * _LARGE}"'))
    if isinstance(body, dict) and body:
        name, value = next(iter(body.items()))
        member = json.dumps({name: value}, ensure_ascii=False)[1:-1]
        yield _BodyVariant("with a property twice", f"{{{member}, {text[1:]}")
        capitals = {key.upper(): item for key, item in body.items()}
        yield _BodyVariant("with names in capitals", json.dumps(capitals, ensure_ascii=False))


def _extended(text: str, value: str) -> str:
    """Return the text of an object with a further property."""
    return f'{text[:-1]}{", " if len(text) > 2 else ""}"{UNKNOWN}": {value}}}'
