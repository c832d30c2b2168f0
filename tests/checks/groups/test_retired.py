"""Generate, summarize and classify: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import NDJSON, exchange, lines

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange, Severity
from cohere_conformance.recordings import parse_recording

if TYPE_CHECKING:
    from collections.abc import Iterable

Body = dict[str, Any]
CONTRACT = load_contract()
GROUPS = ("generate.", "summarize.", "classify.")


def broken(made: Exchange) -> set[str]:
    """Return the requirements that an exchange breaks; nothing else about it may be worse than a notice."""
    findings = [one for one in judge(CONTRACT, made) if one.kind != "request-invalid"]
    assert all(one.requirement or one.severity is Severity.NOTICE for one in findings), findings
    return {one.requirement for one in findings if one.requirement}


def likely(*tokens: str) -> Body:
    reported = [{"token": token, "likelihood": -0.5} for token in tokens]
    return {"likelihood": -0.5, "token_likelihoods": reported}


def generate(*texts: Body, prompt: str | None = "It is", billed: int = 4, **sent: Any) -> Exchange:
    written = [{"id": str(number), "text": " late."} | one for number, one in enumerate(texts or ({},))]
    answer = {
        "id": "a",
        "generations": written,
        "meta": {"billed_units": {"input_tokens": 2, "output_tokens": billed}},
    } | ({} if prompt is None else {"prompt": prompt})
    return exchange("POST /v1/generate", answer, request={"prompt": "It is"} | sent)


def streamed(*, prompt: str | None = None, **sent: Any) -> Exchange:
    text = {"id": "0", "text": " late.", "finish_reason": "COMPLETE"}
    response = {"id": "a", "generations": [text]} | ({} if prompt is None else {"prompt": prompt})
    events = [
        {"event_type": "text-generation", "is_finished": False, "text": " late."},
        {
            "event_type": "stream-end",
            "is_finished": True,
            "finish_reason": "COMPLETE",
            "response": response,
        },
    ]
    request = {"prompt": "It is", "stream": True} | sent
    return exchange("POST /v1/generate", lines(events), request=request, headers=NDJSON)


TEXT = "The harbour master keeps three books. " * 9
SUMMARY = "- There are three books.\n\n- They are kept."


def summarize(summary: str = SUMMARY, **sent: Any) -> Exchange:
    return exchange("POST /v1/summarize", {"id": "a", "summary": summary}, request={"text": TEXT} | sent)


EXAMPLES = [{"text": text, "label": label} for text, label in (("late", "post"), ("twice", "money"))]


def labelled(scores: Body | None = None, **changes: Any) -> Body:
    reported = {"post": 0.7, "money": 0.3} if scores is None else scores
    return {
        "id": "a",
        "input": "late",
        "prediction": "post",
        "predictions": ["post"],
        "confidence": 0.7,
        "confidences": [0.7],
        "labels": {label: {"confidence": score} for label, score in reported.items()},
        "classification_type": "single-label",
    } | changes


OTHER = labelled(
    {"post": 0.2, "money": 0.8},
    input="more",
    prediction="money",
    predictions=["money"],
    confidence=0.8,
    confidences=[0.8],
)
SEVERAL = labelled(
    {"post": 0.9, "money": 0.8},
    classification_type="multi-label",
    predictions=["post", "money"],
    confidence=0.9,
    confidences=[0.9, 0.8],
)


def classify(*results: Body, units: float | None = None, **sent: Any) -> Exchange:
    reported = list(results or (labelled(), OTHER))
    billed = {} if units is None else {"billed_units": {"classifications": units}}
    answer = {"id": "a", "classifications": reported, "meta": {"api_version": {"version": "1"}, **billed}}
    inputs = [one.get("input", "more") for one in reported]
    return exchange("POST /v1/classify", answer, request={"inputs": inputs, "examples": EXAMPLES} | sent)


VALID: dict[str, Exchange] = {
    "one text": generate(),
    "two texts": generate({"index": 0}, {"index": 1}, num_generations=2),
    "fewer texts than asked for": generate({"index": 0}, num_generations=3),
    "preset": generate(prompt="something", preset="a"),
    "end sequence": generate({"text": " late"}, end_sequences=[".", ""]),
    "stop sequence": generate(stop_sequences=["."]),
    "stop sequence not met": generate({"finish_reason": "COMPLETE"}, stop_sequences=["!"]),
    "ended where both are sent": generate(
        {"text": " late", "finish_reason": "STOP_SEQUENCE"}, stop_sequences=["!"], end_sequences=["."]
    ),
    "likelihoods": generate(likely(" late", "."), return_likelihoods="GENERATION"),
    "likelihoods of everything": generate(likely("It is", " late", "."), return_likelihoods="ALL"),
    "most tokens": generate({"index": 0}, {"index": 1}, num_generations=2, max_tokens=2),
    "stream": streamed(),
    "summary": summarize(format="bullets"),
    "paragraph": summarize("There are three books."),
    "shortest text": summarize("Short.", text="x" * 251),
    "classified": classify(units=2),
    "equal confidences": classify(
        labelled({"post": 0.5, "money": 0.5}, confidence=0.5, confidences=[0.5]), units=1
    ),
    "several labels": classify(SEVERAL, OTHER),
    "fine-tuned": classify(labelled({"post": 0.7, "money": 0.2, "other": 0.1}), examples=None),
    "nothing deprecated": classify({key: OTHER[key] for key in OTHER if key not in {"input", "confidence"}}),
}
WRONG: dict[str, list[Exchange]] = {
    "generate.prompt-echo": [generate(prompt=None), generate(prompt="It was"), streamed(prompt="It was")],
    "generate.count": [generate({"index": 0}, {"index": 1}, {"index": 2}, num_generations=2, max_tokens=9)],
    "generate.index": [
        generate({}, {}, num_generations=2),
        generate({"index": 1}, {"index": 1}, num_generations=2),
        generate({"index": 1}, {"index": 2}, num_generations=2),
        generate({"index": 0}),
    ],
    "generate.max-tokens": [generate(max_tokens=3)],
    "generate.cut-finish": [
        generate({"finish_reason": "COMPLETE"}, max_tokens=4),
        generate(
            {"finish_reason": "MAX_TOKENS", "index": 0},
            {"finish_reason": "COMPLETE", "index": 1},
            num_generations=2,
            max_tokens=2,
        ),
        streamed(max_tokens=1),
    ],
    "generate.end-sequence-cut": [generate(end_sequences=["!", "."]), streamed(end_sequences=["."])],
    "generate.stop-sequence-kept": [
        generate(stop_sequences=["a"]),
        generate({"finish_reason": "STOP_SEQUENCE"}, stop_sequences=["!"]),
    ],
    "generate.likelihoods-asked": [
        generate(likely(" late", ".")),
        generate({"likelihood": -1}, return_likelihoods="NONE"),
    ],
    "generate.likelihoods-join": [generate(likely(" late"), return_likelihoods="GENERATION")],
    "summarize.text-length": [summarize("Short.", text="x" * 250)],
    "summarize.not-empty": [summarize(""), summarize("\n ")],
    "summarize.shorter": [summarize(TEXT)],
    "summarize.bullets": [summarize("There are three books.\n- They are kept.", format="bullets")],
    "classify.one-per-input": [
        classify(inputs=["late"]),
        classify(inputs=["more", "else"]),
        classify(OTHER, labelled(input="else"), inputs=["else", "more"]),
    ],
    "classify.prediction": [
        classify(labelled({"post": 0.3, "money": 0.7}, input="x", confidence=0.3, confidences=[0.3])),
        classify(labelled(prediction="money")),
        classify(labelled(predictions=["post", "money"])),
    ],
    "classify.confidence-sum": [
        classify(labelled({"post": 0.7, "money": 0.2})),
        classify(labelled({"post": 0.7, "money": 0.302})),
    ],
    "classify.confidence-range": [
        classify(
            labelled({"post": 70, "money": -69}, confidence=70, confidences=[70]),
        ),
        classify(SEVERAL | {"confidences": [0.9, 1.1]}),
    ],
    "classify.confidence-of-prediction": [
        classify(labelled(confidence=0.6)),
        classify(labelled(confidences=[0.3])),
    ],
    "classify.labels-of-examples": [
        classify(labelled({"post": 0.7, "other": 0.3})),
        classify(labelled({"post": 0.7, "money": 0.2, "other": 0.1})),
    ],
    "classify.billed": [classify(units=4)],
    "classify.examples-themselves": [classify(OTHER | {"input": "late"})],
}
RELATIONS = {
    "generate.stop-is-end-and-sequence",
    "generate.stream-same",
    "summarize.length-order",
    "classify.alone-as-together",
}
ELSEWHERE = {"classify.labels-verbatim"}
"""Tested in `test_text_whole.py`: another requirement is violated with it."""


@pytest.mark.parametrize("name", VALID)
def test_a_valid_exchange_has_no_findings(name: str) -> None:
    assert broken(VALID[name]) == set()


@pytest.mark.parametrize(
    ("requirement", "made"), [(name, one) for name, several in WRONG.items() for one in several]
)
def test_a_violation_is_seen(requirement: str, made: Exchange) -> None:
    assert broken(made) == {requirement}


def test_every_check_has_been_seen() -> None:
    known = {name for name in shipped_requirements().requirements if name.startswith(GROUPS)}
    assert known - RELATIONS - ELSEWHERE == WRONG.keys()


def test_no_odd_request_makes_a_check_raise() -> None:
    odd: Iterable[Any] = (None, True, 0, -1, "x", [], [1], [[]], {}, [{"text": 1, "label": []}])
    names = "prompt num_generations max_tokens end_sequences stop_sequences return_likelihoods"
    for value in odd:
        sent = dict.fromkeys((*names.split(), "text", "inputs", "examples"), value)
        for make in (generate, summarize, classify):
            judge(CONTRACT, make(**sent))


@pytest.mark.parametrize("name", ["conforming", "deviating"])
def test_no_example_makes_a_check_raise(name: str) -> None:
    made = parse_recording(str(folder("cassettes") / "examples" / f"{name}.jsonl"))
    found = [judge(CONTRACT, one) for one in made if isinstance(one, Exchange)]
    reported = {one.requirement for findings in found for one in findings if one.requirement}
    assert found
    assert {one for one in reported if one.startswith(GROUPS)} == set()
