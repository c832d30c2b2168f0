"""Faults that only unusual input reveals: nothing to be seen of them otherwise, and each is seen once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import ServerState, catalogue, chosen
from cohere_conformance.reference.server import ServerThread
from reference import GARBLED, CheckedServer, call, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


@dataclass(frozen=True)
class Send:
    """One request, and what there is to see of its answer."""

    label: str
    body: Any = None
    further: dict[str, Any] = field(default_factory=dict)
    see: Callable[[httpx.Response], Any] = lambda answer: None

    def to(self, server: CheckedServer) -> tuple[int, Any]:
        answer = server.ask(self.label, self.body, status=None, **self.further)
        return answer.status_code, self.see(answer) if answer.is_success else None


def rerank(**changes: Any) -> Send:
    return Send(
        "POST /v2/rerank", {"model": "rerank-v3.5", "query": "plums", "documents": ["a", "b"]} | changes
    )


def raw(content: str | bytes, media_type: str | None = "application/json") -> Send:
    headers = {"content-type": media_type} if media_type else {}
    return Send("POST /v2/rerank", further={"content": content, "headers": headers})


def embed(*texts: str, version: int = 2, **changes: Any) -> Send:
    body = {"model": "embed-v4.0", "input_type": "clustering", "texts": list(texts), "output_dimension": 256}
    if version == 1:
        del body["output_dimension"]
    return Send(f"POST /v{version}/embed", body | changes, see=lambda answer: answer.json()["texts"])


def vectors(count: int) -> Send:
    found = embed(*[f"text {number}" for number in range(count)])
    return Send(found.label, found.body, see=lambda answer: len(answer.json()["embeddings"]["float"]))


def chat(content: Any = "Hello", **changes: Any) -> Send:
    messages = [{"role": "user", "content": content}]
    return Send("POST /v2/chat", {"model": "command-a-03-2025", "messages": messages} | changes)


def old_chat(message: str = "Hello", **changes: Any) -> Send:
    turns = [{"role": "USER", "message": message}, {"role": "CHATBOT", "message": "Yes?"}]
    return Send("POST /v1/chat", {"message": "Hello", "chat_history": turns} | changes)


def tokenize(text: str) -> Send:
    def see(answer: httpx.Response) -> int:
        return len(answer.json()["tokens"]) - len(answer.json()["token_strings"])

    return Send("POST /v1/tokenize", {"model": "command", "text": text}, see=see)


def detokenize(*tokens: int) -> Send:
    return Send("POST /v1/detokenize", {"model": "command", "tokens": list(tokens)})


def classify(count: int, **changes: Any) -> Send:
    examples = [{"text": f"{label} {number}", "label": label} for label in "ab" for number in range(2)]
    return Send(
        "POST /v1/classify",
        {"inputs": [f"a {number}" for number in range(count)], "examples": examples} | changes,
        see=lambda answer: len(answer.json()["classifications"]),
    )


def ranked(count: int) -> Send:
    found = rerank(documents=[f"plum {number}" for number in range(count)])
    return Send(found.label, found.body, see=lambda answer: len(answer.json()["results"]))


def get(path: str, **further: Any) -> Send:
    return Send(f"GET {path}", further=further)


def form(*parts: str, text: str = "{}") -> Send:
    content = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name in parts
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    label = "POST /v1/datasets?name=plums&type=embed-input"
    return Send(label, further={"content": f"{content}--b--\r\n", "headers": headers})


def named(name: str) -> Send:
    return get("/v1/models", headers={"x-client-name": name})


BODY = json.dumps(rerank().body)
TWICE = f'{BODY[:-1]}, "query": "pears"}}'
DEEP = f'{{"a":{"[" * 150}{"]" * 150}}}'


def called(**changes: Any) -> dict[str, Any]:
    """Return a tool whose function is not quite so; a change to nothing leaves the property out."""
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}} | changes
    left = {name: value for name, value in function.items() if value is not ...}
    return {"type": "function", "function": left}


Case = tuple[Send, Send, tuple[int, Any], tuple[int, Any]]
"""An ordinary request, an unusual one, and what is seen of that without the fault and with it."""


def status(ordinary: Send, unusual: Send, correct: int, faulty: int) -> Case:
    plain = Send(unusual.label, unusual.body, unusual.further)
    return ordinary, plain, (correct, None), (faulty, None)


def crash(ordinary: Send, unusual: Send, correct: int) -> Case:
    return status(ordinary, unusual, correct, 500)


def refused(ordinary: Send, unusual: Send) -> Case:
    return status(ordinary, unusual, 200, 400)


def served(ordinary: Send, unusual: Send, correct: int = 400) -> Case:
    return status(ordinary, unusual, correct, 200)


def seen(ordinary: Send, unusual: Send, correct: Any, faulty: Any) -> Case:
    return ordinary, unusual, (200, correct), (200, faulty)


EMOJI, ACCENT, HEBREW = "plum \U0001f351", "pru\u0308ne", "\u05e9\u05dc\u05d5\u05dd"
CASES: dict[str, Case] = {
    "empty-array-crash": crash(chat(), chat(tools=[]), 200),
    "zero-crash": crash(chat(temperature=0.5), chat(temperature=0), 200),
    "big-integer-crash": crash(chat(seed=2**53), chat(seed=2**53 + 1), 200),
    "null-crash": crash(rerank(top_n=1), rerank(top_n=None), 200),
    "empty-text-crash": crash(embed("plum"), embed(""), 200),
    "surrogate-crash": crash(raw(BODY), raw(BODY.replace("plums", r"\ud800")), 200),
    "nul-crash": crash(rerank(), rerank(query="a\0b"), 200),
    "control-crash": crash(rerank(query="a\r\n\tb"), rerank(query="a\x1bb"), 200),
    "astral-crash": crash(rerank(query="süß"), rerank(query=EMOJI), 200),
    "combining-crash": crash(rerank(query="prüne"), rerank(query=ACCENT), 200),
    "right-to-left-crash": crash(rerank(query="слива"), rerank(query=HEBREW), 200),
    "long-text-crash": crash(rerank(query="plum " * 800), rerank(query="plum " * 900), 200),
    "deep-crash": crash(raw(BODY), raw(DEEP), 422),
    "repeated-key-crash": crash(raw(BODY), raw(TWICE), 200),
    "no-object-crash": crash(raw(BODY), raw("[]"), 400),
    "no-body-crash": crash(raw(BODY), raw(""), 400),
    "long-id-crash": crash(get("/v1/models/" + "a" * 200), get("/v1/models/" + "a" * 201), 404),
    "encoded-path-crash": crash(get("/v1/models/a-b"), get("/v1/models/a%20b"), 404),
    "negative-page-crash": crash(get("/v1/datasets?limit=1"), get("/v1/datasets?limit=-1"), 400),
    "unknown-query-crash": crash(get("/v1/models?page_size=5"), get("/v1/models?colour=blue"), 200),
    "client-name-crash": crash(named("a" * 200), named("a" * 201), 200),
    "charset-crash": crash(raw(BODY), raw(BODY, "application/json; charset=utf-8"), 200),
    "media-type-crash": crash(raw(BODY), raw(BODY, "text/plain"), 200),
    "empty-form-crash": crash(form("data"), form(), 400),
    "unknown-part-crash": crash(form("data"), form("data", "colour"), 200),
    "nul-cuts": seen(embed("plum"), embed("pl\0um"), ["pl\0um"], ["pl"]),
    "astral-replaced": seen(embed("süß"), embed(EMOJI), [EMOJI], ["plum \ufffd"]),
    "composed": seen(embed("prüne"), embed(ACCENT), [ACCENT], ["pr\u00fcne"]),
    "trimmed": seen(embed("a plum"), embed(" plum\n", version=1), [" plum\n"], ["plum"]),
    "last-vector-lost": seen(vectors(10), vectors(11), 11, 10),
    "last-text-lost": seen(embed(*"abcdefghij"), embed(*"abcdefghijk"), [*"abcdefghijk"], [*"abcdefghij"]),
    "last-result-lost": seen(ranked(10), ranked(11), 11, 10),
    "last-class-lost": seen(classify(10), classify(11), 11, 10),
    "last-token-lost": seen(tokenize("plum " * 10), tokenize("plum " * 1000), 0, 1),
    "max-items-refused": refused(classify(95), classify(96)),
    "max-length-refused": refused(tokenize("a" * 65535), tokenize("a" * 65536)),
    "maximum-refused": refused(rerank(priority=998), rerank(priority=999)),
    "minimum-refused": refused(rerank(top_n=2), rerank(top_n=1)),
    "max-items-ignored": served(classify(96), classify(97)),
    "min-items-ignored": served(detokenize(1), detokenize()),
    "max-length-ignored": served(tokenize("a" * 65536), tokenize("a" * 65537)),
    "min-length-ignored": served(tokenize("a"), tokenize("")),
    "maximum-ignored": served(rerank(priority=999), rerank(priority=1000)),
    "minimum-ignored": served(rerank(top_n=1), rerank(top_n=-1)),
    "enum-ignored": served(embed("a", truncate="END"), embed("a", truncate="MIDDLE"), 422),
    "text-as-number": served(rerank(top_n=1), rerank(top_n="1"), 422),
    "fraction-as-integer": served(rerank(top_n=1), rerank(top_n=1.5), 422),
    "boolean-as-text": served(rerank(query="true"), rerank(query=True), 422),
    "single-as-list": served(embed("plum"), embed(texts="plum"), 422),
    "nested-type-ignored": served(chat(tools=[called()]), chat(tools=[called(description=5)]), 422),
    "nested-required-ignored": served(chat(tools=[called()]), chat(tools=[called(parameters=...)])),
    "nested-unknown-ignored": served(chat(tools=[called()]), chat(tools=[called(colour="blue")]), 422),
    "query-ignored": served(get("/v1/models?endpoint=chat"), get("/v1/models?endpoint=smell"), 422),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_affects_unusual_input_only(server: CheckedServer, name: str) -> None:
    ordinary, unusual, correct, faulty = CASES[name]
    usual = ordinary.to(server)
    assert unusual.to(server) == correct
    with server.fault(f"input.{name}"):
        assert ordinary.to(server) == usual
        assert unusual.to(server) == faulty


FURTHER: dict[str, tuple[str, Send, int, int]] = {
    "a list is cut before its elements are counted": ("max-items-ignored", embed(*["a"] * 97), 400, 200),
    "an unknown value of what must be there is the first one": (
        "enum-ignored",
        embed("a", input_type="smell"),
        400,
        200,
    ),
    "an unknown role is the first one": (
        "enum-ignored",
        chat(messages=[{"role": "x", "content": "a"}]),
        400,
        200,
    ),
    "each element of a list is put right": (
        "boolean-as-text",
        rerank(documents=[True] * 5),
        422,
        200,
    ),
    "a text that is no number stays one": ("text-as-number", rerank(top_n="one"), 422, 422),
    "a type at the top of the body is no nested one": ("nested-type-ignored", rerank(top_n="1"), 422, 422),
    "what the body itself must have is not nested": (
        "nested-required-ignored",
        Send("POST /v2/rerank", {"model": "rerank-v3.5", "query": "a"}),
        400,
        400,
    ),
    "an unknown field of the body itself is not nested": ("nested-unknown-ignored", rerank(x=1), 422, 422),
    "a turn of version 1 may be empty": ("min-length-ignored", old_chat(""), 400, 200),
    "a least number that is a fraction": ("minimum-refused", old_chat(p=0.01), 200, 400),
    "a limit of version 1": ("maximum-ignored", old_chat(k=501), 400, 200),
    "a broken rule is refused as ever": ("maximum-refused", rerank(priority=1000), 400, 400),
    "a text of a form": ("nul-crash", form("data", text="a\0"), 200, 500),
    "no media type": ("media-type-crash", raw(BODY, None), 200, 500),
    "an empty parameter": ("empty-text-crash", get("/v1/datasets?datasetType="), 200, 500),
}


@pytest.mark.parametrize("says", FURTHER)
def test_a_fault_affects_further_input(server: CheckedServer, says: str) -> None:
    name, request, correct, faulty = FURTHER[says]
    plain = Send(request.label, request.body, request.further)
    assert plain.to(server) == (correct, None)
    with server.fault(f"input.{name}"):
        assert plain.to(server) == (faulty, None)


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [("method-crash", "PUT", "/v1/models"), ("encoded-path-crash", "GET", "/v1/models/a%2Fb")],
)
def test_an_undeclared_path_can_crash(name: str, method: str, path: str) -> None:
    state = ServerState()
    with ServerThread(state) as server:
        usual = call(server.url, "GET", "/v1/models")[0].status_code
        assert (usual, call(server.url, method, path)[0].status_code) == (200, 404)
        state.faults = chosen([f"input.{name}"])
        usual = call(server.url, "GET", "/v1/models")[0].status_code
        assert (usual, call(server.url, method, path)[0].status_code) == (200, 500)
        assert call(server.url, method, "/v1/nothing")[0].status_code == 404


def test_every_input_fault_is_tested() -> None:
    seen = {f"input.{name}" for name in CASES} | {"input.method-crash"}
    assert seen == {name for name in catalogue() if name.startswith("input.")} - GARBLED
