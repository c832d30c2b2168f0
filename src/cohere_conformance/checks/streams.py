"""Compares a stream with the contract: each event, their order, and the response that they are joined to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.body import judge_text, judge_value, malformed
from cohere_conformance.checks.fold import fold_of
from cohere_conformance.checks.frame import Frame, json_type, shown, value_class
from cohere_conformance.checks.rawjson import NOTHING, parse
from cohere_conformance.contract.grammar import GrammarViolation, StreamWalk
from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cohere_conformance.checks.fold import Event, Folded
    from cohere_conformance.checks.parsed import ParsedEvent
    from cohere_conformance.contract import Events, Validator
    from cohere_conformance.contract.compile import Framing

_EVENT_NAME = "event-name"
_UNSEPARATED = "unseparated"
_DONE = "[DONE]"


def judge_stream(
    frame: Frame,
    declared: Events,
    events: Sequence[ParsedEvent],
    framing: Framing,
    plain: Validator | None,
    folded: Callable[[Callable[[Sequence[Event]], Folded], Sequence[Event]], Folded],
) -> Iterator[Finding]:
    """Yield every deviation of a stream.

    Args:
        frame: what the findings have in common.
        declared: the events and their grammar.
        events: received, in order.
        framing: of the stream; only server-sent events have names.
        plain: the schema of the response without streaming, if the operation declares one.
        folded: joins the payloads of the events by a fold, as `ParsedExchange.folded` does.
    """
    sequence = _Sequence(frame, declared, framing)
    worst: set[Severity] = set()
    for event in events:
        if sequence.continues(event):
            continue
        for finding in sequence.event(event):
            # A wrong name does not change what the event means.
            if finding.value_class != _EVENT_NAME:
                worst.add(finding.severity)
            yield finding
    for finding in sequence.end():
        worst.add(finding.severity)
        yield finding
    if Severity.BREAKING not in worst and declared.grammar is not None and sequence.payloads:
        joined = folded(fold_of(declared.grammar).fold, sequence.payloads)
        yield from judge_folded(frame, joined, plain, additive=not worst)


class _Sequence:
    """Judges the events of one stream one by one.

    Attributes:
        payloads: of the events so far that the grammar has, for the fold.
    """

    def __init__(self, frame: Frame, declared: Events, framing: Framing) -> None:
        self.payloads: list[dict[str, Any]] = []
        self._frame = frame
        self._declared = declared
        grammar = declared.grammar
        self._named = grammar is not None and grammar.name_equals_tag and framing == "sse"
        self._walk = StreamWalk(grammar) if grammar else None
        self._known = grammar.events() if grammar else frozenset()
        self._terminated = False

    def continues(self, parsed: ParsedEvent) -> bool:
        """Return whether the next event obviously has no deviations; any other one is for `event`.

        Most events of most streams are like that, and take a third of the time.
        """
        declared, text = self._declared, parsed.text
        payload, defects = text.parsed
        if defects or self._terminated or self._walk is None or not isinstance(payload, dict):
            return False
        tag = payload.get(declared.tag)
        if not isinstance(tag, str) or (self._named and parsed.event.event != tag):
            return False
        branch = declared.branches.get(tag)
        if branch is None or not text.conforms(branch) or not self._walk.continues(tag, payload):
            return False
        self.payloads.append(payload)
        return True

    def event(self, parsed: ParsedEvent) -> Iterator[Finding]:
        """Yield the deviations of the next event."""
        terminator, event = self._declared.terminator, parsed.event
        if terminator is not None and event.data.strip() == terminator:
            if self._terminated:
                yield self._misplaced(
                    "", f"nothing after {terminator}", f"a second {terminator}", "after-end"
                )
            self._terminated = True
        elif event.data.strip():  # otherwise a keep-alive (CH2-T02)
            payload, defects = parsed.payload
            location = f"<{escaped(event.event)}>" if event.event else ""
            if terminator is None and event.data.strip() == _DONE:
                yield self._frame.finding(
                    Kind.STREAM_MALFORMED,
                    expected="the final event as the last one",
                    observed=f"{_DONE}, which is not declared",
                    value_class="terminator",
                )
                return
            if defects and (joined := self._joined(event.data)):
                yield self._frame.finding(
                    Kind.STREAM_MALFORMED,
                    expected="a blank line after each event",
                    observed=f"{joined} events without a blank line between them",
                    value_class=_UNSEPARATED,
                )
                return  # its name is that of the last one, and its data that of no one
            if defects:
                yield from malformed(self._frame, Kind.STREAM_MALFORMED, defects, location)
            if isinstance(payload, dict):
                yield from self._payload(parsed, payload)
            elif payload is not NOTHING:
                yield self._frame.finding(
                    Kind.STREAM_MALFORMED,
                    location=location,
                    expected="an object",
                    observed=shown(payload),
                    value_class=json_type(payload),
                )

    def _joined(self, data: str) -> int:
        """Return of how many events the data of one consists; 0 if it is the data of one event."""
        lines = [line for line in data.split("\n") if line.strip()]
        complete = all(line.strip() == self._declared.terminator or _is_object(line) for line in lines)
        return len(lines) if complete and len(lines) > 1 else 0

    def _payload(self, parsed: ParsedEvent, payload: dict[str, Any]) -> Iterator[Finding]:
        event = parsed.event
        declared, grammar = self._declared, self._declared.grammar
        tag = payload.get(declared.tag)
        branch = declared.branches.get(tag) if isinstance(tag, str) else None
        if branch is None or not parsed.text.conforms(branch):
            yield from self._invalid(tag, parsed, payload)
        if not isinstance(tag, str):
            return
        location = f"<{escaped(tag)}>"
        if self._terminated:
            late = f"{tag} comes after {declared.terminator}"
            yield self._misplaced(location, f"nothing after {declared.terminator}", late, "after-end")
        if self._named and event.event != tag:
            name = f"event: {event.event}" if event.event else "no event line"
            yield self._misplaced(location, f"event: {tag}", name, _EVENT_NAME)
        if self._walk and grammar and tag in self._known:
            yield from map(self._violation, self._walk.event(tag, payload))
            if tag not in grammar.ignore:
                self.payloads.append(payload)

    def _invalid(self, tag: object, parsed: ParsedEvent, payload: dict[str, Any]) -> Iterator[Finding]:
        declared = self._declared
        branch = declared.branches.get(tag) if isinstance(tag, str) else None
        if branch is not None:
            yield from judge_text(self._frame, branch, parsed.text, prefix=f"<{escaped(tag)}>")
            return
        known = ", ".join(declared.branches)
        missing = declared.tag not in payload
        yield self._frame.finding(
            Kind.STREAM_EVENT_UNKNOWN,
            location=f"<{escaped(tag)}>" if isinstance(tag, str) else "",
            expected=f"{declared.tag} is one of {known}",
            observed=f"no {declared.tag}" if missing else shown(tag),
            value_class="absent" if missing else value_class(tag),
        )

    def _misplaced(self, location: str, expected: str, observed: str, rule: str) -> Finding:
        return self._frame.finding(
            Kind.STREAM_ORDER, location=location, expected=expected, observed=observed, value_class=rule
        )

    def _violation(self, violation: GrammarViolation) -> Finding:
        location = f"<{escaped(violation.event)}>" + ("/index" if violation.rule == "index" else "")
        rule = f"{violation.rule}:{violation.state}"
        return self._misplaced(location, violation.expected, violation.observed, rule)

    def end(self) -> Iterator[Finding]:
        """Yield what is missing at the end of the stream."""
        if self._walk is not None and not self._walk.ended:
            yield self._frame.finding(
                Kind.STREAM_UNTERMINATED,
                expected="the final event of the stream",
                observed="the stream ends before it",
                value_class="no-final-event",
            )
        elif self._declared.terminator is not None and not self._terminated:
            yield self._frame.finding(
                Kind.STREAM_UNTERMINATED,
                expected=f"{self._declared.terminator} after the final event",
                observed="the stream ends without it",
                value_class="no-terminator",
            )


def _is_object(text: str) -> bool:
    value, defects = parse(text)
    return isinstance(value, dict) and not defects


def judge_folded(
    frame: Frame,
    folded: Folded,
    plain: Validator | None,
    *,
    additive: bool,
) -> Iterator[Finding]:
    """Judge the folded response; additions only if no event has been reported already."""
    for mismatch in folded.mismatches:
        yield frame.finding(
            Kind.STREAM_FOLD_MISMATCH,
            location=mismatch.location,
            expected=f"the joined events: {shown(mismatch.expected)}",
            observed=shown(mismatch.observed),
            value_class=mismatch.rule,
        )
    if folded.response is None or plain is None:
        return
    for finding in judge_value(frame, plain, folded.response):
        if finding.severity is Severity.BREAKING or additive:
            yield frame.finding(
                Kind.STREAM_FOLD_MISMATCH,
                location=finding.location,
                expected=f"in the folded response: {finding.expected}",
                observed=finding.observed,
                value_class=f"{finding.kind}:{finding.value_class}",
                severity=finding.severity,
            )
