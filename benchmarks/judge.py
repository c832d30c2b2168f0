"""What one judgement costs, measured side by side with what others take for theirs.

Times differ from machine to machine, ratios hardly: in every round each contestant gets its turn on the same
core, and what counts is the median over the rounds of `its time / our time`. A contestant whose package is
missing is a line of the table and not a gap in it.

openapi-core wants another openapi-spec-validator than we do, so it lives in an environment of its own; this
very file is its server there (`--serve`) and is started over a pipe when it is its turn.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.metadata
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

OURS, ALONE, FLOOR, CORE, THESIS = "ours", "ours, schemas alone", "floor", "openapi-core", "schemathesis"
BOTH = f"{CORE}, request as well"
PARTS = (CORE, BOTH)
CLEAN = "chat, clean"
GOALS = (
    (CORE, "at least", 10.0, OURS),
    (THESIS, "at least", 3.0, ALONE),
    (FLOOR, "at most", 6.0, ALONE),
)
"""Of the clean chat answer: how many times our time the others take, and how many times the floor's we do.

The last column says which of our times: of the whole judgement, or of that by the schemas alone, which
is all that schemathesis and the floor know.
"""
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Sample:
    """One exchange in plain values, so that it can be sent through a pipe."""

    name: str
    path: str
    sent: str
    body: str
    media: str = "application/json"
    status: int = 200
    sent_headers: Pairs = field(default_factory=list)
    headers: Pairs = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://api.cohere.com{self.path}"


# -- what is judged ------------------------------------------------------------------------------------------

_SENT = """
host: api.cohere.com
accept: */*
accept-encoding: gzip, deflate
connection: keep-alive
user-agent: python-httpx/0.28.1
x-fern-language: Python
x-fern-sdk-name: cohere
x-fern-sdk-version: 5.20.0
authorization: Bearer [redacted]
content-type: application/json
"""
_ANSWERED = """
access-control-expose-headers: X-Debug-Trace-ID
cache-control: no-cache, no-store, no-transform, must-revalidate, private, max-age=0
date: Fri, 20 Nov 2026 09:38:02 GMT
expires: Thu, 01 Jan 1970 00:00:00 GMT
pragma: no-cache
server: envoy
vary: Origin,Accept-Encoding
via: 1.1 google
alt-svc: h3=":443"; ma=2592000
x-accel-expires: 0
x-debug-trace-id: 5a1f0c1d9e6b4a7f8c2d3e4f5a6b7c8d
x-envoy-upstream-service-time: 312
"""
_ASKED: dict[str, Any] = json.loads("""
{"model": "command-r-08-2024", "temperature": 0.3, "max_tokens": 100, "stream": false, "messages": [
  {"role": "system", "content": "You answer in one sentence."},
  {"role": "user", "content": "Who discovered gravity, and when was that?"}]}
""")
_ANSWER: dict[str, Any] = json.loads("""
{"id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4", "finish_reason": "COMPLETE",
 "message": {"role": "assistant", "content": [
   {"type": "text", "text": ""}]},
 "usage": {"billed_units": {"input_tokens": 17, "output_tokens": 26},
           "tokens": {"input_tokens": 215, "output_tokens": 28}, "cached_tokens": 0}}
""")
_ANSWER["message"]["content"][0]["text"] = (
    "Isaac Newton described universal gravitation in the Principia, printed in 1687; Hooke and Halley had "
    "parts of it before him, and the apple is his own later telling."
)


def samples() -> list[Sample]:
    """Return what is judged: a clean chat answer first, because the goals are about it."""
    chat = _sample(CLEAN, "/v2/chat", _ASKED, _compact(_ANSWER), counted=(237, 43))
    wrong = json.loads(chat.body)
    wrong["finish_reason"] = "DONE"
    wrong["usage"]["tokens"]["input_tokens"] = "215"
    wrong["message"]["mood"] = "calm"
    failing = replace(chat, name="chat, 3 deviations", body=_compact(wrong))
    numbers = random.Random(1)
    texts = [f"document {number} of a batch" for number in range(96)]
    asked = {
        "model": "embed-v4.0",
        "texts": texts,
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    vectors = [[round(numbers.gauss(0, 0.04), 9) for _ in range(1536)] for _ in texts]
    meta: Any = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 960}}
    head = {"response_type": "embeddings_by_type", "id": _ANSWER["id"], "texts": texts, "meta": meta}
    body = _compact(head | {"embeddings": {"float": vectors}})
    counted = sum(map(len, texts)), meta["billed_units"]["input_tokens"]
    embed = _sample("embed, 96 x 1536 floats", "/v2/embed", asked, body, counted=counted)
    frames = "".join(_frames())
    stream = _sample("stream, 500 events", "/v2/chat", _ASKED | {"stream": True}, frames, "text/event-stream")
    return [chat, failing, embed, stream]


def _sample(
    name: str,
    path: str,
    asked: object,
    body: str,
    media: str = "application/json",
    counted: tuple[int, int] | None = None,
) -> Sample:
    sent = _compact(asked)
    sent_headers = [*_fields(_SENT), ("content-length", str(len(sent)))]
    headers = [*_fields(_ANSWERED), ("content-type", media), ("content-length", str(len(body)))]
    if counted is not None:
        headers += zip(("num_chars", "num_tokens"), map(str, counted), strict=True)
    return Sample(name, path, sent, body, media, sent_headers=sent_headers, headers=headers)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))  # as the live API writes it


def _fields(text: str) -> Pairs:
    pairs = (line.partition(": ") for line in text.strip().splitlines())
    return [(name, value) for name, _, value in pairs]


def _frames() -> Iterator[str]:
    def frame(kind: str, **rest: object) -> str:
        return f"event: {kind}\ndata: {_compact({'type': kind, **rest})}\n\n"

    yield frame("message-start", id=_ANSWER["id"], delta={"message": {"role": "assistant", "content": []}})
    opened = {"message": {"content": {"type": "text", "text": ""}}}
    yield frame("content-start", index=0, delta=opened)
    for number in range(495):
        yield frame("content-delta", index=0, delta={"message": {"content": {"text": f" word{number}"}}})
    yield frame("content-end", index=0)
    yield frame("message-end", delta={"finish_reason": "COMPLETE", "usage": _ANSWER["usage"]})
    yield "data: [DONE]\n\n"


# -- who judges ----------------------------------------------------------------------------------------------

Call = Callable[[Any], str]
Prepare = Callable[[], Any]
"""Makes what one call consumes; not timed. An object that keeps what it has parsed must be a new one."""


@dataclass
class Contestant:
    """One who judges one sample.

    Attributes:
        name: who.
        says: its judgement, which shows that it does the work.
        run: judges so many times and returns the nanoseconds; `None` if it cannot, and `says` is the reason.
        times: of each round, in nanoseconds a judgement.
    """

    name: str
    says: str
    run: Callable[[int], int] | None = None
    times: list[float] = field(default_factory=list)


def _timed(name: str, prepare: Prepare, call: Call) -> Contestant:
    def run(count: int) -> int:
        inputs = [prepare() for _ in range(count)]
        start = time.perf_counter_ns()
        for value in inputs:
            call(value)
        return time.perf_counter_ns() - start

    return Contestant(name, call(prepare()), run)


def _exchange(sample: Sample) -> Any:
    from cohere_conformance.model import Exchange, Request, Response, Source

    request = Request("POST", sample.url, tuple(sample.sent_headers), sample.sent.encode())
    response = Response(sample.status, tuple(sample.headers), sample.body.encode())
    return Exchange(request, response, Source("benchmark"))


def _said(findings: list[Any]) -> str:
    explained = sum(finding.amendment is not None for finding in findings)
    left = len(findings) - explained
    return (f"{left} findings" if left else "clean") + (f", {explained} explained" if explained else "")


def ours(sample: Sample) -> Contestant:
    """The judge itself: route, request, status, media type, headers, raw JSON, body, stream, requirements."""
    from cohere_conformance.checks import judge
    from cohere_conformance.contract import load_contract

    contract, exchange = load_contract(), _exchange(sample)
    return _timed(OURS, lambda: exchange, lambda value: _said(judge(contract, value)))


def ours_alone(sample: Sample) -> Contestant:
    """The judge without the requirements."""
    from cohere_conformance.checks import judge
    from cohere_conformance.contract import load_contract

    contract, exchange = load_contract(), _exchange(sample)
    return _timed(ALONE, lambda: exchange, lambda value: _said(judge(contract, value, requirements=False)))


def ours_explained(sample: Sample) -> Contestant:
    """What `check` calls: the judge, and what the amendments explain."""
    from cohere_conformance.checks import Explainer
    from cohere_conformance.contract import load_declarations

    explainer, exchange = Explainer(load_declarations()), _exchange(sample)
    return _timed(
        f"{OURS}, amendments explained", lambda: exchange, lambda value: _said(explainer.judge(value))
    )


def _declared(sample: Sample) -> tuple[list[str], Callable[[Any], Any]]:
    """Return the JSON texts of the answer and a function from a value to the schema that is meant for it."""
    from cohere_conformance.contract import load_contract

    response = load_contract().operations[f"POST {sample.path}"].response(sample.status)
    assert response is not None
    media = response.media[sample.media]
    if media.events is None:
        return [sample.body], lambda value: media.body
    events = media.events
    lines = [line[6:] for line in sample.body.splitlines() if line.startswith("data: {")]
    return lines, lambda value: events.branches[value[events.tag]]


def floor(sample: Sample) -> Contestant:
    """Nothing but `json.loads` and one `is_valid` of jsonschema_rs."""
    texts, declared = _declared(sample)

    def call(texts: list[str]) -> str:
        valid = True
        for text in texts:
            value = json.loads(text)
            valid = declared(value).compiled.is_valid(value) and valid
        return "valid" if valid else "invalid"

    return _timed(FLOOR, lambda: texts, call)


def jsonschema_python(sample: Sample) -> Contestant:
    """`json.loads` and the same schema in the validator that most Python tools are built on."""
    from jsonschema import Draft202012Validator

    texts, declared = _declared(sample)
    made: dict[int, Any] = {}

    def call(texts: list[str]) -> str:
        errors = 0
        for text in texts:
            value = json.loads(text)
            schema = declared(value).schema
            if id(schema) not in made:
                checker = Draft202012Validator.FORMAT_CHECKER
                made[id(schema)] = Draft202012Validator(schema, format_checker=checker)
            errors += sum(1 for _ in made[id(schema)].iter_errors(value))
        return f"{errors} errors" if errors else "valid"

    return _timed("jsonschema", lambda: texts, call)


def schemathesis_checks(sample: Sample) -> Contestant:
    """The five checks of schemathesis that look at a response and send nothing."""
    import requests
    import schemathesis
    from schemathesis.core.failures import FailureGroup
    from schemathesis.core.transport import Response
    from schemathesis.specs.openapi import checks

    api = schemathesis.openapi.from_dict(_document())
    case = api[sample.path]["POST"].Case(body=json.loads(sample.sent), headers=dict(sample.sent_headers))
    chosen = [
        schemathesis.checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    headers = {name: [value] for name, value in sample.headers}
    # It cannot read the terminator: with it the row would tell the price of a false alarm.
    body = sample.body.removesuffix("data: [DONE]\n\n").encode()
    request = requests.Request("POST", sample.url, data=sample.sent).prepare()

    def prepare() -> Any:
        return Response(sample.status, headers, body, request, elapsed=0.3, verify=False)

    def call(response: Any) -> str:
        try:
            case.validate_response(response, checks=chosen)
        except FailureGroup as group:
            return ", ".join(failure.code for failure in group.exceptions)
        return "clean"

    return _timed(THESIS, prepare, call)


def openapi_core(document: Any, sample: Sample, part: str) -> Contestant:
    """The `OpenAPI` application of openapi-core; one `part` takes the request as well."""
    from openapi_core import OpenAPI
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest, MockResponse

    if sample.media != "application/json":
        return Contestant(part, "no means to judge the events of a stream")
    api = OpenAPI.from_dict(document)
    asked = MockRequest(
        "https://api.cohere.com",
        "post",
        sample.path,
        headers=dict(sample.sent_headers),
        data=sample.sent.encode(),
    )
    answered = MockResponse(sample.body.encode(), sample.status, dict(sample.headers), sample.media)

    def call(_: object) -> str:
        try:
            if part == BOTH:
                api.validate_request(asked)
            api.validate_response(asked, answered)
        except OpenAPIError as error:
            return type(error).__name__
        return "valid"

    return _timed(part, lambda: None, call)


def _document() -> Any:
    from cohere_conformance.contract import load_declarations

    return load_declarations().amended


# -- the environment of openapi-core -------------------------------------------------------------------------


class Elsewhere:
    """This file as a server in another environment: one line each way."""

    def __init__(self, python: str, judged: list[Sample]) -> None:
        command = [python, __file__, "--serve"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.says: dict[str, str] = self._ask(
            {"document": _document(), "samples": [asdict(one) for one in judged]}
        )

    def _ask(self, request: object) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{json.dumps(request)}\n")
        stdin.flush()
        return json.loads(stdout.readline() or '{"version": "missing: its process ended early"}')

    def contestants(self, sample: Sample) -> Iterator[Contestant]:
        """Yield openapi-core in its two parts."""
        for part in PARTS:
            says = self.says.get(f"{sample.name}/{part}", self.says["version"])
            able = sample.media == "application/json" and f"{sample.name}/{part}" in self.says
            yield Contestant(part, says, partial(self._run, f"{sample.name}/{part}") if able else None)

    def _run(self, key: str, count: int) -> int:
        return int(self._ask([key, count]))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve() -> None:
    """Answer the parent until it closes the pipe."""
    given = json.loads(sys.stdin.readline())
    try:
        says = {"version": importlib.metadata.version(CORE)}
        judged = [Sample(**one) for one in given["samples"]]
        there = {
            f"{one.name}/{part}": openapi_core(given["document"], one, part)
            for one in judged
            for part in PARTS
        }
    except ImportError as error:
        print(json.dumps({"version": f"missing: {error}"}), flush=True)
        return
    gc.collect()
    gc.freeze()
    print(json.dumps(says | {key: one.says for key, one in there.items()}), flush=True)
    for key, count in map(json.loads, sys.stdin):
        run = there[key].run
        assert run is not None
        print(run(count), flush=True)


# -- the contest ---------------------------------------------------------------------------------------------

LOCAL = (ours, ours_alone, ours_explained, floor, schemathesis_checks, jsonschema_python)


def contest(sample: Sample, elsewhere: Elsewhere, rounds: int, slot: float) -> list[Contestant]:
    """Measure everybody on one sample.

    Args:
        sample: what is judged.
        elsewhere: the environment of openapi-core.
        rounds: how often everybody gets a turn.
        slot: how long a turn lasts, in seconds.
    """
    everybody = [*map(partial(_made, sample), LOCAL), *elsewhere.contestants(sample)]
    gc.collect()
    gc.freeze()  # what was made so far must not be walked through in everybody's turn
    able = [(one, one.run) for one in everybody if one.run is not None]
    turns = [max(1, int(slot * 1e9 / max(run(3) / 3, 1))) for _, run in able]
    for _ in range(rounds):
        for (one, run), count in zip(able, turns, strict=True):
            one.times.append(run(count) / count)
    return everybody


def _made(sample: Sample, maker: Callable[[Sample], Contestant]) -> Contestant:
    try:
        return maker(sample)
    except ImportError as error:
        return Contestant(maker.__name__, f"missing: {error}")


def ratio(everybody: list[Contestant], name: str, base: str = OURS) -> float | None:
    """Return the median over the rounds of the time of one by that of another."""
    times = {one.name: one.times for one in everybody}
    if not times.get(name) or not times.get(base):
        return None
    return statistics.median(one / other for one, other in zip(times[name], times[base], strict=True))


def table(results: dict[str, list[Contestant]]) -> Iterator[str]:
    """Yield the lines of a markdown table."""
    yield "| exchange | judged by | says | best, µs | median, µs | × ours |"
    yield "|---|---|---|--:|--:|--:|"
    for sample, everybody in results.items():
        for one in everybody:
            if not one.times:
                yield f"| {sample} | {one.name} | {one.says} | - | - | - |"
                continue
            best, median = min(one.times) / 1000, statistics.median(one.times) / 1000
            times = ratio(everybody, one.name)
            yield f"| {sample} | {one.name} | {one.says} | {best:,.1f} | {median:,.1f} | {times:,.2f} |"


def goals(everybody: list[Contestant]) -> Iterator[tuple[str, bool]]:
    """Yield a line for each goal and whether it holds; what was not measured is not missed."""
    clean = any(one.name == OURS and one.says == "clean" for one in everybody)
    yield f"| {OURS}: calls the clean answer clean | | {'yes' if clean else 'MISSED'} |", clean
    for name, relation, limit, who in GOALS:
        least = relation == "at least"
        measured = ratio(everybody, name, who) if least else ratio(everybody, who, name)
        goal = (
            f"{name}: {relation} {limit:g} times {who}"
            if least
            else f"{who}: {relation} {limit:g} times {name}"
        )
        if measured is None:
            yield f"| {goal} | not measured | - |", True
            continue
        met = measured >= limit if least else measured <= limit
        yield f"| {goal} | {measured:.1f} | {'yes' if met else 'MISSED'} |", met


def main(arguments: list[str] | None = None) -> int:
    """Run the contest, print its tables and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--openapi-core-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--slot", type=float, default=0.03, help="seconds of one turn")
    parser.add_argument("--only", default="", metavar="WORDS", help="exchanges with these words in the name")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever comes out")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve()
        return 0
    if shutil.which(options.openapi_core_python) is None:
        parser.error(f"--openapi-core-python {options.openapi_core_python}: no such program")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    judged = [one for one in samples() if options.only in one.name]
    elsewhere = Elsewhere(options.openapi_core_python, judged)
    results = {one.name: contest(one, elsewhere, options.rounds, options.slot) for one in judged}
    elsewhere.close()
    print(_versions(elsewhere), "", *table(results), sep="\n")
    lines = list(goals(results[CLEAN])) if CLEAN in results else []
    print("", "| goal | measured | met |", "|---|--:|---|", *(line for line, _ in lines), sep="\n")
    return 0 if options.no_gate or all(met for _, met in lines) else 1


def _versions(elsewhere: Elsewhere) -> str:
    named = [f"Python {platform.python_version()}"]
    for name in ("jsonschema_rs", THESIS, "jsonschema"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            named.append(f"{name} {importlib.metadata.version(name)}")
    return ", ".join([*named, f"{CORE} {elsewhere.says['version']}"])


if __name__ == "__main__":
    sys.exit(main())
