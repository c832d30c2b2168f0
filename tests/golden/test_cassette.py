"""A golden cassette is a cassette of VCR.py, says what VCR.py cannot, and is read back as it was."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import httpx
import pytest
import vcr
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from recorded import TEXT, cassette, exchange, provenance

from cohere_conformance.errors import CassetteError
from cohere_conformance.golden import Cassette
from cohere_conformance.golden.cassette import dump, parse
from cohere_conformance.model import Exchange, Failure, FailureKind, Response
from cohere_conformance.recordings.parse import parse_recording

if TYPE_CHECKING:
    from pathlib import Path

STREAM = b'data: {"type":"message-start"}\n\ndata: {"type":"message-end"}\n\ndata: [DONE]\n\n'
ARRIVALS = ((31, 0.01), (60, 0.4), (len(STREAM), 0.4001))


def test_a_dumped_cassette_parses_to_the_same_value() -> None:
    made = cassette()
    again = parse(dump(made), "here.yaml")
    assert again.provenance == made.provenance
    assert again.exchange.request == made.exchange.request
    assert again.exchange.response == made.exchange.response
    assert again.exchange.source.file == "here.yaml"


@given(sent=st.none() | st.binary() | st.text().map(str.encode), body=st.binary() | st.text().map(str.encode))
@example(sent="\0\r\n\x85\u2028\ufeff😀".encode(), body=b"\xff\xfe")
@example(sent=b"null", body=b"2026-11-23")
@example(sent=b"", body=b"")
def test_bodies_keep_every_byte(sent: bytes | None, body: bytes) -> None:
    again = parse(dump(cassette(sent=sent, body=body)), "here.yaml").exchange
    assert again.request.body == sent
    assert again.response.body == body


def test_a_stream_keeps_its_bytes_and_arrivals() -> None:
    made = cassette(body=STREAM, media_type="text/event-stream", arrivals=ARRIVALS)
    again = parse(dump(made), "here.yaml").exchange.response
    assert (again.body, again.arrivals, again.seconds) == (STREAM, ARRIVALS, 0.5)


def test_a_request_without_a_key_stays_without_one() -> None:
    made = exchange()
    bare = Exchange(
        type(made.request)(made.request.method, made.request.url, (), made.request.body, has_key=False),
        made.response,
        made.source,
    )
    assert parse(dump(Cassette(provenance(), bare)), "x").exchange.request.has_key is False
    assert parse(dump(cassette()), "x").exchange.request.has_key is True


@pytest.mark.parametrize("streamed", [False, True])
def test_plain_vcr_plays_a_cassette_to_any_client(streamed: bool, tmp_path: Path) -> None:
    made = (
        cassette(body=STREAM, media_type="text/event-stream", arrivals=ARRIVALS) if streamed else cassette()
    )
    path = tmp_path / "tokenize.plain.yaml"
    path.write_bytes(dump(made))
    request = made.exchange.request
    with vcr.use_cassette(str(path), record_mode="none") as played, httpx.Client() as client:  # type: ignore[attr-defined]
        answer = client.request(request.method, request.url, content=request.body)
        assert answer.status_code == 200
        assert answer.content == made.exchange.response.body
        assert played.play_count == 1
        with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException):
            client.get("http://localhost/v1/models")


def test_check_reads_a_golden_cassette(tmp_path: Path) -> None:
    path = tmp_path / "tokenize.plain.yaml"
    path.write_bytes(dump(cassette()))
    (found,) = parse_recording(path)
    assert isinstance(found, Exchange)
    assert found.request.url == "http://localhost/v1/tokenize"
    assert found.response.body == cassette().exchange.response.body


def test_a_text_body_is_readable_in_the_file() -> None:
    assert TEXT in dump(cassette()).decode()
    assert "!!binary" not in dump(cassette()).decode()


@pytest.mark.parametrize(
    "response",
    [Response(200, body=None), Response(200, body=b"{", failure=Failure(FailureKind.RESET, "cut"))],
    ids=["no body", "half a body"],
)
def test_an_incomplete_response_cannot_be_dumped(response: Response) -> None:
    made = exchange()
    with pytest.raises(CassetteError, match=r"tokenize\.plain: expected a complete response"):
        dump(Cassette(provenance(), Exchange(made.request, response, made.source)))


def without(key: str) -> bytes:
    raw = yaml.safe_load(dump(cassette()))
    del raw[key]
    return yaml.safe_dump(raw).encode()


@pytest.mark.parametrize(
    ("text", "received"),
    [
        (b"", "something else"),
        (b"[]", "something else"),
        (b"interactions: [", r"broken YAML \(line 2, column 1"),
        (b"\xff\xfe\xff", "broken YAML"),
        (without("conformance"), "missing required field `conformance`"),
        (without("interactions"), "missing required field `interactions`"),
        (dump(cassette()).replace(b"version: 1", b"version: 2"), "version"),
        (dump(cassette()).replace(b"origin: reference", b"origin: elsewhere"), "elsewhere"),
        (dump(cassette()).replace(b"code: 200", b"code: [1]"), "int"),
    ],
)
def test_an_invalid_cassette_is_reported_with_file_and_advice(text: bytes, received: str) -> None:
    with pytest.raises(CassetteError, match=f"^there.yaml: expected .*{received}.*") as error:
        parse(text, "there.yaml")
    assert re.search(r"; record it again|; read it with", str(error.value))


def test_a_later_format_is_rejected() -> None:
    text = dump(Cassette(provenance(format=2), exchange()))
    with pytest.raises(CassetteError, match="expected format 1, got 2"):
        parse(text, "there.yaml")


def test_a_truncated_cassette_is_invalid_or_unchanged() -> None:
    text = dump(cassette())
    for cut in random.Random(1).sample(range(len(text)), 60):
        try:
            found = parse(text[:cut], "cut.yaml")
        except CassetteError:
            continue
        assert found.exchange.response == cassette().exchange.response


def test_errors_do_not_quote_the_file() -> None:
    with pytest.raises(CassetteError) as error:
        parse(b"interactions:\n- request: 'a secret thing\n", "there.yaml")
    assert "secret" not in str(error.value)
