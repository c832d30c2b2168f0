"""All groups: headers, billing, and refusals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.checks.body import judge_value
from cohere_conformance.checks.evidence import once
from cohere_conformance.checks.frame import Frame, cut
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.request import judge_request
from cohere_conformance.checks.values import number
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.checks.evidence import Evidence, Json
    from cohere_conformance.model import Finding

_TOKENS = frozenset({"input_tokens", "output_tokens"})
_KNOWN = _TOKENS | {"images", "image_tokens", "search_units", "classifications", "pages"}
"""Units whose meaning is known; others are undocumented properties."""
_USED: dict[str, frozenset[str]] = {
    # A search by a connector was billed in addition to tokens.
    "POST /v1/chat": _TOKENS | {"image_tokens", "search_units"},
    "POST /v2/chat": _TOKENS | {"image_tokens"},
    "POST /v1/generate": _TOKENS,
    "POST /v1/summarize": _TOKENS,
    "POST /v1/embed": frozenset({"input_tokens", "images", "image_tokens"}),
    "POST /v2/embed": frozenset({"input_tokens", "images", "image_tokens"}),
    "POST /v1/rerank": frozenset({"search_units"}),
    "POST /v2/rerank": frozenset({"search_units"}),
    "POST /v1/classify": frozenset({"classifications"}),
    "POST /v2/parse": _TOKENS | {"image_tokens", "pages"},
}
"""The units of each operation that has any (B-01 to B-05)."""
_FOREIGN = {label: _KNOWN - used for label, used in _USED.items()}
"""Units that an operation does not use."""
_NUMBERS = frozenset({int, float})
_REPLACED = "\ufffd"
"""The replacement for bytes that are not a character."""
_HALVES = re.compile(rb"\\u(?:d[89a-f]|fffd)", re.IGNORECASE)
"""Half a surrogate pair in JSON, or its replacement."""
_SUNSET = re.compile(r"is deprecated and will be removed")
_UNKNOWN_FIELD = re.compile(r"unknown field", re.IGNORECASE)
_UNKNOWN_MODEL = re.compile(r"model '[^']*' not found", re.IGNORECASE)


# -- headers


@check("common.num-tokens", headers="num_tokens num-tokens")
def num_tokens(evidence: Evidence) -> Iterator[Breach]:
    """The num_tokens header is the sum of billed input and output tokens (H-01)."""
    reported = _header(evidence, "num_tokens")
    if reported is None or evidence.streamed:
        return
    billed = _billed(evidence)
    expected = billed.get("input_tokens", 0) + billed.get("output_tokens", 0)
    # Without billed units there is nothing to compare the header with.
    if _whole(reported) == expected or _TOKENS.isdisjoint(billed) or not all(map(_is_whole, billed.values())):
        return
    yield Breach("header:num_tokens", f"{int(expected)}, the billed input and output tokens", cut(reported))


@check("common.num-chars", sends="texts", headers="num_chars num-chars")
def num_chars(evidence: Evidence) -> Iterator[Breach]:
    """The num_chars header of embed is the number of characters of the texts (H-02)."""
    reported = _header(evidence, "num_chars")
    texts = evidence.sent.get("texts")
    if reported is None or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return
    expected = sum(map(len, texts))
    if _whole(reported) != expected:
        yield Breach("header:num_chars", f"{expected}, the characters of the texts", cut(reported))


@check("common.quota", headers="x-trial-endpoint-call-limit")
def quota(evidence: Evidence) -> Iterator[Breach]:
    """The remaining calls of a trial key do not exceed its limit (R-02)."""
    limit = evidence.header("x-trial-endpoint-call-limit")
    remaining = evidence.header("x-trial-endpoint-call-remaining")
    if limit is None or remaining is None:
        return
    most, left = _whole(limit), _whole(remaining)
    if most is None or left is None or left > most:
        yield Breach(
            "header:x-trial-endpoint-call-remaining",
            f"an integer up to the limit of {cut(limit)}",
            cut(remaining),
        )


@check("common.notice-in-answer", returns="meta", headers="x-api-warning")
def notice_in_answer(evidence: Evidence) -> Iterator[Breach]:
    """A deprecation notice in the header is also in meta.warnings if the response has meta (H-04)."""
    reported = [text for name, text in _headers(evidence) if name == "x-api-warning" and _SUNSET.search(text)]
    meta = evidence.response.get("meta")
    if not reported or not isinstance(meta, dict):
        return
    warnings = meta.get("warnings") or []
    # A gateway may combine the fields of one name into one, with commas (RFC 9110, section 5.3).
    notices = [one for one in warnings if isinstance(one, str) and _SUNSET.search(one)]
    for text in reported:
        if text not in warnings and not any(one in text for one in notices):
            yield Breach("/meta/warnings", f"the notice of the header: {cut(text)}", cut(str(warnings)))
            return


# -- billing


@check("common.billed-whole", returns="usage meta")
def billed_whole(evidence: Evidence) -> Iterator[Breach]:
    """Billed units are non-negative integers (B-01)."""
    for unit, count in _billed(evidence).items():
        if not _is_whole(count):
            yield Breach(f"{_location(evidence)}/{unit}", "a non-negative integer", str(count), unit)


@check("common.billed-own-units", returns="usage meta")
def billed_own_units(evidence: Evidence) -> Iterator[Breach]:
    """An operation bills only the units that it uses (B-01, B-05)."""
    foreign = _FOREIGN.get(evidence.operation.label, _KNOWN)
    for unit, count in _billed(evidence).items():
        if unit in foreign and count:
            yield Breach(f"{_location(evidence)}/{unit}", "no unit of another operation", str(count), unit)


# -- texts


@check("common.text-whole", returns="message text summary generations")
def text_whole(evidence: Evidence) -> Iterator[Breach]:
    """A generated text has U+FFFD only where the request has it, or at its end."""
    body = evidence.parsed.exchange.response.body
    # One byte is found in a third of the time of two.
    if body is not None and body.isascii() and (b"\\" not in body or b"\\u" not in body):
        return
    if _has_replaced(evidence.parsed.exchange.request.body or b""):
        return
    for location, text in _written(evidence.response):
        if _REPLACED in (whole := text.rstrip(_REPLACED)):
            start = max(whole.index(_REPLACED) - 10, 0)
            yield Breach(location, "complete characters", cut(repr(text[start : start + 30])))
            return


def _has_replaced(asked: bytes) -> bool:
    """Return whether a request has U+FFFD, or what servers may replace by it."""
    # Some servers replace half a surrogate pair, and all replace invalid UTF-8.
    if not asked.isascii() and _REPLACED in asked.decode("utf-8", "replace"):
        return True
    return b"\\u" in asked and _HALVES.search(asked) is not None


def _written(response: Json) -> Iterator[tuple[str, str]]:
    """Yield the generated texts."""
    message = response.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        for name in ("text", "thinking"):
            if isinstance(block, dict) and isinstance(text := block.get(name), str):
                yield f"/message/content/*/{name}", text
    if isinstance(message, dict) and isinstance(plan := message.get("tool_plan"), str):
        yield "/message/tool_plan", plan
    for name in ("text", "summary"):
        if isinstance(text := response.get(name), str):
            yield f"/{name}", text
    generations = response.get("generations")
    for one in generations if isinstance(generations, list) else ():
        if isinstance(one, dict) and isinstance(text := one.get("text"), str):
            yield "/generations/*/text", text


# -- refusals


@check("common.v2-unknown-field", invalid=True)
def v2_unknown_field(evidence: Evidence) -> Iterator[Breach]:
    """Version 2 refuses a body with an undeclared property at the top (V-01)."""
    for problem in _problems(evidence):
        if problem.kind is Kind.PROPERTY_UNDOCUMENTED and _at_top(problem):
            yield Breach("", _undeclared(problem), "it was served", problem.location)


def _undeclared(problem: Finding) -> str:
    return f"a refusal of the undeclared {problem.location} (or an update of the contract)"


@check("common.v2-unknown-nested-field", invalid=True)
def v2_unknown_nested_field(evidence: Evidence) -> Iterator[Breach]:
    """Version 2 refuses a body with an undeclared property at any depth (V-01)."""
    for problem in _problems(evidence):
        if problem.kind is Kind.PROPERTY_UNDOCUMENTED and not _at_top(problem):
            yield Breach("", _undeclared(problem), "it was served", problem.location)


@check("common.required-refused", invalid=True)
def required_refused(evidence: Evidence) -> Iterator[Breach]:
    """A body without a required property is refused (V-05, G-19)."""
    for problem in _problems(evidence):
        if problem.kind is Kind.PROPERTY_MISSING and _at_top(problem):
            yield Breach("", f"a refusal: {problem.location} is required", "it was served", problem.location)


@check("common.invalid-refused", invalid=True)
def invalid_refused(evidence: Evidence) -> Iterator[Breach]:
    """A body with a value of the wrong type or out of range is refused (V-10, V-11)."""
    reported = {Kind.PROPERTY_UNDOCUMENTED, Kind.PROPERTY_MISSING}
    for problem in _problems(evidence):
        if problem.kind not in reported and _at_top(problem):
            yield Breach(
                "", f"a refusal: {problem.location}: {problem.expected}", "it was served", problem.location
            )


# -- statuses of refusals


@check("common.v2-unknown-field-status", errors=True)
def v2_unknown_field_status(evidence: Evidence) -> Iterator[Breach]:
    """Version 2 refuses an unknown field with 422 (V-01)."""
    if evidence.status != 422 and _UNKNOWN_FIELD.search(_message(evidence)):
        yield Breach("", "status 422 for an unknown field", str(evidence.status))


@check("common.v1-unknown-field-served", errors=True)
def v1_unknown_field_served(evidence: Evidence) -> Iterator[Breach]:
    """Version 1 serves a body with an unknown field (V-02)."""
    if _UNKNOWN_FIELD.search(_message(evidence)):
        yield Breach("", "success, with a warning about the unknown field", str(evidence.status))


@check("common.unknown-model-status", errors=True)
def unknown_model_status(evidence: Evidence) -> Iterator[Breach]:
    """An unknown model gets 404 (V-06)."""
    if evidence.status != 404 and _UNKNOWN_MODEL.search(_message(evidence)):
        yield Breach("", "status 404 for an unknown model", str(evidence.status))


@check("common.json-syntax", errors=True)
def json_syntax(evidence: Evidence) -> Iterator[Breach]:
    """A body that is not valid JSON is refused with 400 (V-04)."""
    if evidence.status in {422, 500} and _is_no_json(evidence):
        yield Breach("", "status 400 for a body that is not JSON", str(evidence.status))


@check("common.no-crash", errors=True)
def no_crash(evidence: Evidence) -> Iterator[Breach]:
    """A request that violates the contract does not get 500 (E-08, V-05, V-10, V-11)."""
    if evidence.status != 500 or _is_no_json(evidence):
        return
    problem = next(
        judge_request(Frame(evidence.operation.label, 500), evidence.operation, evidence.parsed), None
    )
    if problem is not None:
        location = problem.location or "the body"
        yield Breach("", f"a refusal, as the request is invalid at {location}", "status 500")


# -- helpers


def _headers(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    return evidence.parsed.exchange.response.headers


def _header(evidence: Evidence, name: str) -> str | None:
    """Return a header whose name has an underscore; some recorders write a hyphen (H-03)."""
    found = evidence.header(name)
    return evidence.header(name.replace("_", "-")) if found is None else found


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _is_whole(count: float) -> bool:
    return count >= 0 and count == count // 1


def _location(evidence: Evidence) -> str:
    return "/usage/billed_units" if "usage" in evidence.response else "/meta/billed_units"


@once
def _billed(evidence: Evidence) -> Mapping[str, float]:
    """Return the billed units; null counts as absent."""
    response = evidence.response
    reported = response.get("usage") if "usage" in response else response.get("meta")
    units = reported.get("billed_units") if isinstance(reported, dict) else None
    if not isinstance(units, dict):
        return {}
    if _NUMBERS.issuperset(map(type, units.values())):
        return units
    return {unit: count for unit, count in units.items() if number(count) is not None}


def _message(evidence: Evidence) -> str:
    message = evidence.response.get("message")
    return message if isinstance(message, str) else ""


@once
def _problems(evidence: Evidence) -> list[Finding]:
    """Return the deviations of the JSON body of the request from the contract."""
    declared = evidence.operation.request
    if declared is None or evidence.sends_valid:
        return []
    frame = Frame(evidence.operation.label, evidence.status)
    return list(judge_value(frame, declared.media["application/json"], evidence.sent))


def _is_no_json(evidence: Evidence) -> bool:
    """Return whether the body of the request should be JSON and is not."""
    request, declared = evidence.parsed.exchange.request, evidence.operation.request
    if declared is None or not (request.body or b"").strip():
        return False
    media = media_type(field(request.headers, "content-type") or "application/json")
    meant = media == "application/json" and media in declared.media
    return meant and evidence.parsed.request[0] is NOTHING


def _at_top(problem: Finding) -> bool:
    return problem.location.count("/") == 1
