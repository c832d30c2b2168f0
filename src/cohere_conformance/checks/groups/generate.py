"""Generate: number, ends and likelihoods of generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import cut, shown
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json


def _texts(evidence: Evidence) -> list[Json]:
    return evidence.response.get("generations") or []


def _asked_for(sent: Json) -> int | None:
    """Return the requested number of generations; `None` if unknown or invalid."""
    many = sent.get("num_generations")
    if sent and many is None:
        return 1
    return many if isinstance(many, int) and many > 0 else None


def _sequences(sent: Json, name: str) -> list[str]:
    found: Any = sent.get(name)
    return [one for one in found if isinstance(one, str) and one] if isinstance(found, list) else []


@check("generate.prompt-echo")
def prompt_echo(evidence: Evidence) -> Iterator[Breach]:
    """The response repeats the prompt unchanged (GEN-05)."""
    sent, reported = evidence.sent.get("prompt"), evidence.response.get("prompt")
    if not isinstance(sent, str) or not sent or evidence.sent.get("preset"):
        return
    if reported != sent and not (reported is None and evidence.streamed):
        yield Breach("/prompt", cut(repr(sent)), "no prompt" if reported is None else cut(repr(reported)))


@check("generate.count")
def count(evidence: Evidence) -> Iterator[Breach]:
    """There are at most num_generations generations, by default one (GEN-06)."""
    most, actual = _asked_for(evidence.sent), len(_texts(evidence))
    if most is not None and actual > most:
        yield Breach("/generations", f"at most {most} texts", f"{actual} texts")


@check("generate.index")
def index(evidence: Evidence) -> Iterator[Breach]:
    """Several generations are numbered from 0, each once; a single requested one has no index (GEN-06)."""
    numbers = [text.get("index") for text in _texts(evidence)]
    if len(numbers) > 1:
        known = [number for number in numbers if isinstance(number, int)]
        # Superfluous generations are reported once, by their number.
        most = max(_asked_for(evidence.sent) or 0, len(numbers))
        if len(set(known)) < len(numbers) or not all(0 <= number < most for number in known):
            yield Breach("/generations/*/index", "numbers from 0, each once", shown(numbers), "several")
    elif numbers and numbers[0] is not None and _asked_for(evidence.sent) == 1:
        yield Breach(
            "/generations/*/index", "no index, as one generation is requested", shown(numbers[0]), "single"
        )


@check("generate.max-tokens", sends="max_tokens")
def max_tokens(evidence: Evidence) -> Iterator[Breach]:
    """Billed output tokens do not exceed max_tokens for each generation (GEN-03)."""
    most = evidence.sent.get("max_tokens")
    billed = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("output_tokens")
    if not isinstance(most, int) or most < 0 or billed is None:
        return
    if billed > most * len(_texts(evidence)):
        yield Breach("/meta/billed_units/output_tokens", f"at most {most} for each text", str(billed))


@check("generate.cut-finish", sends="max_tokens")
def cut_finish(evidence: Evidence) -> Iterator[Breach]:
    """A generation with exactly max_tokens tokens does not finish with COMPLETE (GEN-03)."""
    most, texts = evidence.sent.get("max_tokens"), _texts(evidence)
    if not isinstance(most, int) or most <= 0 or not texts:
        return
    if evidence.streamed:
        written = _pieces(evidence)
    else:
        billed = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("output_tokens")
        # The units of several generations determine their lengths only if all have the maximum.
        whole = billed == most * len(texts)
        written = dict.fromkeys(range(len(texts)), most if whole else 0)
    for index, text in enumerate(texts):
        if text.get("finish_reason") == "COMPLETE" and written.get(index, 0) >= most:
            location = "/generations/*/finish_reason"
            yield Breach(location, f"MAX_TOKENS, as {most} tokens are written", "COMPLETE")
            return


def _pieces(evidence: Evidence) -> dict[int, int]:
    """Return the number of events of each generation: each has at least one token."""
    found: dict[int, int] = {}
    for event in evidence.events:
        if isinstance(event.get("text"), str) and event["text"] and not event.get("is_finished"):
            index = event.get("index") or 0
            found[index] = found.get(index, 0) + 1
    return found


@check("generate.end-sequence-cut", sends="end_sequences")
def end_sequence_cut(evidence: Evidence) -> Iterator[Breach]:
    """No generation contains an end sequence (GEN-04)."""
    ends = _sequences(evidence.sent, "end_sequences")
    for text in _texts(evidence) if ends else ():
        for sequence in ends:
            if sequence in (text.get("text") or ""):
                yield Breach("/generations/*/text", f"a text without {sequence!r}", "a text that contains it")
                return


@check("generate.stop-sequence-kept", sends="stop_sequences")
def stop_sequence_kept(evidence: Evidence) -> Iterator[Breach]:
    """A generation that a stop sequence ended ends with that sequence (GEN-04)."""
    stops = tuple(_sequences(evidence.sent, "stop_sequences"))
    if not stops:
        return
    only = not _sequences(evidence.sent, "end_sequences")
    for text in _texts(evidence):
        written = text.get("text") or ""
        stopped = only and text.get("finish_reason") == "STOP_SEQUENCE"
        if not written.endswith(stops) and (stopped or any(stop in written for stop in stops)):
            yield Breach("/generations/*/text", f"a text that ends with one of {list(stops)}", written[-40:])
            return


@check("generate.likelihoods-asked")
def likelihoods_asked(evidence: Evidence) -> Iterator[Breach]:
    """Likelihoods are returned only on request (GEN-08)."""
    if not evidence.sent or evidence.sent.get("return_likelihoods") not in (None, "NONE"):
        return
    for text in _texts(evidence):
        reported = [name for name in ("likelihood", "token_likelihoods") if text.get(name) is not None]
        if reported:
            yield Breach(
                f"/generations/*/{reported[0]}", "no likelihoods, as none are requested", reported[0]
            )
            return


@check("generate.likelihoods-join", sends="return_likelihoods")
def likelihoods_join(evidence: Evidence) -> Iterator[Breach]:
    """The tokens with likelihoods join to the generated text (GEN-08)."""
    if evidence.sent.get("return_likelihoods") != "GENERATION":
        return
    for text in _texts(evidence):
        tokens = text.get("token_likelihoods")
        if tokens is not None and "".join(token["token"] for token in tokens) != text.get("text"):
            location = "/generations/*/token_likelihoods"
            yield Breach(location, "tokens that join to the text", f"{len(tokens)} tokens that do not")
            return
