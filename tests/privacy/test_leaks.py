from __future__ import annotations

import base64
import json
import random
from hashlib import sha256

import pytest
import yaml

from cohere_conformance.privacy.leaks import leaks
from cohere_conformance.privacy.secret import Secret

KEY = "k3y/of+a~cohere==account"
# Put together here, so that nobody takes this file for a leak.
LETTERS = sha256(b"no secret").hexdigest()
JWT = ".".join(
    base64.urlsafe_b64encode(f'{{"a{one}": "bcdefg"}}'.encode()).decode().rstrip("=") for one in "123"
)
NAME = "a value under the name of a credential"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"authorization is Bearer {LETTERS}", "a bearer token"),
        (f"{JWT}", "a JSON web token"),
        (f"Basic {base64.b64encode(b'someone:something').decode()}", "a user with a password"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "a private key"),
        ("AKIA" + LETTERS[:16].upper(), "a key of AWS"),
        ("AIza" + LETTERS[:35], "a key of Google"),
        ("GOCSPX-" + LETTERS[:24], "a key of Google"),
        ("ghp_" + LETTERS[:36], "a token of GitHub"),
        ("glpat-" + LETTERS[:20], "a token of GitLab"),
        ("xoxb-" + LETTERS[:20], "a token of Slack"),
        ("hf_" + LETTERS[:34], "a token of Hugging Face"),
        ("sk-proj-" + LETTERS[:40], "a key of OpenAI or Anthropic"),
        (f"https://h/f?X-Goog-Signature={LETTERS}", "a signature of an address"),
        (f"https://h/f?a=b&sig={LETTERS}", "a signature of an address"),
        ("redis://user:hush@h", "a password in an address"),
        (f"/v1/models?api_key={LETTERS}", "a key in a query"),
        ('{"api_key": "hush-hush"}', NAME),
        (r'"{\"client_secret\": \"hush-hush\"}"', NAME),
        ("{'Authorization': 'hush-hush'}", NAME),
        ('{"token": "hush-4711-hush"}', "a token under its name"),
        ("    x-api-key:\n    - hush-hush\n", "a header field that is a credential"),
        ('["set-cookie", "hush-hush"]', "a header field that is a credential"),
        ('name="api_key"\r\n\r\nhush-hush\r\n--', "a part of a form under the name of a credential"),
    ],
)
def test_secrets_are_found_plain_folded_and_encoded(text: str, what: str) -> None:
    long = "word " * 25
    cassettes = [
        yaml.safe_dump({"body": {"string": f"{long}{text} {long}"}}, width=110, allow_unicode=True),
        yaml.safe_dump({"body": {"string": f'{long}"{long}\n{text} {long}'.encode() + b"\xff"}}),
    ]
    for written in (text, *(cassettes if "\n" not in text else cassettes[1:])):
        assert what in leaks(written.encode()), written
        assert not any(part in word for word in leaks(written.encode()) for part in ("hush", LETTERS[:8]))


@pytest.mark.parametrize(
    "text",
    [
        "Bearer [redacted], a bearer identification_of_somebody, Basic understanding of things",
        '{"api_key": "[redacted]", "client_secret": "****", "password": "", "token": "[redacted]"}',
        '{"token": " internet", "likelihood": -1.5, "max_tokens": 3, "next_page_token": "abcdef123456"}',
        "https://h/f?X-Goog-Signature=redacted&sig=redacted&page_token=abcdef123456 http://h:80/a@b",
        "redis://redacted@h/0 http://localhost/v1/models",
        "headers:\n  authorization:\n  - '[redacted]'\n  cookie:\n  - '[redacted]'\n  accept:\n  - '*/*'\n",
        '["authorization", "[redacted]"], ["content-type", "application/json"]',
        'name="api_key"\r\n\r\n[redacted]\r\n--',
        "task-based risk-adjusted desk-0123456789012345678901 sk-this-is-only-a-name",
        "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ],
)
def test_data_without_secrets_has_no_leaks(text: str) -> None:
    assert leaks(text.encode(), [Secret(KEY)]) == []
    assert leaks(yaml.safe_dump({"string": text}).encode(), [Secret(KEY)]) == []
    assert leaks(json.dumps({"body": text}).encode(), [Secret(KEY)]) == []


def test_embeddings_in_base64_and_in_numbers_are_no_secrets() -> None:
    chance = random.Random(4)
    coded = [base64.b64encode(chance.randbytes(3072)).decode() for _ in range(100)]
    numbers = [chance.uniform(-1, 1) for _ in range(10_000)]
    assert leaks(json.dumps({"base64": coded, "float": numbers}).encode(), [Secret(KEY)]) == []


@pytest.mark.parametrize("before", range(3))
def test_a_known_key_is_found_in_every_form(before: int) -> None:
    raw = KEY.encode()
    found = [
        raw, raw.hex().encode(), raw.hex().upper().encode(), b"k3y%2Fof%2Ba~cohere%3D%3Daccount",
        b"k3y%2fof%2ba~cohere%3d%3daccount", b"k3y%252Fof%252Ba~cohere%253D%253Daccount",
        base64.b64encode(b"u" * before + raw + b"!"), base64.urlsafe_b64encode(b"u" * before + raw),
        yaml.safe_dump({"binary": b"\xff" * 50 + raw}).encode(),
    ]  # fmt: skip
    for form in found:
        assert leaks(b"-" + form + b"-", [Secret("another-key"), Secret(KEY)]) == ["the key of the run"]
        assert leaks(b"-" + form + b"-", [Secret("another-key")]) == []


@pytest.mark.parametrize(
    "folded",
    [
        f'string: "a Bearer {LETTERS[:12]}\\\n    {LETTERS[12:24]} b"',
        f'string: "a Bearer\\\n    \\ {LETTERS[:24]} b"',
        f'string: "a Bearer {LETTERS[:12]}\\\r\n\t{LETTERS[12:24]} b"',
        f"string: a Bearer\n    {LETTERS[:24]} b",
    ],
    ids=["inside", "before a blank", "lines of Windows", "plain"],
)
def test_a_fold_does_not_hide_a_secret(folded: str) -> None:
    """In quotes a backslash ends the line and nothing is between its halves; otherwise a blank is."""
    assert leaks(folded.encode()) == ["a bearer token"]
