"""Written cases: each mistake is reported with its line, and each request is sent byte for byte."""

from __future__ import annotations

import base64
import io
import json
import pickle
import re
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from python_multipart.multipart import parse_options_header

from cohere_conformance.cases import Credential, Skip, Suite, load_suite, shipped_suite
from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.errors import CaseError, UsageError

if TYPE_CHECKING:
    from cohere_conformance.cases import Case
    from cohere_conformance.contract import Contract

ROOT = Path(__file__).parent.parent
POLICIES = shipped_policies()
VALUES = {"run": "r1", "unique": "u1"}

HEAD = """\
group: rerank
cases:
  - id: rerank.one
    about: One.
    operation: POST /v2/rerank
    body: {query: fruit}
"""
GOOD = HEAD + "    expect: {status: 200}\n"
OPEN = HEAD + "    expect:\n      status: 200\n"
FORM = GOOD.replace("body: {query: fruit}", "form:\n      - {name: a, value: x}\n      - MORE")


def load(home: Path, contract: Contract, **files: str) -> Suite:
    """Return the suite of these files, by their groups; an underscore is a hyphen."""
    for group, text in files.items():
        path = home / "suites" / group.replace("_", "-") / "cases.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_suite(home / "suites", contract, POLICIES)


def one(home: Path, contract: Contract, lines: str) -> Case:
    """Return a case that has these lines beside its names and its expectation."""
    text = f"group: models\ncases:\n  - id: models.one\n    about: One.\n    expect: {{status: 200}}\n{lines}"
    return load(home, contract, models=text).cases[0]


@pytest.fixture(scope="module")
def shipped() -> Suite:
    return shipped_suite()


# -- what is shipped


def test_the_example_of_the_readme_is_a_suite(tmp_path: Path, amended: Contract) -> None:
    written = re.findall(r"```yaml\n(.*?)```", (ROOT / "suites" / "README.md").read_text("utf-8"), re.DOTALL)
    suite = load(tmp_path, amended, datasets=written[0])
    assert list(suite.resources) == ["datasets.reviews"]
    assert [case.id for case in suite.cases] == ["datasets.get.reviews"]


def test_shipped_cases_that_succeed_send_what_the_contract_accepts(shipped: Suite, amended: Contract) -> None:
    for case in shipped.cases:
        request = amended.operations[case.operation].request
        if case.template.body is msgspec.UNSET or request is None:
            continue
        # Where a refusal is expected too, nobody knows whether the body is accepted.
        if any(status >= 300 for status in case.expect.status):
            continue
        errors = list(request.media["application/json"].compiled.iter_errors(case.template.body))
        # A field too many is what a case that waits for the warning is about.
        warned = case.expect.headers.get("x-api-warning") not in (None, False)
        faults = {error.kind.name for error in errors} - ({"additionalProperties"} if warned else set())
        assert faults == set(), f"{case.file}:{case.line}: {[error.message for error in errors]}"


def test_shipped_cases_can_be_sent(shipped: Suite, amended: Contract) -> None:
    captured = {
        f"{resource.name}.{name}": "1"
        for resource in shipped.resources.values()
        for name in {**resource.capture, **(resource.wait.capture if resource.wait else {})}
    }
    for case in shipped.cases:
        sent = case.outgoing(VALUES | captured, "Bearer trial")
        assert amended.route(sent.method, f"http://localhost{sent.path}").operation == case.operation, case.id
        assert sent.has_key is (case.key in {Credential.VALID, Credential.LOWER_CASE, Credential.SPACED})


def test_both_versions_of_rerank_have_cases(shipped: Suite) -> None:
    labels = [case.operation for case in shipped.cases if case.group == "rerank"]
    assert {label: labels.count(label) >= 6 for label in labels} == {
        "POST /v1/rerank": True,
        "POST /v2/rerank": True,
    }


# -- mistakes: the error must name the line with the mark


MISTAKES = {
    "not YAML": ("group: rerank\ncases: [\n  }  #!\n", "expected YAML"),
    "a key twice": ("group: rerank\ngroup: rerank  #!\ncases: []\n", "expected unique keys"),
    "a list at the top": ("- a  #!\n", "expected a mapping at the top, found list"),
    "nothing": ("#!\n", "expected a mapping at the top"),
    "group unknown": ("group: reranc  #!\ncases: []\n", "'reranc'; did you mean rerank?"),
    "group of another folder": ("group: chat  #!\ncases: []\n", "expected rerank, the name of its folder"),
    "key unknown at the top": ("group: rerank\ncasse: []  #!\ncases: []\n", "'casse'; did you mean cases?"),
    "key unknown in a case": (
        HEAD + "    expct: {status: 200}  #!\n",
        "case rerank.one: expected a key, got 'expct'; did you mean expect?",
    ),
    "key unknown in an expectation": (
        OPEN + "      header: {}  #!\n",
        "'header'; did you mean headers?",
    ),
    "key unknown in a profile": (
        GOOD + "    profiles:\n      contract:\n        skipp: x  #!\n",
        "'skipp'; did you mean skip?",
    ),
    "key missing": (
        "group: rerank\ncases:\n  - id: rerank.one  #!\n    about: One.\n    operation: POST /v2/rerank\n",
        "case rerank.one: expected the key expect, got only id, about, operation; add expect",
    ),
    "a type": (HEAD + "    expect: {status: ok}  #!\n", "expected int | array, got str"),
    "a type below a free key": (
        OPEN + "      body:\n        /id: {}\n        /results: 3  #!\n",
        "expected bool | object, got int",
    ),
    "a type in a list": (GOOD + "    needs:\n      - a\n      - 5  #!\n", "expected str"),
    "a key that is a number": (GOOD + "    query: {1: x}  #!\n", "expected str, got int"),
    "a body's key that is a number": (
        GOOD.replace("{query: fruit}", "\n      query: fruit\n      1: x  #!"),
        "expected a text as property name, got 1",
    ),
    "a number that is none": (
        GOOD.replace("fruit}", "fruit,\n      top_n: .inf}  #!"),
        "expected a JSON number, got inf",
    ),
    "operation unknown": (
        GOOD.replace("/v2/rerank", "/v2/rerannk  #!"),
        "expected an operation, got 'POST /v2/rerannk'; did you mean POST /v2/rerank?",
    ),
    "id of another group": (
        GOOD.replace("rerank.one", "chat.one  #!"),
        "expected an id such as rerank.v2.plain",
    ),
    "id malformed": (GOOD.replace("rerank.one", "rerank.One  #!"), "lower-case letters"),
    "id twice": (
        GOOD + "  - {id: rerank.one, about: Two., operation: POST /v2/rerank, expect: {status: 200}}  #!\n",
        "expected an id of its own, got that of",
    ),
    "key of nobody": (GOOD + "    key: vaild  #!\n", "'vaild'; did you mean valid?"),
    "tier unknown": (GOOD + "    tier: N9  #!\n    tier-reason: x\n", "expected a tier, got 'N9'"),
    "tier as usual": (
        GOOD + "    tier: cheap-compute  #!\n    tier-reason: x\n",
        "expected a tier other than",
    ),
    "tier without a reason": (GOOD + "    tier: free-read  #!\n", "add tier-reason"),
    "a reason without a tier": (GOOD + "    tier-reason: x  #!\n", "add tier"),
    "two bodies": (GOOD + "    text: x  #!\n", "expected one body, got body and text"),
    "a type beside no text": (
        GOOD + "    content-type: text/plain  #!\n",
        "expected text together with content-type",
    ),
    "a parameter too many": (
        GOOD + "    path:\n      id: x  #!\n",
        "expected a parameter of POST /v2/rerank",
    ),
    "a parameter missing": (
        GOOD.replace("POST /v2/rerank", "GET /v1/models/{model}  #!"),
        "expected the parameter model of GET /v1/models/{model}, got none",
    ),
    "a header of two lines": (GOOD + '    headers:\n      x-a: "a\\nb"  #!\n', "of one line"),
    "a header of the key's": (
        GOOD + "    headers:\n      Authorization: x  #!\n",
        "expected the property key",
    ),
    "a resource unknown": (
        GOOD + "    needs:\n      - small  #!\n",
        "expected the name of a resource, got 'rerank.small'",
    ),
    "a placeholder unknown": (
        GOOD.replace("fruit}", "fruit,\n      model: '${uniqe}'}  #!"),
        "expected a placeholder, got 'uniqe'; did you mean unique?",
    ),
    "a placeholder without an end": (GOOD.replace("fruit}", "'${unique'}  #!"), "close the brace"),
    "a status that is none": (
        HEAD + "    expect:\n      status: [200, 600]  #!\n",
        "expected statuses between 100 and 599, got 200, 600",
    ),
    "no status": (HEAD + "    expect:\n      status: []  #!\n", "got none"),
    "a header in capitals": (
        OPEN + "      headers: {X-Api-Warning: false}  #!\n",
        "write x-api-warning",
    ),
    "a place malformed": (
        OPEN + "      body:\n        results: {}  #!\n",
        "expected a place such as /results/*/index",
    ),
    "a tilde in a place": (
        OPEN + "      body:\n        /a~2: {}  #!\n",
        "expected ~0 or ~1 after a tilde",
    ),
    "an event of no stream": (
        OPEN + "      body: {<message-end>/id: false}  #!\n",
        "expected an event of POST /v2/rerank, got 'message-end'",
    ),
    "a schema that is none": (
        OPEN + "      body:\n        /id:\n          type: strng  #!\n",
        "expected a JSON Schema",
    ),
    "a pattern that is none": (
        OPEN + "      headers:\n        a: {pattern: '('}  #!\n",
        "expected a JSON Schema",
    ),
    "a keyword unknown": (
        OPEN + "      body:\n        /id:\n          not: {patern: x}  #!\n",
        "expected a keyword of JSON Schema, got 'patern'; did you mean pattern?",
    ),
    "a format unknown": (
        OPEN + "      body:\n        /id: {format: uid}  #!\n",
        "expected a format, got 'uid'; did you mean uuid?",
    ),
    "a reference": (
        OPEN + "      body:\n        /id: {$ref: 'http://localhost/x'}  #!\n",
        "expected a keyword of JSON Schema",
    ),
    "a profile unknown": (
        GOOD + "    profiles:\n      live:  #!\n        skip: x\n",
        "expected a profile, got 'live'",
    ),
    "a profile that says nothing": (GOOD + "    profiles:\n      contract: {}  #!\n", "got neither"),
    "a form of nothing": (GOOD.replace("body: {query: fruit}", "form: []  #!"), "expected at least one part"),
    "a part with two contents": (
        FORM.replace("MORE", "{name: a, value: x, text: y}  #!"),
        "got value and text",
    ),
    "base64 that is none": (
        FORM.replace("MORE", "name: a\n        base64: abc  #!"),
        "expected base64",
    ),
    "a file instead of a field": (
        FORM.replace("MORE", "name: a\n        value: x  #!\n        filename: y"),
        "write text instead of value",
    ),
}


@pytest.mark.parametrize(("text", "reason"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_its_line(
    tmp_path: Path, amended: Contract, text: str, reason: str
) -> None:
    with pytest.raises(CaseError) as caught:
        load(tmp_path, amended, rerank=text)
    error = caught.value
    assert reason in error.reason
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "#!" in line)
    assert str(error).startswith(f"{tmp_path / 'suites' / 'rerank' / 'cases.yaml'}:{line}: ")


RESOURCE = """\
group: datasets
resources:
  small:
    about: A small one.
    create: {operation: POST /v1/datasets, query: {name: 'x-${unique}', type: embed-input}}
    capture: {id: /id}
    wait:
      send: {operation: 'GET /v1/datasets/{id}', path: {id: '${small.id}'}}
      until: {/dataset/validation_status: {const: validated}}
      capture: {parts: /dataset/dataset_parts/0/name}
    remove: {operation: 'DELETE /v1/datasets/{id}', path: {id: '${small.id}'}}
cases: []
"""

RESOURCE_MISTAKES = {
    "its own capture before it is there": (
        RESOURCE.replace("'x-${unique}', type: embed-input}}", "'${small.id}'}}  #!"),
        "resource small: expected a value that is known here, got ${small.id}",
    ),
    "the wait's capture while it waits": (
        RESOURCE.replace("small.id}'}}\n      until", "small.parts}'}}  #!\n      until"),
        "or use it after it was captured",
    ),
    "a capture of many": (
        RESOURCE.replace("{id: /id}", "{id: '/*/id'}  #!"),
        "expected a location of one value",
    ),
    "a capture twice": (
        RESOURCE.replace("{parts:", "{id:").replace("/name}", "/name}  #!"),
        "which is captured already",
    ),
    "a capture nobody has": (
        RESOURCE.replace("small.id}'}}\ncases", "small.di}'}}  #!\ncases"),
        "expected a placeholder, got 'small.di'",
    ),
    "a key unknown": (
        RESOURCE.replace("until:", "untl:", 1).replace("validated}}", "validated}}  #!"),
        "'untl'; did you mean until?",
    ),
    "the wait's capture when it is removed": (
        RESOURCE.replace("small.id}'}}\ncases", "small.parts}'}}  #!\ncases"),
        "or use it after it was captured",
    ),
    "a capture twice when it is removed": (
        RESOURCE.replace("small.id}'}}\ncases", "small.id}'}, capture: {parts: /a}}  #!\ncases"),
        "which is captured already",
    ),
    "a time that nobody has captured": (
        RESOURCE.replace("small.id}'}}\ncases", "small.id}'}, since: {began: /a}}  #!\ncases"),
        "expected the name of a captured time, got began",
    ),
    "a capture before the request that captures it": (
        RESOURCE.replace(
            "    remove: {operation: 'DELETE /v1/datasets/{id}', path: {id: '${small.id}'}}",
            "    remove:\n"
            "      - {operation: 'DELETE /v1/datasets/{id}', path: {id: '${small.a}'}}  #!\n"
            "      - {operation: 'GET /v1/datasets/{id}', path: {id: '${small.id}'}, capture: {a: /b}}",
        ),
        "expected a placeholder, got 'small.a'; did you mean datasets.small.id?",
    ),
    "a status that is none when it is removed": (
        RESOURCE.replace("small.id}'}}\ncases", "small.id}'}, status: 20}  #!\ncases"),
        "expected statuses between 100 and 599, got 20",
    ),
    "no time when it is removed": (
        RESOURCE.replace("small.id}'}}\ncases", "small.id}'}, seconds: 0}  #!\ncases"),
        "above 0",
    ),
    "a key unknown when it is removed": (
        RESOURCE.replace("small.id}'}}\ncases", "small.id}'}, untl: {}}  #!\ncases"),
        "'untl'; did you mean until?",
    ),
    "no time": (RESOURCE.replace("      capture:", "      seconds: 0  #!\n      capture:"), "above 0"),
    "a name in capitals": (RESOURCE.replace("  small:", "  Small:  #!"), "expected lower-case letters"),
    "a circle": (
        RESOURCE.replace("  small:\n", "  small:  #!\n    needs: [small]\n"),
        "datasets.small -> datasets.small",
    ),
}


@pytest.mark.parametrize(("text", "reason"), RESOURCE_MISTAKES.values(), ids=RESOURCE_MISTAKES)
def test_a_mistake_in_a_resource_is_reported(
    tmp_path: Path, amended: Contract, text: str, reason: str
) -> None:
    with pytest.raises(CaseError) as caught:
        load(tmp_path, amended, datasets=text)
    assert reason in caught.value.reason
    assert caught.value.line == next(n for n, line in enumerate(text.splitlines(), 1) if "#!" in line)


def test_a_cycle_over_files_is_reported(tmp_path: Path, amended: Contract) -> None:
    small = RESOURCE.replace("    about", "    needs: [embed-jobs.job]\n    about", 1)
    job = """\
group: embed-jobs
resources:
  job:
    about: A job.
    needs: [datasets.small]
    create: {operation: POST /v1/embed-jobs, body: {dataset_id: '${datasets.small.id}'}}
cases: []
"""
    with pytest.raises(CaseError, match="circle") as caught:
        load(tmp_path, amended, datasets=small, embed_jobs=job)
    assert "datasets.small" in caught.value.reason
    assert "embed-jobs.job" in caught.value.reason


def test_a_folder_without_cases_is_reported(tmp_path: Path, amended: Contract) -> None:
    with pytest.raises(CaseError, match=r"expected <group>/cases\.yaml below it"):
        load_suite(tmp_path, amended, POLICIES)


def test_a_path_below_the_current_folder_is_relative(
    tmp_path: Path, amended: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaseError, match=r"^suites/rerank/cases\.yaml:1: "):
        load(tmp_path, amended, rerank="group: x\ncases: []\n")


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(CaseError("a.yaml", 3, "expected this")))
    assert (str(error), error.line) == ("a.yaml:3: expected this", 3)


# -- what is meant


def test_resources_are_found_with_what_they_need(tmp_path: Path, amended: Contract) -> None:
    jobs = """\
group: embed-jobs
resources:
  job:
    about: A job.
    needs: [datasets.small]
    create: {operation: POST /v1/embed-jobs, body: {dataset_id: '${datasets.small.id}'}}
    capture: {id: /job_id}
cases:
  - id: embed-jobs.get
    about: A job is found.
    operation: GET /v1/embed-jobs/{id}
    path: {id: '${job.id}'}
    needs: [job]
    expect: {status: 200, body: {/job_id: {const: '${job.id}'}}}
"""
    suite = load(tmp_path, amended, datasets=RESOURCE, embed_jobs=jobs)
    case = suite.cases[0]
    made = suite.in_order(case.needs)
    assert [resource.name for resource in made] == ["datasets.small", "embed-jobs.job"]
    assert [resource.tier for resource in made] == [Tier.CREATES, Tier.BILLED]
    assert made[0].create.outgoing(VALUES, name="x").path == "/v1/datasets?name=x-u1&type=embed-input"
    values = VALUES | {"embed-jobs.job.id": "j 1/2"}
    assert case.outgoing(values).path == "/v1/embed-jobs/j%201%2F2"
    expectation = case.expectation("contract", values)
    assert not isinstance(expectation, Skip)
    assert expectation.body == {"/job_id": {"const": "j 1/2"}}
    with pytest.raises(UsageError, match=r"expected a value for \$\{embed-jobs\.job\.id\}, got run, unique"):
        case.outgoing(VALUES)
    with pytest.raises(
        UsageError, match=r"got 'datasets\.large'; choose one of datasets\.small, embed-jobs\.job"
    ):
        suite.in_order(["datasets.large"])


def test_profiles_replace_or_skip(tmp_path: Path, amended: Contract) -> None:
    text = GOOD + "    profiles: {live-2026: {skip: Gone.}, contract: {expect: {status: [400, 422]}}}\n"
    case = load(tmp_path, amended, rerank=text).cases[0]
    assert case.skip("live-2026") == case.expectation("live-2026") == Skip("Gone.")
    replaced = case.expectation("contract")
    assert not isinstance(replaced, Skip)
    assert (case.skip("contract"), replaced.status) == (None, (400, 422))


def test_a_tier_may_be_another_one(tmp_path: Path, amended: Contract) -> None:
    assert load(tmp_path, amended, rerank=GOOD).cases[0].tier is Tier.CHEAP_COMPUTE
    lowered = GOOD + "    tier: N0\n    tier-reason: It is refused.\n"
    assert load(tmp_path, amended, rerank=lowered).cases[0].tier is Tier.FREE_READ


def test_scalars_are_read_as_yaml_1_2_has_them(tmp_path: Path, amended: Contract) -> None:
    lines = "    operation: GET /v1/models\n    query: {a: true, b: [1, 2.5, no], c: x &z, d: 2026-01-01}\n"
    assert one(tmp_path, amended, lines).outgoing(VALUES).path == (
        "/v1/models?a=true&b=1&b=2.5&b=no&c=x%20%26z&d=2026-01-01"
    )


def test_placeholders_are_filled_once_and_can_be_escaped(tmp_path: Path, amended: Contract) -> None:
    body = "{a: ['${run}-${unique}', '$${run}', '$5 {x}', 1.0, null]}"
    lines = f"    operation: POST /v2/rerank\n    body: {body}\n"
    sent = one(tmp_path, amended, lines).outgoing({"run": "${unique}", "unique": "é"})
    assert json.loads(sent.body or b"") == {"a": ["${unique}-é", "${run}", "$5 {x}", 1.0, None]}
    assert sent.headers == (("content-type", "application/json"),)


def test_headers_may_repeat_and_null_is_a_body(tmp_path: Path, amended: Contract) -> None:
    lines = "    operation: POST /v2/rerank\n    headers: {X-A: [a, b]}\n    body: null\n"
    sent = one(tmp_path, amended, lines).outgoing(VALUES)
    assert sent.headers == (("x-a", "a"), ("x-a", "b"), ("content-type", "application/json"))
    assert sent.body == b"null"


def test_a_text_is_sent_unchanged(tmp_path: Path, amended: Contract) -> None:
    lines = "    operation: POST /v2/rerank\n    content-type: text/plain\n    text: '{\"a\":${run}'\n"
    sent = one(tmp_path, amended, lines).outgoing(VALUES)
    assert (sent.headers, sent.body) == ((("content-type", "text/plain"),), b'{"a":r1')
    assert one(tmp_path, amended, "    operation: POST /v2/rerank\n").outgoing(VALUES).body is None


@pytest.mark.parametrize(
    ("key", "has_key", "authorization"),
    [
        ("valid", True, None),
        ("none", False, None),
        ("wrong", False, "Bearer conformance-wrong-key"),
        ("malformed", False, "Basic Zm9vOmJhcg=="),
        ("empty", False, "Bearer"),
        ("trial", False, "Bearer of-the-run"),
        ("expired", False, "Bearer of-the-run"),
    ],
)
def test_each_kind_of_credentials_is_sent(
    tmp_path: Path, amended: Contract, key: str, has_key: bool, authorization: str | None
) -> None:
    case = one(tmp_path, amended, f"    operation: GET /v1/models\n    key: {key}\n")
    sent = case.outgoing(VALUES, "Bearer of-the-run")
    assert (sent.has_key, dict(sent.headers).get("authorization")) == (has_key, authorization)
    if authorization == "Bearer of-the-run":
        with pytest.raises(UsageError, match=f"expected the authorization of the {key} key"):
            case.outgoing(VALUES)


def test_a_form_keeps_its_order_and_its_bytes(tmp_path: Path, amended: Contract) -> None:
    binary = bytes(range(256))
    lines = f"""\
    operation: POST /v2/audio/transcriptions
    form:
      - {{name: model, value: '${{run}}'}}
      - {{name: file, filename: a.wav, wav: 0.5}}
      - {{name: temperature, value: 0.3}}
      - {{name: data, filename: a.bin, type: application/x-y, base64: {base64.b64encode(binary).decode()}}}
      - {{name: flag, value: true}}
"""
    case = one(tmp_path, amended, lines)
    sent = case.outgoing(VALUES)
    assert sent == case.outgoing(VALUES), "the same case gives the same bytes"
    (name, content_type), body = sent.headers[0], sent.body
    assert name == "content-type"
    _, options = parse_options_header(content_type)
    assert body is not None
    parts = body.split(b"--" + options[b"boundary"])[1:-1]
    heads, contents = zip(*(part[2:-2].split(b"\r\n\r\n", 1) for part in parts), strict=True)
    assert [re.findall(rb'name="(\w+)"', head)[0] for head in heads] == [
        b"model", b"file", b"temperature", b"data", b"flag",
    ]  # fmt: skip
    assert [b"filename=" in head for head in heads] == [False, True, False, True, False]
    assert heads[3].endswith(b"Content-Type: application/x-y")
    assert (contents[0], contents[2], contents[3], contents[4]) == (b"r1", b"0.3", binary, b"true")
    with wave.open(io.BytesIO(contents[1])) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 16_000, 8_000)
