"""Judges single responses in a test, whatever client received them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.client.address import base_url
from cohere_conformance.library import judge
from cohere_conformance.model import Exchange, Severity
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.testing.exchanges import exchange_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cohere_conformance.model import Finding

_RANKS = {Severity.NOTICE: 0, Severity.ADDITIVE: 1, Severity.BREAKING: 2}
_MOST = 20
"""Findings that a message lists: more are of no use to somebody who reads the output of a test."""


class ConformanceJudge:
    """Judges responses by the contract and its requirements.

        def test_rerank(conformance_judge):
            conformance_judge(httpx.post(...))

    Args:
        servers: base URLs that count as the API, besides `api.cohere.com` and loopback addresses.
        fail_on: the least severity that fails a test.

    Raises:
        UsageError: a base URL is not one.
    """

    def __init__(self, servers: Sequence[str] = (), *, fail_on: Severity = Severity.BREAKING) -> None:
        for server in servers:
            base_url("servers", server)
        self.servers = tuple(servers)
        self.fail_on = fail_on

    def findings(self, response: object, request: object | None = None) -> list[Finding]:
        """Return the deviations of a response that are not known defects of the published document.

        Args:
            response: a `httpx.Response` whose body has been read, a `requests.Response`, or an `Exchange`.
            request: of httpx or requests, for a response that does not know its request.

        Raises:
            UsageError: it is none of these, or it is of another host than the API; name it in `servers`.
        """
        return self.of(exchange_of(response, request))

    def of(self, exchange: Exchange) -> list[Finding]:
        """Return the deviations of an exchange that are not known defects of the published document."""
        return [one for one in judge(exchange, servers=self.servers) if one.amendment is None]

    def __call__(self, response: object, request: object | None = None) -> None:
        """Assert that a response conforms; the arguments are those of `findings`.

        Raises:
            AssertionError: it has findings of the severity `fail_on` or worse.
            UsageError: as in `findings`.
        """
        if bad := severe(self.findings(response, request), self.fail_on):
            raise AssertionError(described(bad))


def severe(findings: Iterable[Finding], least: Severity) -> list[Finding]:
    """Return the findings of this severity or worse, each distinct one once, the worst first."""
    distinct = {one.fingerprint: one for one in findings if _RANKS[one.severity] >= _RANKS[least]}
    return sorted(distinct.values(), key=lambda one: -_RANKS[one.severity])


def described(findings: Sequence[Finding]) -> str:
    """Return what is wrong, and what to do about it, as the message of a failed test."""
    lines = [f"the response deviates from the Cohere API: {quantity(len(findings), 'finding')}"]
    for one in findings[:_MOST]:
        where = f" at {plain(one.location)}" if one.location else ""
        lines += [
            f"  {one.severity.value} {one.kind.value} in {plain(one.operation)}, status {one.status}{where}",
            f"    expected {plain(one.expected)}",
            f"    received {plain(one.observed)}",
            f"    more     cohere-conformance explain {one.requirement or one.kind.value}",
        ]
    if len(findings) > _MOST:
        lines.append(f"  ... and {quantity(len(findings) - _MOST, 'more finding')}")
    return "\n".join(lines)
