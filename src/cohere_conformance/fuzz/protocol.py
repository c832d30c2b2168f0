"""Requests that are unusual below the contract: method, path, headers, credentials, bytes of the body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from cohere_conformance.cases import Credential
from cohere_conformance.contract.collections import shipped_collections
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule
from cohere_conformance.fuzz.contents import contents
from cohere_conformance.fuzz.paths import NOBODY, harmless, of_nobody
from cohere_conformance.fuzz.values import UNKNOWN
from cohere_conformance.privacy.words import INVALID_KEY, INVALID_UNICODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.model import Headers

_LOOKING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing on any server."""
_FURTHER = ("POST", "PUT", "PATCH", "DELETE", "TRACE")
_ANSWERED = frozenset({"HEAD", "OPTIONS"})
"""Methods to which a server may respond for a known path although they are not declared."""
_WRONG = f"Bearer {INVALID_KEY}"
_KEYS = {
    Credential.NONE: "without a key",
    Credential.EMPTY: "with a scheme and no key",
    Credential.WRONG: "with a key that nobody has",
    Credential.MALFORMED: "with credentials of another scheme",
}
_CREDENTIALS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "with a key and no scheme": ((INVALID_KEY,), (401,)),
    "with two keys in one header": ((f"{_WRONG} {INVALID_KEY}",), (401,)),
    "with two headers of a key": ((_WRONG, _WRONG), (400, 401)),
    "with an empty header of a key": (("",), (401,)),
    "with a key beyond ASCII": ((f"Bearer {INVALID_UNICODE}",), (400, 401)),
    "with a key of 8,000 characters": ((f"Bearer {'a' * 8000}",), (400, 401, 431)),
}
"""Values of the `Authorization` header, and the statuses with which they are refused."""
_HEADERS: dict[str, Headers] = {
    "a header that nobody knows": ((f"x-{UNKNOWN}", "1"),),
    "a header that nobody knows, twice": ((f"x-{UNKNOWN}", "1"), (f"x-{UNKNOWN}", "2")),
    "a header without a value": ((f"x-{UNKNOWN}", ""),),
    "a header of 8 KiB": ((f"x-{UNKNOWN}", "a" * 8192),),
    "a header beyond ASCII": ((f"x-{UNKNOWN}", "\u00e4\u6f22\U0001f680"),),
    "100 headers": tuple((f"x-{UNKNOWN}-{number}", "1") for number in range(100)),
    "a name of the client, twice": (("x-client-name", "conformance"), ("x-client-name", "other")),
    "HTML is wanted": (("accept", "text/html"),),
    "nothing that there is, is wanted": (("accept", "application/x-conformance;q=1, */*;q=0"),),
    "what is wanted is no media type": (("accept", "///"),),
    "another character set is wanted": (("accept-charset", "utf-16"),),
    "a cookie that is none": (("cookie", "a=b; ;=; c"),),
    "a client of another host": (("x-forwarded-for", "'\"<>"), ("x-forwarded-host", "conformance.invalid")),
}
_QUERIES = {
    "a question mark only": "",
    "half an escape": "%",
    "an escape that is none": "conformance=%zz",
    "bytes that are no UTF-8": "conformance=%ff%ed%a0%80",
    "NUL": "conformance=%00&%00=1",
    "names without values, values without names": "&&=&a&=b&a=b=c",
    "brackets": "a[b][]=1&a[=2&[]=3",
    "1,000 parameters": "&".join(f"conformance{number}=1" for number in range(1000)),
    "a value of 8,000 characters": f"conformance={'a' * 8000}",
}
_PLACEHOLDERS = "${}"


def protocol(
    contract: Contract, operation: Operation, anchor: Anchor, *, hosted: bool
) -> Iterator[Candidate]:
    """Yield requests that are unusual below the contract.

    Args:
        contract: of which the operation is a part.
        operation: what is called.
        anchor: the case that is changed.
        hosted: the target is a live service: then nothing is yielded that may create, change or delete
            anything there, however the service interprets it.
    """
    yield from _without_key(operation, anchor)
    yield from _methods(contract, operation, anchor, hosted=hosted)
    if hosted and not harmless(operation.label):
        return
    if harmless(operation.label):
        yield from _schemes(anchor)
    yield from _targets(operation, anchor)
    yield from _queries(operation, anchor)
    yield from _headers(operation, anchor, hosted=hosted)
    yield from contents(operation, anchor)


# -- credentials


def _without_key(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield calls that must not be served, and that are harmless where they are served."""
    template = anchor.template if harmless(operation.label) else _bare(of_nobody(anchor.template))
    rule = ViolatedRule("header:authorization", "security", "a key that is known, as bearer token")
    for key, says in _KEYS.items():
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            template,
            location=rule.location,
            says=says,
            expected=Expected.REFUSED,
            rule=rule,
            key=key,
            statuses=(401,),
        )
    for says, (texts, statuses) in _CREDENTIALS.items():
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            _with_headers(template, tuple(("authorization", text) for text in texts)),
            location=rule.location,
            says=says,
            expected=Expected.REFUSED,
            rule=rule,
            key=Credential.NONE,
            statuses=statuses,
        )


def _schemes(anchor: Anchor) -> Iterator[Candidate]:
    """Yield calls with the key of the run and allowed spellings of its scheme."""
    for key, says in {
        Credential.LOWER_CASE: "with bearer in small letters",
        Credential.SPACED: "with two spaces",
    }.items():
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            anchor.template,
            location="header:authorization",
            says=f"a key {says}",
            expected=Expected.SERVED if key is Credential.LOWER_CASE else Expected.EITHER,
            key=key,
        )


# -- methods


def _methods(
    contract: Contract, operation: Operation, anchor: Anchor, *, hosted: bool
) -> Iterator[Candidate]:
    """Yield calls with undeclared methods, without a body, for what does not exist."""
    declared = _declared(contract, operation)
    rule = ViolatedRule("method", "method", f"one of {', '.join(sorted(declared))}")
    for method in _LOOKING if hosted else (*_LOOKING, *_FURTHER):
        if method in declared or (method == "DELETE" and "{" not in _path(operation)):
            continue  # it may delete a whole collection
        answered = method in _ANSWERED
        looked_at = answered and operation.label.startswith("GET ")
        template = anchor.template if looked_at else _bare(of_nobody(anchor.template))
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            msgspec.structs.replace(template, method=method),
            location=rule.location,
            says=method,
            expected=Expected.EITHER if answered else Expected.REFUSED,
            rule=None if answered else rule,
            statuses=() if answered else (404, 405),
        )


def _declared(contract: Contract, operation: Operation) -> set[str]:
    """Return the methods of all operations that the path may match."""
    path = _path(operation).format_map(_Nobody())
    found = set()
    for label in contract.operations:
        method, other = label.split(" ", 1)
        if re.fullmatch("[^/]+".join(map(re.escape, re.split(r"\{[^}]+\}", other))), path):
            found.add(method)
    return found


class _Nobody(dict[str, str]):
    """Fills every parameter of a path with an id that does not exist."""

    def __missing__(self, name: str) -> str:
        return NOBODY


# -- paths and queries


def _targets(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    base = _target(operation, anchor)
    unknown = f"{base}/conformance/unknown"
    yield anchor.candidate(
        GenerationMode.PROTOCOL,
        msgspec.structs.replace(anchor.template, target=unknown),
        location="target",
        says="an unknown path below the operation's",
        expected=Expected.REFUSED,
        rule=ViolatedRule("target", "unknown", "a path that is declared"),
        statuses=(404,),
    )
    for says, target in _spellings(operation, base).items():
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            msgspec.structs.replace(anchor.template, target=target),
            location="target",
            says=f"the path {says}",
            expected=Expected.EITHER,
        )


def _spellings(operation: Operation, base: str) -> dict[str, str]:
    """Return other ways to write a path, some of which mean the same to some servers."""
    first, rest = base[1:].split("/", 1)
    found = {
        "with a slash at its end": f"{base}/",
        "with two slashes at its beginning": f"/{base}",
        "with two slashes inside": f"/{first}//{rest}",
        "with an encoded slash": f"/{first}%2F{rest}",
        "with an encoded letter": f"/%{ord(first[0]):02x}{first[1:]}/{rest}",
        "with its version in capitals": f"/{first.upper()}/{rest}",
        "with a segment of one dot": f"/.{base}",
        "with an ending": f"{base}.json",
        "with a parameter of its own": f"{base};a=b",
        "with NUL at its end": f"{base}%00",
        "with bytes that are no UTF-8": f"{base}%ff",
        "with half an escape": f"{base}%",
    }
    if harmless(operation.label):
        found["with a segment that leads back"] = f"/conformance/..{base}"
    return found


def _queries(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    base = _target(operation, anchor)
    changed = [
        ("query:", says, msgspec.structs.replace(anchor.template, target=f"{base}?{text}"))
        for says, text in _QUERIES.items()
    ]
    given = dict(anchor.template.query)
    for name, declared in operation.query.items():
        kept = tuple(pair for pair in anchor.template.query if pair[0] != name)
        empty = msgspec.structs.replace(_safe(operation, anchor), query=(*kept, (name, "")))
        changed.append((f"query:{name}", "with nothing after the equals sign", empty))
        if name in given and not declared.repeated:
            query = (*anchor.template.query, (name, given[name]))
            twice = msgspec.structs.replace(_safe(operation, anchor), query=query)
            changed.append((f"query:{name}", "given twice, with the same value", twice))
    for location, says, template in changed:
        yield anchor.candidate(
            GenerationMode.PROTOCOL, template, location=location, says=says, expected=Expected.EITHER
        )


def _path(operation: Operation) -> str:
    return operation.label.split(" ", 1)[1]


def _target(operation: Operation, anchor: Anchor) -> str:
    """Return the encoded path, with the ids of the case where the operation is harmless."""
    path = _path(operation)
    for name, template in _safe(operation, anchor).path.items():
        path = path.replace(f"{{{name}}}", quote(template, safe=_PLACEHOLDERS))
    return path


def _safe(operation: Operation, anchor: Anchor) -> RequestTemplate:
    return anchor.template if harmless(operation.label) else of_nobody(anchor.template)


# -- headers


def _headers(operation: Operation, anchor: Anchor, *, hosted: bool) -> Iterator[Candidate]:
    template = _safe(operation, anchor)
    for says, fields in _HEADERS.items():
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            _with_headers(template, fields),
            location=f"header:{fields[0][0]}",
            says=says,
            expected=Expected.EITHER,
        )
    if not hosted and not _in_collection(_path(operation)):
        # A service that obeys it may have operations that are not declared.
        yield anchor.candidate(
            GenerationMode.PROTOCOL,
            _with_headers(of_nobody(anchor.template), (("x-http-method-override", "DELETE"),)),
            location="header:x-http-method-override",
            says="another method in a header",
            expected=Expected.EITHER,
        )


def _in_collection(path: str) -> bool:
    """Return whether DELETE on a path without parameters could delete existing resources."""
    return "{" not in path and any(f"{path}/".startswith(f"{one}/") for one in shipped_collections())


def _with_headers(template: RequestTemplate, fields: Headers) -> RequestTemplate:
    """Return a request with header fields that replace those of their names."""
    names = {name for name, _ in fields}
    kept = tuple(field for field in template.headers if field[0] not in names)
    return msgspec.structs.replace(template, headers=(*kept, *fields))


def _bare(template: RequestTemplate) -> RequestTemplate:
    """Return a request without a body and a query."""
    return msgspec.structs.replace(template, query=(), body=msgspec.UNSET, text=None, form=())
