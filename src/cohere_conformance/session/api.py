"""What a test of the suites calls the target with where one exchange is not enough: relations, lifecycles.

Every answer is judged and written down like that of a written case. What several answers show together is a
finding about the last of them, bound to a requirement of the catalogue.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cohere_conformance.cases import Credential, FormPart, RequestTemplate
from cohere_conformance.checks.frame import Frame, cut
from cohere_conformance.checks.judge import evidence_of
from cohere_conformance.checks.reading import Reading
from cohere_conformance.checks.registry import Breach, violation
from cohere_conformance.contract import Operation
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.location import parse_location
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import BudgetError, OwnershipError, RefusedError
from cohere_conformance.model import Exchange, Expectation, Finding, Severity
from cohere_conformance.session.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cohere_conformance.checks.evidence import Evidence
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Kind
    from cohere_conformance.session.removal import Address

Judged = tuple[Exchange, tuple[Finding, ...], str]
"""An exchange, what fails it, and why it says nothing where it says nothing."""


_Wanted = TypeVar("_Wanted")


class DeviatesError(Exception):
    """The target deviates; what was found is written down already."""


class InconclusiveError(Exception):
    """The target gave no chance to judge."""


class ApiResponse:
    """One answer.

    Attributes:
        exchange: what was sent and came back.
        status: HTTP status.
        body: the JSON body, or what a stream folds to; `{}` where that is no object.
        events: the payloads of a stream.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.exchange = evidence.reading.exchange
        self.status = evidence.status
        self.body: dict[str, Any] = evidence.answer
        self.events: list[dict[str, Any]] = evidence.events

    def header(self, name: str) -> str | None:
        """Return the first response header of that (lower-case) name."""
        return self._evidence.header(name)

    def at(self, pointer: str, kind: type[_Wanted]) -> _Wanted:
        """Return what is at a location of the answer; `null` where nothing is.

        Args:
            pointer: JSON pointer; `""` is the whole answer.
            kind: what it has to be: anything that `msgspec.convert` knows, such as `float`, `list[str]`, a
                `TypedDict`, `str | None`.

        Raises:
            InconclusiveError: it is something else, so that nothing can be said about it.
        """
        return self._converted(next(parse_location(pointer).values(self.body), None), pointer, kind)

    def parsed(self, pointer: str, kind: type[_Wanted]) -> _Wanted:
        """Return the value of a text that is JSON itself, as `at` does; `null` where there is no text.

        Args:
            pointer: JSON pointer.
            kind: what the value has to be.

        Raises:
            InconclusiveError: the text is no JSON, or the value is something else.
        """
        text = self.at(pointer, cast("type[str]", str | None)) or "null"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise InconclusiveError(
                f"not testable: expected JSON in the text at {pointer}, got none"
            ) from None
        return self._converted(value, pointer, kind)

    def _converted(self, value: object, pointer: str, kind: type[_Wanted]) -> _Wanted:
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            where = pointer or "the answer"
            raise InconclusiveError(f"not testable: {where} of status {self.status}: {error}") from None


class Api:
    """The target, as one test sees it.

    Args:
        test: id of the test, under which everything is written down.
        contract: of the answers.
        send: sends, judges and records one request; it is told the test, and whether this only clears away.
        record: writes down a finding that the exchange shows together with others.
        profile: of the target.
        unique: tells the things of this test apart from others.
        seed: what makes the choices of the test, if it makes some and the caller wants others than usual.
        undo: removes what the answers to this test say that it has made, and tells what was sent for that.
        patience: waits for what takes time on the target.
    """

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
    ) -> None:
        self._patience = patience or Patience()
        self.profile = profile
        self.unique = unique
        self.seed = seed
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
        """Send one request and return the answer.

        Args:
            operation: label such as `POST /v2/rerank`; method and path of something undeclared.
            path: the path's parameters.
            query: names and values, in order.
            headers: beyond those that the body and the key bring along.
            body: JSON.
            form: parts of a multipart body.
            status: the statuses that are right.
            key: which key it goes with.

        Raises:
            DeviatesError: the answer by itself is wrong.
            InconclusiveError: a live target gave no chance to judge, no further request may be sent, or the
                target does not show that the run has made what the request would change.
            ForbiddenError: the operation is not allowed on the target.
            OwnershipError: the test is about to change what the run has not made.
        """
        template = _sending(operation, path, query, headers, body, form)
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
        if failing:
            raise DeviatesError("; ".join(f"{one.kind} at {one.location or 'the answer'}" for one in failing))
        declared = self._contract.operations.get(operation) or _undeclared(operation)
        return ApiResponse(evidence_of(declared, Reading(exchange)))

    def until(
        self,
        operation: str,
        look: Callable[[], _Wanted | None],
        seconds: float,
        *,
        expected: str,
        growth: float | None = None,
    ) -> _Wanted:
        """Look again and again until something has happened on the target, and return what was found.

        Args:
            operation: label of what shows it.
            look: returns what is wanted, or `None` where it is not there yet.
            seconds: how long it may take.
            expected: what is waited for, for a reader.
            growth: how much longer each pause is than the one before; small where each step counts.

        Raises:
            InconclusiveError: it has not happened.
        """
        kind = collection_of(operation)
        limit = self._patience.limit(kind, seconds)
        further = {} if growth is None else {"growth": growth}
        if (found := self._patience.until(kind, look, seconds, **further)) is None:
            raise InconclusiveError(f"expected {expected}, got none after {limit:g} s")
        return found

    def pause(self, operation: str, seconds: float) -> None:
        """Let time pass before something is looked at again.

        Args:
            operation: label of what shows it.
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
        """Clear away what was made, when the test is over, however it ends; the newest comes first."""
        self._later.append((_sending(operation, path, (), None, body, ()), Expectation(status=status)))

    def clear(self) -> None:
        """Clear away now, as far as requests may be sent, and as far as it was made by the run."""
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
        """Say whether a requirement holds; a SHOULD that does not is told and lets the test go on.

        Args:
            requirement: id of the catalogue.
            holds: whether it does.
            reply: the answer that shows it, the last one where several do together.
            expected: what should be there.
            observed: what is there.
            location: where, as in `Finding.location`.
            value_class: distinguishes two violations at one location, as in `Finding.value_class`.

        Raises:
            KeyError: there is no such requirement.
            DeviatesError: it does not hold and is a MUST.
        """
        clause = shipped_requirements().requirements[requirement]
        if holds:
            return
        text = (
            observed if isinstance(observed, str) else json.dumps(observed, ensure_ascii=False, default=str)
        )
        shown = cut(text)
        finding = violation(clause, self._frame(response), Breach(location, expected, shown, value_class))
        self._record(self._test, response.exchange, finding)
        if finding.severity is Severity.BREAKING:
            raise DeviatesError(f"{requirement}: expected {expected}, observed {shown}")

    def need(self, holds: bool, expected: str) -> None:
        """Go on only where a response says enough to be compared.

        Args:
            holds: whether it does.
            expected: what it has to say, for a reader.

        Raises:
            InconclusiveError: it does not.
        """
        if not holds:
            raise InconclusiveError(f"not testable: expected {expected}")

    def report(
        self, kind: Kind, response: ApiResponse, *, expected: str, observed: str, location: str = ""
    ) -> None:
        """Write down what several answers show and no requirement is about; the test goes on.

        Args:
            kind: of the finding; its severity is that of the kind.
            reply: the answer that shows it, the last one where several do together.
            expected: what should be there.
            observed: what is there.
            location: where, as in `Finding.location`.
        """
        finding = self._frame(response).finding(
            kind, location=location, expected=expected, observed=cut(observed)
        )
        self._record(self._test, response.exchange, finding)

    def _frame(self, response: ApiResponse) -> Frame:
        request = response.exchange.request
        operation = self._contract.route(request.method, request.url).operation
        return Frame(operation or request.method, response.status)


def _undeclared(label: str) -> Operation:
    """Return what stands for an operation that the contract does not have."""
    return Operation(
        label=label, group="", deprecated=False, request=None, query={}, responses={}, digest=label
    )


def _sending(
    operation: str,
    path: Mapping[str, str] | None,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str] | None,
    body: object,
    form: Sequence[FormPart],
) -> RequestTemplate:
    # A dollar sign in a text is meant as it stands: what a test sends has no placeholders.
    return RequestTemplate(
        operation=operation,
        path={name: _literal(value) for name, value in (path or {}).items()},
        query=tuple((name, _literal(value)) for name, value in query),
        headers=tuple((name, _literal(value)) for name, value in (headers or {}).items()),
        body=_literals(body),
        form=tuple(form),
    )


def _literal(text: str) -> str:
    return text.replace("${", "$${")


def _literals(value: object) -> object:
    match value:
        case str():
            return _literal(value)
        case list() | tuple():
            return [_literals(item) for item in value]
        case dict():
            return {name: _literals(item) for name, item in value.items()}
        case _:
            return value
