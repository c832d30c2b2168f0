from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from builders import JSON, SSE, exchange
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cohere_conformance.model import Finding, Kind, Severity, StreamEvent
from cohere_conformance.privacy import redact
from cohere_conformance.privacy.redact import body, text
from cohere_conformance.report.line import Record, decode, encode

KEY = "k3y/of+a~cohere==account"
BASIC = base64.b64encode(f"me:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    "name",
    "authorization Authorization PROXY-AUTHORIZATION x-api-key X-API-KEY api_key apikey cookie Set-Cookie "
    "x-auth-token x-amz-security-token ocp-apim-subscription-key client-secret".split(),
)
def test_credentials_in_headers(name: str) -> None:
    assert redact.headers(((name, "s3cret"),)) == ((name, "[redacted]"),)


@pytest.mark.parametrize(
    "name",
    "content-type num_tokens x-debug-trace-id access-control-allow-credentials x-trial-endpoint-call-limit "
    "access-control-expose-headers x-client-name www-authenticate".split(),
)
def test_other_headers_stay(name: str) -> None:
    assert redact.headers(((name, "value"),)) == ((name, "value"),)


def test_order_and_repetition_stay() -> None:
    fields = (("b", "1"), ("set-cookie", "x"), ("a", "2"), ("set-cookie", "y"))
    assert [name for name, _ in redact.headers(fields)] == ["b", "set-cookie", "a", "set-cookie"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/p?api_key=s&x=1", "https://h/p?api_key=[redacted]&x=1"),
        ("https://h/p?x=%7e&API-KEY=s", "https://h/p?x=%7e&API-KEY=[redacted]"),
        ("https://h/p?api%5Fkey=s", "https://h/p?api%5Fkey=[redacted]"),
        (
            "https://h/p?key=a&token=b&access_token=c=d",
            "https://h/p?key=[redacted]&token=[redacted]&access_token=[redacted]",
        ),
        ("https://h/p?X-Amz-Signature=s&X-Amz-Date=d", "https://h/p?X-Amz-Signature=[redacted]&X-Amz-Date=d"),
        ("https://user:pass@h:8/p@q?x", "https://h:8/p@q?x"),
        ("https://h/p#access_token=s", "https://h/p#access_token=[redacted]"),
        (
            "https://h/p?page_token=t&page_size=2&keyword=k&token",
            "https://h/p?page_token=t&page_size=2&keyword=k&token",
        ),
        ("https://h/p?x=a%20b+c&&y=", "https://h/p?x=a%20b+c&&y="),
        ("https://[::1]:80/p", "https://[::1]:80/p"),
        ("https://[broken/p?key=s", "https://[broken/p?key=[redacted]"),
        ("/v1//a@b", "/v1//a@b"),
        ("", ""),
    ],
)
def test_credentials_in_addresses(url: str, expected: str) -> None:
    assert redact.url(url) == expected
    assert redact.url(expected) == expected


def test_addresses_in_headers() -> None:
    fields = (("location", "https://h/p?signature=s"),)
    assert redact.headers(fields) == (("location", "https://h/p?signature=[redacted]"),)


# -- bodies


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ('{"api_key":"s", "max_tokens": 3}', '{"api_key":"[redacted]", "max_tokens": 3}'),
        ('{"max_tokens":"s", "tokens_secret": "s"}', '{"max_tokens":"s", "tokens_secret": "[redacted]"}'),
        ('{"a": [{"Client-Secret" : "q\\\\\\"w"}]}', '{"a": [{"Client-Secret" : "[redacted]"}]}'),
        ('{"password": 12.5, "x": 1}', '{"password": 0, "x": 1}'),
        ('{"secret": null, "token": true}', '{"secret": null, "token": true}'),
        ('{"authorization": ["Bearer a", "b"]}', '{"authorization": ["[redacted]", "[redacted]"]}'),
        ('{"user_access_token": "s"}', '{"user_access_token": "[redacted]"}'),
        ('{"page_token": "s", "next_page_token": "t"}', '{"page_token": "s", "next_page_token": "t"}'),
        ('{"token": {"type": "string"}, "required": ["token"]}',) * 2,
        ('{"token": " York", "likelihood": -1.5}',) * 2,
        ('{"likelihood": -1.5, "token": " York"}',) * 2,
        ('{"token": 1234, "api_key": ""}',) * 2,
        ('{"api_key": "****", "secret": "<hidden>", "token": "ab****yz"}',) * 2,
        (r'{"a": "{\"secret\": \"s\\\"t\", \"b\": 1}"}', r'{"a": "{\"secret\": \"[redacted]\", \"b\": 1}"}'),
        ("{'x-api-key': 's'}", "{'x-api-key': '[redacted]'}"),
        ('{"api_key": "cut of', '{"api_key": "[redacted]'),
        ('data: {"token": "cut\n\ndata: {"b": "c"}\n', 'data: {"token": "[redacted]\n\ndata: {"b": "c"}\n'),
        ('{"token": "s"}\n{"a": 1}\n', '{"token": "[redacted]"}\n{"a": 1}\n'),
        ("api%5Fkey=s&x=%7e&token=t+u", "api%5Fkey=redacted&x=%7e&token=redacted"),
        ("see https://h/?sig=s#x and /y?token=t", "see https://h/?sig=redacted#x and /y?token=redacted"),
        ("https://h/?a=b\\u0026X-Amz-Signature=s", "https://h/?a=b\\u0026X-Amz-Signature=redacted"),
        ("http://h/?to=https%3A%2F%2Fg%3Ftoken%3Ds%26a", "http://h/?to=https%3A%2F%2Fg%3Ftoken%3Dredacted%26a"),
        ('"redis://u:p@h/0" "git@h"', '"redis://redacted@h/0" "git@h"'),
        (r'"https:\/\/u:p@h\/"', r'"https:\/\/redacted@h\/"'),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("Bearer abcdef0123456789 is wrong", "Bearer [redacted] is wrong"),
        ("a bearer identification, basic understanding",) * 2,
        ("token=none of the business of x; key = y", "token=redacted of the business of x; key = y"),
    ],
)  # fmt: skip
def test_credentials_in_bodies(sent: str, expected: str) -> None:
    assert body(sent.encode()) == expected.encode()
    assert text(sent) == expected
    assert body(expected.encode()) == expected.encode()


@pytest.mark.parametrize("name", ["api_key", "token", "x-api-key", "client_secret"])
def test_credentials_in_parts(name: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: text/plain\r\n\r\n'
    rest = (
        b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n\xff\xfe\r\n--b--\r\n'
    )
    assert body(head.encode() + b"s3\xff" + rest) == head.encode() + b"[redacted]" + rest


OTHER_NAMES = ("text", "tokens", "keyword", "page_token", 'ke"y', "\\", "usage")
NAMES = st.sampled_from(
    ["api_key", "Access-Token", "client_secret", "PASSWORD", "authorization", *OTHER_NAMES]
)
# Neither masked nor an address.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="@=&*"), max_size=12).map("s".__add__)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=3),
    lambda inner: (
        st.dictionaries(NAMES, inner, max_size=4) | st.lists(st.dictionaries(NAMES, inner, max_size=2))
    ),
    max_leaves=12,
)


def without(value: Any, *, secret: bool = False) -> Any:
    """Return a value without credentials, by going through all of it."""
    match value:
        case dict():
            return {name: without(one, secret=name not in OTHER_NAMES) for name, one in value.items()}
        case list():
            return [without(one, secret=secret) for one in value]
        case str() if secret:
            return "[redacted]"
        case int() if secret and not isinstance(value, bool):
            return 0
    return value


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
@settings(derandomize=True, deadline=None)
def test_everything_but_credentials_is_kept_with_its_type(
    value: Any, indent: int | None, escaped: bool
) -> None:
    sent = json.dumps(value, indent=indent, ensure_ascii=escaped).encode()
    assert json.loads(body(sent)) == without(value)


PIECES = st.sampled_from(
    [
        b'"api_key"', b"token", b'"', b"'", b"\\", b": ", b":", b"=", b"&", b"?", b"://", b"@", b"[", b",",
        b"\n", b"%3d", b"x1", b"bearer ", b"Basic ", b"abcdef0123456789", b'name="secret"', b"\r\n\r\n",
        b"\xff", b"likelihood",
    ]
)  # fmt: skip


ANYTHING = st.lists(PIECES, max_size=25).map(b"".join) | st.binary(max_size=60)
WORDS = ANYTHING.map(lambda data: data.decode("latin-1"))
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["authorization", "cookie", "set-cookie", "x-api-key", "location", "link", "x-other"]
        ),
        WORDS | st.sampled_from([f"Bearer {KEY}", f"Basic {BASIC}", "Bearer", f"a=b; c={KEY}", "[redacted]"]),
    ),
    max_size=4,
).map(tuple)
EVENTS = st.lists(ANYTHING.map(lambda data: StreamEvent(data.decode("latin-1"))), max_size=4).map(tuple)
DELTAS = st.lists(WORDS, max_size=5).map(
    lambda words: b"".join(b"data: " + json.dumps({"text": word}).encode() + b"\n\n" for word in words)
)
stable = settings(derandomize=True, max_examples=300, deadline=None)


@given(ANYTHING)
@example(b'name="secret""api_key": "api_key"\r\n\r\n"api_key"')
@example(b'name="secret"bearer \r\n\r\nabcdef0123456789"api_key"')
@stable
def test_redacting_any_body_twice_changes_nothing(data: bytes) -> None:
    """A second look finds nothing: not even a harmless name that the first has left."""
    cleaned = body(data)
    assert body(cleaned) == cleaned
    words = text(data.decode("latin-1"))
    assert text(words) == words


@given(WORDS | WORDS.map("https://h/?a=".__add__) | WORDS.map("https://u:p@h/#".__add__))
@stable
def test_redacting_a_url_twice_changes_nothing(address: str) -> None:
    cleaned = redact.url(address)
    assert redact.url(cleaned) == cleaned


@given(FIELDS)
@stable
def test_redacting_header_fields_twice_changes_nothing(fields: Any) -> None:
    cleaned = redact.headers(fields)
    assert redact.headers(cleaned) == cleaned


@given(FIELDS, ANYTHING, FIELDS, ANYTHING | DELTAS, st.none() | EVENTS)
@stable
def test_redacting_an_exchange_twice_changes_nothing(
    sent: Any, request: bytes, fields: Any, answer: bytes, events: Any
) -> None:
    """Whatever of it is found in another part of it."""
    original = exchange(
        "POST /v2/chat", answer, request=request, request_headers=sent, headers=(*fields, *SSE), events=events
    )
    cleaned = redact.exchange(original)
    assert redact.exchange(cleaned) == cleaned


def test_many_unterminated_names_are_fast() -> None:
    """Each would be searched to the end of the body, if nothing stopped it."""
    many = b'{"token": "a", "likelihood": 1},' * 20_000 + b'"secret": "' * 20_000
    assert body(many).count(b"likelihood") == 20_000


# -- exchanges


@pytest.mark.parametrize(
    ("call", "headers", "sent"),
    [
        ("POST /v2/chat", (("authorization", f"Bearer {KEY}"),), {}),
        ("POST /v2/chat", (("x-api-key", KEY),), {}),
        ("POST /v2/chat", (("authorization", f"Basic {BASIC}"),), {}),
        ("POST /v2/chat", (("cookie", f"a=b; s={KEY}"),), {}),
        (f"POST /v2/chat?api_key={quote(KEY, safe='')}", JSON, {}),
        (f"POST https://u:{quote(KEY, safe='')}@api.cohere.com/v2/chat", JSON, {}),
        ("POST /v2/chat", JSON, {"deep": [{"token": KEY}]}),
        ("POST /v2/chat", JSON, f"grant=x&client_secret={quote(KEY, safe='')}".encode()),
    ],
)  # fmt: skip
def test_a_credential_of_the_request_is_redacted_everywhere(call: str, headers: Any, sent: Any) -> None:
    raw = KEY.encode()
    inside = [base64.b64encode(b"u" * before + raw + b"!").decode() for before in range(3)]
    forms = [KEY, quote(KEY, safe=""), raw.hex(), json.dumps(KEY).strip('"').replace("/", "\\/"), *inside]
    answer = {"message": " ".join(forms), "url": f"https://h/{quote(KEY, safe='')}?a=b", "other": "stays"}
    original = exchange(call, answer, request_headers=headers, request=sent, headers=(("x-echo", KEY), *JSON))
    cleaned = redact.exchange(original)
    shown = repr(cleaned)
    assert not [form for form in (*forms[:4], *(form[4:-4] for form in inside)) if form in shown]
    assert ("x-echo", "[redacted]") in cleaned.response.headers
    assert b'"url": "https://h/redacted?a=b", "other": "stays"' in (cleaned.response.body or b"")
    assert redact.exchange(cleaned) == cleaned


def test_events_and_arrivals() -> None:
    events = (StreamEvent(f'{{"text": "it is {KEY}"}}', "message"), StreamEvent('{"api_key": "s"}'))
    original = exchange(
        "POST /v2/chat", None, request_headers=(("x-api-key", KEY),), events=events, headers=SSE
    )
    assert redact.exchange(original).response.events == (
        StreamEvent('{"text": "it is [redacted]"}', "message"),
        StreamEvent('{"api_key": "[redacted]"}'),
    )


def test_an_exchange_without_credentials_is_unchanged() -> None:
    original = exchange(
        "POST /v2/chat?page_token=x", {"text": "a key, a token: 1", "tokens": 3}, request={"a": 1}
    )
    cleaned = redact.exchange(original)
    assert cleaned == original
    assert cleaned.response.body is original.response.body


@pytest.mark.parametrize("key", ["abc1234", "internet", "20231107", "[redacted]", "xxxxxxxxxx"])
def test_a_short_or_common_value_is_redacted_only_under_its_name(key: str) -> None:
    original = exchange("POST /v2/chat", {"message": f"about {key}"}, request={"api_key": key})
    assert redact.exchange(original).response == original.response


# -- what is written of them


def test_a_journal_contains_no_credential_also_not_in_a_finding() -> None:
    original = exchange("POST /v2/chat", {"id": KEY}, request={"api_key": KEY})
    found = Finding(
        Kind.TYPE_CHANGED, Severity.BREAKING, "POST /v2/chat", 200, "/id", "a number", f'"{KEY}"', KEY
    )
    line = encode(
        Record(case="c", operation="POST /v2/chat", outcome="failed", exchange=original, findings=(found,))
    )
    assert KEY.encode() not in line
    record = decode(line)
    assert isinstance(record, Record)
    assert record.findings[0].observed == '"[redacted]"'
