"""The client that tests of the suites get as the fixture `api`.

A test is needed where one exchange is not enough: relations between responses, and lifecycles of resources.
Every response is judged and reported like the response of a written case. What several responses show
together is a finding about the last of them, and names a requirement of the catalogue.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from cohere_conformance.cases import Credential, FormPart, RequestTemplate
from cohere_conformance.cases.roles import default_models
from cohere_conformance.checks.frame import Frame, cut
from cohere_conformance.checks.registry import Breach, violation
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import BudgetError, OwnershipError, RefusedError
from cohere_conformance.model import Exchange, Expectation, Finding, Severity
from cohere_conformance.session.api_response import (
    ApiResponse,
    DeviatesError,
    InconclusiveError,
    api_response,
)
from cohere_conformance.session.patience import Patience
from cohere_conformance.session.upload import (
    DELETE_DATASET,
    SHOW_DATASET,
    UPLOAD,
    UPLOAD_OPERATIONS,
    VALIDATING,
    Upload,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Kind
    from cohere_conformance.session.removal import Address

__all__ = ["UPLOAD_OPERATIONS", "Api", "ApiResponse", "DeviatesError", "InconclusiveError", "Upload"]

Judged = tuple[Exchange, tuple[Finding, ...], str]
"""An exchange, the findings that fail it, and why it cannot be judged (empty if it can)."""
_Wanted = TypeVar("_Wanted")


class Api:
    """Calls the target for one test.

    Args:
        test: id of the test; everything is recorded under it.
        contract: the contract that responses are judged against.
        send: sends, judges and records one request. Its arguments are the test, the request, the credentials,
            the expected statuses, and whether the request only cleans up after the test.
        record: records a finding that several exchanges show together.
        profile: of the target.
        unique: a text for the names of resources, different for each test and run.
        seed: for the random choices of the test, if the caller wants others than the usual ones.
        undo: deletes the resources that responses to this test have reported as created; returns the requests
            it has sent.
        patience: waits for slow resources of the target.
        models: the model that each role means.
        waived: ids of requirements that are not judged.

    Attributes:
        profile: likewise.
        unique: likewise.
        seed: likewise.
        models: likewise.
        examples: how many generated inputs a relation is checked with, where a test generates them.
        violated: ids of the requirements that the test has found violated, in order.
        breaches: of the violated ones that are a MUST, what was expected and observed: they fail the test.
    """

    examples: int = 1

    def __init__(
        self,
        test: str,
        contract: Contract,
        send: Callable[[str, RequestTemplate, Credential, Expectation, bool], Judged],
        record: Callable[[str, Exchange, Finding], None],
        *,
        profile: str,
        unique: str,
        seed: int | None = None,
        undo: Callable[[str], Collection[Address]] | None = None,
        patience: Patience | None = None,
        models: Mapping[str, str] | None = None,
        waived: Container[str] = (),
    ) -> None:
        self._waived = waived
        self._patience = patience or Patience()
        self.models = default_models(profile) if models is None else models
        self.profile = profile
        self.unique = unique
        self.seed = seed
        self.violated: list[str] = []
        self.breaches: list[str] = []
        self._test = test
        self._contract = contract
        self._send = send
        self._record = record
        self._undo = undo
        self._later: list[tuple[RequestTemplate, Expectation]] = []

    def call(
        self,
        operation: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: object = msgspec.UNSET,
        form: Sequence[FormPart] = (),
        status: int | tuple[int, ...] = 200,
        key: Credential = Credential.VALID,
    ) -> ApiResponse:
        """Send one request and return the response.

        Args:
            operation: label such as `POST /v2/rerank`; it may be one that the contract does not declare.
            path: the path parameters.
            query: names and values of the query, in order.
            headers: in addition to `Authorization` and `Content-Type`, which follow from key and body.
            body: JSON.
            form: parts of a multipart body.
            status: the expected status, or several.
            key: the credentials to send.

        Raises:
            DeviatesError: the response as a whole deviates from the contract, or its status is not an
                expected one; what deviates only in part ends the test once the test reads it.
            InconclusiveError: a live target gave no response that can be judged (rate limit, timeout),
                the budget of requests is used up, or the target does not show that this run has created the
                resource which the request would change.
            ForbiddenError: the operation is not allowed on the target.
            OwnershipError: the test is about to change a resource that this run has not created.
        """
        template = RequestTemplate.literal(operation, path, query, headers, body, form)
        wanted = Expectation(status=status if isinstance(status, tuple) else (status,))
        try:
            exchange, failing, excuse = self._send(self._test, template, key, wanted, False)
        except BudgetError as error:
            # Hypothesis would take any other exception for a failure, and send everything once more.
            raise InconclusiveError(str(error)) from error
        except OwnershipError as error:
            if error.claimed:
                raise InconclusiveError(str(error)) from error
            raise
        if excuse:
            raise InconclusiveError(excuse)
        return api_response(self._contract, operation, exchange, failing, self._listed)

    def _listed(self, operation: str) -> Exchange:
        """Send the request of an operation that lists resources."""
        template, wanted = RequestTemplate.literal(operation), Expectation(status=(200,))
        return self._send(self._test, template, Credential.VALID, wanted, False)[0]

    def upload(
        self,
        dataset_type: str,
        rows: Iterable[object],
        *,
        name: str,
        filename: str = "rows.jsonl",
        query: Sequence[tuple[str, str]] = (),
        seconds: float | None = 300.0,
    ) -> Upload:
        """Upload rows as JSON Lines and wait until the target has validated the dataset, or rejected it.

        The dataset is deleted when the test is over.

        Args:
            dataset_type: such as `embed-input`.
            rows: JSON values, one for each line of the file.
            name: part of the dataset's name, for whoever finds the dataset on the target.
            filename: of the uploaded file.
            query: further parameters, such as `("keep_fields", "day")`.
            seconds: how long the validation may take; `None` if the test does not depend on its end.

        Raises:
            DeviatesError: a response deviates from the contract.
            InconclusiveError: there is no id in the response, or the validation does not end in time.
        """
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        response = self.call(
            UPLOAD,
            query=(("name", f"conformance-{name}-{self.unique}"), ("type", dataset_type), *query),
            form=(FormPart("data", lines, filename, "application/jsonl"),),
        )
        dataset = response.at("/id", cast("type[str]", str | None)) or ""
        self.need(bool(dataset), "the id of the uploaded dataset")
        self.later(DELETE_DATASET, path={"id": dataset})
        if seconds is not None:
            response = self.until(
                SHOW_DATASET,
                lambda shown: shown.at("/dataset/validation_status", str) not in VALIDATING,
                path={"id": dataset},
                seconds=seconds,
                expected=f"the end of the validation of dataset {dataset}",
            )
        return Upload(dataset, response)

    def until(
        self,
        operation: str,
        reached: Callable[[ApiResponse], bool],
        *,
        path: Mapping[str, str] | None = None,
        seconds: float,
        expected: str,
        growth: float | None = None,
    ) -> ApiResponse:
        """Call an operation, with pauses, until a response shows that something has happened; return it.

        Args:
            operation: label of the operation, which is called once at least.
            reached: returns whether the response shows it; may also check each response with `require`.
            path: the path parameters.
            seconds: how long it may take; the options of the run may shorten or extend this.
            expected: what is waited for, for the message.
            growth: factor from one pause to the next; close to 1 where a test wants to see each state.

        Raises:
            DeviatesError: a response deviates from the contract, or violates a MUST that `reached` checks.
            InconclusiveError: it has not happened in that time.
        """

        def look() -> ApiResponse | None:
            response = self.call(operation, path=path)
            return response if reached(response) else None

        return self.poll(operation, look, seconds, expected=expected, growth=growth)

    def poll(
        self,
        operation: str,
        look: Callable[[], _Wanted | None],
        seconds: float,
        *,
        expected: str,
        growth: float | None = None,
    ) -> _Wanted:
        """Call a function, with pauses, until it returns something; `until` is simpler where it suffices.

        Args:
            operation: label of the operation that the function calls.
            look: returns the result, or `None` if there is none yet.
            seconds: as of `until`.
            expected: as of `until`.
            growth: as of `until`.

        Raises:
            DeviatesError: the function has found a MUST violated: what is waited for may never come.
            InconclusiveError: there is no result in that time.
        """
        breaches = len(self.breaches)

        def judged() -> _Wanted | None:
            found = look()
            if len(self.breaches) > breaches:
                raise DeviatesError(self.breaches[breaches])
            return found

        kind = collection_of(operation)
        limit = self._patience.limit(kind, seconds)
        further = {} if growth is None else {"growth": growth}
        if (result := self._patience.until(kind, judged, seconds, **further)) is None:
            raise InconclusiveError(f"not testable: expected {expected}, got none within {limit:g} s")
        return result

    def pause(self, operation: str, seconds: float) -> None:
        """Wait before an operation is called again.

        Args:
            operation: label of the operation.
            seconds: how long.
        """
        self._patience.pause(collection_of(operation), seconds)

    def later(
        self,
        operation: str,
        *,
        path: Mapping[str, str] | None = None,
        body: object = msgspec.UNSET,
        status: tuple[int, ...] = (200, 404),
    ) -> None:
        """Register a request that cleans up when the test is over, however it ends; the latest goes first."""
        template = RequestTemplate.literal(operation, path, body=body)
        self._later.append((template, Expectation(status=status)))

    def conclude(self) -> None:
        """End the test where it has found a MUST violated.

        Raises:
            DeviatesError: it has; the message is about the first one.
        """
        if self.breaches:
            raise DeviatesError(self.breaches[0])

    def clear(self) -> None:
        """Send what `later` has registered, within the budget and only for resources of this run."""
        done = set(self._undo(self._test)) if self._undo is not None else set()
        while self._later:
            template, expectation = self._later.pop()
            outgoing = template.outgoing({}, name=self._test)
            if (address := (outgoing.method, outgoing.path)) in done:
                continue
            done.add(address)
            with suppress(BudgetError, RefusedError):
                self._send(self._test, template, Credential.VALID, expectation, True)

    def require(
        self,
        requirement: str,
        holds: bool,
        response: ApiResponse,
        *,
        expected: str,
        observed: object,
        location: str = "",
        value_class: str = "",
    ) -> None:
        """Report a violation of a requirement, if it does not hold.

        The test goes on, as it may find something else; a violated MUST fails it in the end.

        Args:
            requirement: id in the catalogue.
            holds: whether it holds.
            response: the response that shows it; the last one where several do together.
            expected: the expected value or state, for the report.
            observed: the actual value, for the report.
            location: as in `Finding.location`.
            value_class: distinguishes two violations at one location, as in `Finding.value_class`.

        Raises:
            KeyError: the catalogue has no such requirement.
        """
        clause = shipped_requirements().requirements[requirement]
        if holds or requirement in self._waived:
            return
        text = (
            observed if isinstance(observed, str) else json.dumps(observed, ensure_ascii=False, default=str)
        )
        shown = cut(text)
        finding = violation(clause, self._frame(response), Breach(location, expected, shown, value_class))
        self._record(self._test, response.exchange, finding)
        self.violated.append(requirement)
        if finding.severity is Severity.BREAKING:
            self.breaches.append(f"{requirement}: expected {expected}, observed {shown}")

    def need(self, holds: bool, expected: str) -> None:
        """End the test without a verdict, if a precondition of its comparison is not met.

        Args:
            holds: whether the precondition is met.
            expected: the precondition, for the message.

        Raises:
            InconclusiveError: it is not met.
        """
        if not holds:
            raise InconclusiveError(f"not testable: expected {expected}")

    def report(
        self, kind: Kind, response: ApiResponse, *, expected: str, observed: str, location: str = ""
    ) -> None:
        """Report what several responses show together and no requirement covers; the test continues.

        Args:
            kind: of the finding, which also decides its severity.
            response: the response that shows it; the last one where several do together.
            expected: the expected state, for the report.
            observed: the actual state, for the report.
            location: as in `Finding.location`.
        """
        finding = self._frame(response).finding(
            kind, location=location, expected=expected, observed=cut(observed)
        )
        self._record(self._test, response.exchange, finding)

    def _frame(self, response: ApiResponse) -> Frame:
        request = response.exchange.request
        operation = self._contract.route(request.method, request.url).operation
        return Frame(operation or request.method, response.status)
