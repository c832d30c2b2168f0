"""Compares a response with the golden one: which differences does no rule allow."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.checks.frame import Frame, cut, shown
from cohere_conformance.checks.headers import media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.fields import typed
from cohere_conformance.golden.compare.locations import bodies, events
from cohere_conformance.golden.compare.masks import EQUAL, WITHHELD, Like, withheld
from cohere_conformance.golden.compare.outlines import Outlines
from cohere_conformance.golden.compare.rules import HEADER
from cohere_conformance.golden.compare.streams import Streamed, compare_streams, framing_of
from cohere_conformance.golden.compare.values import Differences, Placeholders, apart
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.compare.locations import SchemaNode
    from cohere_conformance.golden.compare.outlines import Demands
    from cohere_conformance.golden.compare.rules import Masks, Rules
    from cohere_conformance.model import Exchange, Finding

ERROR = 400
"""The least status of an error."""
_CONTENT_TYPE = "content-type"
_NUMBER = {"type": "number"}


def compare(
    contract: Contract,
    rules: Rules,
    case_id: str,
    golden: Exchange,
    fresh: Exchange,
    *,
    golden_values: Mapping[str, str],
    fresh_values: Mapping[str, str],
    demands: Demands | None = None,
) -> tuple[Finding, ...]:
    """Return where a response means something else than the golden one.

    `expected` is what the golden response has. Another status, or an incomplete response, is the only finding
    then, because nothing else is comparable. Parts that were not recorded are not compared.

    Args:
        contract: what is declared; says how answers are framed, and which names in them are free.
        rules: what may differ.
        case_id: of the case, or the name of what was imported.
        golden: the recorded exchange.
        fresh: the exchange to compare.
        golden_values: values of the placeholders of the case when it was recorded.
        fresh_values: values of them now.
        demands: what the case expects to be in the response, if only status and shape are compared: the
            values of the server that gave the golden response are not demanded of others.
    """
    label = _label(contract, golden)
    masks = rules.of(case_id, label)
    operation = contract.operations.get(label)

    def declared(tag: str | None) -> Sequence[SchemaNode]:
        if operation is None:
            return ()
        return bodies(operation, fresh.response.status) if tag is None else events(operation).get(tag, ())

    placeholders = Placeholders(golden_values, fresh_values)
    differences = Differences(Frame(label, fresh.response.status), masks, placeholders, declared)
    then, now = ParsedExchange(golden), ParsedExchange(fresh)
    if _is_another(differences, then, now, () if demands is None else demands.status):
        return differences.findings()
    if demands is not None:
        # Of an error, the wording and the further properties are up to the server.
        if then.exchange.response.status == fresh.response.status < ERROR:
            Outlines(differences, masks, demands).compare(contract, label, then, now)
        return differences.findings()
    _headers(differences, masks, placeholders, then, now)
    _body(contract, differences, masks, placeholders, label, then, now)
    return differences.findings()


def _label(contract: Contract, exchange: Exchange) -> str:
    request = exchange.request
    route = contract.route(request.method, request.url)
    return route.operation or f"{request.method} {urlsplit(request.url).path or '/'}"


def _is_another(
    differences: Differences, golden: ParsedExchange, fresh: ParsedExchange, accepted: Collection[int]
) -> bool:
    """Note an incomplete response or another status, unless it is accepted; return whether one was noted."""
    response, status = fresh.exchange.response, golden.exchange.response.status
    if response.failure is not None:
        differences.note("", "broken", "a complete response", response.failure.detail)
        return True
    if response.status == status or response.status in accepted:
        return False
    statuses = " or ".join(map(str, dict.fromkeys((status, *accepted))))
    differences.note("", "status", f"status {statuses}", _answer(fresh))
    return True


def _answer(parsed: ParsedExchange) -> str:
    """Return the received status with the message of the server."""
    status = parsed.exchange.response.status
    value, _ = parsed.response
    message = value.get("message") if isinstance(value, dict) else None
    said = " ".join((message if isinstance(message, str) else parsed.text).split())
    return cut(f"{status}: {said}" if said else str(status))


# -- headers


def _headers(
    differences: Differences,
    masks: Masks,
    placeholders: Placeholders,
    golden: ParsedExchange,
    fresh: ParsedExchange,
) -> None:
    then, now = golden.exchange.response.headers, fresh.exchange.response.headers
    if not then or not now:
        return
    one, other = (
        [media_type(text) for name, text in every if name == _CONTENT_TYPE] for every in (then, now)
    )
    if one != other:
        location = f"{HEADER}{_CONTENT_TYPE}"
        differences.note(location, "media-type", ", ".join(one) or "none", ", ".join(other) or "none")
    for name in masks.headers:
        texts = [[text for field, text in every if field == name] for every in (then, now)]
        _header(differences, masks, name, list(map(placeholders.now, texts[0])), texts[1])


def _header(
    differences: Differences, masks: Masks, name: str, golden: Sequence[str], fresh: Sequence[str]
) -> None:
    comparison, location = masks.header(name), f"{HEADER}{name}"
    if bool(golden) != bool(fresh):
        if not comparison.optional:
            expected, observed = (
                shown(one[0], location) if one else "no such field" for one in (golden, fresh)
            )
            severity = Severity.BREAKING if golden else Severity.ADDITIVE
            differences.note(location, "header", expected, observed, severity=severity)
        return
    if len(golden) != len(fresh):
        expected, observed = (f"{len(one)} times: {', '.join(one)}" for one in (golden, fresh))
        differences.note(location, "header", cut(expected), cut(observed))
        return
    for then, now in zip(golden, fresh, strict=True):
        mask = WITHHELD if withheld(then, now) else comparison.mask
        one, other = ((typed(text, _NUMBER) if mask.like is Like.NUMBER else text) for text in (then, now))
        if not mask.alike(one, other):
            expected = shown(then, location) if mask == EQUAL else mask.words(one)
            differences.note(location, "header", expected, shown(now, location))


# -- bodies


def _body(
    contract: Contract,
    differences: Differences,
    masks: Masks,
    placeholders: Placeholders,
    label: str,
    golden: ParsedExchange,
    fresh: ParsedExchange,
) -> None:
    if any(
        one.exchange.response.body is None and one.exchange.response.events is None for one in (golden, fresh)
    ):
        return
    ways = [framing_of(contract, label, parsed) for parsed in (golden, fresh)]
    (then, streamed), (now, streams) = ways
    if (then == "json") != (now == "json"):
        names = {True: "a body that is no stream", False: "a stream"}
        differences.note("", "type", names[then == "json"], names[now == "json"])
    elif then == "json":
        _json(differences, masks, placeholders, golden, fresh)
    else:
        one, other = Streamed(golden, streamed, then), Streamed(fresh, streams, now)
        compare_streams(contract, differences, masks, one, other)


def _json(
    differences: Differences,
    masks: Masks,
    placeholders: Placeholders,
    golden: ParsedExchange,
    fresh: ParsedExchange,
) -> None:
    (then, known), (now, defects) = golden.response, fresh.response
    for defect in defects:
        if defect.rule not in {one.rule for one in known}:
            differences.note("", "malformed", defect.expected, cut(defect.observed))
    if then is not NOTHING and now is not NOTHING:
        differences.compare(None, [then], [now])
    elif then is NOTHING and masks.at(None, ()).mask.like is not Like.ANY:
        _bytes(differences, placeholders, golden, fresh)


def _bytes(
    differences: Differences, placeholders: Placeholders, golden: ParsedExchange, fresh: ParsedExchange
) -> None:
    """Compare bodies of which the golden one is no JSON."""
    same = golden.exchange.response.body == fresh.exchange.response.body
    if not same and placeholders.now(golden.text) != fresh.text:
        expected, observed = apart(placeholders.now(golden.text), fresh.text)
        differences.note("", "value", shown(expected), shown(observed))
