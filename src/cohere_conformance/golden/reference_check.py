"""Compares golden cassettes of the reference server with what that server responds today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cohere_conformance.errors import UsageError
from cohere_conformance.golden.fresh_server import FreshServer
from cohere_conformance.golden.verifier import differences
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.resources import MissingError

if TYPE_CHECKING:
    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.cassette import Cassette
    from cohere_conformance.golden.compare import Rules


class ReferenceCheck:
    """Sends cases to the reference server, in this process, and compares the responses by meaning.

    Args:
        suite: the resources that cases need.
        contract: of the responses.
        rules: what may differ.
    """

    def __init__(self, suite: Suite, contract: Contract, rules: Rules) -> None:
        self._contract = contract
        self._rules = rules
        self._server = FreshServer(suite, contract)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.close()

    def changed(self, cassette: Cassette, case: Case) -> str | None:
        """Return what the response of today has that the recorded one has not; `None` for no difference.

        Args:
            cassette: of the reference server.
            case: that it was recorded of.
        """
        try:
            sent = self._server.send(case, cassette.provenance.profile)
        except (MissingError, UsageError) as error:
            return str(error)
        found = differences(self._contract, self._rules, cassette, sent)
        if not found:
            return None
        first = found[0]
        more = f" (and {quantity(len(found) - 1, 'more difference')})" if len(found) > 1 else ""
        location = first.location or "the response"
        return f"{location}: recorded {first.expected}, today {first.observed}{more}"
