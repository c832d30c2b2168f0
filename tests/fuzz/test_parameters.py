"""Requests with one parameter changed: they are what they say, and a right server answers them rightly."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
from candidates import CONTRACT, LABELS, faulty, named, starts, tried

from cohere_conformance.contract.fields import typed
from cohere_conformance.fuzz.candidate import Expected
from cohere_conformance.fuzz.parameters import negative, positive
from cohere_conformance.fuzz.paths import NOBODY, harmless
from cohere_conformance.model import Kind
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from candidates import Tried

    from cohere_conformance.fuzz.candidate import Candidate

MODELS, BATCHES, UPLOAD = "GET /v1/models", "GET /v2/batches", "POST /v1/datasets"
DATASETS, DATASET = "GET /v1/datasets", "GET /v1/datasets/{id}"
SPEECH, TALK = "POST /v2/audio/transcriptions", "POST /v1/chat"
LIVE = (UPLOAD, DATASETS, DATASET, "DELETE /v1/datasets/{id}", "GET /v1/models/{model}", SPEECH, MODELS)


@lru_cache(maxsize=256)
def derived(label: str, profile: str = "contract") -> tuple[Candidate, ...]:
    """Return everything, and what several cases give alike once."""
    operation, found = CONTRACT.operations[label], {}
    for anchor in starts(label, profile):
        for one in (*positive(CONTRACT, operation, anchor), *negative(CONTRACT, operation, anchor)):
            found.setdefault((one.mode, one.location, one.rule and one.rule.keyword, one.says), one)
    return tuple(found.values())


def broken(candidate: Candidate) -> set[str]:
    """Return which rules of the declared query a request breaks."""
    declared = CONTRACT.operations[candidate.template.operation].query
    given = Counter(name for name, _ in candidate.template.query)
    found = {f"{name} required" for name, one in declared.items() if one.required and name not in given}
    found |= {f"{name} repeated" for name, one in declared.items() if given[name] > 1 and not one.repeated}
    for name, text in candidate.template.query:
        if name in declared and "${" not in text:
            schema = declared[name].value
            errors = schema.compiled.iter_errors(typed(text, schema.schema))
            found |= {f"{name} {error.kind.name}" for error in errors}
    return found


@pytest.fixture(scope="module")
def target() -> Iterator[Tried]:
    with tried() as running:
        yield running


# -- what is derived


@pytest.mark.parametrize("label", [label for label in LABELS if CONTRACT.operations[label].query])
def test_an_allowed_query_keeps_every_rule_and_a_wrong_one_breaks_the_one_that_it_names(label: str) -> None:
    operation = CONTRACT.operations[label]
    for anchor in starts(label):
        for candidate in positive(CONTRACT, operation, anchor):
            assert broken(candidate) == set(), candidate.name
            assert candidate.template != anchor.template
        for candidate in negative(CONTRACT, operation, anchor):
            if candidate.location.startswith("query:") and candidate.rule is not None:
                name = candidate.location.removeprefix("query:")
                assert broken(candidate) == {f"{name} {candidate.rule.keyword}"}, candidate.name


@pytest.mark.parametrize(
    ("label", "location", "says", "query", "expected"),
    [
        (MODELS, "query:endpoint", "'chat'", [("endpoint", "chat")], Expected.SERVED),
        (MODELS, "query:default_only", "true", [("default_only", "true")], Expected.EITHER),
        (MODELS, "query:page_size", "-1", [("page_size", "-1")], Expected.EITHER),
        (BATCHES, "query:order_by", "NUL", [("order_by", "a\0b")], Expected.EITHER),
        (DATASETS, "query:before", "2026-01-02T03:04:05+05:30", [("before", "2026-01-02T03:04:05+05:30")],
         Expected.EITHER),
        (DATASETS, "query:datasetType", "quotes and backslashes",
         [("datasetType", "\"'\\`</script>${x}%s")], Expected.EITHER),
        (MODELS, "query:endpoint", "'conformance-unknown'", [("endpoint", "conformance-unknown")],
         Expected.REFUSED),
        (BATCHES, "query:page_size", "2147483648", [("page_size", "2147483648")], Expected.REFUSED),
        (BATCHES, "query:page_size", "of type string", [("page_size", "conformance")], Expected.REFUSED),
        (DATASETS, "query:after", "'conformance-unknown'", [("after", "conformance-unknown")],
         Expected.REFUSED),
        (MODELS, "query:default_only", "'TRUE', which some readers take", [("default_only", "TRUE")],
         Expected.EITHER),
    ],
)  # fmt: skip
def test_a_parameter_of_the_query_is_sent_like_this(
    label: str, location: str, says: str, query: list[tuple[str, str]], expected: Expected
) -> None:
    found = named(derived(label), location, says)
    path = found.template.outgoing({}, name="tests").path
    assert parse_qsl(urlsplit(path).query, keep_blank_values=True) == query
    assert found.expected is expected


def test_a_list_is_repeated_and_a_required_parameter_is_left_out() -> None:
    found = derived(UPLOAD)
    several = named(found, "query:keep_fields", "given 50 times").template.query
    assert len([name for name, _ in several if name == "keep_fields"]) == 50
    for name in ("name", "type"):
        left = named(found, f"query:{name}", "left out")
        assert left.expected is Expected.REFUSED
        assert name not in dict(left.template.query)


def test_what_a_run_makes_keeps_the_beginning_of_its_name() -> None:
    names = {dict(one.template.query).get("name", "conformance-") for one in derived(UPLOAD)}
    assert len(names) > 10
    assert all(name.startswith("conformance-") for name in names)


def test_beside_the_token_of_a_walk_nothing_has_to_be_served() -> None:
    walks = [anchor for anchor in starts(MODELS) if "page_token" in dict(anchor.template.query)]
    for anchor in walks:
        beside = list(positive(CONTRACT, CONTRACT.operations[MODELS], anchor))
        assert {one.expected for one in beside if one.location == "query:endpoint"} == {Expected.EITHER}
    assert walks


@pytest.mark.parametrize("label", LABELS)
def test_a_header_fits_on_one_line_and_no_server_has_to_look_at_a_wrong_one(label: str) -> None:
    found = [one for one in derived(label) if one.location.startswith("header:")]
    for candidate in found:
        for _, text in candidate.template.headers:
            assert text == text.strip(), candidate.name
            assert not set(text) & set(map(chr, (*range(9), *range(10, 32), 127))), candidate.name
    assert Expected.REFUSED not in {one.expected for one in found}
    assert bool(found) == (label not in {MODELS, SPEECH})


def test_a_listed_header_has_to_be_served() -> None:
    found = named(derived(TALK), "header:accepts", "'text/event-stream'")
    assert found.expected is Expected.SERVED
    assert ("accepts", "text/event-stream") in found.template.headers


@pytest.mark.parametrize("label", LABELS)
def test_only_who_reads_asks_for_ids_that_could_be_somebodys(label: str) -> None:
    own = {text for anchor in starts(label) for text in anchor.template.path.values()}
    asked = {text for one in derived(label) for text in one.template.path.values()} - own
    assert bool(asked) == ("{" in label)
    if not harmless(label):
        assert all(text.startswith(NOBODY) for text in asked)
        assert not any(".." in text for text in asked)


def test_a_form_lacks_a_part_or_has_one_too_many() -> None:
    found = derived(SPEECH)
    for name in ("model", "language", "file"):
        left = named(found, f"form:{name}", "left out")
        assert [part.name for part in left.template.form if part.name == name] == []
        assert left.expected is Expected.REFUSED
    added = named(found, "form:conformance-unknown", "a part that is not declared")
    assert added.expected is Expected.REFUSED
    assert len(added.template.form) == 4
    loose = named(derived(UPLOAD), "form:conformance-unknown", "a part that is not declared")
    assert loose.expected is Expected.EITHER, "version 1 ignores what it does not know"


@pytest.mark.parametrize(
    ("says", "sent"),
    [
        ("an empty file", b'name="file"; filename="silence.flac"\r\nContent-Type: audio/flac\r\n\r\n\r\n--'),
        ("without the name of a file", b'name="file"\r\n'),
        ("of the media type application/x-conformance", b"Content-Type: application/x-conformance\r\n"),
        ("with a file name without an ending", b'filename="conformance"'),
    ],
)
def test_a_file_is_sent_like_this(says: str, sent: bytes) -> None:
    outgoing = named(derived(SPEECH), "form:file", says).template.outgoing({}, name="tests")
    assert sent in (outgoing.body or b"")


# -- what is answered


@pytest.mark.parametrize("label", LABELS)
def test_a_right_server_answers_rightly(label: str, target: Tried) -> None:
    candidates = derived(label)
    assert candidates
    assert target.findings(candidates) == []


def test_so_does_one_of_today() -> None:
    with tried(Profile.LIVE_2026) as target:
        for label in LIVE:
            candidates = derived(label, "live-2026")
            assert candidates
            assert target.findings(candidates) == []


@pytest.mark.parametrize(
    ("fault", "label", "location", "kind"),
    [
        ("datasets.unknown-200", DATASET, "path:id", Kind.RULE_UNENFORCED),
        ("validation.crash", MODELS, "query:page_size", Kind.SERVER_ERROR),
        ("validation.ignored", DATASETS, "query:validationStatus", Kind.RULE_UNENFORCED),
        ("validation.unknown-swallowed", SPEECH, "form:conformance-unknown", Kind.RULE_UNENFORCED),
        ("input.query-ignored", MODELS, "query:endpoint", Kind.RULE_UNENFORCED),
        ("input.negative-page-crash", BATCHES, "query:page_size", Kind.SERVER_ERROR),
        ("input.unknown-query-crash", MODELS, "query:conformance-unknown", Kind.SERVER_ERROR),
        ("input.unknown-part-crash", UPLOAD, "form:conformance-unknown", Kind.SERVER_ERROR),
        ("input.client-name-crash", DATASETS, "header:x-client-name", Kind.SERVER_ERROR),
        ("input.long-id-crash", DATASET, "path:id", Kind.SERVER_ERROR),
        ("input.encoded-path-crash", DATASET, "path:id", Kind.SERVER_ERROR),
    ],
)
def test_a_wrong_one_is_found_out(fault: str, label: str, location: str, kind: Kind, target: Tried) -> None:
    candidates = [one for one in derived(label) if one.location == location]
    target.prepare(candidates)
    with faulty(target, fault):
        found = target.findings(candidates)
    assert {finding.kind for _, finding in found} == {kind}
    assert {(finding.operation, finding.location) for _, finding in found} == {(label, location)}
