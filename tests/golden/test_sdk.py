"""Recorded answers through the official SDK: what it parses, what it loses, what it cannot read."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from builders import API, JSON, NDJSON, SSE, chat_v1, chat_v2, exchange, frame, lines, sse
from recorded import provenance
from rich.console import Console
from running import ran

from cohere_conformance.cli import run
from cohere_conformance.contract import load_contract
from cohere_conformance.errors import UsageError
from cohere_conformance.golden import Cassette
from cohere_conformance.golden.sdk import Loss, LossKind, SdkFailure, SdkReplay, as_json, render, replay
from cohere_conformance.model import Request
from cohere_conformance.report import Record, read_journals
from cohere_conformance.sdk.arguments import arguments, same
from cohere_conformance.sdk.methods import METHODS, Method

cohere = pytest.importorskip("cohere", reason="the official SDK is an optional extra")

if TYPE_CHECKING:
    from pathlib import Path

CHAT = "command-a-03-2025"
ASKED: dict[str, dict[str, Any]] = {
    "POST /v1/chat": {"model": CHAT, "message": "Which pier?"},
    "POST /v2/chat": {"model": CHAT, "messages": [{"role": "user", "content": "Which pier?"}]},
    "POST /v1/embed": {"model": "embed-english-v3.0", "texts": ["a pier"], "input_type": "search_query"},
    "POST /v1/tokenize": {"model": CHAT, "text": "a pier"},
}
REPLY = {
    "id": "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "The second."}]},
    "usage": {"tokens": {"input_tokens": 5, "output_tokens": 2}},
}
DATASET = {
    "id": "harbour",
    "name": "harbour",
    "dataset_type": "embed-input",
    "validation_status": "validated",
}
TIMES = {"created_at": "2026-05-01T10:00:00Z", "updated_at": "2026-05-01T10:00:00.5+02:00"}
REFUSED = {"message": "dataset not found"}
CASES = """
    audio.wav audio.silence batches.create.plain batches.get.completed batches.list.first-page
    batches.cancel.running chat.v2.documents chat.v2.stream.tools chat.v2.stream.thinking-documents
    chat.v1.documents chat.v1.stream.connectors chat.v1.stream.tools chat.v2.stream.lines
    chat.v1.stream.server-sent chat.v2.malformed-json chat.v2.no-model check-api-key.owner classify.plain
    connectors.create.oauth connectors.get.service connectors.list.limit connectors.update.one-field
    connectors.delete.plain connectors.authorize.plain datasets.create.plain datasets.get.malformed
    datasets.list.before datasets.usage.plain datasets.delete.plain datasets.create.no-file
    detokenize.several-tokens embed.v1.all-types embed.v1.counts embed.v2.all-types embed.v1.texts-97
    embed-jobs.create.plain embed-jobs.get.complete embed-jobs.list.ended embed-jobs.cancel.running
    finetuning.create.plain finetuning.get.ready finetuning.list.first-page finetuning.update.name
    finetuning.delete.plain finetuning.events.ready finetuning.metrics.ready generate.plain
    generate.stream.several models.list.all models.get.chat parse.blocks
    rerank.v1.object-documents rerank.v2.on-topic-first summarize.plain tokenize.beyond-latin tokenize.no-body
""".split()
"""Cases that together show every operation and every way to ask."""


def recorded(call: str, body: Any, *, request: Any = None, name: str = "made.up", **parts: Any) -> Cassette:
    asked = ASKED.get(call) if request is None else request
    return Cassette(provenance(name, operation=call), exchange(call, body, request=asked, **parts))


def dataset(status: int = 200, **more: Any) -> Cassette:
    body = {"dataset": DATASET | more} if status == 200 else REFUSED
    made = exchange("GET /v1/datasets/harbour", body, status=status)
    return Cassette(provenance("made.up", operation="GET /v1/datasets/{id}"), made)


def streamed(body: bytes, call: str = "POST /v2/chat", headers: Any = SSE) -> Cassette:
    return recorded(call, body, request=ASKED[call] | {"stream": True}, headers=headers)


def losses(*cassettes: Cassette) -> set[tuple[str, str]]:
    replayed = replay(cassettes)
    assert replayed.failed == ()
    assert replayed.parsed == len(cassettes)
    return {(loss.location, loss.what.value) for loss in replayed.losses}


# -- what arrives


def test_declared_values_are_not_lost() -> None:
    replayed = replay([recorded("POST /v2/chat", REPLY), dataset(**TIMES), dataset(404)])
    assert replayed == SdkReplay(cohere.__version__, 3, (), (), (), 0)
    assert replayed.passed


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"message": REPLY["message"] | {"mood": "calm"}}, {("/message/mood", "untyped")}),
        ({"message": {"role": "assistant", "content": [{"type": "smell", "of": "tar"}]}},
         {("/message/content/*", "untyped")}),
        ({"finish_reason": "TIRED"}, set()),
        ({"ID": "again"}, {("/ID", "dropped")}),
        ({"usage": {"tokens": {"input_tokens": 5.0, "output_tokens": 2}}}, set()),
        ({"usage": {"cached_tokens": 3, "tokens": {"input_tokens": "5"}}},
         {("/usage/tokens/input_tokens", "converted")}),
    ],
)  # fmt: skip
def test_losses_of_undeclared_values(change: dict[str, Any], lost: set[Any]) -> None:
    # An unknown value of an enumeration, and another type of number, arrive as they are.
    assert losses(recorded("POST /v2/chat", REPLY | change)) == lost


@pytest.mark.parametrize(
    ("time", "lost"),
    [
        ("2026-05-01T10:00:00+00:00", set()),
        ("2026-05-01T10:00:00.123456000Z", set()),
        ("2026-05-01T10:00:00.123456789Z", {("/dataset/created_at", "changed")}),
        (1777629600, {("/dataset/created_at", "changed")}),
        ("yesterday", set()),
    ],
)
def test_a_time_in_another_notation_is_not_lost(time: object, lost: set[Any]) -> None:
    assert losses(dataset(created_at=time)) == lost


def test_merging_batches_of_texts_loses_some_values() -> None:
    body = {
        "id": "one",
        "texts": ["a pier"],
        "embeddings": [[0.5, 0.25]],
        "response_type": "embeddings_floats",
        "tide": "high",
        "meta": {"api_version": {"version": "1"}, "tokens": {"input_tokens": 3}},
    }
    assert losses(recorded("POST /v1/embed", body)) == {("/meta/tokens", "none"), ("/tide", "dropped")}


def test_a_response_that_a_method_discards_is_lost() -> None:
    call = "POST /v1/embed-jobs/{id}/cancel"
    bodies: list[tuple[bytes, set[tuple[str, str]]]] = [
        (b"{}", set()),
        (b"", set()),
        (b'{"state": "cancelling"}', {("/state", "dropped")}),
    ]
    for body, lost in bodies:
        made = exchange(call.replace("{id}", "one"), body)
        assert losses(Cassette(provenance("made.up", operation=call), made)) == lost


def test_a_loss_is_reported_once_with_its_count() -> None:
    pieces = [{"type": "text", "text": text, "tone": "low"} for text in ("The ", "second.")]
    body = REPLY | {"message": {"role": "assistant", "content": pieces}}
    made = [recorded("POST /v2/chat", body, name=name) for name in ("chat.b", "chat.a")]
    assert replay(made).losses == (
        Loss("POST /v2/chat", "/message/content/*/tone", LossKind.UNTYPED, 2, "chat.b"),
    )


# -- streams


KNOWN = {
    (f"<message-start>/delta/message/{one}", "untyped")
    for one in ("content", "tool_plan", "tool_calls", "citations")
}
"""What the SDK has no types for in the first event of every stream."""
TEXT = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}}


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_every_event_of_a_stream_is_compared(line: str) -> None:
    assert losses(streamed(sse(chat_v2(TEXT), line=line))) == KNOWN


@pytest.mark.parametrize(
    ("event", "lost"),
    [
        ({"type": "smell", "of": "tar"}, ("<smell>", "skipped")),
        (TEXT | {"tone": "low"}, ("<content-delta>/tone", "untyped")),
        # Made into an event of a type that it never was.
        ("no JSON at all", ("<?>", "changed")),
    ],
)
def test_only_an_unknown_event_is_lost(event: Any, lost: Any) -> None:
    opening, end = chat_v2()
    body = b"".join([frame(opening), frame(event), frame(TEXT), frame(end), frame("[DONE]")])
    assert losses(streamed(body)) == KNOWN | {lost}


def test_a_last_event_without_its_blank_line_is_lost() -> None:
    opening, end = chat_v2()
    assert losses(streamed(frame(opening) + frame(end).rstrip())) == KNOWN | {("<message-end>", "skipped")}


def test_lines_of_version_1_are_compared() -> None:
    known = {(f"<{one}>/is_finished", "untyped") for one in ("stream-start", "text-generation", "stream-end")}
    body = lines([*chat_v1("Hi"), {"event_type": "smell", "of": "tar"}]) + b'{"cut\n'
    call = "POST /v1/chat"
    assert losses(streamed(body, call, NDJSON)) == known | {("<smell>", "untyped"), ("<?>", "skipped")}


def test_version_1_as_server_sent_events_is_lost_completely() -> None:
    lost = losses(streamed(sse(chat_v1("Hi")), "POST /v1/chat"))
    assert lost == {(f"<{one}>", "skipped") for one in ("stream-start", "text-generation", "stream-end")}


def test_log_records_of_the_sdk_are_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers
    kept, handlers[:] = handlers[:], []
    try:
        assert ("<smell>", "skipped") in losses(streamed(sse(chat_v2({"type": "smell"}))))
        assert handlers == []
    finally:
        handlers[:] = kept
    assert capfd.readouterr() == ("", "")


def test_warnings_as_errors_change_nothing() -> None:
    body = {"id": "one", "texts": ["a pier"], "embeddings": {"int8": [[1]]}, "meta": {}}
    typed = recorded("POST /v1/embed", body | {"response_type": "embeddings_by_type"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert losses(typed) == set()


# -- errors, and what is none


@pytest.mark.parametrize(
    ("status", "body", "lost"),
    [
        (404, b'{"message": "not found"}', set()),
        (418, b'{"message": "a teapot"}', set()),
        (502, b"<html>", set()),
        (404, b"<html>", {("status:404", "untyped")}),
    ],
)
def test_an_error_becomes_the_exception_of_its_status(status: int, body: bytes, lost: set[Any]) -> None:
    assert losses(recorded("POST /v2/chat", body, status=status)) == lost
    assert losses(recorded("POST /v2/chat", body, status=status, request={"stream": True})) == lost


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "expected a value, got ApiError: the answer is no JSON"),
        (b"", "expected a value, got ApiError: the answer is no JSON"),
        (b'[{"id": "one"}]', "expected a value, got TypeError: .*mapping, not list"),
    ],
)
def test_a_response_that_the_sdk_cannot_parse_fails(body: bytes, reason: str) -> None:
    broken = recorded("POST /v2/chat", body, name="chat.broken")
    replayed = replay([recorded("POST /v2/chat", REPLY), broken])
    assert not replayed.passed
    assert (replayed.parsed, replayed.losses) == (1, ())
    (failure,) = replayed.failed
    assert (failure.case, failure.operation) == ("chat.broken", "POST /v2/chat")
    assert re.match(reason, failure.reason)


def test_a_stream_in_another_format_fails_unless_requested() -> None:
    asked = ASKED["POST /v2/chat"] | {"stream": True}
    body = lines(chat_v2(TEXT))
    plain = recorded("POST /v2/chat", body, request=asked, headers=NDJSON)
    (failure,) = replay([plain]).failed
    assert "SSEError" in failure.reason
    wants = (*JSON, ("accept", "application/json"))
    replayed = replay([recorded("POST /v2/chat", body, request=asked, headers=NDJSON, request_headers=wants)])
    assert (replayed.parsed, replayed.failed, replayed.inexpressible) == (0, (), 1)
    assert [(loss.location, loss.what) for loss in replayed.losses] == [("", LossKind.REFUSED)]


def test_an_operation_without_a_method_is_reported_and_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "POST /v1/tokenize", Method("token.count"))
    made = [recorded("POST /v1/tides", b"<html>"), recorded("POST /v1/tokenize", b"<html>")]
    assert replay(made) == SdkReplay(
        cohere.__version__, 0, (), (), ("POST /v1/tides", "POST /v1/tokenize"), 0
    )


# -- requests


@pytest.mark.parametrize(
    ("request_body", "inexpressible"),
    [
        (ASKED["POST /v2/chat"] | {"temperature": 0.5, "seed": None, "mood": "calm"}, 0),
        (ASKED["POST /v2/chat"] | {"stream": False}, 0),
        (ASKED["POST /v2/chat"] | {"stream": None}, 1),
        ({"model": CHAT}, 1),
        (b'{"model": ', 1),
        (b"[]", 1),
        (b"", 1),
    ],
)
def test_a_response_is_parsed_even_if_the_request_cannot_be_sent(
    request_body: Any, inexpressible: int
) -> None:
    good = replay([recorded("POST /v2/chat", REPLY, request=request_body)])
    assert (good.parsed, good.inexpressible) == (1, inexpressible)
    broken = replay([recorded("POST /v2/chat", b"<html>", request=request_body)])
    assert (len(broken.failed), broken.inexpressible) == (1, inexpressible)


def test_texts_beyond_the_batch_size_of_the_sdk_are_two_requests() -> None:
    texts = ["a pier"] * 97
    body = {"id": "one", "texts": texts, "embeddings": [[0.5]] * 97, "response_type": "embeddings_floats"}
    replayed = replay([recorded("POST /v1/embed", body, request={"texts": texts, "model": "embed"})])
    assert (replayed.parsed, replayed.losses, replayed.inexpressible) == (1, (), 1)


def test_a_form_is_parsed_and_sent_unchanged() -> None:
    boundary = (("content-type", "multipart/form-data; boundary=edge"),)
    audio = bytes(range(256)) + b"\r\n--edg\r\n\n\r"
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="language"\r\n\r\nfr\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="m\xc3\xb6we.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n" + audio + b"\r\n--edge--\r\n"
    )
    label = "POST /v2/audio/transcriptions"
    request = Request("POST", f"{API}/v2/audio/transcriptions", boundary, body)
    given = arguments(label, request, METHODS[label], ["language", "file"])
    assert given == {"language": "fr", "file": ("möwe.wav", audio, "audio/wav")}
    assert same(label, request, request)
    other = Request("POST", request.url, boundary, body.replace(b"fr\r\n", b"de\r\n"))
    assert not same(label, request, other)


@pytest.mark.parametrize(
    ("call", "address", "arguments_of_it"),
    [
        ("GET /v1/datasets", "/v1/datasets?limit=2&colour=red", {"limit": "2"}),
        ("GET /v1/datasets/{id}", "/below/v1/datasets/a%20pier", {"id": "a pier"}),
        ("POST /v2/batches/{id}:cancel", "/v2/batches/one:cancel", {"id": "one"}),
    ],
)
def test_a_url_becomes_arguments(call: str, address: str, arguments_of_it: dict[str, str]) -> None:
    method = call.split(" ")[0]
    given = arguments(call, Request(method, API + address), METHODS[call], ["limit", "id"])
    assert given is not None
    options = given.pop("request_options", {"additional_query_parameters": {"colour": "red"}})
    assert given == arguments_of_it
    assert options == {"additional_query_parameters": {"colour": "red"}}


def test_every_operation_of_the_contract_has_its_method() -> None:
    assert set(METHODS) == set(load_contract().operations)


# -- the reference server


def test_the_sdk_parses_what_the_reference_server_answers(tmp_path: Path) -> None:
    cases = [part for name in CASES for part in ("--case", name)]
    done = ran(tmp_path, *cases)
    assert done.code == 0, done.output
    made = [
        Cassette(provenance(line.case, operation=line.operation), line.exchange)
        for journal in read_journals(tmp_path / "conformance-report")
        for line in journal.lines()
        if isinstance(line, Record) and line.exchange is not None
    ]
    good = {one.provenance.operation for one in made if one.exchange.response.status == 200}
    assert good == set(METHODS)
    replayed = replay(made)
    assert replayed.failed == ()
    assert replayed.absent_operations == ()
    assert replayed.parsed == len(made) - 1, "one answer is in a form that the SDK never asks for"
    assert {loss.example for loss in replayed.losses if loss.what is LossKind.REFUSED} == {
        "chat.v2.stream.lines"
    }
    assert {loss.example for loss in replayed.losses if loss.what is LossKind.SKIPPED} == {
        "chat.v1.stream.server-sent"
    }
    # Of what is valid, the SDK can send everything but a stream in another form.
    unsent = {"chat.v2.malformed-json", "chat.v2.no-model", "datasets.create.no-file", "embed.v1.texts-97"}
    unsent |= {"tokenize.no-body", "chat.v2.stream.lines"}
    assert replayed.inexpressible == len(unsent)


# -- how it is printed


REPLAYED = SdkReplay(
    "7.3.1",
    5,
    (SdkFailure("chat.broken", "POST /v2/chat", "expected a value, got\x1b[2J"),),
    tuple(Loss("POST /v2/chat", f"/usage/{n}", LossKind.DROPPED, 3, "chat.plain") for n in range(3)),
    ("POST /v1/tides",),
    2,
)


def test_the_terminal_shows_failures_first_and_truncates_long_lists() -> None:
    target = io.StringIO()
    render(REPLAYED, Console(file=target, width=120), limit=2)
    shown = target.getvalue()
    summed = "official SDK 7.3.1: 5 responses parsed, 1 failed"
    assert shown.splitlines()[:3] == [
        f"{summed}, 3 locations lose data, 2 requests it cannot express",
        "  chat.broken: expected a value, got\\x1b[2J",
        "  not in the SDK: POST /v1/tides",
    ]
    assert "/usage/1" in shown
    assert "/usage/2" not in shown
    assert "(+1 more in JSON)" in shown


def test_json_has_everything() -> None:
    document = json.loads(as_json(REPLAYED))
    assert document["failed"][0]["reason"] == "expected a value, got\x1b[2J"
    assert b"\x1b" not in as_json(REPLAYED)
    assert [loss["location"] for loss in document["losses"]] == ["/usage/0", "/usage/1", "/usage/2"]
    assert (document["parsed"], document["inexpressible"], document["absent_operations"]) == (
        5,
        2,
        ["POST /v1/tides"],
    )


def test_without_the_sdk_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; sys.modules['cohere'] = None; import cohere_conformance.golden.sdk"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=900)
    monkeypatch.setitem(sys.modules, "cohere", None)
    with pytest.raises(UsageError, match=r"pip install 'cohere-conformance\[sdk\]'"):
        replay([])


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("", "got none; pip install"),
        ("raise ImportError('too old\\nx')", r"fails to import \(too old\); pip"),
    ],
)
def test_the_command_says_at_once_that_the_sdk_is_missing(
    module: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before anything is replayed, and with what to install; a package that cannot be imported counts too."""
    replayed: list[object] = []
    monkeypatch.setattr("cohere_conformance.cli.golden.suites", lambda *given: replayed.append(given) or 0)
    monkeypatch.delitem(sys.modules, "cohere_conformance.sdk.calling", raising=False)
    for name in [name for name in sys.modules if name == "cohere" or name.startswith("cohere.")]:
        monkeypatch.delitem(sys.modules, name)
    if module:
        (tmp_path / "cohere.py").write_text(module, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.setitem(sys.modules, "cohere", None)
    assert run(["replay", "--sdk"]) == 4
    assert re.search(message, capsys.readouterr().err)
    assert replayed == []
