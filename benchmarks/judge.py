"""What one judgement costs, measured side by side with what others take for theirs.

Times differ from machine to machine, ratios hardly: in every round each contestant gets its turn on the same
core, and what counts is the median over the rounds of `its time / our time`. A contestant whose package is
missing is a line of the table and not a gap in it.

openapi-core wants another openapi-spec-validator than we do, so it lives in an environment of its own; this
very file is its server there (`--serve`) and is told over a pipe when its turn has come.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OURS, FLOOR, CORE, THESIS = "ours", "floor", "openapi-core", "schemathesis"
GOALS = {CORE: ("at least", 10.0), THESIS: ("at least", 3.0), FLOOR: ("at most", 6.0)}
"""Of the clean chat answer: how many times our time the others take, and how many times the floor's we do."""
EXAMPLES = Path(__file__).parents[1] / "cassettes" / "examples" / "conforming.jsonl"
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


class CannotError(Exception):
    """A contestant has no means for this sample; the message says which."""


# -- what is judged ------------------------------------------------------------------------------------------

_SENT = {
    "host": "api.cohere.com",
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "connection": "keep-alive",
    "user-agent": "python-httpx/0.28.1",
    "x-fern-language": "Python",
    "x-fern-sdk-name": "cohere",
    "x-fern-sdk-version": "5.20.0",
    "authorization": "Bearer [redacted]",
    "content-type": "application/json",
}
_ANSWERED = {
    "access-control-expose-headers": "X-Debug-Trace-ID",
    "cache-control": "no-cache, no-store, no-transform, must-revalidate, private, max-age=0",
    "date": "Fri, 20 Nov 2026 09:38:02 GMT",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    "pragma": "no-cache",
    "server": "envoy",
    "vary": "Origin,Accept-Encoding",
    "via": "1.1 google",
    "alt-svc": 'h3=":443"; ma=2592000',
    "num_chars": "237",
    "num_tokens": "43",
    "x-accel-expires": "0",
    "x-debug-trace-id": "5a1f0c1d9e6b4a7f8c2d3e4f5a6b7c8d",
    "x-envoy-upstream-service-time": "312",
}
_ASKED: dict[str, Any] = {
    "model": "command-r-08-2024",
    "messages": [
        {"role": "system", "content": "You answer in one sentence."},
        {"role": "user", "content": "Who discovered gravity, and when was that?"},
    ],
    "temperature": 0.3,
    "max_tokens": 100,
    "stream": False,
}
_ANSWER: dict[str, Any] = {
    "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
    "message": {
        "role": "assistant",
        "content": [{"type": "text", "text": "Isaac Newton described universal gravitation in 1687."}],
    },
    "finish_reason": "COMPLETE",
    "usage": {
        "billed_units": {"input_tokens": 17, "output_tokens": 26},
        "tokens": {"input_tokens": 215, "output_tokens": 28},
        "cached_tokens": 0,
    },
}


def samples() -> list[Sample]:
    """Return what is judged: a clean chat answer first, because the goals are about it."""
    chat = _recorded() or _sample("chat, clean", "/v2/chat", _ASKED, json.dumps(_ANSWER))
    wrong = json.loads(chat.body)
    wrong["finish_reason"] = "DONE"
    wrong["usage"]["tokens"]["input_tokens"] = "215"
    wrong["message"]["mood"] = "calm"
    failing = Sample(**asdict(chat) | {"name": "chat, 3 deviations", "body": json.dumps(wrong)})
    numbers = random.Random(1)
    texts = [f"document {number} of a batch" for number in range(96)]
    embedded = {
        "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
        "embeddings": {"float": [[round(numbers.gauss(0, 0.04), 9) for _ in range(1024)] for _ in texts]},
        "texts": texts,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 960}},
        "response_type": "embeddings_by_type",
    }
    asked = {
        "model": "embed-v4.0",
        "texts": texts,
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    embed = _sample("embed, 96 x 1024 floats", "/v2/embed", asked, json.dumps(embedded))
    streamed = _sample(
        "stream, 500 events", "/v2/chat", _ASKED | {"stream": True}, "".join(_frames()), "text/event-stream"
    )
    return [chat, failing, embed, streamed]


def _sample(name: str, path: str, asked: object, body: str, media: str = "application/json") -> Sample:
    sent = json.dumps(asked)
    sent_headers = [*_SENT.items(), ("content-length", str(len(sent)))]
    headers = [*_ANSWERED.items(), ("content-type", media), ("content-length", str(len(body)))]
    return Sample(name, path, sent, body, media, sent_headers=sent_headers, headers=headers)


def _recorded() -> Sample | None:
    """Return the first plain chat answer of the shipped examples, with headers as the live API sends them."""
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines() if EXAMPLES.exists() else []
    for row in map(json.loads, lines):
        plain = isinstance(row["response_body"], dict) and isinstance(row["request_body"], dict)
        if row["url"].endswith("/v2/chat") and row["status"] == 200 and plain:
            body = json.dumps(row["response_body"])
            if 350 <= len(body) <= 600:
                return _sample("chat, clean", "/v2/chat", row["request_body"], body)
    return None


def _frames() -> Iterator[str]:
    def frame(kind: str, **rest: object) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n"

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
        run: judges so many times and returns the nanoseconds.
        times: of each round, in nanoseconds a judgement.
    """

    name: str
    says: str
    run: Callable[[int], int] = lambda count: 0
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
    return f"{len(findings)} findings" if findings else "clean"


def ours(sample: Sample) -> tuple[Prepare, Call]:
    """The judge itself: route, request body, status, media type, headers, raw JSON, body, stream."""
    from cohere_conformance.checks import judge
    from cohere_conformance.contract import load_contract

    contract, exchange = load_contract(), _exchange(sample)
    return lambda: exchange, lambda value: _said(judge(contract, value))


def ours_explained(sample: Sample) -> tuple[Prepare, Call]:
    """What `check` calls: the judge, and what the amendments explain."""
    from cohere_conformance.checks import Explainer
    from cohere_conformance.contract import load_declarations

    explainer, exchange = Explainer(load_declarations()), _exchange(sample)
    return lambda: exchange, lambda value: _said(explainer.judge(value))


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


def floor(sample: Sample) -> tuple[Prepare, Call]:
    """Nothing but `json.loads` and one `is_valid` of jsonschema_rs."""
    texts, declared = _declared(sample)

    def call(texts: list[str]) -> str:
        valid = True
        for text in texts:
            value = json.loads(text)
            valid = declared(value).compiled.is_valid(value) and valid
        return "valid" if valid else "invalid"

    return lambda: texts, call


def jsonschema_python(sample: Sample) -> tuple[Prepare, Call]:
    """`json.loads` and the same schema in the validator that most Python tools are built on."""
    from jsonschema import Draft202012Validator

    texts, declared = _declared(sample)
    made: dict[int, Any] = {}

    def call(texts: list[str]) -> str:
        errors = 0
        for text in texts:
            value = json.loads(text)
            schema = declared(value).schema
            validator = made.setdefault(id(schema), None) or Draft202012Validator(schema)
            made[id(schema)] = validator
            errors += sum(1 for _ in validator.iter_errors(value))
        return f"{errors} errors" if errors else "valid"

    return lambda: texts, call


def schemathesis_checks(sample: Sample) -> tuple[Prepare, Call]:
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
        except FailureGroup as failures:
            return f"{len(failures.exceptions)} failures"
        except AssertionError:
            return "1 failure"
        return "clean"

    return prepare, call


def openapi_core(document: Any, sample: Sample, part: str) -> tuple[Prepare, Call]:
    """The `OpenAPI` application of openapi-core; `part` is `response` or `both` (request as well)."""
    from openapi_core import OpenAPI
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest, MockResponse

    if sample.media != "application/json":
        raise CannotError("does not judge the events of a stream")
    api = OpenAPI.from_dict(document)
    asked = MockRequest(
        "https://api.cohere.com", "post", sample.path, headers=dict(sample.sent_headers), data=sample.sent.encode()
    )
    answered = MockResponse(sample.body.encode(), sample.status, dict(sample.headers), sample.media)

    def call(_: object) -> str:
        try:
            if part == "both":
                api.validate_request(asked)
            api.validate_response(asked, answered)
        except OpenAPIError as error:
            errors = getattr(error, "schema_errors", None)
            return f"{len(list(errors))} errors" if errors else type(error).__name__
        return "valid"

    return lambda: None, call


def _document() -> Any:
    from cohere_conformance.contract import load_declarations

    return load_declarations().amended


# -- the environment of openapi-core -------------------------------------------------------------------------


class Elsewhere:
    """This file as a server in another environment; one line of JSON a request, one a reply."""

    def __init__(self, python: str) -> None:
        command = [python, __file__, "--serve"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self.ask()

    def ask(self, **request: object) -> Any:
        """Return the reply to a request; without one, the greeting."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        if request:
            stdin.write(f"{json.dumps(request)}\n")
            stdin.flush()
        reply = json.loads(stdout.readline() or '{"error": "its process ended"}')
        if "missing" in reply:
            raise ModuleNotFoundError(reply["missing"])
        if "error" in reply:
            raise CannotError(reply["error"])
        return reply["value"]

    def contestant(self, sample: Sample, part: str, name: str) -> Contestant:
        """Return the contestant that judges the sample there."""
        key = f"{sample.name}/{part}"
        says = self.ask(sample=asdict(sample), part=part, key=key)
        return Contestant(name, says, lambda count: int(self.ask(run=key, count=count)))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def serve() -> None:
    """Answer the parent until it closes the pipe."""

    def tell(**reply: object) -> None:
        print(json.dumps(reply), flush=True)

    try:
        import openapi_core as package

        version = importlib.metadata.version("openapi-core")
        package.OpenAPI  # noqa: B018 - releases before 0.17 do not have it
    except (ImportError, AttributeError):
        tell(missing="no openapi-core with an `OpenAPI` application")
        return
    tell(value=version)
    document: Any = None
    there: dict[str, Contestant] = {}
    for request in map(json.loads, sys.stdin):
        try:
            if "document" in request:
                document = request["document"]
                tell(value="")
            elif "sample" in request:
                made = openapi_core(document, Sample(**request["sample"]), request["part"])
                there[request["key"]] = _timed("", *made)
                gc.collect()
                gc.freeze()
                tell(value=there[request["key"]].says)
            else:
                tell(value=there[request["run"]].run(request["count"]))
        except Exception as error:  # noqa: BLE001 - the parent tells it
            tell(error=f"{type(error).__name__}: {error}")


# -- the contest ---------------------------------------------------------------------------------------------

LOCAL: dict[str, Callable[[Sample], tuple[Prepare, Call]]] = {
    OURS: ours,
    "ours, amendments told": ours_explained,
    FLOOR: floor,
    THESIS: schemathesis_checks,
    "jsonschema": jsonschema_python,
}


def contest(sample: Sample, elsewhere: Elsewhere | str, rounds: int, slot: float) -> list[Contestant]:
    """Measure everybody on one sample.

    Args:
        sample: what is judged.
        elsewhere: the environment of openapi-core, or why there is none.
        rounds: how often everybody gets a turn.
        slot: how long a turn lasts, in seconds.
    """
    everybody = [_made(name, lambda maker=maker: _timed("", *maker(sample))) for name, maker in LOCAL.items()]
    for part, name in (("response", CORE), ("both", f"{CORE}, request as well")):
        if isinstance(elsewhere, str):
            everybody.append(Contestant(name, elsewhere))
        else:
            everybody.append(_made(name, lambda p=part, n=name: elsewhere.contestant(sample, p, n)))
    gc.collect()
    gc.freeze()
    runners = [one for one in everybody if one.times == []]
    turns = {one.name: max(1, int(slot * 1e9 / max(one.run(2) / 2, 1))) for one in runners}
    for number in range(rounds):
        # Nobody always comes first.
        for one in runners[number % len(runners) :] + runners[: number % len(runners)]:
            one.times.append(one.run(turns[one.name]) / turns[one.name])
    return everybody


def _made(name: str, make: Callable[[], Contestant]) -> Contestant:
    try:
        made = make()
    except ImportError as error:
        return Contestant(name, f"missing: {error}")
    except CannotError as error:
        return Contestant(name, str(error))
    made.name = name
    return made
