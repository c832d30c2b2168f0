"""`Api`: an upload that is waited for and deleted, a request that is repeated, responses that deviate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange

from cohere_conformance.checks.frame import Frame
from cohere_conformance.checks.registry import Breach, violation
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Kind
from cohere_conformance.session.api import UPLOAD_OPERATIONS, Api, DeviatesError, InconclusiveError
from cohere_conformance.session.patience import Patience, Timer

if TYPE_CHECKING:
    from cohere_conformance.cases import Credential, RequestTemplate
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Expectation, Finding
    from cohere_conformance.session.api import Judged

UPLOAD, SHOW, DELETE = UPLOAD_OPERATIONS
ID = "reviews-a1b2c3"


class Target:
    """Stores one dataset, whose validation takes some reads.

    Args:
        statuses: of the validation, one for each read; the last one stays.
        uploaded: body of the response to the upload.
    """

    def __init__(self, *statuses: str, uploaded: dict[str, Any] | None = None) -> None:
        self.statuses = list(statuses)
        self.uploaded = {"id": ID} if uploaded is None else uploaded
        self.sent: list[RequestTemplate] = []
        self.api: Api

    def send(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        self.sent.append(template)
        match template.operation:
            case "POST /v1/datasets":
                body = self.uploaded
            case "GET /v1/datasets/{id}":
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
                body = {"dataset": {"id": ID, "validation_status": status}}
            case _:
                body = {}
        return exchange(template.operation, body), (), ""

    def record(self, test: str, seen: Exchange, finding: Finding) -> None:
        raise AssertionError(finding)

    @property
    def operations(self) -> list[str]:
        return [template.operation for template in self.sent]


def api_of(target: Target, contract: Contract) -> Api:
    """Return a client whose waits take no time."""
    return Api(
        "datasets.relations.upload", contract, target.send, target.record,
        profile="contract", unique="a1b2c3", patience=Patience(timer=Timer(lambda _: None)),
    )  # fmt: skip


def test_an_upload_is_read_until_it_is_validated_and_deleted_at_the_end(amended: Contract) -> None:
    target = Target("queued", "processing", "validated")
    api = api_of(target, amended)
    upload = api.upload(
        "embed-input", [{"text": "é"}, {"text": "b"}], name="reviews", query=[("keep_fields", "c")]
    )
    assert (upload.id, upload.response.at("/dataset/validation_status", str)) == (ID, "validated")
    api.clear()
    assert target.operations == [UPLOAD, SHOW, SHOW, SHOW, DELETE]
    sent, [file] = target.sent[0].query, target.sent[0].form
    assert sent == (("name", "conformance-reviews-a1b2c3"), ("type", "embed-input"), ("keep_fields", "c"))
    assert file.content == '{"text": "\\u00e9"}\n{"text": "b"}\n'
    assert all(template.path == {"id": ID} for template in target.sent[1:])


def test_an_upload_that_is_not_waited_for_is_deleted_too(amended: Contract) -> None:
    target = Target("queued")
    api = api_of(target, amended)
    assert api.upload("embed-input", [], name="reviews", seconds=None).response.body == {"id": ID}
    api.clear()
    assert target.operations == [UPLOAD, DELETE]


def test_an_upload_without_an_id_shows_nothing(amended: Contract) -> None:
    target = Target("queued", uploaded={"id": None})
    with pytest.raises(InconclusiveError, match="expected the id of the uploaded dataset"):
        api_of(target, amended).upload("embed-input", [], name="reviews")
    assert target.operations == [UPLOAD]


def test_a_validation_that_never_ends_is_inconclusive_and_deleted(amended: Contract) -> None:
    target = Target("processing")
    api = api_of(target, amended)
    with pytest.raises(
        InconclusiveError, match=r"expected the end of the validation of dataset .* within 30 s"
    ):
        api.upload("embed-input", [], name="reviews", seconds=30)
    api.clear()
    assert target.operations[-1] == DELETE


def test_a_request_is_repeated_until_a_response_shows_what_is_waited_for(amended: Contract) -> None:
    target = Target("queued", "validated", "failed")
    seen: list[str] = []

    def reached(response: Any) -> bool:
        seen.append(response.at("/dataset/validation_status", str))
        return seen[-1] == "failed"

    response = api_of(target, amended).until(
        SHOW, reached, path={"id": ID}, seconds=60, expected="a failure", growth=1.1
    )
    assert seen == ["queued", "validated", "failed"]
    assert response.at("/dataset/validation_status", str) == "failed"


class Recording(Target):
    """The same, and lets a test find something."""

    def record(self, test: str, seen: Exchange, finding: Finding) -> None:
        pass


def test_what_violates_a_must_is_not_waited_for(amended: Contract) -> None:
    target = Recording("validated", "processing", "processing", "failed")
    api = api_of(target, amended)

    def reached(response: Any) -> bool:
        status = response.at("/dataset/validation_status", str)
        api.require("datasets.created-echo", status != "processing", response, expected="a", observed="b")
        return bool(status == "failed")

    with pytest.raises(DeviatesError, match=r"datasets\.created-echo"):
        api.until(SHOW, reached, path={"id": ID}, seconds=60, expected="a failure", growth=1.1)
    assert target.operations == [SHOW, SHOW]


class Deviating(Target):
    """Responds to everything with one body, which the judge finds wrong at some locations."""

    def __init__(self, body: dict[str, Any], *locations: str) -> None:
        super().__init__()
        self.body = body
        self.locations = locations

    def send(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        frame = Frame(template.operation, 200)
        found = tuple(
            frame.finding(Kind.TYPE_CHANGED, location=location, expected="a", observed="b")
            for location in self.locations
        )
        return exchange(template.operation, self.body), found, ""


def test_what_deviates_elsewhere_does_not_end_a_test(amended: Contract) -> None:
    target = Deviating({"tokens": [1, 2], "token_strings": 5}, "/token_strings", "header:num_tokens")
    response = api_of(target, amended).call("POST /v1/tokenize", body={})
    assert response.at("/tokens", list[int]) == [1, 2]
    with pytest.raises(DeviatesError, match="type-changed at /token_strings"):
        response.at("/token_strings", list[str])
    with pytest.raises(DeviatesError, match="type-changed at header:num_tokens"):
        response.header("num_tokens")
    with pytest.raises(DeviatesError, match="type-changed at /token_strings"):
        _ = response.body
    assert response.header("num_chars") is None


@pytest.mark.parametrize("location", ["", "<text-generation>/text"])
def test_what_deviates_as_a_whole_ends_a_test_at_once(amended: Contract, location: str) -> None:
    with pytest.raises(DeviatesError):
        api_of(Deviating({}, location), amended).call("POST /v1/tokenize", body={})


def test_a_resource_without_its_wrapper_is_read_all_the_same(amended: Contract) -> None:
    body = {"id": ID, "validation_status": "validated"}
    target = Deviating(body, "/dataset", "/id", "/validation_status")
    response = api_of(target, amended).call(SHOW, path={"id": ID})
    assert response.at("/dataset/validation_status", str) == "validated"
    assert json.loads(response.exchange.response.body or b"") == body


def test_a_value_that_violates_a_requirement_is_read_where_its_type_is_enough(amended: Contract) -> None:
    clause = shipped_requirements().requirements["embed.dimension"]

    class Short(Target):
        def send(self, *_: object) -> Judged:
            frame = Frame("POST /v2/embed", 200)
            breach = Breach("/embeddings/float/*", "256 numbers", "2")
            body = {"embeddings": {"float": [[0.1, 0.2]]}}
            return exchange("POST /v2/embed", body), (violation(clause, frame, breach),), ""

    response = api_of(Short(), amended).call("POST /v2/embed", body={})
    found = response.at("/embeddings/float", list[list[float]], despite_requirements=True)
    assert found == [[0.1, 0.2]]
    with pytest.raises(DeviatesError):
        response.at("/embeddings/float", list[list[float]])
