"""What leaves the process: nothing above the tiers of the target, nothing that touches what others have."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from cohere_conformance.client.guard import Guard
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.collections import shipped_collections
from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.errors import ForbiddenError, OwnershipError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.session.reused import reused_ids

CONTRACT = load_contract()
POLICIES = shipped_policies()
DATE = "Thu, 26 Nov 2026 10:00:00 GMT"
NOW, BEFORE = "2026-11-26T10:00:00Z", "2026-11-26T09:00:00Z"
CREATE = Outgoing("POST", "/v1/datasets?name=a&type=embed-input")


def guard(tiers: str, *, hosted: bool) -> Guard:
    return Guard(
        CONTRACT, POLICIES, tiers=[Tier(one) for one in tiers.split()], declares=CONTRACT.operations,
        hosted=hosted, fresh=False, now=lambda: datetime.fromisoformat(NOW),
    )  # fmt: skip


class Target:
    """A guard, and a target with the given responses.

    Args:
        answers: body, or status, by method and path without a query; 404 for everything else.
        tiers: what may be called.
        hosted: the target is another host.
    """

    def __init__(
        self, answers: dict[str, Any] | None = None, tiers: str = " ".join(Tier), *, hosted: bool = False
    ) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []
        self.guard = guard(tiers, hosted=hosted)

    def send(self, outgoing: Outgoing) -> Exchange:
        """Send a request through the guard."""
        self.guard.admit(outgoing, self.send)
        self.asked.append(f"{outgoing.method} {outgoing.path}")
        answer = self.answers.get(f"{outgoing.method} {outgoing.path.partition('?')[0]}", 404)
        if callable(answer):
            answer = answer(outgoing.path)
        status, body = (answer, {}) if isinstance(answer, int) else (200, answer)
        response = Response(status, (("date", DATE),), json.dumps(body).encode(), seconds=0.5)
        self.guard.note(outgoing, response)
        request = Request(outgoing.method, f"http://localhost{outgoing.path}")
        return Exchange(request, response, Source("run", ""))

    def passes(self, method: str, path: str, **further: Any) -> bool:
        """Tell whether a request leaves the process."""
        try:
            self.send(Outgoing(method, path, **further))
        except (ForbiddenError, OwnershipError):
            return False
        return True


def made(identity: str, created: str | None = NOW, ids: tuple[str, ...] = ("theirs-1",)) -> Target:
    """Return a target that has answered to an upload with an id."""
    shown = {"dataset": {"id": identity, "created_at": created} if created else {"id": identity}}
    target = Target(
        {
            "POST /v1/datasets": {"id": identity},
            f"GET /v1/datasets/{identity}": shown,
            "GET /v1/datasets": lambda path: {
                "datasets": [] if "offset=0" not in path else list(map(item, ids))
            },
            f"DELETE /v1/datasets/{identity}": {},
        }
    )
    target.send(CREATE)
    return target


def item(identity: str) -> dict[str, str]:
    return {"id": identity}


TAKING = [
    ("DELETE", "/v1/datasets/somebody-elses"),
    ("DELETE", "/v1/datasets/"),
    ("DELETE", "/v1/datasets"),
    ("DELETE", "/v1/datasets/usage"),
    ("DELETE", "/v1/datasets/.."),
    ("DELETE", "/v1/datasets/%2e%2e"),
    ("DELETE", "/v1/datasets/somebody-elses/"),
    ("DELETE", "/v1//datasets/somebody-elses"),
    ("DELETE", "/V1/DATASETS/somebody-elses"),
    ("delete", "/v1/datasets/somebody-elses"),
    ("DELETE", "/v1/datasets%2Fsomebody-elses"),
    ("DELETE", "/v1/datasets%252Fsomebody-elses"),
    ("DELETE", "/v1/datasets;a=b/somebody-elses"),
    ("DELETE", "/v1/datasets/conformance-somebody-elses"),
    ("DELETE", "/v1/connectors/customers-2"),
    ("PATCH", "/v1/connectors/somebody-elses"),
    ("PUT", "/v1/connectors/somebody-elses"),
    ("PURGE", "/v1/connectors/somebody-elses"),
    ("PATCH", "/v1/finetuning/finetuned-models/somebody-elses"),
    ("POST", "/v1/connectors/somebody-elses/oauth/authorize"),
    ("POST", "/v2/batches/somebody-elses:cancel"),
    ("POST", "/v1/embed-jobs/somebody-elses/cancel"),
    ("POST", "/v1/embed-jobs/somebody-elses/%63ancel"),
    ("POST", "/v1/embed-jobs/somebody-elses/cancel/"),
    ("POST", "/v2/batches/somebody-elses/cancel"),
    ("POST", "/v2/batches/somebody-elses%3Acancel"),
    ("POST", "/v2/batches/somebody-elses:CANCEL"),
    ("POST", "/v1/embed-jobs/somebody-elses/Cancel"),
    ("POST", "/v1/jobs/somebody-elses/CANCEL"),
    ("POST", "/v1/datasets/somebody-elses?_method=delete"),
    ("POST", "/v1/datasets/somebody-elses?_METHOD=DELETE"),
    ("POST", "/v1/datasets/somebody-elses?_method=DELETE"),
    ("DELETE", "/v1/datasets/conformance-nobody/../somebody-elses"),
    ("DELETE", "/v1/datasets/conformance-nobody%2F..%2Fsomebody-elses"),
    ("DELETE", "/"),
]


@pytest.mark.parametrize(("method", "path"), TAKING)
@pytest.mark.parametrize("hosted", [False, True], ids=["local", "hosted"])
def test_resources_of_others_are_not_touched(method: str, path: str, hosted: bool) -> None:
    """However a request spells it, it stays here if some server may see others' things in it."""
    target = Target(hosted=hosted)
    assert not target.passes(method, path)
    assert target.asked == []


@pytest.mark.parametrize("name", ["x-http-method-override", "X-HTTP-Method", "x-method-override"])
def test_a_header_may_name_the_method(name: str) -> None:
    """A POST that a server takes for a deletion because of a header is one."""
    assert not Target().passes("POST", "/v1/datasets/somebody-elses", headers=((name, " delete "),))
    assert Target().passes("POST", "/v1/datasets/conformance-nobody", headers=((name, "delete"),))


@pytest.mark.parametrize("name", ["x-original-url", "X-Rewrite-URL"])
def test_a_header_may_name_the_path(name: str) -> None:
    """So is a deletion of something else that a header names."""
    path = "/v1/datasets/conformance-nobody"
    assert not Target().passes("DELETE", path, headers=((name, "/v1/datasets/somebody-elses"),))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/datasets/conformance-nobody"),
        ("DELETE", "/v1/datasets/00000000-0000-4000-8000-000000000000"),
        ("DELETE", "/v1/datasets/conformance-nobody%2Fa"),
        ("TRACE", "/v1/datasets/somebody-elses"),
        ("GET", "/v1/datasets/somebody-elses"),
        ("PATCH", "/v1/connectors/conformance-no-such-connector"),
        ("POST", "/v2/batches/conformance-nobody:cancel"),
        ("POST", "/v2/chat"),
    ],
)
@pytest.mark.parametrize("hosted", [False, True], ids=["local", "hosted"])
def test_ids_that_do_not_exist_may_be_called(method: str, path: str, hosted: bool) -> None:
    """Ids that no resource has are named in order to be refused; reading and computing harm nobody."""
    assert Target(hosted=hosted).passes(method, path)


@pytest.mark.parametrize(
    ("method", "path", "passes"),
    [
        ("GET", "/v1/models", True),
        ("POST", "/v2/chat", True),
        ("POST", "/v1/tokenize", True),
        ("POST", "//v1/tokenize", False),
        ("POST", "/v1%2Ftokenize", True),
        ("GET", "/v1/no-such-thing", True),
        ("OPTIONS", "/v1/datasets", True),
        ("POST", "/v1/datasets", False),
        ("POST", "/V1/datasets", False),
        ("POST", "/v1/data%73ets", False),
        ("POST", "/v1/data%2573ets", False),
        ("POST", "/v1/datasets.json", False),
        ("POST", "/v1/datasets;a=b", False),
        ("POST", "/v1/datasets%00", False),
        ("POST", "/v1/datasets/", False),
        ("POST", "/v1/conformance/../datasets", False),
        ("POST", "/v1\\datasets", False),
        ("GET", "/v1/datasets?_method=POST", False),
        ("post", "/v1/datasets", False),
        ("POST", "/v1/embed-jobs", False),
        ("POST", "/v2/batches", False),
        ("GET", "/v1/connectors", False),
        ("HEAD", "/v1/connectors", False),
        ("POST", "/v1/generate", False),
        ("POST", "/v1/no-such-thing", False),
        ("PURGE", "/v1/models", False),
        ("PUT", "/v1/models/conformance-nobody", False),
    ],
)
def test_another_host_gets_nothing_above_its_tiers(method: str, path: str, passes: bool) -> None:
    """Only allowed tiers leave the process, and nothing undeclared that could do anything."""
    target = Target(tiers="free-read cheap-compute", hosted=True)
    assert target.passes(method, path) is passes
    assert len(target.asked) == passes


def test_this_machine_gets_what_the_contract_does_not_declare() -> None:
    """How a server refuses a path that does not exist is tried out where it can do no harm."""
    assert Target().passes("POST", "/v1/no-such-thing")


@pytest.mark.parametrize(
    ("created", "method", "path"),
    [
        ("/v1/connectors", "PATCH", "/v1/connectors/ours-1"),
        ("/v1/connectors", "POST", "/v1/connectors/ours-1/oauth/authorize"),
        ("/v1/embed-jobs", "POST", "/v1/embed-jobs/ours-1/cancel"),
        ("/v2/batches", "POST", "/v2/batches/ours-1:cancel"),
        ("/v1/finetuning/finetuned-models", "PATCH", "/v1/finetuning/finetuned-models/ours-1"),
    ],
)
@pytest.mark.parametrize("hosted", [False, True], ids=["local", "hosted"])
def test_what_the_run_has_created_may_be_changed_and_stopped(
    created: str, method: str, path: str, hosted: bool
) -> None:
    """And the same of somebody else may not, by the same target."""
    shown = {"id": "ours-1", "job_id": "ours-1", "created_at": NOW}
    named = {"connector": shown, "finetuned_model": shown, "batch": shown, **shown}
    answers = {f"POST {created}": named, f"GET {created}": {}, f"GET {created}/ours-1": named}
    target = Target(answers, hosted=hosted)
    assert not target.passes(method, path), "nothing is created yet"
    target.send(Outgoing("POST", created))
    assert target.passes(method, path)
    assert not target.passes(method, path.replace("ours-1", "theirs-1"))


@pytest.mark.parametrize("has_key", [True, False])
def test_a_request_without_a_key_is_no_exception(has_key: bool) -> None:
    """What a server should refuse without a key it may serve all the same."""
    assert not Target(tiers="free-read cheap-compute", hosted=True).passes(
        "POST", "/v1/datasets", has_key=has_key
    )
    assert not Target(hosted=True).passes("POST", "/v1/no-such-thing", has_key=has_key)


def test_a_created_resource_may_be_removed_with_the_tier_of_its_creation() -> None:
    """Deleting is tier destroys; what creates has created may be deleted without it, and nothing else."""
    target = made("ours-1")
    target.guard = guard("free-read creates", hosted=True)
    target.send(CREATE)
    assert target.passes("DELETE", "/v1/datasets/ours-1")
    assert not target.passes("DELETE", "/v1/datasets/conformance-nobody")


def test_existing_resources_are_listed_once_before_a_creation() -> None:
    """Every page is read; then the creation is sent, and no list before the next one."""
    target = made("ours-1", ids=("a", "b"))
    target.send(CREATE)
    lists = ["GET /v1/datasets?limit=100&offset=0", "GET /v1/datasets?limit=100&offset=2"]
    create = f"POST {CREATE.path}"
    assert [one for one in target.asked if "/v1/datasets" in one] == [*lists, create, create]
    assert target.asked[-2:] == [create, create]


def test_every_collection_is_listed_before_the_first_creation() -> None:
    """A job makes datasets, and an id may be that of something in any collection."""
    target = Target()
    target.send(Outgoing("POST", "/v1/embed-jobs"))
    assert {one.partition("?")[0] for one in target.asked[:-1]} == {
        f"GET {path}" for path in shipped_collections()
    }
    assert target.asked[-1] == "POST /v1/embed-jobs"


def test_the_time_in_the_response_to_a_creation_proves_nothing() -> None:
    """It may be that of something new, under the id of something that others have."""
    connector = {"connector": {"id": "theirs-1", "created_at": NOW}}
    target = Target({"POST /v1/connectors": connector, "GET /v1/connectors": {"connectors": []}})
    target.send(Outgoing("POST", "/v1/connectors"))
    assert not target.passes("DELETE", "/v1/connectors/theirs-1")
    target.answers["GET /v1/connectors/theirs-1"] = {"connector": {"id": "theirs-1", "created_at": BEFORE}}
    assert not target.passes("DELETE", "/v1/connectors/theirs-1")


@pytest.mark.parametrize("identity", ["theirs-1", "THEIRS-1", "theirs-1.json", "theirs%2D1", "theirs-1."])
def test_a_creation_with_an_existing_id_does_not_make_it_the_runs_own(identity: str) -> None:
    """A creation that is answered with the id of an existing resource: a finding, and the resource stays."""
    target = made(identity)
    assert not target.passes("DELETE", f"/v1/datasets/{identity.replace('%', '%25')}")
    [finding] = reused_ids(target.guard, target.send(CREATE))
    assert (finding.requirement, finding.location) == ("datasets.id-unique", "/id")


@pytest.mark.parametrize(
    "identity",
    ["../theirs-1", "..%2Ftheirs-1", "a/b", "a?b", "a#b", "..", ".", "a;b", "a:cancel", "usage", "a" * 999],
)
def test_an_id_that_is_more_than_one_segment_is_not_sent_back(identity: str) -> None:
    """Some servers would take the path for that of something else."""
    target = Target({"POST /v1/datasets": {"id": identity}, "GET /v1/datasets": {"datasets": []}})
    exchange = target.send(CREATE)
    with pytest.raises(OwnershipError) as caught:
        target.guard._check_owner(Outgoing("DELETE", "/"), "/v1/datasets", identity, target.send)
    assert caught.value.claimed
    assert [one.kind for one in reused_ids(target.guard, exchange)] == ["requirement-violated"]


@pytest.mark.parametrize("ids", [(), ("theirs-2",)], ids=["empty list", "list that hides it"])
def test_a_resource_older_than_its_creation_is_not_touched(ids: tuple[str, ...]) -> None:
    """Where no list shows it, the time at which the target says that it was made does."""
    target = made("theirs-1", BEFORE, ids)
    assert not target.passes("DELETE", "/v1/datasets/theirs-1")
    assert "DELETE /v1/datasets/theirs-1" not in target.asked
    exchange = target.send(CREATE)
    assert [one.observed for one in reused_ids(target.guard, exchange)] == [
        "the id of something that is older than the request"
    ]


@pytest.mark.parametrize("answer", [500, 404, {"datasets": "none"}, {}, {"datasets": [{"id": "two"}]}])
def test_only_resources_shown_to_be_new_are_touched(answer: object) -> None:
    """A list that fails or hides something says nothing, and a time that is missing does not either."""
    for created, passes in ((NOW, True), (BEFORE, False), (None, False)):
        target = Target(
            {
                "POST /v1/datasets": {"id": "one"},
                "GET /v1/datasets": answer,
                "GET /v1/datasets/one": {"dataset": {"id": "one", "created_at": created}},
            }
        )
        target.send(CREATE)
        assert target.passes("DELETE", "/v1/datasets/one") is passes


def test_a_resource_that_was_read_before_is_not_new() -> None:
    """A list may hide what another response has shown."""
    target = Target({"GET /v1/datasets/theirs-1": {"dataset": {"id": "theirs-1"}}, "GET /v1/datasets": {}})
    target.send(Outgoing("GET", "/v1/datasets/theirs-1"))
    target.answers["POST /v1/datasets"] = {"id": "theirs-1"}
    assert list(reused_ids(target.guard, target.send(CREATE)))


def test_an_id_of_another_collection_is_not_new() -> None:
    """A path is easily mistaken; only collections that count from one may have the same ids."""
    target = made("ours-1", ids=("theirs-1", "7"))
    target.answers |= {
        "GET /v1/connectors": {"connectors": []},
        "GET /v1/connectors/7": {"connector": {"id": "7", "created_at": NOW}},
        "POST /v1/connectors": {"connector": {"id": "theirs-1"}},
    }
    [finding] = reused_ids(target.guard, target.send(Outgoing("POST", "/v1/connectors")))
    assert (finding.kind, finding.location) == ("expectation-failed", "/connector/id")
    assert not target.passes("DELETE", "/v1/connectors/theirs-1")
    target.answers["POST /v1/connectors"] = {"connector": {"id": "7"}}
    assert list(reused_ids(target.guard, target.send(Outgoing("POST", "/v1/connectors")))) == []
    assert target.passes("DELETE", "/v1/connectors/7")


def test_two_creations_with_one_id_are_both_the_runs_own() -> None:
    """The second is wrong, which the lifecycles find; removing it harms nobody."""
    target = made("ours-1")
    target.send(Outgoing("GET", "/v1/datasets/ours-1"))
    assert list(reused_ids(target.guard, target.send(CREATE))) == []
    assert target.passes("DELETE", "/v1/datasets/ours-1")


NAMED = Outgoing("POST", "/v1/datasets?name=conformance-oats-1&type=embed-input")


def unnamed(*listed: tuple[str, str], creation: Outgoing = NAMED, created: str = NOW) -> Target:
    """Return a target whose response to an upload has no id, and whose list shows ids with names."""
    shown = [{"id": identity, "name": name, "created_at": created} for identity, name in listed]
    before = [{"id": "theirs-1", "name": "conformance-oats-1", "created_at": BEFORE}]
    target = Target({"POST /v1/datasets": {}, "GET /v1/datasets": {"datasets": before}})
    target.answers |= {f"DELETE /v1/datasets/{identity}": {} for identity, _ in listed}
    target.send(creation)
    target.answers["GET /v1/datasets"] = {"datasets": before + shown}
    target.send(Outgoing("GET", "/v1/datasets"))
    return target


def test_what_is_created_without_an_id_is_found_by_its_name() -> None:
    """The list shows one that is new and has the name that only this run gives, whatever its case."""
    target = unnamed(("ours-1", "Conformance-Oats-1"))
    assert target.passes("DELETE", "/v1/datasets/ours-1")
    assert not target.passes("DELETE", "/v1/datasets/theirs-1")


def test_the_list_is_asked_for_what_is_created_without_an_id() -> None:
    """A test may know the id from elsewhere, such as the response whose wrapper is missing."""
    target = Target({"POST /v1/datasets": {}, "GET /v1/datasets": {}, "DELETE /v1/datasets/ours-1": {}})
    target.send(NAMED)
    shown = {"id": "ours-1", "name": "conformance-oats-1", "created_at": NOW}
    target.answers["GET /v1/datasets"] = {"datasets": [shown]}
    target.answers["GET /v1/datasets/ours-1"] = {"dataset": shown}
    assert target.passes("GET", "/v1/datasets/ours-1")
    assert not target.passes("DELETE", "/v1/datasets/ours-2")
    assert target.passes("DELETE", "/v1/datasets/ours-1")


@pytest.mark.parametrize(
    ("listed", "creation", "created"),
    [
        ([("other-1", "conformance-oats-2")], NAMED, NOW),
        ([("other-1", "conformance-oats-1"), ("other-2", "conformance-oats-1")], NAMED, NOW),
        ([("other-1", "conformance-oats-1")], NAMED, BEFORE),
        ([("other-1", "a")], CREATE, NOW),
    ],
    ids=["another name", "more than were created", "older", "a name that anybody may give"],
)
def test_what_may_be_somebody_elses_is_not_found_by_its_name(
    listed: list[tuple[str, str]], creation: Outgoing, created: str
) -> None:
    """A name alone proves nothing."""
    assert not unnamed(*listed, creation=creation, created=created).passes("DELETE", "/v1/datasets/other-1")


JOB = {"job_id": "job-1", "status": "complete", "created_at": NOW, "output_dataset_id": "result-1"}


@pytest.mark.parametrize(
    ("listed", "created", "passes"),
    [((), NOW, True), (("theirs-1",), NOW, True), ((), BEFORE, False), (("result-1",), NOW, False)],
)
def test_the_result_of_a_job_is_the_runs_own_only_if_it_is_new(
    listed: tuple[str, ...], created: str, passes: bool
) -> None:
    """A result that was listed before, or is older than the job, belongs to somebody else."""
    target = Target(
        {
            "GET /v1/datasets": lambda path: {
                "datasets": list(map(item, listed)) if "offset=0" in path else []
            },
            "GET /v1/embed-jobs": {"embed_jobs": []},
            "POST /v1/embed-jobs": {"job_id": "job-1"},
            "GET /v1/embed-jobs/job-1": JOB,
            "GET /v1/datasets/result-1": {"dataset": {"id": "result-1", "created_at": created}},
        }
    )
    target.send(Outgoing("POST", "/v1/embed-jobs"))
    exchange = target.send(Outgoing("GET", "/v1/embed-jobs/job-1"))
    # What a job has made may be in a list before the job is read.
    target.guard.ownership.seen("/v1/datasets", ["result-1"])
    assert target.passes("DELETE", "/v1/datasets/result-1") is passes
    assert bool(list(reused_ids(target.guard, exchange))) is not passes


def test_the_result_of_somebody_elses_job_is_not_the_runs_own() -> None:
    """Reading a job of others does not make their datasets ours."""
    target = Target({"GET /v1/embed-jobs/job-1": JOB})
    target.send(Outgoing("GET", "/v1/embed-jobs/job-1"))
    assert not target.passes("DELETE", "/v1/datasets/result-1")


def test_a_list_that_never_ends_is_left_and_counts_for_nothing() -> None:
    """Fifty pages are read, and what they show is left alone."""
    pages = iter(range(10**6))
    target = Target({"GET /v1/datasets": lambda _: {"datasets": [{"id": f"theirs-{next(pages)}"}]}})
    target.answers["POST /v1/datasets"] = {"id": "theirs-49"}
    assert list(reused_ids(target.guard, target.send(CREATE)))
    assert len([one for one in target.asked if one.startswith("GET /v1/datasets")]) == 50
    assert not target.passes("DELETE", "/v1/datasets/theirs-49")


def test_pages_with_tokens_are_read_to_the_last_one() -> None:
    """Batches are listed by token; a token that comes again ends the list."""
    pages = {"": ("a", "t1"), "t1": ("b", "t2"), "t2": ("c", "t1")}

    def page(path: str) -> dict[str, Any]:
        identity, token = pages[path.partition("page_token=")[2]]
        return {"batches": [{"id": identity}], "next_page_token": token}

    target = Target({"GET /v2/batches": page, "GET /v1/datasets": {"datasets": []}})
    for identity in "abc":
        target.answers["POST /v2/batches"] = {"batch": {"id": identity, "created_at": NOW}}
        [finding] = reused_ids(target.guard, target.send(Outgoing("POST", "/v2/batches")))
        assert finding.requirement == "batches.id-own"
        assert not target.passes("POST", f"/v2/batches/{identity}:cancel")
