"""Builds the requests of a file of cases, and checks them."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases.case_file import unlike
from cohere_conformance.cases.request_template import FormPart, RequestTemplate, tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cohere_conformance.cases.case_file import Steps
    from cohere_conformance.cases.grammar import PartEntry, RequestEntry, Scalar
    from cohere_conformance.cases.scope import Scope
    from cohere_conformance.model import Headers

_PARAMETER = re.compile(r"\{([^}]+)\}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_ELSEWHERE = {"authorization": "the property key", "content-type": "the property content-type with text"}
"""Headers that a case sets with a property, and that property."""
_LONGEST = 600


def parse_request(scope: Scope, steps: Steps, entry: RequestEntry) -> RequestTemplate:
    """Return the request of an entry.

    Raises:
        CaseError: it is invalid.
    """
    label = scope.operation(steps, entry.operation)
    given = {
        "body": entry.body is not msgspec.UNSET,
        "text": entry.text is not None,
        "form": bool(entry.form),
    }
    bodies = [name for name, there in given.items() if there]
    if len(bodies) > 1:
        raise scope.error(
            (*steps, bodies[1]), f"expected one body, got {' and '.join(bodies)}; keep one of them"
        )
    if entry.content_type is not None and entry.text is None:
        raise scope.error(
            (*steps, "content-type"),
            "expected text together with content-type, got none; body and form have their own type",
        )
    return RequestTemplate(
        operation=label,
        path=_path(scope, steps, label, entry.path),
        query=_pairs(scope, (*steps, "query"), entry.query),
        headers=_headers(scope, (*steps, "headers"), entry.headers),
        body=msgspec.UNSET if entry.body is msgspec.UNSET else scope.json((*steps, "body"), entry.body),
        text=None if entry.text is None else scope.text((*steps, "text"), entry.text),
        form=_form(scope, (*steps, "form"), entry.form),
        content_type=entry.content_type or "application/json",
    )


def _path(scope: Scope, steps: Steps, label: str, path: Mapping[str, Scalar]) -> dict[str, str]:
    declared = _PARAMETER.findall(label)
    for name in path:
        if name not in declared:
            raise scope.error((*steps, "path", name), unlike(name, declared, f"a parameter of {label}"))
    for name in declared:
        if name not in path:
            raise scope.error(
                (*steps, "path" if path else "operation"),
                f"expected the parameter {name} of {label}, got none; add it to path",
            )
    return {name: scope.text((*steps, "path", name), _scalar(value)) for name, value in path.items()}


def _pairs(
    scope: Scope, steps: Steps, mapping: Mapping[str, Scalar | Sequence[Scalar]]
) -> tuple[tuple[str, str], ...]:
    """Return a pair for each value; a list of values repeats the name."""
    return tuple(
        (name, scope.text((*steps, name), _scalar(value)))
        for name, values in mapping.items()
        for value in (values if isinstance(values, list) else [values])
    )


def _headers(scope: Scope, steps: Steps, headers: Mapping[str, str | list[str]]) -> Headers:
    pairs = _pairs(scope, steps, headers)
    for name, value in pairs:
        here = (*steps, name)
        if not _HEADER.fullmatch(name) or not _VALUE.fullmatch(value):
            raise scope.error(
                here, f"expected a header of one line in ASCII, got {name!r}: {value!r}; correct it"
            )
        if name.lower() in _ELSEWHERE:
            said = f"expected {_ELSEWHERE[name.lower()]}, got the header {name}; leave the header out"
            raise scope.error(here, said)
    return tuple((name.lower(), value) for name, value in pairs)


def _form(scope: Scope, steps: Steps, form: list[PartEntry] | None) -> tuple[FormPart, ...]:
    if form is not None and not form:
        raise scope.error(steps, "expected at least one part, got none; add one or leave form out")
    return tuple(_part(scope, (*steps, number), part) for number, part in enumerate(form or ()))


def _part(scope: Scope, steps: Steps, part: PartEntry) -> FormPart:
    contents = {"value": part.value, "text": part.text, "base64": part.base64, "wav": part.wav}
    there = [name for name, content in contents.items() if content is not None]
    if len(there) != 1:
        got = " and ".join(there) or "none"
        raise scope.error(steps, f"expected one of {', '.join(contents)}, got {got}; give one of them")
    if part.value is not None and (part.filename is not None or part.type is not None):
        raise scope.error(
            (*steps, "value"), "expected a plain field with value, got a file; write text instead of value"
        )
    return FormPart(
        name=scope.text((*steps, "name"), part.name),
        content=_content(scope, (*steps, there[0]), part),
        filename=None if part.filename is None else scope.text((*steps, "filename"), part.filename),
        type=part.type,
    )


def _content(scope: Scope, steps: Steps, part: PartEntry) -> str | bytes:
    if part.base64 is not None:
        try:
            return base64.b64decode("".join(part.base64.split()), validate=True)
        except binascii.Error as error:
            said = f"expected base64, got other text ({error}); encode the bytes again"
            raise scope.error(steps, said) from error
    if part.wav is not None:
        if not 0 <= part.wav <= _LONGEST:
            raise scope.error(steps, f"expected between 0 and {_LONGEST} seconds, got {part.wav}; change it")
        return tone(part.wav)
    return scope.text(steps, _scalar(part.value if part.text is None else part.text))


def _scalar(value: object) -> str:
    """Return a value as the text that is sent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
