"""Tokenizer files: the library of the SDK loads them, and counts as the server does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cohere
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from cohere_conformance.reference import ServerState, models, tokenizers, tokens
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"authorization": "Bearer reference-key"}
PATH = f"{tokenizers.PREFIX}command-a-03-2025.json"
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "def f(x_1): return x_1 ** 2  # squared\n\t\tpass\r\n",
    "Grüße aus Köln, façade, Ærøskøbing, Łódź, 12345 items for $5.99!",
    "Привет, мир! Καλημέρα κόσμε. שלום עולם. مرحبا بالعالم",
    "你好，世界。こんにちは、世界。안녕하세요 세계",
    "Rockets 🚀🚀 and families 👩‍👩‍👧, a²+b²=c², ½, Ⅷ, e\u0301",
    "\x00\x1c\x85\u00a0\u2003 blanks of all kinds   ",
    "",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerThread(ServerState()) as server:
        yield server.url


@pytest.fixture(scope="module")
def local(url: str) -> Tokenizer:
    return Tokenizer.from_str(httpx.get(url + PATH, timeout=60).text)


@pytest.mark.parametrize("text", TEXTS)
def test_the_file_and_the_server_tokenize_alike(url: str, local: Tokenizer, text: str) -> None:
    """Ids and all, so that a client which counts by itself counts as it is billed."""
    ids = local.encode(text, add_special_tokens=False).ids
    assert ids == tokens.encode(text)
    assert local.decode(ids) == text
    if text:
        body = {"text": text, "model": "command-a-03-2025"}
        assert httpx.post(f"{url}/v1/tokenize", json=body, headers=KEY).json()["tokens"] == ids


# Half a surrogate pair is no text to the library.
@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_the_file_tokenizes_any_text(local: Tokenizer, text: str) -> None:
    """Also where a piece is not in the file and falls apart into bytes, both sides read the ids alike."""
    ids = local.encode(text, add_special_tokens=False).ids
    assert local.decode(ids) == text
    assert tokens.decode(ids) == text


def test_every_model_with_a_tokenizer_names_one_that_this_server_has(url: str) -> None:
    """No client is sent to another machine; a model without a tokenizer names none."""
    listed = httpx.get(f"{url}/v1/models?page_size=1000", headers=KEY, timeout=60).json()["models"]
    assert len(listed) == len(models.MODELS)
    for model in listed:
        address = model["tokenizer_url"]
        if models.MODELS[model["name"]].endpoints:
            assert address == f"{url}{tokenizers.PREFIX}{model['name']}.json"
            assert httpx.head(address, timeout=60).status_code == 200
        else:
            assert address is None


def test_head_returns_the_size_of_the_file(url: str) -> None:
    """The SDK asks for it by HEAD, without a key."""
    head, whole = httpx.head(url + PATH, timeout=60), httpx.get(url + PATH, timeout=60)
    assert head.headers["content-length"] == str(len(whole.content))
    assert "content-encoding" not in whole.headers
    assert whole.headers["content-type"] == "application/json"
    assert json.loads(whole.content)["model"]["type"] == "BPE"
    assert len(whole.content) < 4 * 2**20


@pytest.mark.parametrize(
    "name",
    ["nope.json", "command-a-03-2025", "cohere-transcribe-03-2026.json", "a/b.json", ".json", "..%2f.json"],
)
def test_other_files_are_a_404(url: str, name: str) -> None:
    """What is no tokenizer of a model is not found, and needs no key either."""
    assert httpx.get(f"{url}{tokenizers.PREFIX}{name}").status_code == 404


def test_the_sdk_tokenizes_by_itself_as_it_does_through_the_server(url: str) -> None:
    """Its default is the local tokenizer; the text comes back from the tokens of either."""
    text, model = "A lighthouse on the North Sea, built in 1906.", "command-a-03-2025"
    with httpx.Client(timeout=60) as connections:
        client = cohere.Client("reference-key", base_url=url, httpx_client=connections)
        local = client.tokenize(text=text, model=model)
        remote = client.tokenize(text=text, model=model, offline=False)
        assert local.tokens == remote.tokens
        assert local.meta is None  # the server was not asked
        assert client.detokenize(tokens=local.tokens, model=model).text == text
