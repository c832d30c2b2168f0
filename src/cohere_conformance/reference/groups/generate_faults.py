"""Faults of generate, by the stage of the handler that they change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event
from cohere_conformance.reference.injection import without

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

LONGEST = 512
"""The maximum number of tokens without a bound in the request."""

_Json = dict[str, Any]

COUNT: FaultTable[int] = {
    fault("generate.one-too-many", "One variant more than requested is generated."): (
        lambda count, _: count + 1
    ),
}
"""The number of variants."""

SAMPLING: FaultTable[list[Any]] = {
    fault("generate.stream.other-text", "The text of a stream differs from the text without streaming."): (
        lambda sampling, call: [*sampling, "streamed"] if call.body.get("stream") else sampling
    ),
    fault("generate.sequences-change-text", "An end sequence also changes the beginning of a text."): (
        lambda sampling, call: [*sampling, "ended"] if call.body.get("end_sequences") else sampling
    ),
}
"""What the generated text depends on besides prompt and model."""

MAX_TOKENS: FaultTable[int] = {
    fault("generate.max-tokens-ignored", "Texts are longer than max_tokens."): lambda most, _: LONGEST,
}

FINISH: FaultTable[str] = {
    fault("generate.finish-not-max-tokens", "The finish reason of a text cut at max_tokens is COMPLETE."): (
        lambda reason, _: "COMPLETE" if reason == "MAX_TOKENS" else reason
    ),
}
"""The finish reason, before end and stop sequences are applied."""

KEPT_SEQUENCES: FaultTable[dict[str, bool]] = {
    fault("generate.end-sequence-kept", "The text includes its end sequence."): (
        lambda kept, _: {**kept, "end_sequences": True}
    ),
    fault("generate.stop-sequence-cut", "The text does not include its stop sequence."): (
        lambda kept, _: {**kept, "stop_sequences": False}
    ),
}
"""Whether a text includes the sequence that ended it, by the name of the parameter."""

VARIANT: FaultTable[_Json] = {
    fault("generate.index-missing", "The variants have no index."): lambda shown, _: without(shown, "index"),
    fault("generate.finish-reason-lower-case", "The finish reasons are in lower case."): (
        lambda shown, _: {**shown, "finish_reason": shown["finish_reason"].lower()}
    ),
}

LIKELIHOODS: FaultTable[str] = {
    fault("generate.likelihoods-always", "Likelihoods are returned without being requested."): (
        lambda requested, _: "GENERATION" if requested == "NONE" else requested
    ),
}
"""Which likelihoods are returned: ALL, GENERATION or NONE."""

LIKELY_TOKENS: FaultTable[list[str]] = {
    fault("generate.likelihoods-short", "The last token has no likelihood."): lambda found, _: found[:-1],
}

BODY: FaultTable[_Json] = {
    fault("generate.prompt-missing", "The response does not repeat the prompt."): (
        lambda body, _: without(body, "prompt")
    ),
}
"""The body of a response, which a stream sends in its last event."""


def _other_text(payloads: list[_Json], call: Call) -> list[_Json]:
    response = payloads[-1].get("response")
    if response is None:
        return payloads
    first, *others = response["generations"]
    generations = [{**first, "text": f"{first['text']} And more."}, *others]
    return [*payloads[:-1], {**payloads[-1], "response": {**response, "generations": generations}}]


PAYLOADS: FaultTable[list[_Json]] = {
    fault("generate.stream.not-finished", "is_finished is false in the last event of a stream."): (
        lambda payloads, _: [*payloads[:-1], {**payloads[-1], "is_finished": False}]
    ),
    fault("generate.stream.text-differs", "The texts of a stream do not add up to the text at its end."): (
        _other_text
    ),
    fault("generate.stream.no-end", "The last event of a stream is missing."): (
        lambda payloads, _: payloads[:-1]
    ),
    fault("generate.stream.two-ends", "The last event of a stream is sent twice."): (
        lambda payloads, _: [*payloads, *payloads[-1:]]
    ),
}

EVENTS: FaultTable[list[Event]] = {
    fault("generate.stream.pretty-printed", "Each event of a stream takes several lines."): (
        lambda events, _: [Event(json.dumps(event.data, ensure_ascii=False, indent=2)) for event in events]
    ),
}

MEDIA_TYPE: FaultTable[str] = {
    fault("generate.stream.media-type", "The media type of streams is application/json."): (
        lambda media_type, _: "application/json"
    ),
}
