"""Making every change and counting what the judge says about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from cohere_conformance.checks import judge as whole
from cohere_conformance.checks.framing import split
from cohere_conformance.model import SEVERITY, Exchange, Kind, Request, Response, Severity, Source
from mutations import bodies, streams
from mutations.build import variants
from mutations.change import ANYTHING, Change, Expected, unmet
from mutations.scenarios import streams as scenes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract import Contract, Media, Operation, ResponseDeclaration
    from cohere_conformance.model import Finding, StreamEvent

_SOURCE = Source("made from the contract")
_LONGEST = 40
INVISIBLE = "invisible"


def judge(contract: Contract, exchange: Exchange) -> list[Finding]:
    """Judge by the contract alone: made-up answers obey its schemas and no requirement."""
    return whole(contract, exchange, requirements=False)


@dataclass(frozen=True)
class Trouble:
    """One exchange on which the judge and the expectation differ, with what it takes to see it again."""

    what: str
    operation: str
    origin: str
    change: str
    location: str
    must: tuple[str, ...]
    found: tuple[str, ...]
    curl: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass
class Tally:
    """The counts of a run.

    Attributes:
        made: (operation, class) -> outcome -> number; the class is the kind that is expected first, or
            `invisible`.
        originals: operation -> number of conforming exchanges.
        reasons: why a change is invisible -> number.
        noise: findings that were not expected: (expected kind, extra kind) -> number.
        troubles: everything that is not as it must be.
    """

    made: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    originals: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    noise: Counter[tuple[str, str]] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)

    def total(self, outcome: str, *, operation: str | None = None, kind: str | None = None) -> int:
        """Return the number of visible changes with an outcome; `""` counts them all."""
        return sum(
            number
            for (label, named), outcomes in self.made.items()
            if named == kind or (kind is None and named != INVISIBLE)
            if operation in {None, label}
            for result, number in outcomes.items()
            if outcome in {"", result}
        )


def measure(contract: Contract, labels: Iterable[str], recorded: Iterable[Exchange] = ()) -> Tally:
    """Change the answers of the operations in every way and count.

    Args:
        contract: what is judged against.
        labels: the operations.
        recorded: clean exchanges from elsewhere; those of other operations are left out.
    """
    tally = Tally()
    wanted = set(labels)
    for label in contract.operations:
        if label in wanted:
            _operation(contract, contract.operations[label], tally)
    for exchange in recorded:
        route = contract.route(exchange.request.method, exchange.request.url)
        if route.operation in wanted and route.operation is not None:
            _recorded(contract, contract.operations[route.operation], exchange, tally)
    return tally


def request_for(contract: Contract, label: str) -> Request:
    """Return a request that is routed to the operation, with the query that it must have."""
    method, path = label.split(" ", 1)
    server = contract.document["servers"][0]["url"].rstrip("/")
    for parameter in ("id", "model", "finetuned_model_id"):
        path = path.replace(f"{{{parameter}}}", "some-name")
    needed = {
        name: str(variants(parameter.value.schema)[0])
        for name, parameter in contract.operations[label].query.items()
        if parameter.required
    }
    return Request(method, server + path + (f"?{urlencode(needed)}" if needed else ""))


def _operation(contract: Contract, operation: Operation, tally: Tally) -> None:
    request = request_for(contract, operation.label)
    for status, declared in operation.responses.items():
        code = int(status) if status.isdigit() else {"default": 500}.get(status, int(status[0]) * 100)
        for number, response in enumerate(bodies.answers(declared, code)):
            media_type = dict(response.headers).get("content-type", "")
            origin = f"{status} {media_type} instance {number}"
            run = _Run(contract, operation, request, origin, tally)
            run.original(response)
            run.changes(_of_answer(operation, declared, response, first=number == 0))
        for name, media in declared.media.items():
            if media.events is not None:
                response = Response(code, bodies.header_fields(declared, name))
                run = _Run(contract, operation, request, f"{status} {name}", tally)
                _streams(run, operation, declared, media, response)


def _of_answer(
    operation: Operation, declared: ResponseDeclaration, response: Response, *, first: bool
) -> Iterator[Change]:
    media = declared.media.get(dict(response.headers).get("content-type", ""))
    if media is not None:
        yield from bodies.of_value(media, response)
    if first:
        yield from bodies.of_envelope(operation, declared, response)
        if media is not None:
            yield from bodies.of_text(response)
            yield from _mislabelled(declared, media, response)


def _streams(
    run: _Run, operation: Operation, declared: ResponseDeclaration, media: Media, response: Response
) -> None:
    seen: set[tuple[object, ...]] = set()
    assert media.events is not None
    for number, stream in enumerate(scenes(media.events)):
        base = streams.Base(media, response, stream.payloads, named=media.framing == "sse")
        run = run.from_(f"{run.origin.partition(' scene ')[0]} scene {stream.scene!r} variant {number}")
        whole = base.answer(base.frames())
        run.original(whole)
        run.changes(streams.of_events(base, seen, plain=stream.plain))
        if stream.plain:
            run.changes(streams.of_sequence(base))
            run.changes(streams.of_text(base))
        if number == 0:
            run.changes(bodies.of_envelope(operation, declared, whole))
            run.changes(_mislabelled(declared, media, whole))


def _mislabelled(declared: ResponseDeclaration, media: Media, response: Response) -> Iterator[Change]:
    """Yield the answer under each other declared media type."""
    rest = tuple(one for one in response.headers if one[0] != "content-type")
    for name, other in declared.media.items():
        if other.framing == media.framing:
            continue
        must = {
            ("json", "sse"): Expected(Kind.STREAM_MALFORMED),
            ("json", "ndjson"): Expected(Kind.STREAM_EVENT_UNKNOWN, "", "absent"),
            ("sse", "json"): Expected(Kind.MEDIA_TYPE_UNDECLARED, "", f"stream as {name}"),
            ("sse", "ndjson"): Expected(Kind.STREAM_MALFORMED),
            ("ndjson", "json"): Expected(Kind.MEDIA_TYPE_UNDECLARED, "", f"stream as {name}"),
            ("ndjson", "sse"): Expected(Kind.STREAM_MALFORMED),
        }[media.framing, other.framing]
        fields = (("content-type", name), *rest)
        changed = msgspec.structs.replace(response, headers=fields)
        yield Change(f"{media.framing} as {name}", "", changed, (must,), ANYTHING)


def _recorded(contract: Contract, operation: Operation, exchange: Exchange, tally: Tally) -> None:
    response = exchange.response
    declared = operation.response(response.status)
    media_type = next((value for name, value in response.headers if name == "content-type"), "")
    media = declared.media.get(media_type.partition(";")[0].strip().lower()) if declared else None
    if declared is None or media is None:
        return
    origin = f"recorded {exchange.source.position}"
    run = _Run(contract, operation, exchange.request, origin, tally)
    run.original(response)
    if media.body is not None and response.body:
        run.changes(bodies.of_value(media, response))
        run.changes(bodies.of_text(response))
    elif media.events is not None:
        frames = _frames(media, response)
        payloads = tuple(
            msgspec.json.decode(frame.data) for frame in frames if frame.data != media.events.terminator
        )
        if payloads and len(payloads) <= _LONGEST:
            base = streams.Base(media, response, payloads, named=media.framing == "sse")
            run.original(base.answer(base.frames()))
            run.changes(streams.of_events(base, set()))
            run.changes(streams.of_sequence(base))


def _frames(media: Media, response: Response) -> tuple[StreamEvent, ...]:
    if response.events is not None:
        return response.events
    return split((response.body or b"").decode(), media.framing)


@dataclass(frozen=True)
class _Run:
    """The changes of one original, judged and counted."""

    contract: Contract
    operation: Operation
    request: Request
    origin: str
    tally: Tally

    def from_(self, origin: str) -> _Run:
        return _Run(self.contract, self.operation, self.request, origin, self.tally)

    def original(self, response: Response) -> None:
        self.tally.originals[self.operation.label] += 1
        findings = self._judged(response)
        if findings:
            self._trouble("unclean original", Change("none", "", response), findings)

    def changes(self, changes: Iterable[Change]) -> None:
        for change in changes:
            findings = self._judged(change.response)
            label = str(change.must[0].kind) if change.must else INVISIBLE
            outcome = self._outcome(change, findings)
            counts = self.tally.made.setdefault((self.operation.label, label), Counter())
            counts[outcome] += 1
            if not change.must:
                self.tally.reasons[change.reason] += 1
            if outcome not in {"killed", "clean"}:
                self._trouble(outcome, change, findings)

    def _outcome(self, change: Change, findings: list[Finding]) -> str:
        if not change.must:
            return "false alarm" if findings else "clean"
        if unmet(change.must, findings):
            return "misplaced" if findings else "missed"
        beside = [
            finding
            for finding in findings
            if finding.kind not in change.may and not any(one.met_by(finding) for one in change.must)
        ]
        for finding in beside:
            self.tally.noise[str(change.must[0].kind), str(finding.kind)] += 1
        additive = all(SEVERITY[one.kind] is Severity.ADDITIVE for one in change.must)
        return "escalated" if additive and beside else "killed"

    def _judged(self, response: Response) -> list[Finding]:
        return judge(self.contract, Exchange(self.request, response, _SOURCE))

    def _trouble(self, what: str, change: Change, findings: list[Finding]) -> None:
        response = change.response
        body = response.body if response.events is None else repr(response.events).encode()
        self.tally.troubles.append(
            Trouble(
                what,
                self.operation.label,
                self.origin,
                change.name,
                change.location,
                tuple(f"{one.kind} at {one.location!r} {one.value_class}".rstrip() for one in change.must),
                tuple(f"{one.kind} at {one.location!r} {one.value_class}".rstrip() for one in findings),
                Exchange(self.request, response, _SOURCE).as_curl(),
                response.status,
                response.headers,
                (body or b"").decode("utf-8", "backslashreplace"),
            )
        )
