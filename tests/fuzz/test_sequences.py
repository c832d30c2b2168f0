"""Sequences along the links: what they reach, what they notice, and what they never touch."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import exchange
from within import URL, within

from cohere_conformance.cases import RequestTemplate
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.expression import CompletedCall
from cohere_conformance.contract.links import shipped_links
from cohere_conformance.contract.tiers import Effect, shipped_policies
from cohere_conformance.data import folder
from cohere_conformance.errors import BudgetError
from cohere_conformance.fuzz.ledger import IF_STATE_ALLOWS, REFUSED, Ledger, TrackedResource, allowed_statuses
from cohere_conformance.fuzz.script import Script
from cohere_conformance.fuzz.sequences import NotOwnedError, Sequences, walk
from cohere_conformance.model import Severity
from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.session.api import Api, DeviatesError, InconclusiveError
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from cohere_conformance.cases import Credential
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Expectation, Finding
    from cohere_conformance.reference.app import Application
    from cohere_conformance.session.api import Judged
    from cohere_conformance.session.result import CaseResult

TEST = "fuzz.sequences.any"
POLICIES = shipped_policies()
CHANGING = {label for label, one in POLICIES.items() if one.effect in {Effect.CHANGES, Effect.DESTROYS}}


def _clusters() -> dict[str, tuple[str, ...]]:
    """Return the operations of each test of the suite, by the test's name.

    The file is read and not imported: its marks are known to pytest only where the plugin is.
    """
    tree = ast.parse((folder("suites") / "fuzz" / "test_sequences.py").read_text(encoding="utf-8"))
    constants = ast.Module([node for node in tree.body if isinstance(node, ast.Assign)], type_ignores=[])
    known: dict[str, Any] = {}
    exec(compile(constants, "test_sequences.py", "exec"), known)
    found = {}
    for test in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        [mark] = test.decorator_list
        walked = [node for node in ast.walk(test) if isinstance(node, ast.Call) and "walk" in ast.dump(node)]
        assert isinstance(mark, ast.Call)
        [marked] = mark.args
        assert isinstance(marked, ast.Starred)
        assert ast.dump(walked[0].args[1]) == ast.dump(marked.value), "it calls what it is marked with"
        found[test.name.removeprefix("test_")] = known[ast.unparse(marked.value)]
    return found


CLUSTERS = _clusters()


class Bench:
    """A reference server that takes down what it receives, and a run against it."""

    def __init__(
        self, state: ServerState, client: httpx.Client, home: Path, received: list[tuple[str, str, bytes]]
    ) -> None:
        self.state = state
        self.received = received
        self._client = client
        self._home = home

    def send(self, method: str, path: str, **further: Any) -> dict[str, Any]:
        """Call as somebody else with the same account does."""
        response = self._client.request(method, path, **further)
        assert response.status_code == 200, response.text[:300]
        answer: dict[str, Any] = response.json()
        return answer

    def walk(self, cluster: str, *, seed: int | None = None) -> Ledger:
        """Run one test of the suite, and clear away as it does; return what it knew at the end."""
        campaign = Campaign(
            # What ends at all ends within a fraction of that on this server.
            RunOptions(url=URL, seed=seed, patience=2.0),
            folder=self._home,
            fail_on=Severity.ADDITIVE,
            environment={},
        )
        campaign.begin()
        worker = campaign.worker("main")
        worker.open((TEST,))
        ledger = Ledger()
        try:
            api: Api | CaseResult = worker.api(TEST, CLUSTERS[cluster])
            assert isinstance(api, Api)
            try:
                walk(api, CLUSTERS[cluster], ledger)
            finally:
                api.clear()
        finally:
            worker.close(interrupted=False)
        return ledger

    def findings(self) -> set[str]:
        """Return what was found and no amendment explains: the requirement, or else the kind."""
        lines = (self._home / "journal-main.jsonl").read_text(encoding="utf-8").splitlines()
        found = [one for line in lines for one in json.loads(line).get("findings", ())]
        return {one.get("requirement") or one["kind"] for one in found if not one.get("amendment")}


@contextmanager
def bench(home: Path, *faults: str) -> Iterator[Bench]:
    received: list[tuple[str, str, bytes]] = []

    def listening(inner: Application) -> Application:
        async def asked(scope: Any, receive: Any, send: Any) -> None:
            body: list[bytes] = []

            async def heard() -> Any:
                message = await receive()
                body.append(message.get("body", b""))
                return message

            await inner(scope, heard, send)
            if scope["type"] == "http":
                received.append((scope["method"], scope["path"], b"".join(body)))

        return asked

    state = ServerState(step=0.01, faults=chosen(faults))
    with within(state, listening) as client:
        yield Bench(state, client, home, received)


# -- what they reach


PAGES = {
    ("GET /v2/batches", "next"),
    ("GET /v1/finetuning/finetuned-models", "next"),
    ("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events", "next"),
    ("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics", "next"),
}
"""What is there to be followed only if enough happens to be there at that moment."""


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_the_faultless_server_is_walked_along_its_links_and_left_as_it_was(
    cluster: str, tmp_path: Path
) -> None:
    with bench(tmp_path) as target:
        ledger = target.walk(cluster)
        assert target.findings() == set()
        operations = set(CLUSTERS[cluster])
        wanted = {(one.source, one.name) for one in shipped_links() if {one.source, one.target} <= operations}
        followed = {key for key, count in ledger.taken.items() if count}
        assert followed <= wanted
        # Which ones a walk comes by depends on how fast the server is; most of them it always does.
        assert len(followed & (wanted - PAGES)) >= 0.8 * len(wanted - PAGES), sorted(wanted - followed)
        for label in operations:
            method, path = label.split(" ", 1)
            asked = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/:]+", re.escape(path)))
            assert any(sent == method and asked.fullmatch(url) for sent, url, _ in target.received), label
        for path, name in (
            ("/v1/datasets", "datasets"),
            ("/v1/connectors", "connectors"),
            ("/v1/finetuning/finetuned-models", "finetuned_models"),
        ):
            assert target.send("GET", path)[name] == []
        for path, name, working in (
            ("/v1/embed-jobs", "embed_jobs", {"processing"}),
            ("/v2/batches", "batches", {"BATCH_STATUS_QUEUED", "BATCH_STATUS_IN_PROGRESS"}),
        ):
            assert not {one["status"] for one in target.send("GET", path)[name]} & working


def test_each_test_may_remove_what_it_makes() -> None:
    for cluster, operations in CLUSTERS.items():
        script = Script(operations, profile="contract", unique="a1b2c3")
        for label in operations:
            if POLICIES[label].effect is Effect.CREATES:
                where = collection_of(label)
                assert {script.remove.get(where) or script.stop.get(where)} <= set(operations), cluster
                assert script.read(where) in operations
                assert label in script.identity
        outputs = {link.target for link in shipped_links() if link.made and link.source in operations}
        assert all(script.remove[collection_of(label)] in operations for label in outputs)


def test_every_link_is_in_a_test() -> None:
    covered = {
        (link.source, link.name)
        for operations in CLUSTERS.values()
        for link in shipped_links()
        if {link.source, link.target} <= set(operations)
    }
    assert covered == {(link.source, link.name) for link in shipped_links()}


# -- which requests they send


def script(cluster: str) -> Script:
    return Script(CLUSTERS[cluster], profile="contract", unique="a1b2c3")


def test_what_comes_first_needs_nothing() -> None:
    for cluster in CLUSTERS:
        starts = script(cluster).starts
        assert starts
        for label, requests in starts.items():
            assert "{" not in label
            for template in requests:
                shown = msgspec.structs.replace(template, form=())
                assert "${" not in str(shown), shown


def test_uploads_are_of_the_types_that_links_hold_for() -> None:
    def types(cluster: str) -> set[str]:
        requests = script(cluster).starts["POST /v1/datasets"]
        return {value for one in requests for name, value in one.query if name == "type"}

    assert types("embed_jobs") == types("datasets") == {"embed-input"}
    assert types("batches") == {
        "batch-chat-v2-input", "batch-embed-v2-input", "batch-chat-input", "batch-openai-chat-input",
    }  # fmt: skip
    assert types("finetuning") == {
        "chat-finetune-input", "single-label-classification-finetune-input", "reranker-finetune-input",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("batch-chat-v2-input", "command-a-03-2025"),
        ("batch-embed-v2-input", "embed-v4.0"),
        ("batch-chat-input", None),
    ],
)
def test_a_written_request_is_filled_that_suits_the_type(kind: str, model: str | None) -> None:
    material = script("batches")
    link = next(one for one in material.links["POST /v1/datasets"] if one.name == "batch")
    answered = CompletedCall("POST /v1/datasets", 200, {}, (("type", kind),), msgspec.UNSET, {"id": "d-${x}"})
    filled = link.filled(answered)
    assert filled is not None
    template = material.request(link, filled)
    if model is None:
        assert template is None, "no such batch is written down"
        return
    assert template is not None
    assert isinstance(template.body, dict)
    assert (template.body["model"], template.body["input_dataset_id"]) == (model, "d-${x}")
    assert "a1b2c3" in template.body["name"]


def test_another_page_is_asked_for_as_the_first_was() -> None:
    material = script("finetuning")
    label = "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events"
    link = next(one for one in material.links[label] if one.name == "next")
    path = {"finetuned_model_id": "m"}
    for query in ((), (("page_size", "7"),)):
        filled = link.filled(CompletedCall(label, 200, path, query, msgspec.UNSET, {"next_page_token": "t"}))
        assert filled is not None
        template = material.request(link, filled)
        assert template is not None
        assert template.path == path
        assert dict(template.query) == {"page_token": "t", **dict(query)}


# -- which answers are right


DATASET = TrackedResource("/v1/datasets", "d", status="validated")
RAW = TrackedResource("/v1/datasets", "d")
OUTPUT = TrackedResource("/v1/datasets", "d", status="validated", output=True)
GONE = TrackedResource("/v1/datasets", "d", deleted=True)
GET, DELETE = "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
BEGIN, CANCEL = "POST /v1/embed-jobs", "POST /v1/embed-jobs/{id}/cancel"


@pytest.mark.parametrize(
    ("label", "about", "used", "statuses"),
    [
        (GET, [DATASET], [], (200,)),
        (GET, [None], [], (200, 404)),
        (GET, [], [], (200,)),
        (GET, [GONE], [], (200, *REFUSED)),
        (DELETE, [GONE], [], (200, *REFUSED)),
        (BEGIN, [], [DATASET], (200,)),
        (BEGIN, [], [RAW], IF_STATE_ALLOWS),
        (BEGIN, [], [OUTPUT], IF_STATE_ALLOWS),
        (BEGIN, [], [GONE], REFUSED),
        (CANCEL, [TrackedResource("/v1/embed-jobs", "j")], [], IF_STATE_ALLOWS),
        (
            "PATCH /v1/finetuning/finetuned-models/{id}",
            [TrackedResource("f", "m", deleted=True)],
            [],
            (400, 404),
        ),
    ],
)
def test_what_is_right_depends_on_what_is_known(
    label: str, about: list[TrackedResource | None], used: list[TrackedResource], statuses: tuple[int, ...]
) -> None:
    assert allowed_statuses(label, POLICIES[label].effect, about, used) == statuses


@pytest.mark.parametrize(
    ("cluster", "fault", "words"),
    [
        ("datasets", "datasets.delete-keeps", r"datasets\.deleted-is-gone"),
        ("datasets", "datasets.delete-listed", r"datasets\.deleted-is-unlisted"),
        ("datasets", "datasets.id-repeated", r"datasets\.id-unique"),
        ("connectors", "connectors.delete-keeps", r"connectors\.deleted-is-gone"),
        ("finetuning", "finetuning.delete-keeps", r"finetuning\.deleted-is-gone"),
        ("embed_jobs", "embed-jobs.status-backwards", r"embed-jobs\.status-forward"),
        ("batches", "batches.cancel-500", "status-unexpected"),
    ],
)
def test_what_only_a_sequence_shows_is_found(cluster: str, fault: str, words: str, tmp_path: Path) -> None:
    with bench(tmp_path, fault) as target, pytest.raises(DeviatesError, match=words):
        target.walk(cluster)


def test_a_notice_is_reported_and_ends_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, "datasets.second-delete-200") as target:
        target.walk("datasets")
        assert target.findings() == {"datasets.second-delete"}


# -- what they never touch


def owned_by_others(target: Bench) -> list[str]:
    """Make one thing of each kind, and return the ids."""
    files = {"data": ("rows.jsonl", b'{"text": "Oats"}\n')}
    dataset = target.send("POST", "/v1/datasets?name=theirs&type=embed-input", files=files)["id"]
    rows = b'{"custom_id": "a", "body": {"texts": ["Oats"], "input_type": "search_document"}}\n'
    upload = "/v1/datasets?name=theirs&type=batch-embed-v2-input&keep_fields=custom_id"
    source = target.send("POST", upload, files={"data": ("rows.jsonl", rows)})["id"]
    talks = b'{"messages": [{"role": "User", "content": "a"}, {"role": "Chatbot", "content": "b"}]}\n' * 2
    upload = "/v1/datasets?name=theirs&type=chat-finetune-input"
    training = target.send("POST", upload, files={"data": ("train.jsonl", talks)})["id"]
    target.state.clock.advance(60)
    job = {"model": "embed-english-light-v3.0", "dataset_id": dataset, "input_type": "search_document"}
    batch = {"name": "theirs", "model": "embed-v4.0", "input_dataset_id": source}
    settings = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": training}
    model = {"name": "theirs", "settings": settings}
    connector = {"name": "theirs", "url": "https://theirs.example/search"}
    return [
        dataset,
        source,
        training,
        target.send("POST", "/v1/embed-jobs", json=job)["job_id"],
        target.send("POST", "/v2/batches", json=batch)["batch"]["id"],
        target.send("POST", "/v1/finetuning/finetuned-models", json=model)["finetuned_model"]["id"],
        target.send("POST", "/v1/connectors", json=connector)["connector"]["id"],
    ]


@pytest.mark.parametrize("cluster", ["embed_jobs", "batches", "finetuning", "connectors"])
def test_what_others_have_made_is_read_at_most(cluster: str, tmp_path: Path) -> None:
    with bench(tmp_path) as target:
        theirs = owned_by_others(target)
        before = {
            path: target.send("GET", path)
            for path in ("/v1/connectors", "/v1/finetuning/finetuned-models", "/v1/datasets")
        }
        target.received.clear()
        target.walk(cluster)
        counted: Counter[str] = Counter()
        for method, path, body in target.received:
            for identity in theirs:
                counted[method] += identity in path
                counted[f"{method} of"] += identity.encode() in body
        assert counted["GET"] > 0, "a list has shown some of it, and the link was followed"
        assert +counted == Counter({"GET": counted["GET"]})
        ids = {path: {one["id"] for one in next(iter(target.send("GET", path).values()))} for path in before}
        for path, answer in before.items():
            assert {one["id"] for one in next(iter(answer.values()))} <= ids[path]


class Liar:
    """A target whose answers name what belongs to somebody else wherever they can."""

    THEIRS = "theirs"

    def __init__(self, *, new: bool) -> None:
        self.sent: list[tuple[str, dict[str, str], object]] = []
        self.found: list[Finding] = []
        self._new = new
        self._deleted: set[str] = set()

    def send(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        label = template.operation
        self.sent.append((label, template.path, template.body))
        dataset = {"id": self.THEIRS, "dataset_type": "embed-input", "validation_status": "validated"}
        job = {
            "job_id": self.THEIRS, "status": "complete",
            "input_dataset_id": self.THEIRS, "output_dataset_id": self.THEIRS,
        }  # fmt: skip
        own = f"ours-{len(self.sent)}" if self._new else self.THEIRS
        answers: dict[str, object] = {
            "POST /v1/datasets": {"id": own},
            "GET /v1/datasets": {"datasets": [dataset]},
            "GET /v1/datasets/{id}": {"dataset": dataset},
            "POST /v1/embed-jobs": {"job_id": own},
            "GET /v1/embed-jobs": {"embed_jobs": [job]},
            "GET /v1/embed-jobs/{id}": job,
        }
        method, path = label.split(" ", 1)
        called = f"{method} {path.format(**template.path)}"
        identity = template.path.get("id", "")
        if identity in self._deleted:
            return exchange(called, {"message": "gone"}, status=404), (), ""
        self._deleted |= {identity} if method == "DELETE" else set()
        return exchange(called, answers.get(label, {})), (), ""

    def record(self, test: str, seen: Exchange, finding: Finding) -> None:
        self.found.append(finding)


def api_of(target: Liar, contract: Contract, seed: int | None = None) -> Api:
    return Api(TEST, contract, target.send, target.record, profile="contract", unique="a1b2c3", seed=seed)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_target_that_lies_gets_nobody_harmed(seed: int | None, amended: Contract) -> None:
    target = Liar(new=True)
    api, ledger = api_of(target, amended, seed), Ledger()
    walk(api, CLUSTERS["embed_jobs"], ledger)
    api.clear()
    labels = Counter(label for label, _, _ in target.sent)
    assert labels["DELETE /v1/datasets/{id}"] > 0
    assert labels["POST /v1/embed-jobs"] > 0
    for label, path, body in target.sent:
        if label in CHANGING or label == "POST /v1/embed-jobs":
            assert Liar.THEIRS not in f"{path} {body}", label
    assert ("/v1/datasets", Liar.THEIRS) in ledger.foreign
    assert all(made.id != Liar.THEIRS for made in ledger.made.values())


def test_an_id_that_was_there_before_is_no_new_one(amended: Contract) -> None:
    target = Liar(new=False)
    api = api_of(target, amended)
    with pytest.raises(DeviatesError, match=r"datasets\.id-unique"):
        walk(api, CLUSTERS["embed_jobs"])
    api.clear()
    assert {one.requirement for one in target.found} == {"datasets.id-unique"}
    assert not {label for label, _, _ in target.sent} & CHANGING


@pytest.mark.parametrize("label", sorted(CHANGING))
def test_no_way_leads_to_a_change_of_what_is_not_ours(label: str, amended: Contract) -> None:
    target = Liar(new=True)
    material = Script(POLICIES, profile="contract", unique="a1b2c3")
    machine = Sequences(material, Ledger(), api_of(target, amended), [])
    template = RequestTemplate(label, path=material.address(label, Liar.THEIRS))
    with pytest.raises(NotOwnedError, match=Liar.THEIRS):
        machine.call(template, (200,))
    assert target.sent == []


def test_what_is_at_work_is_stopped_and_what_it_has_made_removed(amended: Contract) -> None:
    target = Liar(new=True)
    api = api_of(target, amended)
    machine = Sequences(script("embed_jobs"), Ledger(), api, [])
    machine.call(RequestTemplate(BEGIN, body={"dataset_id": "d"}), (200,))
    machine.teardown()
    read = "GET /v1/embed-jobs/{id}"
    assert [label for label, _, _ in target.sent] == [BEGIN, CANCEL, read]
    machine.teardown()
    assert len(target.sent) == 3, "it has ended"
    api.clear()
    cleared = [(label, path["id"]) for label, path, _ in target.sent[3:]]
    assert cleared == [(DELETE, Liar.THEIRS), (CANCEL, "ours-1")], "the dataset that it says it has made"


def test_the_end_of_the_budget_is_no_failure(amended: Contract) -> None:
    class Poor(Liar):
        def send(self, *args: Any) -> Judged:
            if len(self.sent) >= 20:
                raise BudgetError("20 requests were sent")
            return super().send(*args)

    target = Poor(new=True)
    with pytest.raises(InconclusiveError, match="20 requests"):
        walk(api_of(target, amended), CLUSTERS["embed_jobs"])


@pytest.mark.parametrize("seed", [None, 7])
def test_the_same_seed_sends_the_same_in_the_same_order(seed: int | None, amended: Contract) -> None:
    def sent(number: int | None) -> list[tuple[str, dict[str, str], object]]:
        target = Liar(new=True)
        walk(api_of(target, amended, number), CLUSTERS["embed_jobs"])
        return target.sent

    first = sent(seed)
    assert len(first) > 30
    assert sent(seed) == first
    assert sent(8) != first
