"""The judge returns well-formed findings for any exchange, and never raises."""

from __future__ import annotations

import json
import re
from random import Random
from typing import TYPE_CHECKING, Any

import arbitrary
import pytest
from builders import JSON, NDJSON, SSE, block, chat_v1, chat_v2, citation, exchange, judged, plan, tool_call
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import SEVERITY, Kind, Severity, StreamEvent

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange, Finding

AMENDED, PUBLISHED = load_contract(), load_contract(as_published=True)
CALLS = [
    "POST /v1/chat",
    "POST /v2/chat",
    "POST /v1/embed",
    "POST /v2/rerank",
    "POST /v1/tokenize",
    "GET /v1/models",
    "GET /v1/datasets/usage",
    "POST /v2/batches",
    "DELETE /v1/connectors/c",
    "POST /v1/embed-jobs/j/cancel",
    "POST /v2/nowhere",
]
STATUSES = [200, 200, 201, 302, 400, 404, 500, 599]
HEADERS: list[Any] = [JSON, SSE, NDJSON, (), (("content-type", "text/html"), ("num_tokens", "x"))]
PLACE = re.compile(r"(?:header:[^\s/]+|(?:<(?:[^/~]|~[01])*>)?(?:/(?:[^/~]|~[01])*)*)", re.DOTALL)
MILDER = {Kind.ROUTE_UNKNOWN, Kind.STREAM_FOLD_MISMATCH, Kind.REQUIREMENT_VIOLATED}
"""Kinds whose severity depends on what was found."""
OURS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

WORDS = (
    "id type message text content role delta index usage meta results models finish_reason embeddings "
    "response_type tool_calls citations sources generation_id api_version data a/b c~d \u2028 é".split(" ")
)


def well_formed(made: Exchange) -> list[Finding]:
    """Return the findings of an exchange, none of which is malformed or repeated."""
    for contract in (PUBLISHED, AMENDED):
        findings = judge(contract, made)
        assert findings == judge(contract, made)
        for finding in findings:
            assert PLACE.fullmatch(finding.location), finding.location
            assert re.fullmatch(r"[0-9a-f]{12}", finding.fingerprint)
            assert finding.status == made.response.status
            assert finding.severity is SEVERITY[finding.kind] or finding.kind in MILDER
            assert finding.expected
            assert finding.observed
            assert len(finding.expected) < 1000 > len(finding.observed)
            assert len(finding.value_class) < 300
        fingerprints = [finding.fingerprint for finding in findings]
        assert len(fingerprints) == len(set(fingerprints))
    return findings


@pytest.mark.parametrize("call", CALLS)
def test_arbitrary_bytes(call: str) -> None:
    random = Random(call)
    for _ in range(100):
        body = random.randbytes(random.randint(0, 80))
        status, headers = random.choice(STATUSES), random.choice(HEADERS)
        well_formed(exchange(call, body, status=status, headers=headers, request=body))


@pytest.mark.parametrize("call", CALLS)
def test_arbitrary_json(call: str) -> None:
    random = Random(call)
    for _ in range(100):
        body, request = (json.dumps(arbitrary.value(random, WORDS, 3)).encode() for _ in range(2))
        status, headers = random.choice(STATUSES), random.choice(HEADERS)
        well_formed(exchange(call, body, status=status, headers=headers, request=request))


@given(text=st.text(alphabet='{}[]",:\\udu0123456789eEnatrsl. -\n', max_size=60))
@settings(OURS, max_examples=200)
def test_almost_json(text: str) -> None:
    well_formed(exchange("POST /v2/rerank", text.encode(), request=text.encode()))


# -- streams

PIECES = [
    *chat_v2(*block("a", kind="thinking"), *block("b", index=1, inside=citation()), plan(), *tool_call("{}")),
    *chat_v1("Hi"),
    {"type": "debug"},
    {"type": "made-up"},
    {"event_type": "tool-calls-chunk", "is_finished": False},
    {},
]


def _piece(random: Random) -> str:
    """Return the data of an event, the same with another property, or what is none."""
    match random.randrange(5):
        case 0:
            return json.dumps(random.choice(PIECES))
        case 1:
            further = {random.choice(WORDS): arbitrary.value(random, WORDS)}
            return json.dumps(random.choice(PIECES) | further)
        case 2:
            return json.dumps(arbitrary.value(random, WORDS))
        case 3:
            return "[DONE]"
    return arbitrary.text(random, 6)


def _pieces(random: Random) -> list[str]:
    return [_piece(random) for _ in range(random.randint(0, 12))]


@pytest.mark.parametrize("call", ["POST /v1/chat", "POST /v2/chat", "POST /v1/generate"])
def test_arbitrary_events(call: str) -> None:
    random = Random(call)
    for _ in range(100):
        name = random.choice([None, "message-start", "content-delta", "message-end", "", "a/b"])
        events = [StreamEvent(one, name) for one in _pieces(random)]
        well_formed(exchange(call, headers=random.choice(HEADERS), events=events))


@pytest.mark.parametrize("call", ["POST /v1/chat", "POST /v2/chat"])
def test_arbitrary_streams(call: str) -> None:
    random = Random(call)
    for _ in range(60):
        data, newline, cut = _pieces(random), random.choice(["\n", "\r\n", "\r"]), random.randint(0, 400)
        frames = "".join(f"event: message-start{newline}data: {one}{newline}{newline}" for one in data)
        well_formed(exchange(call, frames.encode()[:cut], headers=SSE))
        well_formed(exchange(call, newline.join(data).encode()[:cut], headers=NDJSON))


@given(st.permutations(chat_v2(*block("a", inside=citation()), plan(), *tool_call("{}"))), st.data())
@settings(OURS, max_examples=150)
def test_events_in_any_order(events: list[dict[str, Any]], data: st.DataObject) -> None:
    some = events[: data.draw(st.integers(0, len(events)))]
    made = [StreamEvent(json.dumps(event), event["type"]) for event in some]
    findings = well_formed(exchange("POST /v2/chat", headers=SSE, events=made))
    assert findings, "without its terminator no stream conforms"


# -- what conforms, and what is one step away from it

values = st.integers(0, 2**32).map(lambda seed: arbitrary.value(Random(seed), WORDS))
results = st.fixed_dictionaries(
    {"index": st.integers(), "relevance_score": st.floats(allow_nan=False, allow_infinity=False)}
)
answers = st.fixed_dictionaries(
    {"results": st.lists(results, max_size=4)},
    optional={"id": st.text(), "meta": st.fixed_dictionaries({}, optional={"warnings": st.lists(st.text())})},
)


@given(answers)
@OURS
def test_what_the_contract_describes_conforms(answer: dict[str, Any]) -> None:
    made = exchange("POST /v2/rerank", answer)
    well_formed(made)
    assert judged(AMENDED, made) == []


@given(answers, st.text(max_size=5), values)
@OURS
def test_one_more_property_is_one_additive_finding(answer: dict[str, Any], name: str, value: Any) -> None:
    made = exchange("POST /v2/rerank", {name: value} | answer)
    well_formed(made)
    if name not in {"id", "results", "meta"}:
        assert [finding.severity for finding in judged(AMENDED, made)] == [Severity.ADDITIVE]


@given(
    answers.filter(lambda answer: answer["results"]),
    st.sampled_from(["index", "relevance_score"]),
    st.integers(0, 3),
)
@OURS
def test_one_property_less_is_one_breaking_finding(answer: dict[str, Any], name: str, which: int) -> None:
    del answer["results"][which % len(answer["results"])][name]
    findings = well_formed(exchange("POST /v2/rerank", answer))
    (finding,) = (one for one in findings if one.requirement is None)
    assert (finding.severity, finding.location) == (Severity.BREAKING, f"/results/*/{name}")
