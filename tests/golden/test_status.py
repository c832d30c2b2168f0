"""Staleness: every problem of a cassette, its consequence, and how it is printed."""

from __future__ import annotations

import copy
import datetime
import io
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console

from cohere_conformance.cases import (
    Case,
    Credential,
    FormPart,
    RequestTemplate,
    Resource,
    Skip,
    Suite,
    shipped_suite,
)
from cohere_conformance.contract import Contract, load_contract
from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.contract.models import load_models, shipped_retired
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.contract.tiers import Tier
from cohere_conformance.data import folder
from cohere_conformance.errors import CassetteError, ContractError
from cohere_conformance.golden import Cassette, Origin, Provenance, find
from cohere_conformance.golden.cassette import dump
from cohere_conformance.golden.digest import CaseDigests, ContractDigests, part_of
from cohere_conformance.golden.policy import POLICY, Policy, PolicyVerdict, Stale, load_policy
from cohere_conformance.golden.states import CassetteState, GateOutcome, Status
from cohere_conformance.golden.status import Criteria, named_models, status
from cohere_conformance.golden.status_render import render_json, render_terminal, verdict_line
from cohere_conformance.model import Exchange, Expectation, Request, Response, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cohere_conformance.contract import Declarations

TODAY = datetime.date(2026, 11, 23)
CHAT, EMBED, MODEL = "POST /v2/chat", "POST /v2/embed", "GET /v1/models/{model}"
BASE = "https://api.cohere.com"
REQUIREMENTS = tuple(shipped_requirements().requirements.values())
SHIPPED = load_policy(folder("cassettes") / POLICY)


def written(name: str, template: RequestTemplate | None = None, **changed: Any) -> Case:
    case = Case(
        id=name,
        group=name.partition(".")[0],
        about="A case.",
        tier=Tier.CHEAP_COMPUTE,
        key=Credential.VALID,
        needs=(),
        template=template or RequestTemplate(CHAT, body={"model": "command-a-03-2025", "stream": False}),
        expect=Expectation(status=(200,)),
        profiles={},
        file="cases.yaml",
        line=1,
    )
    return msgspec.structs.replace(case, **changed)


ONE = written("chat.v2.one")
SUITE = Suite((ONE,), {})


DIGESTS: dict[int, tuple[Contract, ContractDigests]] = {}


def digest(contract: Contract, operation: str) -> str:
    """Return the digest of a contract for an operation, made once."""
    if id(contract) not in DIGESTS:
        DIGESTS[id(contract)] = (contract, ContractDigests(contract, REQUIREMENTS))
    return DIGESTS[id(contract)][1].of(operation)


def recorded(
    contract: Contract,
    case: Case = ONE,
    /,
    *,
    body: bytes | None = b'{"model": "command-a-03-2025"}',
    status: int = 200,
    url: str = "",
    suite: Suite = SUITE,
    **changed: Any,
) -> Cassette:
    """Return a cassette of a case that was recorded today, but for what is changed."""
    provenance = Provenance(
        id=case.id,
        operation=case.operation,
        origin=Origin.REFERENCE,
        profile="contract",
        recorded_at="2026-11-23T08:00:00Z",
        contract=digest(contract, case.operation),
        suite="0.0.1",
        case=CaseDigests(suite).of(case),
    )
    method, path = case.operation.split(" ", 1)
    return Cassette(
        msgspec.structs.replace(provenance, **changed),
        Exchange(Request(method, url or BASE + path, (), body), Response(status, (), b"{}"), Source("x")),
    )


def live(contract: Contract, case: Case = ONE, /, **changed: Any) -> Cassette:
    """Return a cassette that the API itself has answered."""
    return recorded(contract, case, origin=Origin.LIVE, **changed)


def judged(
    contract: Contract,
    *cassettes: Cassette,
    suite: Suite = SUITE,
    policy: Policy = SHIPPED,
    files: Path | None = None,
    **changed: Any,
) -> Status:
    given: dict[str, Any] = {
        "suite": suite,
        "contract": contract,
        "requirements": REQUIREMENTS,
        "policy": policy,
        "today": TODAY,
        "retired": shipped_retired(),
        "replayed": {cassette.provenance.id: "passed" for cassette in cassettes},
        "reference_change": lambda cassette, case: None,
    }
    named = {cassette.provenance.id: cassette for cassette in cassettes} if files is None else find(files)
    return status(named, Criteria(**(given | changed)))


def matters(state: CassetteState) -> dict[str, str]:
    return {reason.stale.value: reason.verdict.value for reason in state.reasons}


def only(contract: Contract, cassette: Cassette, **changed: Any) -> dict[str, str]:
    """Return what is the matter with one cassette, and what follows."""
    [state] = judged(contract, cassette, **changed).cassettes
    return matters(state)


# -- one cassette --------------------------------------------------------------------------------------------


def test_a_fresh_cassette_has_no_problem(amended: Contract) -> None:
    [state] = judged(amended, recorded(amended)).cassettes
    assert (state.id, state.operation, state.origin, state.days, state.reasons) == (
        "chat.v2.one", CHAT, Origin.REFERENCE, 0, ()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "imported", "recorded_at", "expected"),
    [
        ("live", "", "2026-08-25T00:00:00Z", {}),  # 90 days
        ("live", "", "2026-08-24T23:59:59Z", {"age": "fail"}),
        ("live", "", "2026-08-25T01:00:00+02:00", {"age": "fail"}),  # still the 24th in UTC
        ("live", "", "2026-11-24T00:00:00Z", {}),  # a clock that is ahead
        ("live", "", "2026-11-01", {}),
        ("live", "old.har", "2024-01-01T00:00:00Z", {}),
        ("other", "", "2026-05-27T00:00:00Z", {}),  # 180 days
        ("other", "", "2026-05-26T00:00:00Z", {"age": "warn"}),
        ("reference", "", "2020-01-01T00:00:00Z", {}),
        ("live", "", "", {"undated": "fail"}),
        ("live", "", "Monday", {"undated": "fail"}),
        ("live", "", "0001-01-01T00:00:00+14:00", {"undated": "fail"}),
        ("reference", "", "", {}),
        ("reference", "old.har", "", {"undated": "ignore"}),
        ("live", "old.har", "", {"undated": "ignore"}),
    ],
)
def test_age(
    amended: Contract, origin: str, imported: str, recorded_at: str, expected: dict[str, str]
) -> None:
    cassette = recorded(amended, origin=Origin(origin), imported=imported, recorded_at=recorded_at)
    assert only(amended, cassette) == expected


def test_days_are_whole_and_never_negative(amended: Contract) -> None:
    for recorded_at, days in (("2026-11-24T09:00:00Z", 0), ("2026-11-22T23:00:00Z", 1), ("", None)):
        [state] = judged(amended, recorded(amended, recorded_at=recorded_at)).cassettes
        assert state.days == days


def changed_contract(declarations: Declarations, change: Callable[[dict[str, Any]], None]) -> Contract:
    document = copy.deepcopy(declarations.amended)
    change(document)
    return compile_contract(document, declarations.grammars)


def test_a_contract_that_changed_elsewhere_changes_nothing(declarations: Declarations) -> None:
    def reworded(document: dict[str, Any]) -> None:
        document["paths"]["/v2/chat"]["post"]["description"] = "Says it in other words."
        document["components"]["schemas"]["TokenizeAnswer"]["required"] = []

    then = changed_contract(declarations, lambda document: None)
    now = changed_contract(declarations, reworded)
    assert then.digest != now.digest
    assert only(now, live(then)) == {}
    tokenize = written("tokenize.one", RequestTemplate("POST /v1/tokenize", body={}))
    suite = Suite((tokenize,), {})
    assert only(now, live(then, tokenize), suite=suite) == {"contract-changed": "warn"}
    assert only(then, live(then, tokenize), suite=suite) == {}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [("reference", {}), ("live", {"contract-changed": "warn"}), ("other", {"contract-changed": "warn"})],
)
def test_a_changed_contract_matters_unless_the_reference_server_was_recorded(
    amended: Contract, published: Contract, origin: str, expected: dict[str, str]
) -> None:
    cassette = recorded(published, origin=Origin(origin))
    assert only(amended, cassette) == expected


def test_the_reference_server_responds_something_else(amended: Contract) -> None:
    asked: list[str] = []

    def change(cassette: Cassette, case: Case) -> str:
        asked.append(case.id)
        return "/usage: recorded nothing, today an object"

    [state] = judged(amended, recorded(amended), reference_change=change).cassettes
    assert matters(state) == {"answer-changed": "fail"}
    assert state.reasons[0].detail == "/usage: recorded nothing, today an object"
    assert asked == [ONE.id]
    # Other origins are never asked again, and a case that sends something else is not comparable.
    for changed in ({"origin": Origin.LIVE}, {"origin": Origin.OTHER}, {"imported": "old.har"}):
        assert "answer-changed" not in only(
            amended, recorded(amended, **changed), reference_change=change
        )  # fmt: skip
    assert only(amended, recorded(amended, case="0123456789ab"), reference_change=change) == {
        "case-changed": "fail"
    }
    assert asked == [ONE.id]


@pytest.mark.parametrize("outcome", ["failed", "error"])
@pytest.mark.parametrize(("origin", "verdict"), [("reference", "fail"), ("live", "ignore")])
def test_a_replay_that_failed(amended: Contract, outcome: str, origin: str, verdict: str) -> None:
    cassette = recorded(amended, origin=Origin(origin))
    assert only(amended, cassette, replayed={ONE.id: outcome}) == {"replay-failed": verdict}


def test_a_requirement_and_a_grammar_belong_to_the_contract(declarations: Declarations) -> None:
    contract = declarations.contract()
    fewer = tuple(one for one in REQUIREMENTS if CHAT not in one.operations)
    assert 0 < len(fewer) < len(REQUIREMENTS)
    assert only(contract, live(contract), requirements=fewer) == {"contract-changed": "warn"}
    assert only(contract, recorded(contract), requirements=fewer) == {}
    embed = written("embed.one", RequestTemplate(EMBED, body={}))
    without_chat = tuple(one for one in REQUIREMENTS if one.operations != (CHAT,))
    cassette = live(contract, embed)
    assert only(contract, cassette, suite=Suite((embed,), {}), requirements=without_chat) == {}
    grammars = declarations.grammars | {
        CHAT: msgspec.structs.replace(declarations.grammars[CHAT], terminators={})
    }
    other = compile_contract(declarations.amended, grammars)
    same = compile_contract(declarations.amended, declarations.grammars)
    assert other.digest == same.digest
    assert only(other, live(same)) == {"contract-changed": "warn"}


def test_an_operation_that_is_not_declared_any_more(amended: Contract) -> None:
    gone = written("chat.v2.one", RequestTemplate("POST /v2/gossip", body={}))
    cassette = recorded(amended, gone)
    assert only(amended, cassette, suite=Suite((gone,), {})) == {"contract-changed": "fail"}


def test_a_digest_of_the_contract_alone_is_unclear(amended: Contract) -> None:
    assert only(amended, live(amended, contract=amended.digest)) == {}
    assert only(amended, live(amended, contract="0123456789ab")) == {"contract-unclear": "warn"}
    assert only(amended, live(amended, contract="")) == {"contract-unclear": "warn"}
    assert only(amended, recorded(amended, contract="")) == {}
    imported = recorded(amended, contract="0123456789ab", imported="old.har")
    assert only(amended, imported) == {"contract-unclear": "ignore"}


@pytest.mark.parametrize(
    ("origin", "recorded_at", "answered", "today", "expected"),
    [
        ("live", "2025-09-14T12:00:00Z", 200, "2025-09-14", {}),
        ("live", "2025-09-14T12:00:00Z", 200, "2025-09-15", {"model-retired": "fail"}),
        ("live", "2025-09-15T00:00:00Z", 200, "2025-09-16", {}),  # it has answered all the same
        ("live", "2025-09-14T12:00:00Z", 404, "2025-09-15", {}),
        ("live", "2025-09-14T12:00:00Z", 401, "2025-09-15", {}),
        ("live", "2025-09-14T12:00:00Z", 400, "2025-09-15", {"model-retired": "fail"}),
        ("other", "2025-09-16T12:00:00Z", 200, "2025-09-16", {"model-retired": "warn"}),
        ("reference", "2025-09-16T12:00:00Z", 200, "2025-09-16", {"model-retired": "ignore"}),
    ],
)
def test_a_retired_model(
    amended: Contract, origin: str, recorded_at: str, answered: int, today: str, expected: dict[str, str]
) -> None:
    cassette = recorded(
        amended,
        body=b'{"model": "command-r-plus"}',
        status=answered,
        origin=Origin(origin),
        recorded_at=recorded_at,
    )
    assert only(amended, cassette, today=datetime.date.fromisoformat(today)) == expected


FORM = (
    b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nmodel\r\n"
    b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain\r\n\r\n"
    b"command\r\n--b--\r\n"
)  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "url", "body", "expected"),
    [
        (CHAT, "/v2/chat", b'{"model": "command"}', {"command"}),
        (CHAT, "/v2/chat", b'{"a": {"model": "command"}}', set()),
        (CHAT, "/v2/chat", b'{"model": 1}', set()),
        (CHAT, "/v2/chat", b'["model"]', set()),
        (CHAT, "/v2/chat", b'{"model": "comm', set()),
        (CHAT, "/v2/chat", None, set()),
        ("POST /v2/audio/transcriptions", "/v2/audio/transcriptions", FORM, {"command"}),
        (MODEL, "/v1/models/command-r", None, {"command-r"}),
        (MODEL, "/behind/a/gateway/v1/models/a%2Fb?x=/y", None, {"a/b"}),
    ],
)
def test_models_are_found_in_path_body_and_form(
    operation: str, url: str, body: bytes | None, expected: set[str]
) -> None:
    method = operation.split(" ")[0]
    assert named_models(operation, Request(method, BASE + url, (), body)) == expected


def test_a_case_that_sends_something_else(amended: Contract) -> None:
    other = written(ONE.id, RequestTemplate(CHAT, body={"model": "command-a-03-2025", "stream": True}))
    assert only(amended, recorded(amended, other)) == {"case-changed": "fail"}
    moved = written(ONE.id, RequestTemplate(EMBED, body=ONE.template.body))
    [state] = judged(amended, recorded(amended, moved)).cassettes
    assert matters(state) == {"case-changed": "fail"}
    assert state.reasons[0].detail == f"it was recorded of {EMBED}; its case calls {CHAT}"
    assert only(amended, recorded(amended, case="")) == {"case-changed": "fail"}
    reworded = msgspec.structs.replace(ONE, about="In other words.", line=7, expect=Expectation((201,)))
    assert only(amended, recorded(amended, reworded)) == {}


def test_an_orphan_has_no_case(amended: Contract) -> None:
    lonely = written("chat.v2.lonely")
    assert only(amended, recorded(amended, lonely)) == {"orphan": "fail"}
    taken = recorded(amended, lonely, imported="old.har", case="")
    assert only(amended, taken) == {}
    skipped = msgspec.structs.replace(ONE, profiles={"live-2026": Skip("It is gone.")})
    suite = Suite((skipped,), {})
    assert only(amended, recorded(amended, skipped, profile="live-2026"), suite=suite) == {"orphan": "fail"}
    assert only(amended, recorded(amended, skipped), suite=suite) == {}


def test_never_replayed(amended: Contract) -> None:
    cassette = recorded(amended)
    assert only(amended, cassette, replayed={"another": "passed"}) == {"never-replayed": "warn"}
    assert only(amended, cassette, replayed={ONE.id: "passed"}) == {}
    unknown = judged(amended, cassette, replayed=None)
    assert unknown.cassettes[0].reasons == ()
    assert unknown.replay is not None
    assert (unknown.replay.stale, unknown.replay.verdict) == (Stale.REPLAY_UNKNOWN, PolicyVerdict.WARN)


def test_a_broken_cassette_always_fails(amended: Contract, tmp_path: Path) -> None:
    path = tmp_path / "chat" / f"{ONE.id}.yaml"
    path.parent.mkdir()
    whole = dump(recorded(amended))
    path.write_bytes(whole)
    found = judged(amended)
    assert [absence.name for absence in found.cases] == [ONE.id]
    found = judged(amended, files=tmp_path, replayed={ONE.id: "passed"})
    assert [state.reasons for state in found.cassettes] == [()]
    path.write_bytes(whole[: len(whole) // 2])
    found = judged(amended, files=tmp_path, replayed={})
    assert [matters(state) for state in found.cassettes] == [{"broken": "fail"}]
    assert found.outcome is GateOutcome.FAIL
    assert found.cases == ()  # it is there, only not readable
    assert (found.golden.interactions, found.golden.broken) == (0, 1)
    assert CHAT in {absence.name for absence in found.operations}


# -- the whole set -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> Suite:
    return shipped_suite()


def test_a_complete_and_fresh_set_passes(amended: Contract, shipped: Suite) -> None:
    found = judged(
        amended, *(recorded(amended, case, suite=shipped) for case in shipped.cases), suite=shipped
    )
    assert (found.outcome, list(found.reasons()), found.left_out) == (GateOutcome.PASS, [], ())
    assert found.golden.interactions == found.golden.reference == len(shipped.cases) > 700
    assert verdict_line(found) == "FRESH: all cassettes are up to date"


def test_missing_cassettes_are_reported_with_the_reason(amended: Contract) -> None:
    skipped = written("chat.v2.skipped", profiles={"contract": Skip("Nobody serves it.")})
    dear = written("chat.v2.dear")
    absent = written("chat.v2.absent")
    suite = Suite((ONE, skipped, dear, absent), {})
    found = judged(amended, recorded(amended), suite=suite, left_out={dear.id: "It costs too much."})
    assert [(one.name, one.reason.verdict) for one in found.cases] == [(absent.id, PolicyVerdict.FAIL)]
    assert [(one.id, one.why) for one in found.left_out] == [
        (skipped.id, "under the profile contract: Nobody serves it."),
        (dear.id, "It costs too much."),
    ]
    assert [one.name for one in found.operations] == [label for label in amended.operations if label != CHAT]
    other = judged(amended, recorded(amended), suite=suite, profile="live-2026")
    assert [one.name for one in other.cases] == [skipped.id, dear.id, absent.id]


def test_the_outcome_is_the_worst_verdict(amended: Contract) -> None:
    cases = tuple(written(f"chat.{n}", RequestTemplate(label)) for n, label in enumerate(amended.operations))
    suite = Suite(cases, {})
    fresh = [recorded(amended, case) for case in cases]
    old = {"origin": Origin.LIVE, "recorded_at": "2020-01-01T00:00:00Z"}
    for change, verdict, outcome in (
        ({"contract": "0123456789ab", "origin": Origin.OTHER}, PolicyVerdict.WARN, GateOutcome.WARN),
        (old, PolicyVerdict.FAIL, GateOutcome.FAIL),
        (old | {"contract": "0123456789ab"}, PolicyVerdict.FAIL, GateOutcome.FAIL),
    ):
        worse = recorded(amended, cases[0], **change)
        found = judged(amended, worse, *fresh[1:], suite=suite)
        assert found.outcome is outcome
        assert verdict in {reason.verdict for _, reason in found.reasons()}
    ignored = judged(
        amended,
        *fresh[1:],
        recorded(amended, cases[0], body=b'{"model": "command"}'),
        suite=suite,
    )
    assert [reason.stale for _, reason in ignored.reasons()] == [Stale.MODEL_RETIRED]
    assert ignored.outcome is GateOutcome.PASS


def test_counts_and_ages_are_reported_by_origin(amended: Contract) -> None:
    cases = [written(f"chat.v2.n{number}") for number in range(4)]
    found = judged(
        amended,
        recorded(amended, cases[0], recorded_at="2026-11-20T00:00:00Z"),
        recorded(amended, cases[1], recorded_at="2026-11-03T00:00:00Z"),
        recorded(amended, cases[2], origin=Origin.LIVE, recorded_at=""),
        recorded(amended, cases[3], origin=Origin.OTHER),
        suite=Suite(tuple(cases), {}),
    )
    golden = found.golden
    assert (golden.interactions, golden.reference, golden.live, golden.other) == (4, 2, 1, 1)
    assert [msgspec.structs.astuple(ages) for ages in found.ages] == [
        (Origin.REFERENCE, 2, 20, 3),
        (Origin.LIVE, 1, None, None),
        (Origin.OTHER, 1, 0, 0),
    ]


# -- digests -------------------------------------------------------------------------------------------------


def test_the_digest_of_a_case_depends_on_its_request(shipped: Suite) -> None:
    digests: dict[str, list[Case]] = {}
    for case in shipped.cases:
        digests.setdefault(CaseDigests(shipped).of(case), []).append(case)
    for twins in digests.values():
        needed = [sorted(resource.name for resource in shipped.in_order(one.needs)) for one in twins]
        sent = [(one.template, one.key, names) for one, names in zip(twins, needed, strict=True)]
        assert len({msgspec.json.encode(one) for one in sent}) == 1
    assert len(digests) > 700
    assert all(re.fullmatch(r"[0-9a-f]{12}", digest) for digest in digests)


def resource(name: str, *needs: str, **body: Any) -> Resource:
    return Resource(
        name=name,
        about="A resource.",
        tier=Tier.CHEAP_COMPUTE,
        needs=needs,
        create=RequestTemplate("POST /v1/datasets", body=body),
        capture={},
        wait=None,
        remove=(),
        file="cases.yaml",
        line=1,
    )


RESOURCES = (resource("datasets.small"), resource("a.b", "c.d"), resource("c.d"))


def digest_of(case: Case, *changed: Resource) -> str:
    resources = {one.name: one for one in (*RESOURCES, *changed)}
    return CaseDigests(Suite((), resources)).of(case)


SENT = RequestTemplate(
    CHAT, path={"a": "1", "b": "2"}, query=(("x", "1"),), headers=(("y", "2"),), body={"c": [1, 2]}
)


@pytest.mark.parametrize(
    "other",
    [
        written("chat.a", msgspec.structs.replace(SENT, operation=EMBED)),
        written("chat.a", msgspec.structs.replace(SENT, path={"a": "2", "b": "1"})),
        written("chat.a", msgspec.structs.replace(SENT, query=(("x", "2"),))),
        written("chat.a", msgspec.structs.replace(SENT, headers=())),
        written("chat.a", msgspec.structs.replace(SENT, body={"c": [2, 1]})),
        written("chat.a", msgspec.structs.replace(SENT, body={"c": [1, 2.0]})),
        written("chat.a", msgspec.structs.replace(SENT, body={"c": [True, 2]})),
        written("chat.a", msgspec.structs.replace(SENT, body=None)),
        written("chat.a", msgspec.structs.replace(SENT, body=msgspec.UNSET)),
        written("chat.a", msgspec.structs.replace(SENT, body=msgspec.UNSET, text='{"c": [1, 2]}')),
        written("chat.a", msgspec.structs.replace(SENT, body=msgspec.UNSET, text=b'{"c": [1, 2]}')),
        written("chat.a", msgspec.structs.replace(SENT, body=msgspec.UNSET, form=(FormPart("a", "b"),))),
        written("chat.a", msgspec.structs.replace(SENT, body=msgspec.UNSET, form=(FormPart("a", b"b"),))),
        written("chat.a", SENT, key=Credential.NONE),
        written("chat.a", SENT, needs=("datasets.small",)),
    ],
    ids=str,
)
def test_different_requests_have_different_digests(other: Case) -> None:
    seen = {digest_of(written("chat.a", SENT))}
    assert digest_of(other) not in seen


@pytest.mark.parametrize(
    "changed",
    [resource("a.b", "c.d", row=1), resource("c.d", row=1), resource("a.b", "c.d", "datasets.small")],
    ids=["its own", "what that needs", "what it is made from"],
)
def test_different_resources_have_different_digests(changed: Resource) -> None:
    case = written("chat.a", SENT, needs=("a.b",))
    assert digest_of(case) != digest_of(case, changed)


def test_only_the_creation_of_a_resource_is_in_the_digest() -> None:
    case = written("chat.a", SENT, needs=("a.b",))
    moved = msgspec.structs.replace(resource("a.b", "c.d"), line=7, about="!", capture={"id": "/id"})
    assert digest_of(case) == digest_of(case, moved, resource("datasets.small", row=1))


def test_all_these_requests_differ_from_each_other() -> None:
    bodies: list[object] = [1, 1.0, True, "1", None, [], {}, [[]], [{}], {"a": {}}, "\ud800", "\\ud800", "é"]
    bodies += [["bytes", "00"], {"bytes": "00"}, ["object", []]]
    texts: list[str | bytes] = ["", b"", "\ud800", b"\xed\xa0\x80", "00", b"00"]
    cases = [written("chat.a", RequestTemplate(CHAT, body=body)) for body in bodies]
    cases += [written("chat.a", RequestTemplate(CHAT, text=text)) for text in texts]
    assert len({digest_of(case) for case in cases}) == len(bodies) + len(texts)


def test_the_digest_of_a_case_ignores_what_is_not_sent() -> None:
    turned = msgspec.structs.replace(
        SENT, path=dict(reversed(SENT.path.items())), body={"d": 1, "c": {"f": 1, "e": 2}}
    )
    straight = msgspec.structs.replace(SENT, body={"c": {"e": 2, "f": 1}, "d": 1})
    one = written("chat.a", straight, needs=("a.b", "c.d"))
    other = written(
        "chat.other", turned, needs=("c.d", "a.b"), about="!", file="elsewhere", line=9, tier=Tier.BILLED,
        expect=Expectation(status=(404,)), profiles={"contract": Skip("no")},
    )  # fmt: skip
    assert digest_of(one) == digest_of(other)


def test_the_digest_of_an_operation_does_not_depend_on_what_was_compiled_before(
    declarations: Declarations,
) -> None:
    one, other = declarations.contract(), declarations.contract()
    forwards, backwards = ContractDigests(one, REQUIREMENTS), ContractDigests(other, REQUIREMENTS[::-1])
    first = {label: forwards.of(label) for label in one.operations}
    assert first == {label: backwards.of(label) for label in reversed(list(other.operations))}
    assert len({part_of(digest) for digest in first.values()}) == len(one.operations)
    assert all(re.fullmatch(rf"{one.digest}-[0-9a-f]{{12}}", digest) for digest in first.values())
    assert forwards.of("POST /v2/gossip") == one.digest


# -- policy --------------------------------------------------------------------------------------------------

POLICY_TEXT = (folder("cassettes") / POLICY).read_text(encoding="utf-8")


def test_the_shipped_policy_has_a_rule_for_everything() -> None:
    provenance = recorded(load_contract()).provenance
    for stale in set(Stale) - {Stale.BROKEN}:
        for origin in Origin:
            for imported in ("", "a.har"):
                whence = msgspec.structs.replace(provenance, origin=origin, imported=imported)
                assert SHIPPED.rule(stale, whence).reason
    assert SHIPPED.rule(Stale.AGE, msgspec.structs.replace(provenance, origin=Origin.LIVE)).days == 90


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("rules:", "rules: [", "line "),
        ("rules:\n", "rules:\n  tidy: {}\n", "rules: tidy: unknown name"),
        ("  orphan:", "  orphans:", "did you mean orphan"),
        ("rules:\n", "rules:\n  broken: {}\n", "expected no rule, because a broken cassette always fails"),
        (
            "  age:\n",
            "  age:\n    elsewhere: {verdict: warn, reason: x}\n",
            "rules: age: elsewhere: unknown",
        ),
        ("live: {verdict: fail, days: 90,", "live: {verdict: fial, days: 90,", "did you mean fail?"),
        ("live: {verdict: fail, days: 90,", "live: {verdict: fail,", "expected how many days old"),
        ("days: 90", "days: 0", "expected at least one day, got 0"),
        ("days: 90", "days: soon", "got something else \\(Expected `int"),
        ("days: 90", "dayz: 90", "unknown field `dayz`"),
        ("reason: Nothing replays it; remove the file.", "reason: ' '", "expected a reason"),
        ("reason: Nothing replays it; remove the file.", "reason: x, days: 3", "days with age only, got 3"),
        (
            "    other: {verdict: warn, days: 180,",
            "    imported: {verdict: warn, days: 180,",
            "expected unique keys, got",
        ),
    ],
)
def test_a_broken_policy_is_reported_with_what_was_expected(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in POLICY_TEXT
    path = tmp_path / POLICY
    path.write_text(POLICY_TEXT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(CassetteError, match=message) as caught:
        load_policy(path)
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("orphan", "expected a rule for orphan, got none"),
        ("age.live", "rules: age: expected a rule for live, or for any, got none"),
        ("case-missing.any", "rules: case-missing: expected a rule for any, got none"),
        ("undated.any", "expected a rule for live and other, or for any"),
    ],
)
def test_a_missing_rule_is_reported(tmp_path: Path, removed: str, message: str) -> None:
    rules: Any = {
        stale: {origin: msgspec.to_builtins(rule) for origin, rule in by_origin.items()}
        for stale, by_origin in SHIPPED.rules.items()
    }
    what, _, origin = removed.partition(".")
    del (rules[what] if origin else rules)[origin or what]
    path = tmp_path / POLICY
    path.write_text(json.dumps({"rules": rules}), encoding="utf-8")
    with pytest.raises(CassetteError, match=message):
        load_policy(path)


def test_a_missing_policy(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="cannot be read"):
        load_policy(tmp_path / POLICY)


def test_the_policy_decides_what_fails(amended: Contract) -> None:
    rules = SHIPPED.rules | {Stale.ORPHAN: {"any": SHIPPED.rules[Stale.NEVER_REPLAYED]["any"]}}
    lonely = recorded(amended, written("chat.v2.lonely"))
    assert only(amended, lonely, policy=Policy(rules)) == {"orphan": "warn"}


# -- models --------------------------------------------------------------------------------------------------


def test_retired_models_have_a_day_and_evidence() -> None:
    retired = shipped_retired()
    assert retired["command-r-plus"].spelled == "September 15, 2025"
    assert retired["embed-english-v2.0"].spelled == "April 4, 2026"
    assert all(one.date < TODAY and one.source for one in retired.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: {a: {retired: {date: 2025-9-15, source: [docs]}, source: [docs]}}", "RFC3339"),
        ("models: {a: {retired: {date: 2025-09-15, source: []}, source: [docs]}}", "length >= 1"),
        ("models: {a: {retired: {date: 2025-09-15, source: [rumour]}, source: [docs]}}", "rumour"),
        ("models: {a: {retired: {source: [docs]}, source: [docs]}}", "date"),
        ("models: {a: {source: [docs]}, a: {}}", "twice"),
    ],
)
def test_a_broken_file_of_models_is_reported(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=message):
        load_models(path)


# -- how it is printed --------------------------------------------------------------------------------------


def printed(found: Status, *, verbose: bool = False, width: int = 100) -> str:
    text = io.StringIO()
    render_terminal(found, Console(file=text, width=width, color_system=None), verbose=verbose)
    return text.getvalue()


@pytest.fixture
def mixed(amended: Contract) -> Status:
    """Some of everything: fresh, ignored, to be warned of and failing, and cases that are left out."""
    cases = [written(f"chat.v2.n{number:02}") for number in range(13)]
    skipped = [written(f"chat.v2.s{n}", profiles={"contract": Skip("Nobody serves it.")}) for n in range(2)]
    cassettes = [recorded(amended, case, case="") for case in cases]
    cassettes += [
        recorded(amended, written("chat.v2.fresh")),
        recorded(amended, written("chat.v2.retired"), body=b'{"model": "command"}'),
        live(amended, written("chat.v2.unclear"), contract="0123456789ab"),
    ]
    kept = [written(f"chat.v2.{name}") for name in ("fresh", "retired", "unclear")]
    return judged(amended, *cassettes, suite=Suite((*cases, *kept, *skipped), {}))


def test_the_terminal_shows_totals_and_problems(mixed: Status) -> None:
    text = printed(mixed)
    lines = text.splitlines()
    assert lines[0] == lines[-1] == "STALE: 54 fail, 1 warn"  # 13 cases, 41 operations
    assert lines[1] == "golden: 16 interactions, 15 reference, 1 live"
    assert re.search(r"^reference +15 +0 days +0 days *$", text, re.MULTILINE)
    headings = [line for line in lines if re.match(r"(FAIL|WARN|IGNORE) ", line)]
    assert headings == ["FAIL case-changed: 13", "FAIL operation-missing: 41", "WARN contract-unclear: 1"]
    assert "(+3 more with --verbose)" in text
    assert "chat.v2.n09: it has no digest of the request of its case" in text
    assert "chat.v2.n10" not in text
    assert "chat.v2.fresh" not in text
    assert "Cases that are not recorded: 2\n  2: under the profile contract: Nobody serves it." in text


def test_verbose_shows_everything(mixed: Status) -> None:
    text = printed(mixed, verbose=True)
    assert "IGNORE model-retired: 1" in text
    assert "chat.v2.retired: command was removed on 2025-09-15" in text
    assert "--verbose" not in text
    assert re.search(r"^chat\.v2\.fresh +reference +2026-11-23 +0 days +fresh *$", text, re.MULTILINE)
    assert re.search(r"^chat\.v2\.n12 .* case-changed *$", text, re.MULTILINE)
    assert "chat.v2.s1: under the profile contract: Nobody serves it." in text


def test_an_empty_folder_has_a_status(amended: Contract) -> None:
    text = printed(judged(amended, replayed=None), verbose=True)
    assert "golden: 0 interactions, 0 reference, 0 live" in text
    assert "WARN replay-unknown: 1" in text


def test_json_can_be_parsed_back(mixed: Status) -> None:
    raw = render_json(mixed)
    assert msgspec.json.decode(raw, type=Status) == mixed
    document: Mapping[str, Any] = json.loads(raw)
    assert (document["outcome"], document["today"], document["format"]) == ("fail", "2026-11-23", 1)
    assert document["golden"].items() >= {"interactions": 16, "reference": 15, "live": 1, "broken": 0}.items()


def test_control_characters_are_escaped(amended: Contract) -> None:
    evil = "a\x1b[2J\u202e\n[bold]"
    cassette = recorded(
        amended, written(f"chat.{evil}"), recorded_at=evil, contract=evil, operation=f"GET /{evil}"
    )
    found = judged(amended, cassette)
    for text in (printed(found), printed(found, verbose=True), render_json(found).decode()):
        assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"} and c != "\n"]
    assert "[bold]" in printed(found)
    assert render_json(found)
