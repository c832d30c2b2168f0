"""Classify, generate, summarize, tokenize, detokenize: every oracle without faults, and every fault once."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import Profile, ServerState, catalogue
from reference import GARBLED, CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = [
    {"text": "The parcel was never delivered.", "label": "delivery"},
    {"text": "My order is two weeks late.", "label": "delivery"},
    {"text": "I was charged twice.", "label": "payment"},
    {"text": "The refund is missing.", "label": "payment"},
]
INPUTS = ["Where is my parcel?", "The card was charged the wrong amount.", "I was charged twice."]
LABELLED: dict[str, Any] = {"inputs": INPUTS, "examples": EXAMPLES}
TEXT = (
    "The harbour master keeps three books. In the first he writes every ship that comes in, with draught "
    "and its cargo. In the second he writes what the pilots tell him about the sandbanks (which move "
    "each year). The third one is his own: he notes the weather in it, and the birds, and the ice in winter."
)
LONG: dict[str, Any] = {"text": TEXT}
PROMPT: dict[str, Any] = {"prompt": "A good name for a rowing boat would be", "model": "command"}
WORDS: dict[str, Any] = {"text": "Mind the gap, please!", "model": "command-a-03-2025"}


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def classified(server: CheckedServer, **change: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask("POST /v1/classify", LABELLED | change).json()["classifications"]
    return found


def summary(server: CheckedServer, **change: Any) -> str:
    return str(server.ask("POST /v1/summarize", LONG | change).json()["summary"])


def generated(server: CheckedServer, **change: Any) -> Any:
    return server.ask("POST /v1/generate", PROMPT | change).json()


def text(server: CheckedServer, **change: Any) -> str:
    return str(generated(server, **change)["generations"][0]["text"])


def events(server: CheckedServer, **change: Any) -> list[dict[str, Any]]:
    answer = server.ask("POST /v1/generate", PROMPT | {"stream": True} | change)
    return [json.loads(line) for line in answer.text.splitlines()]


def tokenized(server: CheckedServer, said: str = WORDS["text"]) -> Any:
    return server.ask("POST /v1/tokenize", WORDS | {"text": said}).json()


def detokenized(server: CheckedServer, tokens: list[Any]) -> str:
    body = {"tokens": tokens, "model": "command-a-03-2025"}
    return str(server.ask("POST /v1/detokenize", body).json()["text"])


# --- classify


def test_each_text_gets_the_label_of_the_nearest_example(server: CheckedServer) -> None:
    answer = server.ask("POST /v1/classify", LABELLED).json()
    assert answer["meta"]["billed_units"] == {"classifications": 3}
    assert [one["input"] for one in answer["classifications"]] == INPUTS
    assert [one["prediction"] for one in answer["classifications"]] == ["delivery", "payment", "payment"]
    for one in answer["classifications"]:
        shares = {label: score["confidence"] for label, score in one["labels"].items()}
        assert set(shares) == {"delivery", "payment"}
        assert math.isclose(sum(shares.values()), 1)
        assert one["predictions"] == [one["prediction"]] == [max(shares, key=lambda label: shares[label])]
        assert one["confidences"] == [one["confidence"]] == [shares[one["prediction"]]]


def test_a_text_has_several_labels_if_an_example_has(server: CheckedServer) -> None:
    several = [*EXAMPLES, {"text": "I was charged twice.", "label": "delivery"}]
    found = classified(server, examples=several)[2]
    assert found["classification_type"] == "multi-label"
    assert found["predictions"] == ["delivery", "payment"]
    assert found["confidence"] == found["confidences"][0] == 1


def test_a_fine_tuned_model_needs_no_examples(server: CheckedServer) -> None:
    body = {"inputs": ["a positive text"], "model": "embed-english-v3.0-ft"}
    assert server.ask("POST /v1/classify", body).json()["classifications"][0]["prediction"] == "positive"


# --- summarize


def test_a_summary_is_shorter_than_the_text_and_honours_length_and_format(server: CheckedServer) -> None:
    found = [summary(server, length=length) for length in ("short", "medium", "long")]
    assert 0 < len(found[0]) <= len(found[1]) <= len(found[2]) < len(TEXT)
    assert all(line.startswith("- ") for line in summary(server, format="bullets").splitlines())
    assert all(one in TEXT for one in summary(server, extractiveness="high").split(". ", 1))
    assert "sandbanks" in summary(server, additional_command="about sandbanks", length="short")
    assert 0 < len(summary(server, text="x" * 300)) < 300


# --- generate


def test_variants_are_numbered_billed_and_counted(server: CheckedServer) -> None:
    answer = server.ask("POST /v1/generate", PROMPT | {"num_generations": 3})
    body = answer.json()
    assert [one["index"] for one in body["generations"]] == [0, 1, 2]
    assert len({one["text"] for one in body["generations"]}) == 3
    assert body["prompt"] == PROMPT["prompt"]
    texts = [body["prompt"], *(one["text"] for one in body["generations"])]
    assert int(answer.headers["num_chars"]) == sum(map(len, texts))
    assert int(answer.headers["num_tokens"]) == sum(body["meta"]["billed_units"].values())
    assert answer.headers.get_list("x-api-warning") == body["meta"]["warnings"]
    assert "index" not in generated(server)["generations"][0]


def test_sequences_and_bounds_cut_the_same_text(server: CheckedServer) -> None:
    whole = text(server)
    word = whole.split()[4]
    assert text(server, stop_sequences=[word]) == text(server, end_sequences=[word]) + word
    assert whole.startswith(text(server, stop_sequences=[word]))
    cut = generated(server, max_tokens=5)
    assert (cut["meta"]["billed_units"]["output_tokens"], cut["generations"][0]["finish_reason"]) == (
        5,
        "MAX_TOKENS",
    )
    assert text(server, seed=2) == text(server, seed=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"return_likelihoods": "GENERATION"}, ""),
        ({"return_likelihoods": "ALL"}, PROMPT["prompt"]),
        ({"return_likelihoods": "ALL", "max_tokens": 0}, PROMPT["prompt"]),
    ],
)
def test_likelihoods_join_to_the_text(server: CheckedServer, change: dict[str, Any], message: str) -> None:
    one = generated(server, **change)["generations"][0]
    assert "".join(each["token"] for each in one["token_likelihoods"]) == message + one["text"]
    assert one["likelihood"] < 0
    assert "token_likelihoods" not in generated(server)["generations"][0]


@pytest.mark.parametrize("change", [{}, {"num_generations": 2}, {"max_tokens": 3}])
def test_a_stream_has_the_same_texts(server: CheckedServer, change: dict[str, Any]) -> None:
    *pieces, end = events(server, **change)
    for index, one in enumerate(generated(server, **change)["generations"]):
        said = "".join(each["text"] for each in pieces if each.get("index", 0) == index)
        assert said == one["text"] == end["response"]["generations"][index]["text"]


def test_a_full_context_ends_the_stream_as_an_error(server: CheckedServer) -> None:
    full = {"prompt": "boat " * 2040}
    *pieces, end = events(server, **full)
    assert (end["event_type"], end["finish_reason"], len(pieces) > 0) == ("stream-error", "ERROR_LIMIT", True)
    assert generated(server, **full)["generations"][0]["finish_reason"] == "ERROR_LIMIT"
    assert generated(server, prompt="boat " * 9000)["generations"][0]["finish_reason"] == "COMPLETE"


# --- tokenize, detokenize


@pytest.mark.parametrize("said", ["Mind the gap, please!", "  a\n\tb ", "naïve 漢字 🙂 é", "\0", "x" * 4000])
def test_tokens_add_up_to_the_text(server: CheckedServer, said: str) -> None:
    found = tokenized(server, said)
    assert len(found["tokens"]) == len(found["token_strings"])
    assert all(one >= 0 for one in found["tokens"])
    assert detokenized(server, found["tokens"]) == said
    assert not said.isascii() or "".join(found["token_strings"]) == said
    assert tokenized(server, said)["tokens"] == found["tokens"]
    assert found["meta"] == {"api_version": {"version": "1"}}


def test_integers_may_be_sent_as_floats(server: CheckedServer) -> None:
    assert detokenized(server, [72.0, 105]) == "Hi"


# --- errors


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("classify", LABELLED | {"inputs": []}, "at least one"),
        ("classify", LABELLED | {"inputs": ["a", " "]}, "index 1"),
        ("classify", LABELLED | {"examples": EXAMPLES[:2]}, "two labels"),
        ("classify", LABELLED | {"examples": EXAMPLES[:3]}, "two examples"),
        ("classify", {"inputs": ["a"]}, "two labels"),
        ("classify", LABELLED | {"examples": [*EXAMPLES, {"text": "a"}]}, "index 4"),
        ("classify", LABELLED | {"inputs": ["a " * 600], "truncate": "NONE"}, "truncate"),
        ("summarize", {"text": "x" * 250}, "longer than 250"),
        ("summarize", {"text": " " * 300}, "blank"),
        ("summarize", LONG | {"length": "tiny"}, "length"),
        ("generate", {"model": "command"}, "prompt is required"),
        ("generate", PROMPT | {"num_generations": 6}, "between 1 and 5"),
        ("generate", PROMPT | {"temperature": 5.1}, "between 0 and 5"),
        ("generate", PROMPT | {"p": 0}, "p must be"),
        ("generate", PROMPT | {"k": 501}, "k must be"),
        ("generate", PROMPT | {"max_tokens": 0}, "return_likelihoods ALL"),
        ("generate", PROMPT | {"prompt": "boat " * 9000, "truncate": "NONE"}, "truncate"),
        (
            "generate",
            PROMPT | {"model": "command-r", "frequency_penalty": 1, "presence_penalty": 1},
            "only one",
        ),
        ("tokenize", WORDS | {"text": ""}, "required 'text' param is missing or empty"),
        ("tokenize", {"model": "command-a-03-2025"}, "required 'text' param is missing or empty"),
        ("detokenize", {"model": "command-a-03-2025", "tokens": []}, "tokens"),
        ("detokenize", {"model": "command-a-03-2025", "tokens": [-1]}, "outside the vocabulary"),
        ("detokenize", {"model": "command-a-03-2025", "tokens": [10**12]}, "outside the vocabulary"),
    ],
)
def test_invalid_requests_are_rejected(
    server: CheckedServer, path: str, body: dict[str, Any], message: str
) -> None:
    assert message in server.ask(f"POST /v1/{path}", body, status=400).json()["message"]


def test_the_live_service_has_retired_three_of_them() -> None:
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        gone = live.ask("POST /v1/generate", {"prompt": "a"}, status=404)
        assert "Generate API was removed" in gone.json()["message"]
        live.ask("POST /v1/classify", LABELLED, status=404)
        live.ask("POST /v1/classify", {}, status=404)  # whatever the body is
        live.ask("POST /v1/summarize", LONG, status=404)
        assert detokenized(live, tokenized(live)["tokens"]) == WORDS["text"]


# --- faults


def presses(server: CheckedServer) -> bool:
    """Tell whether tokens that nobody knows are refused as they should be."""
    body = {"tokens": [72, -1], "model": "command-a-03-2025"}
    return server.ask("POST /v1/detokenize", body, status=None).status_code == 400


def streamed(server: CheckedServer) -> Any:
    return server.ask("POST /v1/generate", PROMPT | {"stream": True})


def ends(server: CheckedServer) -> int:
    return streamed(server).text.count('"stream-end"')


SEEN: dict[str, Callable[[CheckedServer], bool]] = {
    "classify.prediction-not-argmax": lambda server: classified(server)[0]["prediction"] == "delivery",
    "classify.confidence-sum": lambda server: math.isclose(
        sum(one["confidence"] for one in classified(server)[0]["labels"].values()), 1
    ),
    "classify.confidence-differs": lambda server: (
        classified(server)[0]["confidence"] == classified(server)[0]["labels"]["delivery"]["confidence"]
    ),
    "classify.one-missing": lambda server: len(classified(server)) == 3,
    "classify.input-changed": lambda server: classified(server)[0]["input"] == INPUTS[0],
    "classify.label-missing": lambda server: len(classified(server)[0]["labels"]) == 2,
    "classify.units-wrong": lambda server: (
        server.ask("POST /v1/classify", LABELLED).json()["meta"]["billed_units"]["classifications"] == 3
    ),
    "classify.confidence-percent": lambda server: classified(server)[0]["confidence"] <= 1,
    "classify.position-dependent": lambda server: (
        classified(server, inputs=INPUTS[1:])[0]["confidences"] == classified(server)[1]["confidences"]
    ),
    "summarize.empty": lambda server: summary(server) != "",
    "summarize.bullets-ignored": lambda server: summary(server, format="bullets").startswith("- "),
    "summarize.length-turned": lambda server: (
        len(summary(server, length="short")) <= len(summary(server, length="long"))
    ),
    "summarize.longer-than-text": lambda server: len(summary(server)) < len(TEXT),
    "summarize.short-text-accepted": lambda server: (
        server.ask("POST /v1/summarize", {"text": "x" * 250}, status=None).is_error
    ),
    "generate.prompt-missing": lambda server: "prompt" in generated(server),
    "generate.one-too-many": lambda server: len(generated(server)["generations"]) == 1,
    "generate.index-missing": lambda server: (
        "index" in generated(server, num_generations=2)["generations"][0]
    ),
    "generate.max-tokens-ignored": lambda server: len(text(server, max_tokens=2)) < 10,
    "generate.stop-sequence-cut": lambda server: text(server, stop_sequences=["."]).endswith("."),
    "generate.end-sequence-kept": lambda server: not text(server, end_sequences=["."]).endswith("."),
    "generate.likelihoods-always": lambda server: "likelihood" not in generated(server)["generations"][0],
    "generate.likelihoods-short": lambda server: (
        "".join(
            one["token"]
            for one in generated(server, return_likelihoods="GENERATION")["generations"][0][
                "token_likelihoods"
            ]
        )
        == text(server)
    ),
    "generate.finish-reason-lower-case": lambda server: (
        generated(server)["generations"][0]["finish_reason"] == "COMPLETE"
    ),
    "generate.sequences-change-text": lambda server: (
        text(server, end_sequences=["zzz"]) == text(server, stop_sequences=["zzz"])
    ),
    "generate.stream.other-text": lambda server: (
        events(server)[-1]["response"]["generations"][0]["text"] == text(server)
    ),
    "generate.stream.no-end": lambda server: ends(server) == 1,
    "generate.stream.two-ends": lambda server: ends(server) == 1,
    "generate.stream.not-finished": lambda server: events(server)[-1]["is_finished"] is True,
    "generate.stream.text-differs": lambda server: (
        "".join(one["text"] for one in events(server)[:-1])
        == events(server)[-1]["response"]["generations"][0]["text"]
    ),
    "generate.stream.pretty-printed": lambda server: streamed(server).text.splitlines()[0] != "{",
    "generate.stream.media-type": lambda server: (
        streamed(server).headers["content-type"] == "application/stream+json"
    ),
    "generate.finish-not-max-tokens": lambda server: (
        generated(server, max_tokens=3)["generations"][0]["finish_reason"] == "MAX_TOKENS"
    ),
    "tokenize.strings-short": lambda server: (
        len(tokenized(server)["tokens"]) == len(tokenized(server)["token_strings"])
    ),
    "tokenize.negative-id": lambda server: min(tokenized(server)["tokens"]) >= 0,
    "tokenize.fractional-id": lambda server: all(isinstance(one, int) for one in tokenized(server)["tokens"]),
    "tokenize.strings-changed": lambda server: "".join(tokenized(server)["token_strings"]) == WORDS["text"],
    "tokenize.not-reversible": lambda server: (
        detokenized(server, tokenized(server)["tokens"]) == WORDS["text"]
    ),
    "tokenize.empty-accepted": lambda server: (
        server.ask("POST /v1/tokenize", WORDS | {"text": ""}, status=None).is_error
    ),
    "tokenize.too-long-accepted": lambda server: (
        server.ask("POST /v1/tokenize", WORDS | {"text": "a" * 65_537}, status=None).is_error
    ),
    "tokenize.billed": lambda server: "billed_units" not in tokenized(server)["meta"],
    "tokenize.not-deterministic": lambda server: (
        tokenized(server, "tide " * 40)["tokens"] == tokenized(server, "tide " * 40)["tokens"]
    ),
    "detokenize.billed": lambda server: (
        "billed_units"
        not in server.ask("POST /v1/detokenize", {"tokens": [72], "model": "command-a-03-2025"}).json()[
            "meta"
        ]
    ),
    "detokenize.loses-last": lambda server: detokenized(server, [72, 105]) == "Hi",
    "detokenize.trimmed": lambda server: detokenized(server, [32, 72]) == " H",
    "detokenize.foreign-accepted": presses,
    "detokenize.foreign-500": presses,
}
GROUPS = ("classify", "summarize", "generate", "tokenize", "detokenize")


def test_every_fault_is_tested() -> None:
    assert set(SEEN) == {name for name, one in catalogue().items() if one.group in GROUPS} - GARBLED


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    assert SEEN[name](server)
    with server.fault(name):
        assert not SEEN[name](server)
