"""What `check` finds, how fast and in how much memory, side by side with `redocly drift`.

An archive is made in which a known share of exchanges is wrong in known ways. Both commands judge it against
the same document; what is printed is time, memory, and how many of each way of being wrong were found.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import csv
import json
import math
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

MEMORY_GOAL = 1.2
"""How much more memory ten times the exchanges may take."""
_DIMENSION = 256
"""The shortest vectors that embed can be asked for."""
_SENT = {
    "host": "api.cohere.com",
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "user-agent": "python-httpx/0.28.1",
    "content-type": "application/json",
    "authorization": "Bearer [redacted]",
}
_ANSWERED = {
    "cache-control": "no-cache, no-store, no-transform, must-revalidate, private, max-age=0",
    "date": "Fri, 20 Nov 2026 09:38:02 GMT",
    "server": "envoy",
    "vary": "Origin,Accept-Encoding",
    "via": "1.1 google",
    "x-debug-trace-id": "5a1f0c1d9e6b4a7f8c2d3e4f5a6b7c8d",
    "x-envoy-upstream-service-time": "312",
}


@dataclass(frozen=True)
class Traffic:
    """One exchange that can still be changed.

    Attributes:
        target: method and path.
        sent: the request's body, `None` without one.
        body: JSON, a list of frames, or text.
        wrong: what is wrong with it; empty where nothing is.
    """

    target: str
    sent: Any
    body: Any
    status: int = 200
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    wrong: str = ""

    @property
    def text(self) -> str:
        if isinstance(self.body, str):
            return self.body
        if self.media == "text/event-stream" and isinstance(self.body, list):
            return "".join(self.body)
        return json.dumps(self.body, separators=(",", ":"))


# -- what is right -------------------------------------------------------------------------------------------

_WORDS = "gravity apple orbit planet force mass light wave field energy moon tide star space time".split()


def _chat(rng: random.Random, *, stream: bool = False) -> dict[str, Any]:
    asked = {"role": "user", "content": " ".join(rng.choices(_WORDS, k=20))}
    return {"model": "command-r-08-2024", "messages": [asked], "temperature": 0.3, "stream": stream}


def _usage(rng: random.Random) -> dict[str, Any]:
    units = {"input_tokens": rng.randrange(1, 400), "output_tokens": rng.randrange(1, 400)}
    return {"billed_units": units, "tokens": dict(units)}


def _meta(**units: int) -> dict[str, Any]:
    return {"api_version": {"version": "2"}, "billed_units": units}


def _frame(kind: str, **rest: object) -> str:
    text = json.dumps({"type": kind, **rest}, separators=(",", ":"))
    return f"event: {kind}\ndata: {text}\n\n"


def _stream(rng: random.Random) -> list[str]:
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    start = {"message": message}
    opened = {"message": {"content": {"type": "text", "text": ""}}}
    deltas = [{"message": {"content": {"text": f"{word} "}}} for word in rng.choices(_WORDS, k=20)]
    return [
        _frame("message-start", id=_id(rng), delta=start),
        _frame("content-start", index=0, delta=opened),
        *(_frame("content-delta", index=0, delta=delta) for delta in deltas),
        _frame("content-end", index=0),
        _frame("message-end", delta={"finish_reason": "COMPLETE", "usage": _usage(rng)}),
        "data: [DONE]\n\n",
    ]


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _answer(rng: random.Random) -> dict[str, Any]:
    content = [{"type": "text", "text": " ".join(rng.choices(_WORDS, k=30))}]
    message = {"role": "assistant", "content": content}
    return {"id": _id(rng), "finish_reason": "COMPLETE", "message": message, "usage": _usage(rng)}


def _vector(rng: random.Random) -> list[float]:
    raw = [rng.gauss(0, 1) for _ in range(_DIMENSION)]
    length = math.hypot(*raw)
    return [round(one / length, 9) for one in raw]


def _chatted(rng: random.Random) -> Traffic:
    body = _answer(rng)
    billed = sum(body["usage"]["billed_units"].values())
    sent = _chat(rng)
    counted = {"num_tokens": str(billed), "num_chars": str(len(sent["messages"][0]["content"]))}
    return Traffic("POST /v2/chat", sent, body, headers=counted)


def _embedded(rng: random.Random) -> Traffic:
    texts = rng.choices(_WORDS, k=2)
    sent = {"model": "embed-v4.0", "texts": texts, "input_type": "search_query", "embedding_types": ["float"]}
    sent["output_dimension"] = _DIMENSION
    floats = [_vector(rng) for _ in texts]
    body = {"id": _id(rng), "embeddings": {"float": floats}, "texts": texts, "meta": _meta(input_tokens=4)}
    return Traffic("POST /v2/embed", sent, body | {"response_type": "embeddings_by_type"})


def _ranked(rng: random.Random) -> Traffic:
    documents = [" ".join(rng.choices(_WORDS, k=8)) for _ in range(5)]
    scores = sorted((round(rng.random(), 6) for _ in documents), reverse=True)
    results = [{"index": number, "relevance_score": score} for number, score in enumerate(scores)]
    sent = {"model": "rerank-v3.5", "query": rng.choice(_WORDS), "documents": documents}
    return Traffic(
        "POST /v2/rerank", sent, {"id": _id(rng), "results": results, "meta": _meta(search_units=1)}
    )


def _tokenized(rng: random.Random) -> Traffic:
    first, *others = rng.choices(_WORDS, k=6)
    pieces = [first, *(f" {word}" for word in others)]
    body = {"tokens": [rng.randrange(9000) for _ in pieces], "token_strings": pieces, "meta": _meta()}
    return Traffic("POST /v1/tokenize", {"model": "command-r-08-2024", "text": "".join(pieces)}, body)


def _model(rng: random.Random) -> dict[str, Any]:
    name = rng.choice(("command-a-03-2025", "command-r7b-12-2024", "command-r-08-2024"))
    listed = {"name": name, "endpoints": ["chat", "generate"], "finetuned": False}
    return listed | {"context_length": 128000, "tokenizer_url": None, "default_endpoints": []}


def _batch(rng: random.Random) -> Traffic:
    made = "2026-11-20T09:38:02.123456Z"
    body = {"id": _id(rng), "name": rng.choice(_WORDS), "status": "BATCH_STATUS_QUEUED", "created_at": made}
    body |= {"updated_at": made, "input_dataset_id": _id(rng), "model": "command-r-08-2024"}
    return Traffic(f"GET /v2/batches/{_id(rng)}", None, {"batch": body | {"num_records": rng.randrange(100)}})


def _refused(rng: random.Random) -> Traffic:
    asked = _chat(rng) | {"model": "no-such-model"}
    return Traffic("POST /v2/chat", asked, {"id": _id(rng), "message": "model not found"}, status=404)


RIGHT: dict[str, Callable[[random.Random], Traffic]] = {
    "chat": _chatted,
    "stream": lambda rng: Traffic(
        "POST /v2/chat", _chat(rng, stream=True), _stream(rng), media="text/event-stream"
    ),
    "embed": _embedded,
    "rerank": _ranked,
    "tokenize": _tokenized,
    "models": lambda rng: Traffic("GET /v1/models?page_size=2", None, {"models": [_model(rng), _model(rng)]}),
    "batch": _batch,
    "refused": _refused,
}
"""What clean traffic is made of."""


# -- what is wrong -------------------------------------------------------------------------------------------

Change = Callable[[Traffic], Traffic]
_DROP = object()


def _edit(path: str, value: Any, part: str = "body") -> Change:
    """Return a change of one place (`a/0/b`) of a body; `_DROP` takes it out."""

    def change(one: Traffic) -> Traffic:
        changed = copy.deepcopy(getattr(one, part))
        *parents, last = (int(token) if token.isdecimal() else token for token in path.split("/"))
        node = changed
        for token in parents:
            node = node[token]
        if value is _DROP:
            del node[last]
        else:
            node[last] = value
        return replace(one, **{part: changed})

    return change


def _text(change: Callable[[str], str]) -> Change:
    return lambda one: replace(one, body=change(one.text))


def _frames(change: Callable[[list[str]], list[str]]) -> Change:
    return lambda one: replace(one, body=change(one.body))


def _with(**fields: Any) -> Change:
    return lambda one: replace(one, **fields)


def _query(added: str) -> Change:
    return lambda one: replace(one, target=one.target.partition("?")[0] + added)


def _twice(text: str) -> str:
    return f'{text[:-1]},"id":"again"}}'


WRONG: dict[str, list[tuple[str, Change]]] = {
    "required property missing": [
        ("chat", _edit("finish_reason", _DROP)),
        ("rerank", _edit("results/2/relevance_score", _DROP)),
        ("batch", _edit("batch/model", _DROP)),
    ],
    "type changed": [
        ("chat", _edit("usage/tokens/input_tokens", "215")),
        ("embed", _edit("embeddings/float/1/3", "0.1")),
        ("tokenize", _edit("tokens/2", 1.5)),
    ],
    "null where none is declared": [
        ("chat", _edit("message/content", None)),
        ("rerank", _edit("results", None)),
        ("models", _edit("models/1/name", None)),
    ],
    "unknown enum value": [
        ("chat", _edit("finish_reason", "DONE")),
        ("models", _edit("models/0/endpoints/0", "sing")),
        ("batch", _edit("batch/status", "BATCH_STATUS_LOST")),
    ],
    "unknown tag of a union": [("chat", _edit("message/content/0/type", "poem"))],
    "undocumented property": [
        ("chat", _edit("message/mood", "calm")),
        ("rerank", _edit("results/1/rank", 1)),
        ("models", _edit("models/0/price", 0.5)),
    ],
    "date-time is none": [("batch", _edit("batch/created_at", "yesterday"))],
    "int32 out of range": [("batch", _edit("batch/num_records", 2**40))],
    "error without message": [("refused", _edit("message", _DROP))],
    "error id is no UUID": [("refused", _edit("id", "17"))],
    "JSON cut off": [("chat", _text(lambda text: text[:-9])), ("embed", _text(lambda text: text[:-9]))],
    "JSON key twice": [("chat", _text(_twice)), ("rerank", _text(_twice))],
    "JSON with NaN": [("rerank", _text(lambda text: re.sub(r":0\.[0-9]+", ":NaN", text, count=1)))],
    "status undeclared": [("chat", _with(status=202)), ("refused", _with(status=418))],
    "media type undeclared": [("chat", _with(media="text/plain")), ("batch", _with(media="text/html"))],
    "header breaks its schema": [("chat", _with(headers={"num_tokens": "many"}))],
    "stream: events out of order": [("stream", _frames(lambda all_: [all_[0], all_[2], all_[1], *all_[3:]]))],
    "stream: no [DONE]": [("stream", _frames(lambda all_: all_[:-1]))],
    "stream: cut before its end": [("stream", _frames(lambda all_: all_[:9]))],
    "stream: unknown event": [("stream", _frames(lambda all_: [*all_[:5], _frame("hum"), *all_[5:]]))],
    "stream: event breaks its schema": [
        ("stream", _frames(lambda all_: [all_[0], all_[1].replace('"text":""', '"text":7'), *all_[2:]]))
    ],
    "request: type changed": [
        ("chat", _edit("temperature", "hot", "sent")),
        ("rerank", _edit("documents", 5, "sent")),
    ],
    "request: required property missing": [("tokenize", _edit("model", _DROP, "sent"))],
    "request: undocumented query key": [("models", _query("?page_size=2&sort=name"))],
    "request: query value of a wrong type": [("models", _query("?page_size=two"))],
    "route undeclared": [
        ("chat", _with(target="POST /v2/chatter")),
        ("batch", _with(target="GET /v3/batches")),
    ],
}
"""Each way of being wrong, with the clean exchanges it is done to."""


def traffic(count: int, share: float, seed: int = 1) -> Iterator[Traffic]:
    """Yield exchanges, of which every n-th is wrong, each way as often as any other."""
    rng = random.Random(seed)
    ways = [(name, *variants[turn % len(variants)]) for turn in range(6) for name, variants in WRONG.items()]
    every = round(1 / share) if share else 0
    clean = list(RIGHT.values())
    for number in range(count):
        if every and number % every == every - 1:
            name, base, change = ways[number // every % len(ways)]
            yield replace(change(RIGHT[base](rng)), wrong=name)
        else:
            yield clean[number % len(clean)](rng)


# -- how it is recorded --------------------------------------------------------------------------------------


def _messages(one: Traffic) -> tuple[str, str, str | None, dict[str, str]]:
    method, path = one.target.split(" ")
    sent = None if one.sent is None else json.dumps(one.sent, separators=(",", ":"))
    return (
        method,
        f"https://api.cohere.com{path}",
        sent,
        _ANSWERED | one.headers | {"content-type": one.media},
    )


def _har(one: Traffic) -> str:
    method, url, sent, headers = _messages(one)
    request: dict[str, Any] = {"method": method, "url": url, "httpVersion": "HTTP/1.1", "cookies": []}
    request |= {"headers": _listed(_SENT), "queryString": [], "headersSize": -1, "bodySize": len(sent or "")}
    if sent is not None:
        request["postData"] = {"mimeType": "application/json", "text": sent}
    content = {"size": len(one.text), "mimeType": one.media, "text": one.text}
    response = {"status": one.status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": []}
    response |= {"headers": _listed(headers), "content": content, "redirectURL": ""}
    response |= {"headersSize": -1, "bodySize": len(one.text)}
    entry = {"startedDateTime": "2026-11-20T09:38:02.000Z", "time": 3, "request": request, "cache": {}}
    return json.dumps(entry | {"response": response, "timings": {"send": 0, "wait": 3, "receive": 0}})


def _listed(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _jsonl(one: Traffic) -> str:
    method, url, _, headers = _messages(one)
    row = {"method": method, "url": url, "request_headers": _SENT, "request_body": one.sent}
    body = one.body if one.media == "application/json" else one.text
    return json.dumps(row | {"status": one.status, "response_headers": headers, "response_body": body})


def _yaml(one: Traffic) -> str:
    method, url, sent, headers = _messages(one)
    lines = ["- request:", f"    body: {json.dumps(sent)}", "    headers:"]
    lines += [f"      {name}: [{json.dumps(value)}]" for name, value in _SENT.items()]
    lines += [f"    method: {method}", f"    uri: {json.dumps(url)}", "  response:", "    body:"]
    lines += [f"      string: {json.dumps(one.text)}", "    headers:"]
    lines += [f"      {name}: [{json.dumps(value)}]" for name, value in headers.items()]
    return "\n".join([*lines, f"    status: {{code: {one.status}, message: none}}"])


FORMATS: dict[str, tuple[Callable[[Traffic], str], str, str, str]] = {
    "har": (
        _har,
        '{"log": {"version": "1.2", "creator": {"name": "b", "version": "1"}, "entries": [',
        ",",
        "]}}",
    ),
    "jsonl": (_jsonl, "", "", ""),
    "yaml": (_yaml, "interactions:", "", "version: 1"),
}


def write(path: Path, exchanges: Iterable[Traffic]) -> Path:
    """Write a recording in the format that its suffix names, one exchange at a time."""
    make, head, separator, tail = FORMATS[path.suffix[1:]]
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{head}\n" if head else "")
        for number, one in enumerate(exchanges):
            file.write(f"{separator if number else ''}{make(one)}\n")
        file.write(f"{tail}\n" if tail else "")
    return path


# -- the two commands ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a command took: seconds, seconds of all its processes, and megabytes of the largest of them."""

    seconds: float
    cpu: float
    megabytes: float


def run(*command: object, codes: tuple[int, ...] = (0, 1)) -> Run:
    """Run a command to its end and return what it took.

    The memory is only its own because ours is small: a child starts with the peak of whoever forks it.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {said[-2000:]}")
    megabytes = used.ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)
    return Run(seconds, used.ru_utime + used.ru_stime, megabytes)


def check(file: Path, jobs: int, *, codes: tuple[int, ...] = (0, 1)) -> Run:
    """Run our `check` on a recording."""
    ours = (sys.executable, "-m", "cohere_conformance", "check", file, "--jobs", jobs)
    # Neither official SDKs, which `redocly drift` does not use, nor earlier runs: they differ by environment.
    options = ("--no-sdk-effect", "--history", "none")
    return run(*ours, *options, "--report-dir", file.with_suffix(f".{jobs}.report"), codes=codes)


def floor(file: Path) -> Run:
    """Parse an archive and every JSON text in it, and validate each of these by one call in Rust."""
    import msgspec

    from cohere_conformance.contract import load_contract

    contract = load_contract()
    start, cpu = time.perf_counter(), time.process_time()
    for entry in msgspec.json.decode(file.read_bytes())["log"]["entries"]:
        request, response = entry["request"], entry["response"]
        if "postData" in request:
            json.loads(request["postData"]["text"])
        label = contract.route(request["method"], request["url"]).operation
        declared = None if label is None else contract.operations[label].response(response["status"])
        media = None if declared is None else declared.media.get(response["content"]["mimeType"])
        text = response["content"]["text"]
        events = None if media is None else media.events
        lines = [text] if events is None else [one[6:] for one in text.split("\n") if one[:7] == "data: {"]
        for line in lines if media is not None else ():
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                schema = media.body if events is None else events.branches.get(value[events.tag])
                if schema is not None:
                    schema.compiled.is_valid(value)
    return Run(time.perf_counter() - start, time.process_time() - cpu, math.nan)


def redocly(binary: str, file: Path, document: Path) -> tuple[Run, set[int]]:
    """Run `redocly drift` and return what it took and the numbers of the exchanges it has something about."""
    out = file.with_suffix(".csv")
    options = ("--api", document, "--format", "csv", "--min-severity", "warning", "--output", out)
    took = run(binary, "drift", file, *options)
    return took, fingerprinted(out)


def fingerprinted(report: Path) -> set[int]:
    """Return the numbers of the exchanges (from 0) that a report of `redocly drift` names."""
    with report.open(encoding="utf-8", newline="") as file:
        return {int(row["exchange_index"]) for row in csv.DictReader(file)}


def found(file: Path) -> set[int]:
    """Return the numbers of the exchanges (from 0) that ours has something about that no amendment explains.

    The report counts by finding and not by exchange, so this asks the same judge once more.
    """
    from cohere_conformance.checks import Explainer
    from cohere_conformance.contract import load_declarations
    from cohere_conformance.errors import TrafficError
    from cohere_conformance.recordings import parse_recording

    explainer, numbers = Explainer(load_declarations()), set()
    for number, value in enumerate(parse_recording(str(file))):
        if isinstance(value, TrafficError):
            raise value
        if any(finding.amendment is None for finding in explainer.judge(value)):
            numbers.add(number)
    return numbers


def compare(folder: Path, binary: str | None, count: int, repeat: int) -> Iterator[str]:
    """Yield the tables of the comparison."""
    file = write(folder / "traffic.har", traffic(count, 0.05))
    document = folder / "contract.json"
    with document.open("wb") as out:
        command = (sys.executable, "-m", "cohere_conformance", "contract", "bundle", "--amended")
        subprocess.run(command, stdout=out, check=True)
    runs: dict[str, list[Run]] = {"check --jobs 1": [], "check --jobs 2": []}
    theirs: set[int] = set()
    for _ in range(repeat):
        runs["check --jobs 1"].append(check(file, 1))
        runs["check --jobs 2"].append(check(file, 2))
        if binary:
            took, theirs = redocly(binary, file, document)
            runs.setdefault("redocly drift", []).append(took)
        runs.setdefault("floor", []).append(floor(file))
    yield f"{count:,} exchanges, {file.stat().st_size / 1e6:,.0f} MB of HAR; best of {repeat} runs."
    yield from (
        "",
        "| command | seconds | CPU seconds | exchanges/s | peak RSS, MB |",
        "|---|--:|--:|--:|--:|",
    )
    for name, several in runs.items():
        best = min(several, key=lambda one: one.seconds)
        cpu = min(one.cpu for one in several)
        rate = count / best.seconds
        yield f"| {name} | {best.seconds:.2f} | {cpu:.2f} | {rate:,.0f} | {best.megabytes:,.0f} |"
    if not binary:
        yield "| redocly drift | missing: name it with --redocly | | |"
    yield from ("", *_ratios(runs, file), "")
    yield from ("", "| planted | times | found by check | found by redocly drift |", "|---|--:|--:|--:|")
    wrong = {number: one.wrong for number, one in enumerate(traffic(count, 0.05))}
    planted, ours = Counter(wrong.values()), Counter(wrong[number] for number in found(file))
    others = Counter(wrong[number] for number in theirs)
    names = [*WRONG, ""]
    for name in names:
        said = f"{others[name]:,}" if binary else "-"
        yield f"| {name or 'nothing: false alarms'} | {planted[name]:,} | {ours[name]:,} | {said} |"


def _ratios(runs: dict[str, list[Run]], file: Path) -> Iterator[str]:
    """Yield the goals about speed: rounds are compared with themselves, as other work may disturb each."""
    one, two = runs["check --jobs 1"], runs["check --jobs 2"]
    faster = max(a.seconds / b.seconds for a, b in zip(one, two, strict=True))
    # Two idle cores would share the CPU time of the processes, if that is divided evenly.
    idle = 2 * min(a.cpu for a in one) / min(b.cpu for b in two)
    yield f"`-j 2` is {faster:.2f} times as fast by the clock, at most {idle:.2f} times on two idle cores."
    if "redocly drift" in runs:
        ratio = min(a.cpu for a in one) / min(b.cpu for b in runs["redocly drift"])
        yield f"`check` takes {ratio:.2f} times the CPU time of `redocly drift` (goal: 1)."
    ratio = min(a.cpu for a in one) / min(b.cpu for b in runs["floor"])
    yield f"`check` takes {ratio:.2f} times the CPU time of the floor (goal: 2)."
    reports = [file.with_suffix(f".{jobs}.report") / "report.json" for jobs in (1, 2)]
    findings = [json.loads(report.read_bytes())["findings"] for report in reports]
    same = "equal" if findings[0] == findings[1] else "MISSED: different"
    yield f"The findings of both and their examples are {same}."


def memory(folder: Path, scale: int) -> Iterator[str]:
    """Yield the table of memory and throughput by format, for few exchanges and ten times as many."""
    yield "| format | jobs | exchanges | seconds | CPU µs/exchange | peak RSS, MB | of a tenth |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for suffix in FORMATS:
        few = scale // 5 if suffix == "yaml" else scale
        files = [write(folder / f"{size}.{suffix}", traffic(size, 0.05)) for size in (few, 10 * few)]
        for jobs in (1, 2):
            small, large = (check(file, jobs) for file in files)
            yield f"| {suffix} | {jobs} | {few:,} | {small.seconds:.2f} | | {small.megabytes:,.0f} | |"
            ratio = large.megabytes / small.megabytes
            kept = f"{ratio:.2f}{'' if ratio <= MEMORY_GOAL else ' MISSED'}"
            # Starting costs the same in both, so the difference is the cost of the exchanges.
            each = f"{(large.cpu - small.cpu) / (9 * few) * 1e6:,.0f}"
            figures = f"{large.seconds:.2f} | {each} | {large.megabytes:,.0f} | {kept}"
            yield f"| {suffix} | {jobs} | {10 * few:,} | {figures} |"
        for file in files:
            file.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; return 1 if memory grows with the traffic."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--redocly", metavar="PATH", help="path/to/redocly of the npm package @redocly/cli")
    parser.add_argument("--exchanges", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--memory", action="store_true", help="measure memory and throughput by format instead"
    )
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever comes out")
    options = parser.parse_args(arguments)
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
        if options.memory:
            lines = memory(folder, options.exchanges // 2)
        else:
            lines = compare(folder, options.redocly, options.exchanges, options.repeat)
        for line in lines:
            print(line, flush=True)
            missed = missed or "MISSED" in line
    return 1 if missed and not options.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
