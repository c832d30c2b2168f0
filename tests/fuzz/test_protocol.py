"""Requests that are odd below the contract: what is sent, to whom nothing happens, what is answered."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import pytest
from candidates import CONTRACT, LABELS, faulty, named, starts, tried

from cohere_conformance.cases import Credential, RequestTemplate
from cohere_conformance.fuzz.candidate import Expected, GenerationMode
from cohere_conformance.fuzz.paths import NOBODY, harmless
from cohere_conformance.fuzz.protocol import protocol
from cohere_conformance.model import Kind
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from candidates import Tried

    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.fuzz.candidate import Candidate

RERANK, UPLOAD, DATASETS = "POST /v2/rerank", "POST /v1/datasets", "GET /v1/datasets"
DATASET, DELETE, CHECK = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}", "POST /v1/check-api-key"
MODEL, PATCH, USAGE = "GET /v1/models/{model}", "PATCH /v1/connectors/{id}", "GET /v1/datasets/usage"
CANCEL, SPEECH = "POST /v2/batches/{id}:cancel", "POST /v2/audio/transcriptions"
LIVE = (RERANK, UPLOAD, DATASETS, DATASET, DELETE, CHECK, MODEL, SPEECH, "POST /v1/embed")
LOOKING = {"GET", "HEAD", "OPTIONS"}
GONE = "conformance-nobody"


@lru_cache(maxsize=256)
def derived(label: str, profile: str = "contract", *, hosted: bool = False) -> tuple[Candidate, ...]:
    first = starts(label, profile)[0]
    return tuple(protocol(CONTRACT, CONTRACT.operations[label], first, hosted=hosted))


def method_of(candidate: Candidate) -> str:
    return candidate.template.method or candidate.template.operation.split(" ", 1)[0]


def outgoing(candidate: Candidate) -> Outgoing:
    return candidate.template.outgoing({}, name="tests", key=candidate.key)


def stripped(template: RequestTemplate) -> RequestTemplate:
    return msgspec.structs.replace(template, query=(), body=msgspec.UNSET, text=None, form=())


@pytest.fixture(scope="module")
def target() -> Iterator[Tried]:
    with tried() as running:
        yield running


# -- what is sent


@pytest.mark.parametrize("label", LABELS)
def test_each_has_a_name_of_its_own_and_is_served_by_nobodys_duty(label: str) -> None:
    found = derived(label)
    assert len({(one.location, one.rule and one.rule.keyword, one.says) for one in found}) == len(found) > 50
    assert {one.mode for one in found} == {GenerationMode.PROTOCOL}
    ordinary = {one.says for one in found if one.expected is Expected.SERVED}
    assert ordinary <= {
        "a key with bearer in small letters",
        "said to be application/json; charset=utf-8",
        "with 200 kB of blanks between its parts",
    }


@pytest.mark.parametrize(
    ("label", "location", "says", "sent"),
    [
        (RERANK, "target", "the path with a slash at its end", "POST /v2/rerank/"),
        (RERANK, "target", "the path with two slashes at its beginning", "POST //v2/rerank"),
        (RERANK, "target", "the path with two slashes inside", "POST /v2//rerank"),
        (RERANK, "target", "the path with an encoded slash", "POST /v2%2Frerank"),
        (RERANK, "target", "the path with an encoded letter", "POST /%762/rerank"),
        (RERANK, "target", "the path with its version in capitals", "POST /V2/rerank"),
        (RERANK, "target", "the path with a segment that leads back", "POST /conformance/../v2/rerank"),
        (RERANK, "target", "an unknown path below the operation's", "POST /v2/rerank/conformance/unknown"),
        (RERANK, "query:", "half an escape", "POST /v2/rerank?%"),
        (RERANK, "method", "PATCH", "PATCH /v2/rerank"),
        (MODEL, "target", "the path with an ending", "GET /v1/models/command-a-03-2025.json"),
        (MODEL, "method", "HEAD", "HEAD /v1/models/command-a-03-2025"),
        (MODEL, "method", "DELETE", f"DELETE /v1/models/{GONE}"),
        (CANCEL, "target", "the path with NUL at its end", f"POST /v2/batches/{GONE}:cancel%00"),
        (UPLOAD, "query:type", "with nothing after the equals sign",
         "POST /v1/datasets?name=conformance-plain-u&type="),
    ],
)  # fmt: skip
def test_a_path_is_sent_byte_for_byte(label: str, location: str, says: str, sent: str) -> None:
    found = named(derived(label), location, says)
    values = {"unique": "u", "batches.running.id": "b"}
    written = found.template.outgoing(values, name="tests", key=found.key)
    assert f"{written.method} {written.path}" == sent


def test_the_value_of_a_placeholder_is_encoded_where_the_path_around_it_is_not() -> None:
    template = RequestTemplate(DATASET, target="/v1//datasets/${a.id}?%", query=(("b", "${a.id}"),))
    assert template.outgoing({"a.id": "x/y"}, name="tests").path == "/v1//datasets/x%2Fy?%&b=x%2Fy"


@pytest.mark.parametrize(
    ("location", "says", "body", "types"),
    [
        ("/", "an empty body", b"", ["application/json"]),
        ("/", "null", b"null", ["application/json"]),
        ("/", "not said to be anything", None, []),
        ("/", "said to be application/xml", None, ["application/xml"]),
        ("header:content-type", "two content types", None, ["text/plain", "application/json"]),
        ("/", "bytes of no kind", bytes(range(256)), ["application/json"]),
    ],
)
def test_a_body_is_sent_like_this(location: str, says: str, body: bytes | None, types: list[str]) -> None:
    written = outgoing(named(derived(RERANK), location, says))
    assert [value for name, value in written.headers if name == "content-type"] == types
    if body is None:
        sent, plain = msgspec.json.decode(written.body or b""), starts(RERANK)[0].template.body
        assert sent == plain
    else:
        assert written.body == body


@pytest.mark.parametrize("label", [RERANK, "POST /v1/chat", PATCH, "POST /v2/batches"])
def test_what_has_to_be_refused_for_its_syntax_is_no_json(label: str) -> None:
    found = [one for one in derived(label) if one.rule is not None and one.rule.keyword == "syntax"]
    assert len(found) == 8
    for candidate in found:
        text = candidate.template.text
        assert isinstance(text, str)
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(text.encode())
        assert candidate.statuses[0] == 400


@pytest.mark.parametrize("label", LABELS)
def test_a_call_without_credentials_that_could_harm_is_for_nobodys_things(label: str) -> None:
    found = [one for one in derived(label) if one.location == "header:authorization" and one.rule]
    assert len({one.key for one in found}) == 4
    for candidate in found:
        assert candidate.key is not Credential.VALID
        assert candidate.expected is Expected.REFUSED
        assert 401 in candidate.statuses
        if not harmless(label):
            assert candidate.template == stripped(candidate.template)
            assert set(candidate.template.path.values()) <= {NOBODY}


# -- to whom nothing happens


@pytest.mark.parametrize("label", LABELS)
def test_at_a_service_nothing_is_made_or_changed_or_destroyed(label: str) -> None:
    found = derived(label, hosted=True)
    declared = label.split(" ", 1)[0]
    assert found
    for candidate in found:
        assert "x-http-method-override" not in dict(candidate.template.headers)
        refused = candidate.key is not Credential.VALID and candidate.expected is Expected.REFUSED
        if not refused:
            assert method_of(candidate) in (LOOKING | {declared} if harmless(label) else LOOKING)
    methods = {method_of(one) for one in found} - {declared}
    assert methods <= LOOKING


@pytest.mark.parametrize("label", LABELS)
def test_what_destroys_or_changes_is_only_for_nobodys_things_or_the_cases_own(label: str) -> None:
    own = starts(label)[0].template.path
    for candidate in derived(label):
        if harmless(label) and method_of(candidate) in {"GET", "HEAD", "OPTIONS", "POST"}:
            continue
        assert all(text in {NOBODY, own[name]} for name, text in candidate.template.path.items())
        assert ".." not in candidate.template.target
        if candidate.template.target and own:
            assert NOBODY in candidate.template.target
    if label == USAGE:
        assert "DELETE" not in {method_of(one) for one in derived(label)}, "usage could be an id"


def test_a_method_is_left_out_that_another_operation_of_the_path_declares() -> None:
    assert {method_of(one) for one in derived(DATASET) if one.location == "method"} == {
        "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "TRACE",
    }  # fmt: skip
    assert "GET" not in {method_of(one) for one in derived(CANCEL)}, "a batch may be called x:cancel"


# -- what is answered


@pytest.mark.parametrize("label", LABELS)
def test_a_right_server_answers_rightly(label: str, target: Tried) -> None:
    assert target.findings(derived(label)) == []


@pytest.mark.parametrize(
    ("says", "status"),
    [
        ("the path with an encoded letter", 200),
        ("the path with an encoded slash", 200),
        ("the path with two slashes inside", 404),
    ],
)
def test_it_takes_an_encoded_path_for_the_decoded_one(says: str, status: int, target: Tried) -> None:
    assert target.answer(named(derived(MODEL), "target", says)).response.status == status


def test_so_does_one_of_today() -> None:
    with tried(Profile.LIVE_2026) as target:
        for label in LIVE:
            assert target.findings(derived(label, "live-2026")) == []


@pytest.mark.parametrize(
    ("fault", "label", "location", "kind"),
    [
        ("auth.ignored", CHECK, "header:authorization", Kind.RULE_UNENFORCED),
        ("auth.any-scheme", CHECK, "header:authorization", Kind.RULE_UNENFORCED),
        ("auth.forbidden", CHECK, "header:authorization", Kind.STATUS_UNEXPECTED),
        ("paths.catch-all", RERANK, "target", Kind.RULE_UNENFORCED),
        ("paths.catch-all", RERANK, "method", Kind.RULE_UNENFORCED),
        ("validation.syntax-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.method-crash", RERANK, "method", Kind.SERVER_ERROR),
        ("input.encoded-path-crash", RERANK, "target", Kind.SERVER_ERROR),
        ("input.media-type-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.charset-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.no-body-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.no-object-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.deep-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.repeated-key-crash", RERANK, "/", Kind.SERVER_ERROR),
        ("input.empty-form-crash", UPLOAD, "header:content-type", Kind.SERVER_ERROR),
    ],
)
def test_a_wrong_one_is_found_out(fault: str, label: str, location: str, kind: Kind, target: Tried) -> None:
    candidates = [one for one in derived(label) if one.location == location]
    with faulty(target, fault):
        found = target.findings(candidates)
    assert {finding.kind for _, finding in found} == {kind}
