"""The fuzzer in this process: what it finds, how small that gets, what is sent first, and when it stops."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from canned import ABSENT, CRASHED, Canned, Mock, always, examples, said
from hostile import Hostile, Talk, answer

from cohere_conformance.cases import shipped_suite
from cohere_conformance.client import deadline
from cohere_conformance.client.sender import Limits
from cohere_conformance.contract import load_contract
from cohere_conformance.fuzz import fuzzer, runner
from cohere_conformance.fuzz.anchors import written
from cohere_conformance.fuzz.candidate import GenerationMode
from cohere_conformance.fuzz.driver import FuzzDriver, FuzzExecutor
from cohere_conformance.fuzz.effort import FuzzOptions, FuzzProfile
from cohere_conformance.model import Kind, Severity
from cohere_conformance.names import slug
from cohere_conformance.report import Record, read_journals
from cohere_conformance.session import worker as worker_module
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from email.message import Message
    from pathlib import Path

    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.model import Exchange, Request
    from cohere_conformance.report import Report
    from cohere_conformance.report.shape import Row
    from cohere_conformance.session.result import CaseResult

    Sees = Callable[[Request], bool]

GATE, SMOKE = FuzzOptions(FuzzProfile.GATE), FuzzOptions(FuzzProfile.SMOKE)
FEW = FuzzOptions(FuzzProfile.GATE, max_examples=5)
"""Every place with every value, and few combinations of them."""
NONE = FuzzOptions(FuzzProfile.GATE, max_examples=0)
"""The same without any."""
ASTRAL, CRASHING = "input.astral-crash", "input.big-integer-crash"
CHECK, TOKENIZE = "POST /v1/check-api-key", "POST /v1/tokenize"
MODEL, MODELS = "GET /v1/models/{model}", "GET /v1/models"
RERANK, RERANK_1 = "POST /v2/rerank", "POST /v1/rerank"
EMBED, CONNECTORS = "POST /v2/embed", "POST /v1/connectors"
AUDIO = "POST /v2/audio/transcriptions"


class Ran(NamedTuple):
    """A run that has ended.

    Attributes:
        results: how each test ended, by its id.
        records: what was sent, what was set up and cleared away left out.
        report: of the run.
    """

    results: dict[str, CaseResult]
    records: list[Record]
    report: Report

    @property
    def exchanges(self) -> list[Exchange]:
        return [record.exchange for record in self.records if record.exchange is not None]

    @property
    def rows(self) -> list[Row]:
        """The findings that no amendment explains."""
        return [row for row in self.report.findings if row.amendment is None]

    @property
    def kinds(self) -> set[Kind]:
        return {row.kind for row in self.rows}

    def shown(self, row: Row) -> Request:
        """Return the request that a row of the report shows."""
        return next(
            record.exchange.request
            for record in self.records
            if record.exchange is not None
            and record.exchange.source.position == row.example.position
            and row.fingerprint in {one.fingerprint for one in record.findings}
        )


def fuzzed(
    home: Path,
    *labels: str,
    modes: Iterable[GenerationMode] = tuple(GenerationMode),
    faults: tuple[str, ...] = (),
    url: str | None = None,
    seed: int = 0,
    fuzz: FuzzOptions = GATE,
    seconds: float | None = None,
) -> Ran:
    """Fuzz some operations as `fuzz` does, one after the other."""
    known = load_contract().operations
    campaign = Campaign(
        RunOptions(
            url=url,
            only=tuple({known[label].group for label in labels}),
            faults=faults,
            seed=seed,
            seconds=seconds,
        ),
        FuzzDriver(fuzz),
        folder=home,
        fail_on=Severity.ADDITIVE,
        environment={},
    )
    tests = {f"fuzz.{mode}.{slug(label)}": (label, mode) for label in labels for mode in modes}
    campaign.begin()
    worker = campaign.worker("main")
    worker.open(tuple(tests))
    executor = worker.executor
    assert isinstance(executor, FuzzExecutor)
    try:
        results = {test: executor.fuzz(test, *about) for test, about in tests.items()}
    finally:
        worker.close(interrupted=False)
    report, _ = campaign.report()
    lines = (line for journal in read_journals(home) for line in journal.lines())
    records = [line for line in lines if isinstance(line, Record) and not line.setup]
    return Ran(results, records, report)


# -- what is found, and how small it is made


def body(request: Request) -> Any:
    return json.loads(request.body or b"null")


def text(test: Callable[[str], bool]) -> Sees:
    return lambda request: test(body(request)["text"])


def at(name: str, test: Callable[[Any], bool]) -> Sees:
    return lambda request: name in body(request) and test(body(request)[name])


def header(name: str, value: str) -> Sees:
    return lambda request: (name, value) in request.headers


def holds(data: bytes) -> Sees:
    return lambda request: data in (request.body or b"")


def target(part: str) -> Sees:
    return lambda request: part in request.url


class Fault(NamedTuple):
    """A fault that the fuzzer has to find.

    Attributes:
        mode: of the requests that find it.
        label: of the operation that shows it.
        kind: of the finding.
        place: of the finding.
        most: bytes that the body of the example may have.
        sees: whether a request holds what trips the server.
    """

    mode: GenerationMode
    label: str
    kind: Kind
    location: str
    most: int
    sees: Sees


POSITIVE, NEGATIVE, PROTOCOL = GenerationMode
CRASH, REFUSED, UNENFORCED = Kind.SERVER_ERROR, Kind.VALID_REFUSED, Kind.RULE_UNENFORCED
VIOLATED = Kind.REQUIREMENT_VIOLATED
FAULTS = {
    ASTRAL: Fault(
        POSITIVE,
        TOKENIZE,
        CRASH,
        "request:/text",
        60,
        text(lambda value: any(letter > "\uffff" for letter in value)),
    ),
    "input.nul-crash": Fault(
        POSITIVE, TOKENIZE, CRASH, "request:/text", 60, text(lambda value: "\0" in value)
    ),
    "input.charset-crash": Fault(
        PROTOCOL, TOKENIZE, CRASH, "request:/", 60, header("content-type", "application/json; charset=utf-8")
    ),
    "input.method-crash": Fault(
        PROTOCOL,
        TOKENIZE,
        CRASH,
        "request:method",
        0,
        lambda request: request.method in {"GET", "HEAD", "OPTIONS"},
    ),
    "input.max-length-refused": Fault(
        POSITIVE, TOKENIZE, REFUSED, "request:/text", 65_600, text(lambda value: len(value) == 65_536)
    ),
    CRASHING: Fault(POSITIVE, RERANK, CRASH, "request:/top_n", 90, at("top_n", lambda value: value > 2**53)),
    "input.null-crash": Fault(
        NEGATIVE, RERANK, CRASH, "request:/query", 70, at("query", lambda value: value is None)
    ),
    "input.boolean-as-text": Fault(
        NEGATIVE,
        RERANK,
        UNENFORCED,
        "request:/documents/*",
        80,
        at("documents", lambda value: value == [True]),
    ),
    "input.maximum-refused": Fault(
        POSITIVE, RERANK, REFUSED, "request:/priority", 90, at("priority", lambda value: value == 999)
    ),
    "input.minimum-ignored": Fault(
        NEGATIVE, RERANK_1, VIOLATED, "/results", 60, at("top_n", lambda value: value == 0)
    ),
    "input.last-result-lost": Fault(
        POSITIVE, RERANK, VIOLATED, "/results", 200, at("documents", lambda value: 10 < len(value) <= 12)
    ),
    "input.trimmed": Fault(
        POSITIVE, EMBED, VIOLATED, "/texts/*", 110, at("texts", lambda value: value == [" "])
    ),
    "input.nested-required-ignored": Fault(
        NEGATIVE,
        CONNECTORS,
        UNENFORCED,
        "request:/service_auth/token",
        140,
        at("service_auth", lambda value: set(value) == {"type"}),
    ),
    "input.query-ignored": Fault(NEGATIVE, MODELS, UNENFORCED, "query:page_size", 0, target("page_size=")),
    "input.encoded-path-crash": Fault(POSITIVE, MODEL, CRASH, "path:model", 0, target("%2F")),
    "input.unknown-part-crash": Fault(
        NEGATIVE, AUDIO, CRASH, "form:conformance-unknown", 1500, holds(b'name="conformance-unknown"')
    ),
}
SEEDED = (CRASHING, "input.last-result-lost", "input.boolean-as-text")


@pytest.mark.parametrize(
    ("name", "seed"),
    [*((name, 0) for name in FAULTS), *((name, seed) for name in SEEDED for seed in (1, 2))],
)
def test_a_fault_is_found_and_its_example_is_small(name: str, seed: int, tmp_path: Path) -> None:
    mode, label, kind, location, most, sees = FAULTS[name]
    # The seed decides on the combinations.
    fuzz = FEW if name in SEEDED else NONE
    ran = fuzzed(tmp_path, label, modes=[mode], faults=(name,), seed=seed, fuzz=fuzz)
    assert ran.report.footer.exit_code == 1
    shown = [
        ran.shown(row)
        for row in ran.rows
        if (row.operation, row.kind, row.location) == (label, kind, location)
    ]
    assert shown, ran.rows
    assert any(len(request.body or b"") <= most and sees(request) for request in shown)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_drawn_finds_a_fault_and_makes_it_small(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    ran = fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], faults=(ASTRAL,), seed=seed)
    shown = [body(ran.shown(row)) for row in ran.rows if row.location == "request:/text"]
    assert shown, ran.rows
    assert all(len(body["text"]) == 1 and body["text"] > "\uffff" for body in shown), shown
    assert ran.kinds == {CRASH}


def test_no_more_is_spent_on_making_what_is_drawn_small_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    number = {}
    for most in (10, 1000):
        monkeypatch.setattr(fuzzer, "_MAX_DRAWN_SHRINK_REQUESTS", most)
        home = tmp_path / str(most)
        home.mkdir()
        ran = fuzzed(home, TOKENIZE, modes=[POSITIVE], faults=(ASTRAL,))
        assert ran.kinds == {CRASH}, "what was found is reported all the same"
        number[most] = len(ran.exchanges)
    assert number[1000] - number[10] > 20, "otherwise nothing was left out"


@pytest.mark.parametrize(
    ("label", "fault", "location", "sees"),
    [
        # That the list must not be empty is in no schema, so the fuzzer cannot know that it was left out.
        (
            RERANK_1,
            "input.empty-array-crash",
            "request:/rank_fields",
            at("rank_fields", lambda given: not given),
        ),
        (MODELS, "input.query-ignored", "query:endpoint", target("endpoint=")),
    ],
)
def test_what_breaks_a_rule_is_never_left_out(
    label: str, fault: str, location: str, sees: Sees, tmp_path: Path
) -> None:
    ran = fuzzed(tmp_path, label, modes=[NEGATIVE], faults=(fault,), fuzz=FEW)
    found = [record for record in ran.records if location in {one.location for one in record.findings}]
    assert found
    assert [
        one.exchange.request.url for one in found if one.exchange and not sees(one.exchange.request)
    ] == []


def test_no_more_is_spent_on_making_a_request_small_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(candidates: Iterable[Candidate], *_: object) -> list[Candidate]:
        return [one for one in candidates if one.location == "/examples/*/text" and "emoji" in one.says]

    monkeypatch.setattr(fuzzer, "chosen", one)
    spent = []
    for most in (5, 100):
        monkeypatch.setattr(fuzzer, "_MAX_SHRINK_REQUESTS", most)
        home = tmp_path / str(most)
        ran = fuzzed(home, "POST /v1/classify", modes=[POSITIVE], faults=(ASTRAL,), fuzz=NONE)
        assert ran.kinds == {CRASH}
        spent.append(len(sent(ran, "POST /v1/classify")) - 1)
    assert spent[0] == 5 < spent[1] < 50


# -- what is sent first


def baseline(label: str) -> tuple[Anchor, ...]:
    """Return the cases that are sent unchanged."""
    return written(shipped_suite(), load_contract().operations[label], "contract")


def bodies(label: str) -> list[Any]:
    """Return their JSON bodies."""
    return [one.template.body for one in baseline(label)]


def sent(ran: Ran, label: str = RERANK) -> list[bytes]:
    """Return the bodies that differ from those of the starting requests, which come unchanged first."""
    known = bodies(label)
    return [
        exchange.request.body or b""
        for exchange in ran.exchanges
        if not exchange.request.body or json.loads(exchange.request.body) not in known
    ]


def test_what_failed_is_sent_first_next_time_until_it_does_not_fail_any_more(tmp_path: Path) -> None:
    kept = FuzzOptions(FuzzProfile.GATE, max_examples=0, database=str(tmp_path / "examples"))

    def run(*faults: str) -> Ran:
        number = len(list(tmp_path.iterdir()))
        return fuzzed(tmp_path / f"run-{number}", RERANK, modes=[POSITIVE], faults=faults, fuzz=kept)

    failing, again, mended, clean = run(CRASHING), run(CRASHING), run(), run()
    failed = [one.request.body for one in failing.exchanges if one.response.status == 500]
    assert failed
    assert sent(failing)[0] not in failed
    assert sent(again)[0] in failed
    assert again.kinds == {CRASH}
    assert sent(mended)[0] == sent(again)[0]
    assert mended.report.footer.exit_code == 0
    assert sent(clean)[0] == sent(failing)[0]
    assert sorted(sent(clean)) == sorted(sent(mended)), "only the order is another one"


def test_what_was_drawn_and_failed_is_drawn_first_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    kept = FuzzOptions(FuzzProfile.GATE, max_examples=20, database=str(tmp_path / "examples"))

    def run(*faults: str) -> Ran:
        number = len(list(tmp_path.iterdir()))
        return fuzzed(tmp_path / f"run-{number}", TOKENIZE, modes=[POSITIVE], faults=faults, fuzz=kept)

    def drawn(ran: Ran) -> list[bytes]:
        return sent(ran, TOKENIZE)

    failing, again, mended = run(ASTRAL), run(ASTRAL), [run()]
    crashed = [one.request.body for one in failing.exchanges if one.response.status == 500]
    assert drawn(failing)[0] not in crashed
    assert drawn(again)[0] in crashed
    assert drawn(mended[0])[0] == drawn(again)[0]
    # Of several that failed Hypothesis tries some in each run.
    while drawn(mended[-1])[0] != drawn(failing)[0] and len(mended) < 10:
        mended.append(run())
    assert drawn(mended[-1])[0] == drawn(failing)[0]
    assert {one.report.footer.exit_code for one in mended} == {0}


def test_nothing_is_remembered_without_a_place_for_it(tmp_path: Path) -> None:
    runs = [
        fuzzed(tmp_path / name, RERANK, modes=[POSITIVE], faults=(CRASHING,), fuzz=FEW)
        for name in ("one", "two")
    ]
    assert sent(runs[0]) == sent(runs[1])


# -- when it stops


class Clock:
    """Time that passes by a second whenever somebody looks at it."""

    def __init__(self) -> None:
        self._now = itertools.count()

    def monotonic(self) -> int:
        return next(self._now)


@pytest.mark.parametrize("drawn", [False, True], ids=["one change", "drawn"])
def test_nothing_is_sent_after_the_time_limit_and_the_report_says_so(
    drawn: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "time", Clock())
    if drawn:
        monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    ran = fuzzed(tmp_path, TOKENIZE, RERANK, modes=[POSITIVE], seconds=20)
    assert 0 < len(ran.exchanges) < 20
    assert {result.outcome for result in ran.results.values()} == {"inconclusive"}
    cases = ran.report.coverage.cases
    assert cases is not None
    assert cases.inconclusive_reasons == {"the time limit is reached": 2}
    assert (cases.interrupted, cases.stopped) == (True, "the time limit is reached")
    assert ran.report.footer.exit_code == 2
    assert ran.report.footer.verdict.startswith("INCOMPLETE: the time limit is reached")


def test_a_finding_is_reported_although_the_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "time", Clock())
    ran = fuzzed(tmp_path, TOKENIZE, modes=[PROTOCOL], faults=("auth.ignored",), seconds=20)
    assert 0 < len(ran.exchanges) < 20
    assert ran.report.footer.exit_code == 2, "what was not sent may show worse"
    assert [(one.outcome, one.reason) for one in ran.results.values()] == [
        ("failed", "the time limit is reached")
    ]


# -- a crash of ours


def crash(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("a defect of the fuzzer")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (fuzzer, "anchors"),
        (fuzzer, "derived"),
        (fuzzer, "mixed"),
        (fuzzer, "overlaid"),
        (runner, "status_findings"),
    ],
    ids=["anchors", "derived", "mixed", "overlaid", "status findings"],
)
def test_a_defect_of_the_fuzzer_is_not_reported_as_a_finding(
    module: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, crash)
    with pytest.raises(ZeroDivisionError, match="a defect of the fuzzer"):
        fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], fuzz=FEW)


@pytest.mark.parametrize("faults", [(), (ASTRAL,)], ids=["alone", "beside a failure"])
@pytest.mark.parametrize("times", [1, 10**6], ids=["once", "always"])
def test_a_defect_of_the_fuzzer_during_generation_is_raised(
    times: int, faults: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hypothesis runs what failed once more, and calls it flaky where that goes well."""
    monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    attempt, left = runner.FuzzRunner.attempt, [times]

    def attempted(self: runner.FuzzRunner, test: str, candidate: Candidate, *further: Any) -> Any:
        if candidate.location and len(body_of(candidate).get("text", "")) > 3 and left[0]:
            left[0] -= 1
            crash()
        return attempt(self, test, candidate, *further)

    monkeypatch.setattr(runner.FuzzRunner, "attempt", attempted)
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], faults=faults)
    assert left[0] < times


def body_of(candidate: Candidate) -> dict[str, Any]:
    body = candidate.template.body
    return body if isinstance(body, dict) else {}


# -- targets that do not answer as HTTP has it


def reset(talk: Talk) -> None:
    talk.reset()


def garble(talk: Talk) -> None:
    talk.say(b"HELO nobody.example\r\n\r\n")


def cut(talk: Talk) -> None:
    talk.say(answer(b"{}", "content-type: application/json")[:-1])


def nothing(talk: Talk) -> None:
    """Close without a word."""


def spoiling(bad: Callable[[Talk], None], path: bytes = b"") -> Callable[[Talk], None]:
    """Return a script that is bad to requests of a path, and says to all others that the key is good."""

    def script(talk: Talk) -> None:
        while received := talk.hear():
            method, target, _ = received.split(b"\r\n", 1)[0].split(b" ", 2)
            if path in target and not target.endswith((b"page_size=1", b"page_size=1000")):
                return bad(talk)
            body_sent = b"" if method == b"HEAD" else examples()[CHECK].body
            talk.say(answer(body_sent, "content-type: application/json"))
        return None

    return script


@pytest.mark.parametrize("bad", [reset, garble, cut, nothing])
def test_a_target_that_breaks_every_answer_ends_the_run(bad: Callable[[Talk], None], tmp_path: Path) -> None:
    with Hostile(spoiling(bad)) as server:
        ran = fuzzed(tmp_path, TOKENIZE, CHECK, url=server.url, fuzz=SMOKE)
    assert ran.report.footer.exit_code == 1
    assert Kind.ANSWER_BROKEN in ran.kinds
    asked = {record.case for record in ran.records if record.exchange is not None}
    assert asked
    assert {ran.results[test].outcome for test in asked} == {"failed"}


@pytest.mark.parametrize("bad", [reset, garble, cut, nothing])
def test_a_path_that_breaks_every_answer_does_not_end_the_fuzzing_of_others(
    bad: Callable[[Talk], None], tmp_path: Path
) -> None:
    with Hostile(spoiling(bad, b"/v1/tokenize")) as server:
        ran = fuzzed(tmp_path, TOKENIZE, CHECK, url=server.url, fuzz=SMOKE)
        asked = [request.split(b"\r\n", 1)[0] for request in server.requests]
    assert ran.report.footer.exit_code == 1
    broken = {row.operation for row in ran.rows if row.kind is Kind.ANSWER_BROKEN}
    assert TOKENIZE in broken
    assert {one for one in broken if "check-api-key" in one} == set()
    assert sum(b"/v1/check-api-key" in line for line in asked) > 15


def test_an_operation_that_resets_is_not_asked_again(tmp_path: Path) -> None:
    with Hostile(spoiling(reset, b"/v1/tokenize")) as server:
        ran = fuzzed(tmp_path, TOKENIZE, url=server.url)
        asked = [request for request in server.requests if b" /v1/tokenize" in request]
    assert len(asked) == 1
    assert [(one.outcome, one.reason) for one in ran.results.values()] == [
        ("failed", "no complete response was received"),
        ("inconclusive", "an earlier request to this operation got no complete response"),
        ("inconclusive", "an earlier request to this operation got no complete response"),
    ]


TRANSPORT = (
    "transport.chunked-garbage",
    "transport.close-early",
    "transport.garbage-status-line",
    "transport.gzip-garbage",
    "transport.reset",
    "transport.reset-in-body",
    "transport.truncated",
    "transport.wrong-length-long",
)


@pytest.mark.parametrize("fault", TRANSPORT)
def test_the_embedded_server_may_break_every_answer_as_well(fault: str, tmp_path: Path) -> None:
    ran = fuzzed(tmp_path, CHECK, faults=(fault,), fuzz=SMOKE)
    assert ran.report.footer.exit_code == 1
    assert Kind.ANSWER_BROKEN in ran.kinds


# -- what shows without any change


UNCHANGED = "cannot be fuzzed: the unchanged request of"
CHECKED = FuzzOptions(FuzzProfile.GATE, max_examples=2)


def unsent(ran: Ran) -> int:
    return sum(row.unsent for row in ran.report.coverage.fuzzed)


def test_a_server_that_refuses_nothing_has_one_cause_for_that(tmp_path: Path) -> None:
    """It reads no request, so that each rule that is broken is accepted: that is one mistake."""
    with always(said({"id": "1", "results": []})) as server:
        ran = fuzzed(tmp_path, RERANK, url=server.url, fuzz=FuzzOptions(FuzzProfile.SMOKE))
    (cause,) = [one for one in ran.report.causes if one.rule == "unvalidated"]
    assert cause.title == f"No invalid request to {RERANK} is refused"
    others = [row for row in ran.report.findings if row.fingerprint not in cause.findings]
    unenforced = {row.location for row in others if row.kind is Kind.RULE_UNENFORCED}
    assert not [location for location in unenforced if location.startswith("request:/")]


@pytest.mark.parametrize("canned", [CRASHED, ABSENT, Canned(503, b"<h1>no</h1>", "text/html")])
def test_what_is_never_served_is_one_finding_and_no_change_is_blamed(canned: Canned, tmp_path: Path) -> None:
    """Each starting request is tried twice, the finding is about nothing that was changed, and all else is
    counted as not sent."""
    with always(canned) as server:
        ran = fuzzed(tmp_path, RERANK, MODEL, url=server.url, fuzz=CHECKED)
    kinds = {CRASH if canned.status >= 500 else REFUSED}
    blamed = [row for row in ran.rows if row.kind in kinds]
    assert sorted((row.operation, row.location) for row in blamed) == [(MODEL, ""), (RERANK, "")]
    page = {Kind.MEDIA_TYPE_UNDECLARED, Kind.STATUS_UNDECLARED, Kind.BODY_MALFORMED}
    # A model that a case names is asked for beforehand, which is a finding about that operation.
    assert {row.kind for row in ran.rows if row.operation in {RERANK, MODEL}} - kinds <= page
    cases = sum(len(baseline(label)) for label in (RERANK, MODEL))
    assert sum(server.requests.values()) <= 1 + cases + 2 * 2
    assert unsent(ran) > 200
    outcomes = [(result.outcome, result.reason[: len(UNCHANGED)]) for result in ran.results.values()]
    assert [outcome for outcome, _ in outcomes[:3]] == ["failed", "inconclusive", "inconclusive"]
    assert {reason for _, reason in outcomes} == {UNCHANGED}
    cases = ran.report.coverage.cases
    assert cases is not None
    assert all(f"{UNCHANGED} " in end.reason and "not sent" in end.reason for end in cases.ends)
    assert ran.report.footer.exit_code == 1


def test_one_broken_operation_does_not_keep_others_from_being_fuzzed(tmp_path: Path) -> None:
    """A server that fails at one operation is fuzzed at the next."""

    def respond(label: str | None, _: int) -> Canned:
        return CRASHED if label == RERANK else examples().get(label or "", ABSENT)

    with Mock(respond) as server:
        ran = fuzzed(tmp_path, RERANK, TOKENIZE, modes=[POSITIVE], url=server.url, fuzz=CHECKED)
    assert [row.location for row in ran.rows if row.operation == RERANK] == [""]
    assert server.requests[TOKENIZE] > 20
    assert ran.results[f"fuzz.positive.{slug(TOKENIZE)}"].reason == ""


def test_what_every_response_lacks_is_shown_by_the_unchanged_request(tmp_path: Path) -> None:
    """A finding that the unchanged request shows has that request for its example, and nothing is made
    smaller for it."""
    lacking = said({"tokens": [1, 2]})
    with Mock(lambda label, _: lacking if label == TOKENIZE else ABSENT) as server:
        ran = fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], url=server.url, fuzz=CHECKED)
    found = [row for row in ran.rows if row.kind is Kind.PROPERTY_MISSING]
    assert [row.location for row in found] == ["/token_strings"]
    known = bodies(TOKENIZE)
    showing = [record for record in ran.records if record.findings]
    missing = [record for record in showing if record.findings[0].kind is Kind.PROPERTY_MISSING]
    assert missing
    assert all(record.exchange and body(record.exchange.request) in known for record in missing)


def test_a_server_that_stumbles_once_is_fuzzed(tmp_path: Path) -> None:
    """The first response fails and stays a finding; the second try shows that the operation is served."""

    def respond(label: str | None, before: int) -> Canned:
        return CRASHED if label == TOKENIZE and not before else examples().get(label or "", ABSENT)

    with Mock(respond) as server:
        ran = fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], url=server.url, fuzz=CHECKED)
    assert [(row.kind, row.location) for row in ran.rows if row.kind is CRASH] == [(CRASH, "")]
    assert unsent(ran) == 0
    assert server.requests[TOKENIZE] > 20


def test_a_server_that_breaks_for_good_ends_the_fuzzing_with_the_request_that_broke_it(
    tmp_path: Path,
) -> None:
    """From the 20th request on nothing is served: that request is reported, and none of those after it."""

    def respond(label: str | None, before: int) -> Canned:
        return CRASHED if before >= 20 else examples().get(label or "", ABSENT)

    with Mock(respond) as server:
        ran = fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE, NEGATIVE], url=server.url, fuzz=CHECKED)
    crashed = [row for row in ran.rows if row.kind is CRASH]
    assert len(crashed) == 2
    assert "" in {row.location for row in crashed}
    assert server.requests[TOKENIZE] < 20 + 1 + len(baseline(TOKENIZE)) + 2
    assert unsent(ran) > 20


def test_what_only_a_change_shows_is_still_blamed_on_it(tmp_path: Path) -> None:
    """A crash at one value beside a fault of every response: both are found, each at its own place."""
    short = "tokenize.strings-short"
    ran = fuzzed(tmp_path, TOKENIZE, modes=[POSITIVE], faults=(ASTRAL, short), fuzz=CHECKED)
    assert "request:/text" in {row.location for row in ran.rows if row.kind is CRASH}
    changed = sent(ran, TOKENIZE)
    found = next(row for row in ran.rows if row.kind is VIOLATED and row.location == "/token_strings")
    showing = [
        record.exchange.request.body
        for record in ran.records
        if record.exchange and found.fingerprint in {one.fingerprint for one in record.findings}
    ]
    assert showing
    assert not set(showing) & set(changed)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers the first question of a run, and then nothing: each operation is tried once, up to five."""
    short = Limits(silence=0.1, total=0.2)
    monkeypatch.setattr(worker_module, "limits", lambda *_: short)

    def script(talk: Talk) -> None:
        while received := talk.hear():
            if not re.search(rb"page_size=1(000)? ", received.split(b"\r\n", 1)[0]):
                return talk.hang()
            talk.say(answer(examples()[MODELS].body, "content-type: application/json"))
        return None

    labels = (TOKENIZE, CHECK, RERANK, RERANK_1, EMBED, MODEL, MODELS)
    with Hostile(script) as server:
        ran = fuzzed(tmp_path, *labels, url=server.url, fuzz=CHECKED)
        asked = len(server.requests)
    assert asked <= 8
    assert ran.kinds == {Kind.ANSWER_BROKEN}
    assert all(result.outcome in {"failed", "inconclusive"} for result in ran.results.values())


# -- what only a fuzzer sends, and what everybody sends


PAGE = b"<html><h1>nginx</h1></html>"


def edge(target: str, headers: Message, length: int) -> Canned | None:
    """Refuse like a proxy in front of a service: long requests, and unusual media types."""
    head = sum(len(name) + len(value) for name, value in headers.items())
    kind = (headers.get("content-type") or "").lower()
    if len(target) > 4000:
        return Canned(414, PAGE, "text/html")
    if head > 6000:
        return Canned(431, PAGE, "text/html")
    if length > 2**20:
        return Canned(413, PAGE, "text/html")
    if length and not kind.startswith("application/json"):
        return Canned(415, PAGE, "text/html")
    return None


def test_what_only_a_fuzzer_sends_may_be_refused_for_its_size(tmp_path: Path) -> None:
    """414, 431, 413 and 415 with a page of HTML are nobody's breaking findings."""
    known = examples()
    with Mock(lambda label, _: known.get(label or "", ABSENT), edge) as server:
        ran = fuzzed(tmp_path, TOKENIZE, modes=[PROTOCOL], url=server.url, fuzz=NONE)
    refused = {413, 414, 415, 431}
    statuses = {one.response.status for one in ran.exchanges}
    assert refused <= statuses
    assert [row for row in ran.rows if row.status in refused] == []


def ordinary(status: int, test: Callable[[Message, int], bool]) -> Callable[..., Canned | None]:
    return lambda _, headers, length: Canned(status, PAGE, "text/html") if test(headers, length) else None


@pytest.mark.parametrize(
    ("status", "test", "says"),
    [
        (415, lambda headers, _: "charset=utf-8" in (headers.get("content-type") or ""), "charset=utf-8"),
        (413, lambda _, length: length > 100_000, "200 kB"),
        (
            401,
            lambda headers, _: (headers.get("authorization") or "").startswith("bearer"),
            "bearer in small",
        ),
    ],
    ids=["charset", "large", "scheme"],
)
def test_what_everybody_sends_must_be_served(
    status: int, test: Callable[[Message, int], bool], says: str, tmp_path: Path
) -> None:
    """A charset beside JSON, a body of 200 kB, the scheme of a key in small letters."""
    known = examples()
    with Mock(lambda label, _: known.get(label or "", ABSENT), ordinary(status, test)) as server:
        ran = fuzzed(tmp_path, TOKENIZE, modes=[PROTOCOL], url=server.url, fuzz=NONE)
    found = [row for row in ran.rows if row.kind is REFUSED]
    assert [row.status for row in found] == [status]
    assert says in found[0].expected


@pytest.mark.parametrize(
    ("label", "fault", "requirement"),
    [
        ("POST /v1/classify", "classify.labels-lower-case", "classify.labels-verbatim"),
        (RERANK, "billing.sometimes-missing", "common.billed-steady"),
        (EMBED, "embed.int8-vector-missing", "embed.count"),
        ("POST /v2/chat", "chat.v2.citation-bytes", "v2.chat.citation-slice"),
        ("POST /v2/chat", "chat.v2.citation-utf16", "v2.chat.citation-slice"),
        ("POST /v2/chat", "chat.v2.arguments-twice", "v2.chat.arguments-object"),
        ("POST /v2/chat", "chat.v2.stream.text-torn", "common.text-whole"),
    ],
)
def test_what_one_response_shows_is_seen_in_fuzzed_traffic(
    label: str, fault: str, requirement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The written cases are sent unchanged, so that no fault hides behind what they are about."""
    monkeypatch.setattr(fuzzer, "chosen", lambda *_: [])
    ran = fuzzed(tmp_path, label, modes=[POSITIVE], faults=(fault,), fuzz=NONE)
    assert requirement in {row.requirement for row in ran.rows}
