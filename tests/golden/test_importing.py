"""Traffic from elsewhere as golden cassettes: one of each shape, whole, and judged as it was before."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from builders import API, JSON, NDJSON, SSE, UUID, block, chat_v1, chat_v2, exchange, reported
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serializers import yamlserializer

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import load_declarations
from cohere_conformance.data import folder
from cohere_conformance.errors import CassetteError, TrafficError
from cohere_conformance.golden import Cassette, Origin, Provenance, find, importing, load, save
from cohere_conformance.golden.importing import Added, Imported, add, gather, traffic
from cohere_conformance.golden.whole import whole
from cohere_conformance.model import Exchange, Failure, FailureKind, Source, StreamEvent
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.recordings import SkippedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cohere_conformance.checks import Explainer
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Finding

    Import = Callable[..., Imported]

RAW = Path(__file__).parents[3] / "shared" / "corpus" / "raw"
EXAMPLES = [str(folder("cassettes") / "examples" / f"{name}.jsonl") for name in ("conforming", "deviating")]
RERANK = {"id": UUID, "results": [{"index": 0, "relevance_score": 0.5}]}
ASKED = {"model": "rerank-v3.5", "query": "q", "documents": ["d"]}
WHEN = "2024-05-24T09:38:02+00:00"


@pytest.fixture(scope="module")
def imported(amended: Contract, explainer: Explainer) -> Import:
    """Gathers exchanges, or what is found at paths."""

    def run(*values: Any, contract: str = "c1") -> Imported:
        paths = [str(value) for value in values if isinstance(value, str | Path)]
        rest = [value for value in values if not isinstance(value, str | Path)]
        return gather([*traffic(paths), *rest], amended, explainer.judge, lambda label: contract)

    return run


def rerank(query: str = "q", source: Source | None = None, **more: Any) -> Exchange:
    """Return an exchange of the same shape for any query, unless more of it is changed."""
    made: dict[str, Any] = {"body": RERANK, "request": ASKED | {"query": query}} | more
    return exchange("POST /v2/rerank", source=source or Source("a.har", "entry 1", WHEN), **made)


def ids(made: Imported) -> list[str]:
    return [cassette.provenance.id for cassette in made.cassettes]


def the(made: Imported) -> Cassette:
    (cassette,) = made.cassettes
    return cassette


def rows(values: Iterable[object], explainer: Explainer) -> set[tuple[str, str | None]]:
    """Return what distinguishes the findings of a report, for everything that is judged."""
    exchanges = [value for value in values if isinstance(value, Exchange)]
    found = [finding for one in exchanges for finding in explainer.judge(one)]
    return {(finding.fingerprint, finding.amendment) for finding in found}


def contents(where: Path) -> dict[str, bytes]:
    return {str(path.relative_to(where)): path.read_bytes() for path in sorted(where.rglob("*.*"))}


# -- what is imported says the same


@pytest.fixture(scope="module")
def shipped(imported: Import, tmp_path_factory: pytest.TempPathFactory) -> tuple[Imported, Path]:
    """What becomes of the examples, and the folder that it was written to."""
    made, where = imported(*EXAMPLES), tmp_path_factory.mktemp("shipped")
    add(where, made.cassettes)
    return made, where


def test_imported_examples_have_the_same_findings(
    shipped: tuple[Imported, Path], explainer: Explainer
) -> None:
    made, where = shipped
    before, after = rows(traffic(EXAMPLES), explainer), rows(traffic([str(where)]), explainer)
    # Only what is about no operation has no place among the cassettes.
    (lost,) = made.tally.lost
    assert (lost.kind.value, made.tally.unrouted) == ("route-unknown", 1)
    assert after == before - {(lost.fingerprint, None)}
    assert len(after) > 40
    assert made.tally.gained == ()
    assert {cassette.provenance.group for cassette in made.cassettes} >= {"chat", "embed", "rerank", "models"}


@pytest.mark.skipif(not RAW.exists(), reason="the corpus of real recordings is not here")
def test_imported_recordings_have_the_same_findings(
    imported: Import, explainer: Explainer, tmp_path: Path
) -> None:
    recorded = list(traffic([str(RAW)]))
    made = imported(*recorded)
    add(tmp_path, made.cassettes)
    before, after = rows(recorded, explainer), rows(traffic([str(tmp_path)]), explainer)
    assert after == before
    assert len(before) > 50
    assert (made.tally.lost, made.tally.gained, made.tally.unreadable) == ((), (), ())
    assert (made.tally.read, made.tally.foreign) == (154, {"api.openai.com": 5})
    assert made.tally.kept < made.tally.duplicates + 20


def test_imported_cassettes_can_be_imported_again(imported: Import, shipped: tuple[Imported, Path]) -> None:
    made, where = shipped
    again = imported(where)
    assert ids(again) == ids(made)
    assert again.tally.duplicates == 0


def test_vcr_reads_imported_cassettes(shipped: tuple[Imported, Path]) -> None:
    made, where = shipped
    paths = find(where)
    for cassette in made.cassettes:
        (sent,), (answered,) = FilesystemPersister.load_cassette(
            paths[cassette.provenance.id], yamlserializer
        )
        assert (sent.method, sent.uri) == (cassette.exchange.request.method, cassette.exchange.request.url)
        assert answered["body"]["string"] == cassette.exchange.response.body


# -- formats


def har(one: Exchange) -> str:
    request, response = one.request, one.response
    entry = {
        "startedDateTime": one.source.recorded_at,
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": [{"name": name, "value": value} for name, value in request.headers],
            "postData": {"mimeType": "application/json", "text": (request.body or b"").decode()},
        },
        "response": {
            "status": response.status,
            "headers": [{"name": name, "value": value} for name, value in response.headers],
            "content": {"mimeType": "application/json", "text": (response.body or b"").decode()},
        },
    }
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


def interaction(one: Exchange, address: str) -> dict[str, Any]:
    request, response = one.request, one.response
    return {
        "request": {
            "method": request.method,
            address: request.url,
            "headers": {name: [value] for name, value in request.headers},
            "body": {"string": (request.body or b"").decode(), "encoding": "utf-8"},
        },
        "response": {
            "status": {"code": response.status, "message": "OK"},
            "headers": {name: [value] for name, value in response.headers},
            "body": {"string": (response.body or b"").decode(), "encoding": "utf-8"},
        },
        "recorded_at": one.source.recorded_at,
    }


def line(one: Exchange) -> str:
    row = {
        "method": one.request.method,
        "url": one.request.url,
        "request_headers": dict(one.request.headers),
        "request_body": json.loads(one.request.body or b"null"),
        "status": one.response.status,
        "response_headers": dict(one.response.headers),
        "response_body": json.loads(one.response.body or b"null"),
        "recorded_at": one.source.recorded_at,
    }
    return json.dumps(row) + "\n"


def cassette(one: Exchange) -> str:
    return yaml.safe_dump({"interactions": [interaction(one, "uri")], "version": 1})


FORMATS: dict[str, Callable[[Exchange], str]] = {
    "traffic.har": har,
    "cassette.yaml": cassette,
    "cassette.json": lambda one: json.dumps({"version": 1, "interactions": [interaction(one, "uri")]}),
    "betamax.json": lambda one: json.dumps({"http_interactions": [interaction(one, "uri")]}),
    "ruby.yml": lambda one: yaml.safe_dump({"http_interactions": [interaction(one, "uri")]}),
    "lines.jsonl": line,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_the_same_cassette(imported: Import, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FORMATS[name](rerank()), encoding="utf-8")
    found = the(imported(path))
    assert found.provenance == Provenance(
        id=ids(imported(rerank()))[0],
        operation="POST /v2/rerank",
        origin=Origin.LIVE,
        profile="",
        recorded_at=WHEN,
        contract="c1",
        suite=importing.__version__,
        imported=name,
    )
    kept = found.exchange
    assert (kept.request.method, kept.request.url) == ("POST", f"{API}/v2/rerank")
    assert (kept.request.headers, kept.response.headers) == (JSON, JSON)
    assert json.loads(kept.request.body or b"") == ASKED
    assert json.loads(kept.response.body or b"") == RERANK


def test_the_id_has_operation_status_and_shape(imported: Import) -> None:
    head, _, key = ids(imported(rerank()))[0].rpartition(".")
    assert head == "rerank.imported.post-v2-rerank.200"
    assert len(key) == 8
    assert int(key, 16) >= 0


# -- one of each shape


def test_of_one_shape_the_smallest_is_kept(imported: Import) -> None:
    made = imported(rerank("longer"), rerank("q"), rerank("longest"))
    assert (made.tally.read, made.tally.kept, made.tally.duplicates) == (3, 1, 2)
    assert json.loads(the(made).exchange.request.body or b"")["query"] == "q"


DIFFERENT: dict[str, Exchange] = {
    "another property": rerank(request=ASKED | {"top_n": 1}),
    "another type": rerank(request=ASKED | {"documents": [{"text": "d"}]}),
    "a property of the answer": rerank(body=RERANK | {"meta": {"api_version": {"version": "2"}}}),
    "an unknown property": rerank(body=RERANK | {"new": 1}),
    "another status": rerank(status=400, body={"message": "no"}),
    "no request": rerank(request=None),
    "another media type": rerank(headers=(("content-type", "text/json"),)),
    "another operation": exchange("POST /v1/rerank", RERANK, request=ASKED),
    "a finding in the query": exchange("POST /v2/rerank?x=1", RERANK, request=ASKED),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_exchanges_of_another_shape_are_kept(imported: Import, name: str) -> None:
    assert len(imported(rerank(), DIFFERENT[name]).cassettes) == 2


def test_a_location_in_an_error_is_part_of_the_shape(imported: Import) -> None:
    errors = [{"message": "no"}, {"message": "no", "id": UUID}, {"message": "never"}]
    made = imported(*(rerank(status=400, body=error) for error in errors))
    assert (made.tally.kept, made.tally.duplicates, made.tally.lost) == (2, 1, ())


def test_a_value_of_an_enumeration_is_part_of_the_shape(imported: Import) -> None:
    answers = [
        {"id": UUID, "finish_reason": reason, "message": {"role": "assistant"}}
        for reason in ("COMPLETE", "MAX_TOKENS", "COMPLETE")
    ]
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    made = imported(*(exchange("POST /v2/chat", answer, request=asked) for answer in answers))
    assert (made.tally.kept, made.tally.duplicates) == (2, 1)


def test_free_names_are_not_part_of_the_shape(imported: Import) -> None:
    tools = [
        [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"properties": {name: {"type": "string"}}}},
            }
        ]
        for name in ("city", "date")
    ]
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    answer = {"id": UUID, "finish_reason": "COMPLETE", "message": {"role": "assistant"}}
    made = imported(*(exchange("POST /v2/chat", answer, request=asked | {"tools": one}) for one in tools))
    assert made.tally.kept == 1


def test_a_deviating_exchange_is_kept_whatever_its_size(imported: Import, explainer: Explainer) -> None:
    odd = rerank("a query that is much longer than any other", body=RERANK | {"results": "none"})
    made = imported(*(rerank(str(number)) for number in range(5)), odd)
    assert rows([one.exchange for one in made.cassettes], explainer) == rows([rerank(), odd], explainer)
    assert len(rows([odd], explainer)) > len(rows([rerank()], explainer))


def test_the_result_depends_on_neither_order_nor_folders(imported: Import, tmp_path: Path) -> None:
    # The same size, the same position, the same name: they differ in their content only.
    made = []
    for number, order in enumerate(permutations(["x", "y", "z"])):
        files = []
        for query in order:
            file = tmp_path / str(number) / query / "lines.jsonl"
            file.parent.mkdir(parents=True)
            file.write_text(line(rerank(query)), encoding="utf-8")
            files.append(file)
        made.append(imported(*files).cassettes)
    assert [[replace(one.exchange, source=Source("")) for one in each] for each in made] == [
        [replace(made[0][0].exchange, source=Source(""))]
    ] * 6
    assert [[one.provenance for one in each] for each in made] == [[made[0][0].provenance]] * 6


def test_the_result_is_the_same_in_reverse_order(
    imported: Import, shipped: tuple[Imported, Path], tmp_path: Path
) -> None:
    add(tmp_path, imported(*reversed(list(traffic(EXAMPLES)))).cassettes)
    assert contents(tmp_path) == contents(shipped[1])


def test_positions_count_as_numbers(imported: Import) -> None:
    first, tenth = (rerank(source=Source("a.har", f"entry {number}")) for number in (2, 10))
    assert the(imported(tenth, first)).exchange.source.position == "entry 2"


# -- what becomes no cassette


def test_the_tally_accounts_for_every_exchange(imported: Import) -> None:
    made = imported(
        rerank(),
        rerank("again"),
        rerank(body=None),
        exchange("POST https://example.com/v2/rerank", RERANK),
        exchange("GET /v2/nowhere", {}, status=404),
        TrafficError("b.har", "entry 2", "no response was recorded"),
        SkippedFile("c.json", "a document about something else"),
    )
    tally = made.tally
    assert (tally.read, tally.kept, tally.duplicates, tally.partial, tally.unrouted) == (5, 1, 1, 1, 1)
    assert tally.foreign == {"example.com": 1}
    assert [(one.file, one.where) for one in tally.unreadable] == [("b.har", "entry 2")]
    assert [one.file for one in tally.skipped] == ["c.json"]
    assert [finding.kind.value for finding in tally.lost] == ["route-unknown"]
    assert tally.gained == ()


def test_a_finding_of_a_response_without_a_body_is_reported_as_lost(
    imported: Import, amended: Contract
) -> None:
    odd = rerank(body=None, status=299)
    assert reported(imported(odd, rerank()).tally.lost) == [("status-undeclared", "", "299")]


@pytest.mark.parametrize(
    ("status", "body", "kept"), [(204, None, b""), (304, None, b""), (200, None, None), (200, b"", b"")]
)
def test_a_response_of_a_bodiless_status_is_complete(
    imported: Import, status: int, body: bytes | None, kept: bytes | None
) -> None:
    made = imported(exchange("DELETE /v1/datasets/x", body, status=status, headers=()))
    assert [one.exchange.response.body for one in made.cassettes] == ([] if kept is None else [kept])
    assert made.tally.partial == (kept is None)


def test_a_truncated_response_is_incomplete(imported: Import) -> None:
    cut = replace(rerank(), response=replace(rerank().response, failure=Failure(FailureKind.RESET, "closed")))
    assert imported(cut).tally.partial == 1


def test_an_exchange_that_fails_to_be_judged_does_not_hide_others(
    amended: Contract, explainer: Explainer
) -> None:
    def judge(one: Exchange) -> list[Finding]:
        if one.source.position == "bad":
            raise ValueError("it quotes s3cret")
        return explainer.judge(one)

    bad = rerank("short", Source("a.har", "bad"))
    made = gather([bad, rerank("longer")], amended, judge, lambda label: "")
    assert (made.tally.kept, made.tally.read) == (1, 1)
    (error,) = made.tally.unreadable
    assert (error.file, error.where) == ("a.har", "bad")
    assert "ValueError" in error.reason
    assert "s3cret" not in str(error)


def test_an_exchange_that_fails_to_be_redacted_does_not_hide_others(
    imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clean(one: Exchange) -> Exchange:
        if one.response.status == 400:
            raise RecursionError
        return one

    monkeypatch.setattr(importing, "anonymous", clean)
    made = imported(rerank(), rerank(status=400, body={"message": "no", "new": 1}))
    assert (made.tally.kept, len(made.tally.unreadable)) == (1, 1)


def test_a_finding_that_redaction_removes_is_reported(
    imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        importing, "anonymous", lambda one: replace(one, response=replace(one.response, body=b"[]"))
    )
    made = imported(rerank(body={"results": "none"}))
    assert ("type-changed", "/results", "string") in reported(made.tally.lost)
    assert ("type-changed", "", "array") in reported(made.tally.gained)


# -- recordings that break off


@pytest.mark.parametrize("cut", ["text", "gzip"])
def test_exchanges_before_a_broken_line_are_imported(imported: Import, tmp_path: Path, cut: str) -> None:
    entries = [
        json.loads(har(one))["log"]["entries"][0]
        for one in (rerank(), rerank(request=ASKED | {"top_n": 1}), rerank(status=400, body={"message": "m"}))
    ]
    # Behind the second entry there is much of the third, which no compression makes small.
    noise = "".join(chr(33 + number * number % 89) + str(number * 7919) for number in range(20_000))
    entries[2]["request"]["comment"] = noise
    text = json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()
    path = tmp_path / "cut.har"
    packed = gzip.compress(text, mtime=0)
    path.write_bytes(text[:-60_000] if cut == "text" else packed[: len(packed) // 2])
    made = imported(path)
    assert (made.tally.kept, made.tally.read) == (2, 2)
    assert made.tally.unreadable
    assert {error.file for error in made.tally.unreadable} == {str(path)}


def test_a_missing_file_is_reported(imported: Import, tmp_path: Path) -> None:
    made = imported(tmp_path / "missing.har", rerank())
    assert (made.tally.kept, len(made.tally.unreadable)) == (1, 1)


# -- streams


def split(payloads: Sequence[dict[str, Any]], tag: str = "type", named: bool = True) -> list[StreamEvent]:
    return [StreamEvent(json.dumps(one), one[tag] if named else None) for one in payloads]


END = StreamEvent("[DONE]")
CHAT = {"model": "m", "stream": True}
V2, V1 = chat_v2(*block("Hel", "lo")), chat_v1("Hel", "lo")
PRETTY = [StreamEvent(json.dumps(one, indent=1), str(one["type"])) for one in V2]
STREAMS: dict[str, tuple[str, list[StreamEvent], Any]] = {
    "named": ("/v2/chat", [*split(V2), END], SSE),
    "without names": ("/v2/chat", [*split(V2, named=False), END], SSE),
    "wrong names": ("/v2/chat", [StreamEvent(one.data, "x") for one in split(V2)], SSE),
    "some names": ("/v2/chat", [*split(V2[:2]), *split(V2[2:], named=False), END], SSE),
    "no end": ("/v2/chat", split(V2[:-1]), SSE),
    "on several lines": ("/v2/chat", [*PRETTY, END], SSE),
    "kept alive": ("/v2/chat", [StreamEvent(""), *split(V2), StreamEvent(" "), END], SSE),
    "no JSON": ("/v2/chat", [*split(V2), StreamEvent("{", "content-delta"), END], SSE),
    "no object": ("/v2/chat", [*split(V2), StreamEvent("[]"), END], SSE),
    "no type": ("/v2/chat", [StreamEvent("{}"), *split(V2, named=False), END], SSE),
    "unknown": ("/v2/chat", [*split([{"type": "new", "x": 1}]), *split(V2), END], SSE),
    "no headers": ("/v2/chat", [*split(V2), END], ()),
    "no names, no headers": ("/v2/chat", split(V2, named=False), ()),
    "no media type": ("/v2/chat", [*split(V2), END], (("x-other", "1"),)),
    "another media type": ("/v2/chat", [*split(V2), END], (("content-type", "text/plain"),)),
    "lines": ("/v1/chat", split(V1, "event_type", named=False), NDJSON),
    "lines, no headers": ("/v1/chat", split(V1, "event_type", named=False), ()),
    "one line, no headers": ("/v1/chat", split(V1[:1], "event_type", named=False), ()),
    "v1 events": ("/v1/chat", split(V1, "event_type"), SSE),
    "v1 events without names": ("/v1/chat", split(V1, "event_type", named=False), SSE),
    "no event": ("/v2/chat", [], SSE),
}


@pytest.mark.parametrize("name", STREAMS)
def test_events_become_bytes_with_the_same_findings(
    imported: Import, explainer: Explainer, name: str, tmp_path: Path
) -> None:
    path, events, headers = STREAMS[name]
    one = exchange(f"POST {path}", headers=headers, events=events, request=CHAT)
    made = imported(one)
    assert (made.tally.lost, made.tally.gained) == ((), ())
    add(tmp_path, made.cassettes)
    kept = [value for value in traffic([str(tmp_path)]) if isinstance(value, Exchange)]
    assert kept[0].response.body is not None
    assert reported(explainer.judge(kept[0])) == reported(explainer.judge(one))


def test_the_bytes_of_a_stream(imported: Import) -> None:
    events = [
        StreamEvent('{"type":"x",\n"a":1}', "x", 0.25),
        StreamEvent("{}", at=0.5),
        StreamEvent("[DONE]", at=0.5),
    ]
    kept = the(imported(exchange("POST /v2/chat", headers=SSE, events=events)))
    body = b'event: x\ndata: {"type":"x",\ndata: "a":1}\n\ndata: {}\n\ndata: [DONE]\n\n'
    assert (kept.exchange.response.body, kept.exchange.response.events) == (body, None)
    assert kept.provenance.arrivals == ((42, 0.25), (52, 0.5), (66, 0.5))


def test_lines_stay_lines(imported: Import) -> None:
    events = [StreamEvent('{"event_type":\n"x"}', at=0.5), StreamEvent("{}")]
    kept = the(imported(exchange("POST /v1/chat", headers=NDJSON, events=events))).exchange.response
    assert (kept.body, kept.arrivals) == (b'{"event_type": "x"}\n{}\n', ((20, 0.5),))


def test_decreasing_times_are_dropped(imported: Import) -> None:
    events = [StreamEvent("{}", at=0.5), StreamEvent("{}", at=0.25)]
    assert the(imported(exchange("POST /v2/chat", headers=SSE, events=events))).provenance.arrivals == ()


def test_a_stream_without_a_media_type_gets_one(imported: Import) -> None:
    one = exchange("POST /v1/chat", headers=(("x-other", "1"),), events=split(V1, "event_type", named=False))
    assert the(imported(one)).exchange.response.headers[-1] == ("content-type", "application/stream+json")


TEXTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
EVENTS = st.lists(
    st.builds(
        StreamEvent,
        st.builds(
            json.dumps, st.fixed_dictionaries({"type": TEXTS, "text": TEXTS}), ensure_ascii=st.booleans()
        ),
        st.sampled_from(["text", "content-delta", "ü"]),
    ),
    min_size=1,
    max_size=5,
)


@given(events=EVENTS, headers=st.sampled_from([SSE, ()]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bytes_of_a_stream_split_into_the_same_events(
    amended: Contract, events: list[StreamEvent], headers: Any
) -> None:
    one = exchange("POST /v2/chat", headers=headers, events=events)
    made = whole(amended, "POST /v2/chat", one)
    assert made is not None
    assert [piece.event for piece in ParsedExchange(made).events("sse")] == events


# -- where it comes from


@pytest.fixture(scope="module")
def gateway() -> Contract:
    return load_declarations(servers=("https://gw.intern.example:8443/co/here",)).contract()


@pytest.mark.parametrize(
    ("url", "origin", "kept"),
    [
        ("https://api.cohere.com/v2/rerank?x=1", Origin.LIVE, "https://api.cohere.com/v2/rerank?x=1"),
        ("https://api.cohere.ai/v2/rerank", Origin.LIVE, "https://api.cohere.ai/v2/rerank"),
        ("http://127.0.0.1:4011/v2/rerank?x=1", Origin.OTHER, "http://localhost/v2/rerank?x=1"),
        ("https://gw.intern.example:8443/co/here/v2/rerank", Origin.OTHER, "http://localhost/v2/rerank"),
    ],
)
def test_the_origin_of_an_imported_cassette(gateway: Contract, url: str, origin: Origin, kept: str) -> None:
    one = rerank()
    one = replace(one, request=replace(one.request, url=url))
    found = the(gather([one], gateway, lambda _: [], lambda label: label))
    assert (found.provenance.origin, found.exchange.request.url) == (origin, kept)
    assert found.provenance.contract == "POST /v2/rerank"
    assert gateway.route("POST", kept).operation == "POST /v2/rerank"


def test_no_path_is_stored_and_no_time_is_invented(imported: Import, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(line(rerank(source=Source(""))), encoding="utf-8")
    made = imported(path)
    assert (the(made).provenance.recorded_at, made.tally.undated) == ("", 1)
    add(tmp_path / "golden", made.cassettes)
    assert tmp_path.name not in str(contents(tmp_path / "golden").values())


def test_a_request_that_was_not_recorded_stays_unknown(imported: Import, tmp_path: Path) -> None:
    made = imported(rerank(request=None))
    add(tmp_path, made.cassettes)
    assert load(find(tmp_path)[ids(made)[0]]).exchange.request.body is None


@pytest.mark.parametrize(
    "body", [b"\x00\xff\x1f\x8b", "Grüße\u2028\x85 \U0001f600".encode(), b"", b" \r\n\t"]
)
def test_every_byte_of_a_body_is_kept(imported: Import, tmp_path: Path, body: bytes) -> None:
    one = exchange("GET /v1/models", body, request=body, headers=(("content-type", "application/json"),))
    add(tmp_path, imported(one).cassettes)
    (kept,) = traffic([str(tmp_path)])
    assert isinstance(kept, Exchange)
    assert (kept.request.body, kept.response.body) == (body, body)


@pytest.mark.parametrize("odd", ["\ud800", "\x00", "ü\x85\u2028", "a\r\nb", " "])
def test_an_impossible_header_field_is_kept(imported: Import, tmp_path: Path, odd: str) -> None:
    fields, where = (*JSON, ("x-odd", odd)), Source(f"a{odd}.har", "entry 1")
    one = rerank(headers=fields, request_headers=fields, source=where)
    assert add(tmp_path, imported(one).cassettes).refused == {}
    (kept,) = traffic([str(tmp_path)])
    assert isinstance(kept, Exchange)
    assert kept.response.status == 200


def test_a_decoded_body_has_no_content_encoding(imported: Import, tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(RERANK).encode())
    one = interaction(rerank(), "uri")
    one["response"]["headers"] |= {"content-encoding": ["gzip"], "content-length": [str(len(packed))]}
    one["response"]["body"] = {"string": packed}
    one["request"]["headers"] |= {"content-length": ["999"]}
    path = tmp_path / "packed.yaml"
    path.write_text(yaml.safe_dump({"interactions": [one], "version": 1}), encoding="utf-8")
    kept = the(imported(path)).exchange
    assert json.loads(kept.response.body or b"") == RERANK
    assert (kept.request.headers, kept.response.headers) == (JSON, JSON)


# -- into the folder


@pytest.fixture
def golden(tmp_path: Path, imported: Import) -> Path:
    """A folder with one import."""
    add(tmp_path, imported(rerank()).cassettes)
    return tmp_path


def test_the_same_traffic_twice_changes_nothing(golden: Path, imported: Import) -> None:
    before = contents(golden)
    made = imported(rerank())
    assert add(golden, made.cassettes) == Added(written=(), unchanged=(*ids(made),), refused={})
    assert contents(golden) == before
    assert len(before) == 1


@pytest.mark.parametrize(
    ("now", "written"),
    [
        (rerank("x", Source("b.har", "entry 1", "2023-01-01T00:00:00+00:00")), 0),
        (rerank("x", Source("b.har", "entry 1", None)), 0),
        (rerank("x", Source("b.har", "entry 1", "2026-01-01T00:00:00+00:00")), 1),
        (rerank(request=ASKED | {"top_n": 1}), 1),
    ],
    ids="earlier undated later another".split(),
)
def test_an_imported_cassette_stays_unless_the_new_one_is_later(
    golden: Path, imported: Import, now: Exchange, written: int
) -> None:
    before = contents(golden)
    assert len(add(golden, imported(now).cassettes).written) == written
    assert (contents(golden) != before) is bool(written)


def test_an_import_under_a_changed_contract_replaces_the_cassette(golden: Path, imported: Import) -> None:
    made = imported(rerank(), contract="c2")
    assert add(golden, made.cassettes).written == (*ids(made),)
    assert load(find(golden)[ids(made)[0]]).provenance.contract == "c2"


def test_an_import_never_overwrites_a_recorded_case(golden: Path, imported: Import) -> None:
    one = the(imported(rerank()))
    provenance = replace(one.provenance, imported="", case="0" * 12)
    save(golden, Cassette(provenance, one.exchange))
    before = contents(golden)
    outcome = add(golden, imported(rerank(), contract="c2").cassettes)
    assert (outcome.written, list(outcome.refused)) == ((), [provenance.id])
    assert contents(golden) == before


def test_only_a_cassette_that_would_leak_is_refused(tmp_path: Path, imported: Import) -> None:
    key = "planted-key-0123456789"
    bad, good = rerank(key), rerank("q" * 40, request=ASKED | {"top_n": 1})
    made = imported(bad, good)
    outcome = add(tmp_path, made.cassettes, [Secret(key)])
    assert (len(outcome.written), len(outcome.refused)) == (1, 1)
    assert key not in str(outcome)
    assert key.encode() not in b"".join(contents(tmp_path).values())


def test_a_broken_file_of_that_name_is_an_error_before_anything_is_written(
    golden: Path, imported: Import
) -> None:
    (path,) = find(golden).values()
    path.write_text("interactions: [", encoding="utf-8")
    before = contents(golden)
    with pytest.raises(CassetteError, match=r"broken YAML"):
        add(golden, imported(rerank(), rerank(status=400, body={"message": "no"})).cassettes)
    assert contents(golden) == before


# -- size


def test_memory_does_not_grow_with_the_traffic(amended: Contract, explainer: Explainer) -> None:
    text = "word " * 8000
    answer = {"id": UUID, "finish_reason": "COMPLETE"}

    def much(count: int) -> Iterable[Exchange]:
        for number in range(count):
            answer["message"] = {
                "role": "assistant",
                "content": [{"type": "text", "text": f"{number}{text}"}],
            }
            yield exchange("POST /v2/chat", answer, request={"model": "m", "messages": []})

    run = partial(gather, contract=amended, findings=explainer.judge, digest=str)
    run(much(2))  # what is loaded once is not what grows
    tracemalloc.start()
    try:
        made = run(much(100))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (made.tally.read, made.tally.kept) == (100, 1)
    assert peak < 1024 * 1024
