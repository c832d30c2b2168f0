"""Whatever the bytes are: `read` hands over values, never an exception, and keeps what was whole."""

import gzip
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import RecordingNote, parse_recording

ONE = {
    "request": {
        "method": "POST",
        "uri": "https://h/x",
        "url": "https://h/x",
        "body": "a",
        "headers": {"a": ["1"]},
    },
    "response": {"status": {"code": 200}, "headers": {"b": ["2"]}, "body": {"string": "Grüße"}},
}
ARCHIVED = {
    "request": {
        "method": "POST",
        "url": "https://h/x",
        "headers": [{"name": "a", "value": "1"}],
        "postData": {"text": "a"},
    },
    "response": {"status": 200, "headers": [], "content": {"text": "Grüße", "mimeType": "a/b"}},
}
ROW = {"method": "POST", "url": "https://h/x", "status": 200, "response_body": {"a": [1, "Grüße"]}}
YAML = """\
- request:
    method: POST
    uri: 'https://h/x'
    body: !!binary "YWJj"
    headers: {a: ['1']}
  response:
    body: {string: "Gr\\xfc\\xdfe"}
    headers: {}
    status: {code: 200}
"""
SAMPLES = {
    "yaml": ("interactions:\n" + YAML * 3).encode(),
    "json": json.dumps({"version": 1, "interactions": [ONE] * 3}, ensure_ascii=False).encode(),
    "har": json.dumps({"log": {"version": "1.2", "entries": [ARCHIVED] * 3}}, ensure_ascii=False).encode(),
    "lines": (json.dumps(ROW, ensure_ascii=False) + "\n").encode() * 3,
}


def everything(path: Path, content: bytes) -> list[Exchange | TrafficError]:
    path.write_bytes(content)
    found = list(parse_recording(str(path)))
    assert all(isinstance(item, Exchange | TrafficError | RecordingNote) for item in found)
    return [item for item in found if not isinstance(item, RecordingNote)]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_anywhere_gives_the_complete_exchanges_before(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x"
    whole = everything(path, SAMPLES[name])
    assert [type(item) for item in whole] == [Exchange] * 3
    seen = 0
    for size in range(len(SAMPLES[name])):
        found = everything(path, SAMPLES[name][:size])
        exchanges = [item for item in found if isinstance(item, Exchange)]
        errors = [item for item in found if isinstance(item, TrafficError)]
        # Nothing that is whole gets lost by what follows, and nothing half is passed for whole.
        assert exchanges == whole[: len(exchanges)]
        assert len(exchanges) >= seen
        assert len(errors) <= 1
        assert found[-1:] == errors or not errors
        seen = len(exchanges)
    assert seen >= 2


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cut_compressed_file_gives_what_can_be_decompressed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.gz"
    packed = gzip.compress(SAMPLES[name] + b"\n" * 100_000, mtime=0)
    # Stored without compression, so that most of the content lies before the cut.
    stored = gzip.compress(SAMPLES[name], compresslevel=0, mtime=0)
    *found, error = everything(path, stored[:-8])
    assert [type(item) for item in found] == [Exchange] * 3
    assert isinstance(error, TrafficError)
    assert error.where == f"byte {len(SAMPLES[name])}"
    assert error.reason == "the compressed file ends too early"
    (error,) = everything(path, packed[:12])
    assert str(error).endswith("the compressed file ends too early")
    assert isinstance(everything(path, stored[:40] + b"\xff" * 40)[-1], TrafficError)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    edits=st.lists(
        st.tuples(st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 6)), min_size=1, max_size=4
    ),
)
def test_damaged_bytes_never_raise(tmp_path: Path, name: str, edits: list[tuple[int, bytes, int]]) -> None:
    content = SAMPLES[name]
    for location, new, length in edits:
        start = location % len(content)
        content = content[:start] + new + content[start + length :] or b"x"
    everything(tmp_path / "x", content)


@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=st.binary(max_size=60),
    start=st.sampled_from([b"", b"{", b"interactions:\n- ", b"\x1f\x8b", b'{"log":{"entries":[']),
)
def test_any_bytes_never_raise(tmp_path: Path, content: bytes, start: bytes) -> None:
    everything(tmp_path / "x", start + content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "name value code string base64_string encoding body parsed_body text size params content "
                "headers status".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=JSON, response=JSON, when=JSON)
def test_any_shape_never_raises(tmp_path: Path, request: object, response: object, when: object) -> None:
    for part in (request, response):
        if isinstance(part, dict):
            part |= {"method": "GET", "url": "https://h/x"}
    row = {"request": request, "response": response, "recorded_at": when, "startedDateTime": when}
    flat = {
        "method": "GET",
        "url": "u",
        "status": 200,
        "request_headers": request,
        "response_body": response,
        "recorded_at": when,
    }
    for content in (
        json.dumps(row) + "\n" + json.dumps(flat | {"streaming": True}),
        json.dumps({"version": 1, "interactions": [row]}),
        "interactions:\n- " + json.dumps(row),
        json.dumps({"log": {"entries": [row]}}),
    ):
        everything(tmp_path / "x", content.encode())


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_read_can_be_sent_to_another_process(tmp_path: Path, name: str) -> None:
    found = everything(tmp_path / "x", SAMPLES[name] + b"}")
    assert [str(item) for item in pickle.loads(pickle.dumps(found))] == [str(item) for item in found]
