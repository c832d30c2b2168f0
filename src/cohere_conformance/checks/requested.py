"""The elements of the contract that the request of one exchange has, for the coverage in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cohere_conformance.checks.exercised import collect
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.requested import FORM, request_outline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.elements import Shape
    from cohere_conformance.model import Element, Exchange


def requested(contract: Contract, exchange: Exchange) -> frozenset[Element]:
    """Return the elements of its operation that the request has; a subset of `requestable`.

    A present value counts, valid or not, except a `null` for an optional property: it means absent. The
    response does not matter.
    """
    request = exchange.request
    route = contract.route(request.method, request.url)
    if route.operation is None:
        return frozenset()
    declared = request_outline(contract.operations[route.operation])
    shown = set(declared.path)
    if declared.query:
        _collect_texts(declared.query, parse_qsl(urlsplit(request.url).query, keep_blank_values=True), shown)
    if not request.body:
        return frozenset(shown)
    sent = field(request.headers, "content-type") or ""
    media = media_type(sent)
    if declared.form and media in {FORM, ""}:
        _collect_texts(declared.form, _parts(sent, request.body), shown)
    elif (shape := declared.bodies.get(media or next(iter(declared.bodies), ""))) is not None:
        value, _ = ParsedExchange(exchange).request
        if value is not NOTHING:
            collect(shape, value, shown)
    return frozenset(shown)


def _collect_texts(
    declared: Mapping[str, Shape], sent: Iterable[tuple[str, str]], shown: set[Element]
) -> None:
    for name, text in sent:
        if name in declared:
            collect(declared[name], text, shown)


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and text of each part of a form; bytes of a file that are not text are replaced."""
    from email.message import Message  # hardly any request is a form
    from email.parser import BytesParser

    head = f"content-type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    parts = BytesParser().parsebytes(head + body).get_payload()
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Message) and isinstance(
            name := part.get_param("name", header="content-disposition"), str
        ):
            content = part.get_payload(decode=True)  # a part that is a message itself has none
            yield name, content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
