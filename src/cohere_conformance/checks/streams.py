"""A stream: each event by its schema, the sequence by its grammar, the fold as the answer it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.body import judge_value, malformed
from cohere_conformance.checks.fold import FOLDS
from cohere_conformance.checks.frame import Frame, json_type, shown, value_class
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.grammar import Grammar, GrammarViolation, StreamWalk
from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.checks.parsed import ParsedEvent
    from cohere_conformance.contract import Events, Validator
    from cohere_conformance.contract.compile import Framing

_EVENT_NAME = "event-name"


def judge_stream(
    frame: Frame,
    declared: Events,
    pieces: Sequence[ParsedEvent],
    framing: Framing,
    answer: Validator | None,
) -> Iterator[Finding]:
    """Yield every deviation of a stream.

    Args:
        frame: what the findings have in common.
        declared: the events and their grammar.
        pieces: what came, in order.
        framing: how it came; only server-sent events have names.
        answer: what the folded stream is judged as, if the operation declares a non-streamed answer.
    """
    worst: set[Severity] = set()
    payloads: list[dict[str, Any]] = []
    for finding in _pieces(frame, declared, pieces, framing, payloads):
        # How an event is named changes nothing of what it tells.
        if finding.value_class != _EVENT_NAME:
            worst.add(finding.severity)
        yield finding
    if Severity.BREAKING not in worst and declared.grammar is not None and payloads:
        yield from _folded(frame, declared.grammar, payloads, answer, additive=not worst)


def _pieces(
    frame: Frame,
    declared: Events,
    pieces: Sequence[ParsedEvent],
    framing: Framing,
    payloads: list[dict[str, Any]],
) -> Iterator[Finding]:
    """Judge the events one by one and the sequence they make; collect the payloads that could be read."""
    grammar = declared.grammar
    walk = StreamWalk(grammar) if grammar else None
    known = grammar.events() if grammar else frozenset()
    terminated = False
    for piece in pieces:
        event = piece.event
        if declared.terminator is not None and event.data.strip() == declared.terminator:
            if terminated:
                yield _misplaced(
                    frame, "", f"nothing after {declared.terminator}", "a second one", "after-end"
                )
            terminated = True
            continue
        if not event.data.strip():
            continue  # a keep-alive (CH2-T02)
        payload, defects = piece.payload
        if defects:
            named = f"<{escaped(event.event)}>" if event.event else ""
            yield from malformed(frame, Kind.STREAM_MALFORMED, defects, named)
        if payload is NOTHING:
            continue
        if not isinstance(payload, dict):
            yield frame.finding(
                Kind.STREAM_MALFORMED,
                location=f"<{escaped(event.event)}>" if event.event else "",
                expected="an object",
                observed=shown(payload),
                value_class=json_type(payload),
            )
            continue
        tag = payload.get(declared.tag)
        branch = declared.branches.get(tag) if isinstance(tag, str) else None
        if branch is None or not branch.compiled.is_valid(payload):
            yield from _event(frame, declared, tag, payload)
        if not isinstance(tag, str):
            continue
        location = f"<{escaped(tag)}>"
        if terminated:
            yield _misplaced(frame, location, f"nothing after {declared.terminator}", tag, "after-end")
        if grammar and grammar.name_equals_tag and framing == "sse" and event.event != tag:
            named = f"event: {event.event}" if event.event else "no event line"
            yield _misplaced(frame, location, f"event: {tag}", named, _EVENT_NAME)
        if walk and grammar and tag in known:
            yield from (_violation(frame, violation) for violation in walk.event(tag, payload))
            if tag not in grammar.ignore:
                payloads.append(payload)
    yield from _unterminated(frame, declared, walk, terminated=terminated)


def _event(frame: Frame, declared: Events, tag: object, payload: dict[str, Any]) -> Iterator[Finding]:
    branch = declared.branches.get(tag) if isinstance(tag, str) else None
    if branch is not None:
        yield from judge_value(frame, branch, payload, prefix=f"<{escaped(tag)}>")
        return
    known = ", ".join(declared.branches)
    missing = declared.tag not in payload
    yield frame.finding(
        Kind.STREAM_EVENT_UNKNOWN,
        location=f"<{escaped(tag)}>" if isinstance(tag, str) else "",
        expected=f"{declared.tag} is one of {known}",
        observed=f"no {declared.tag}" if missing else shown(tag),
        value_class="absent" if missing else value_class(tag),
    )


def _misplaced(frame: Frame, location: str, expected: str, observed: str, rule: str) -> Finding:
    return frame.finding(
        Kind.STREAM_ORDER, location=location, expected=expected, observed=observed, value_class=rule
    )


def _violation(frame: Frame, violation: GrammarViolation) -> Finding:
    location = f"<{escaped(violation.event)}>" + ("/index" if violation.rule == "index" else "")
    rule = f"{violation.rule}:{violation.state}"
    return _misplaced(frame, location, violation.expected, violation.observed, rule)


def _unterminated(
    frame: Frame, declared: Events, walk: StreamWalk | None, *, terminated: bool
) -> Iterator[Finding]:
    if walk is not None and not walk.ended:
        yield frame.finding(
            Kind.STREAM_UNTERMINATED,
            expected="the final event of the stream",
            observed="the stream ends before it",
            value_class="no-final-event",
        )
    elif declared.terminator is not None and not terminated:
        yield frame.finding(
            Kind.STREAM_UNTERMINATED,
            expected=f"{declared.terminator} after the final event",
            observed="the stream ends without it",
            value_class="no-terminator",
        )


def _folded(
    frame: Frame,
    grammar: Grammar,
    payloads: Sequence[dict[str, Any]],
    answer: Validator | None,
    *,
    additive: bool,
) -> Iterator[Finding]:
    """Judge the fold; what it has too much only where no event was told to have too much already."""
    folded = FOLDS[grammar.fold](payloads)
    for mismatch in folded.mismatches:
        yield frame.finding(
            Kind.STREAM_FOLD_MISMATCH,
            location=mismatch.location,
            expected=f"what the events add up to: {shown(mismatch.expected)}",
            observed=shown(mismatch.observed),
            value_class=mismatch.rule,
        )
    if folded.answer is None or answer is None:
        return
    for finding in judge_value(frame, answer, folded.answer):
        if finding.severity is Severity.BREAKING or additive:
            yield frame.finding(
                Kind.STREAM_FOLD_MISMATCH,
                location=finding.location,
                expected=f"in the folded answer: {finding.expected}",
                observed=finding.observed,
                value_class=f"{finding.kind}:{finding.value_class}",
                severity=finding.severity,
            )
