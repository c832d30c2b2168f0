from __future__ import annotations

import re
from typing import Any

import pytest
from builders import JSON, UUID, exchange
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cohere_conformance.model import StreamEvent
from cohere_conformance.privacy.anonymous import anonymised, anonymous

OTHER = "9cd6a1b7-3d3b-4d2d-9b1a-6f7f4d2b1c22"
FIRST = "00000000-0000-4000-8000-000000000001"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"organization_id": UUID}, f'{{"organization_id": "{FIRST}"}}'),
        (
            {"a": [{"owner_id": UUID}, {"creator_id": OTHER}]},
            f'{{"a": [{{"owner_id": "{FIRST}"}}, {{"creator_id": "{FIRST[:-1]}2"}}]}}',
        ),
        ({"created_by": "jane@corp.example"}, '{"created_by": "person-1@example.invalid"}'),
        ({"user": "jane@corp.example"}, '{"user": "person-1@example.invalid"}'),
        ({"user_id": 7654321}, '{"user_id": 1000001}'),
        ({"org_id": "org-AbC123xyz"}, '{"org_id": "org-a00000001"}'),
        ({"owner_id": "acme"}, '{"owner_id": "aaab"}'),
        ({"request_id": "0123456789ABCDEF"}, '{"request_id": "A000000000000001"}'),
        # No ids of whoever calls.
        ({"id": UUID, "user": "a user", "role": "owner", "model_id": "m"},) * 2,
        ({"organization_id": None, "organization_usage": 5},) * 2,
    ],
)
def test_pseudonyms_have_the_form_of_their_ids(value: dict[str, Any], expected: Any) -> None:
    original = exchange("GET /v1/models", value)
    wanted = original.response.body if isinstance(expected, dict) else expected.encode()
    assert anonymous(original).response.body == wanted


def test_a_value_has_the_same_pseudonym_everywhere() -> None:
    original = exchange(
        f"POST /v1/users/{UUID}?user_id=jane%40corp.example",
        {
            "creator_id": UUID,
            "created_by": "jane@corp.example",
            "text": f"{UUID} x{UUID} {TRACE}",
            "id": "acme",
        },
        headers=(*JSON, ("x-debug-trace-id", TRACE), ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")),
        request={"note": f"jane@corp.example {TRACE}", "owner_id": "acme"},
        request_headers=(("openai-organization", "acme"), ("cf-ray", "8f2a1b3c4d5e6f70-LHR")),
    )
    cleaned = anonymous(original)
    request, response = cleaned.request, cleaned.response
    trace = dict(response.headers)["x-debug-trace-id"]
    assert request.url.endswith(f"/v1/users/{FIRST}?user_id=person-1%40example.invalid")
    assert len(trace) == len(TRACE)
    assert dict(response.headers)["traceparent"].startswith(f"00-{trace}-a00000000")
    assert request.body == f'{{"note": "person-1@example.invalid {trace}", "owner_id": "aaab"}}'.encode()
    assert dict(request.headers)["openai-organization"] == "aaab"
    assert re.fullmatch("a0+[0-9]-LHR", dict(request.headers)["cf-ray"])
    # A word is in texts by chance, and so is a part of another id.
    assert response.body is not None
    assert response.body.endswith(f'"text": "{FIRST} x{UUID} {trace}", "id": "acme"}}'.encode())
    assert anonymous(cleaned) == cleaned


def test_framing_headers_are_removed_and_credentials_redacted() -> None:
    original = exchange(
        "POST /v2/chat", {"message": "no s3cret-s3cret"},
        headers=(*JSON, ("date", "x"), ("server", "x"), ("set-cookie", "a=b"), ("x-limit", "4")),
        request_headers=(("host", "h"), ("via", "u"), ("authorization", "Bearer s3cret-s3cret"), *JSON),
    )  # fmt: skip
    cleaned = anonymous(original)
    assert cleaned.request.headers == (("authorization", "[redacted]"), *JSON)
    assert cleaned.response.headers == (*JSON, ("set-cookie", "[redacted]"), ("x-limit", "4"))
    assert cleaned.response.body == b'{"message": "no [redacted]"}'


@pytest.mark.parametrize(
    ("answer", "kept"),
    [({"user_id": UUID}, True), ({"a": 1}, True), ({"created_by": "jane@corp.example"}, False)],
)
def test_arrivals_are_kept_only_if_the_length_is_the_same(answer: dict[str, Any], kept: bool) -> None:
    original = exchange("POST /v2/chat", answer)
    original = replace(original, response=replace(original.response, arrivals=((4, 0.1),)))
    assert anonymous(original).response.arrivals == (((4, 0.1),) if kept else ())


def test_events_and_texts_about_the_exchange_get_pseudonyms_too() -> None:
    original = exchange("POST /v2/chat", None, events=[StreamEvent(f'{{"user_id": "{UUID}"}}')])
    cleaned, rename = anonymised(original)
    assert cleaned.response.events == (StreamEvent(f'{{"user_id": "{FIRST}"}}'),)
    assert rename(f"/v1/users/{UUID}") == f"/v1/users/{FIRST}"


IDS = st.sampled_from(
    [
        UUID,
        FIRST,
        TRACE,
        "acme",
        "acme-corp",
        "jane@corp.example",
        "org-AbC123xyz",
        "1234",
        "7",
        "a1",
        "00000002",
    ]
) | st.text("ab1-", min_size=1, max_size=10)


@given(st.lists(st.tuples(st.sampled_from(["user_id", "org_id", "text"]), IDS), max_size=6))
def test_pseudonyms_are_stable_and_distinct(pairs: list[tuple[str, str]]) -> None:
    cleaned = anonymous(exchange("POST /v1/x", [{name: one} for name, one in pairs]))
    assert anonymous(cleaned) == cleaned
    before = [one for name, one in pairs if name != "text"]
    after = re.findall(r'"(?:user|org)_id": "([^"]*)"', (cleaned.response.body or b"").decode())
    assert len(set(zip(before, after, strict=True))) == len(set(before))
