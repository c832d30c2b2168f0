"""What a gateway changes beyond the meaning of a response: held back streams, dropped header fields."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import shown
from cohere_conformance.golden.compare.rules import HEADER
from cohere_conformance.golden.verifier import Verifier
from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.golden.cassette import Cassette
    from cohere_conformance.model import Exchange, Headers, Response

_PAUSE = 0.005
"""Seconds without bytes between two bursts of a stream; events that are sent together are received as one."""
_MOST_MERGED = 4
"""How many bursts of the upstream may be received as one: a network may join some, but not all."""
_OWN = frozenset(
    "age alt-svc cf-ray connection content-encoding content-length date keep-alive server "
    "strict-transport-security transfer-encoding vary via x-accel-expires".split()
)
"""Fields about one connection, one transfer or one server, which a gateway has of its own."""


def bursts(response: Response) -> int:
    """Return in how many bursts a stream was received; 0 if that was not recorded."""
    times = [seconds for _, seconds in response.arrivals]
    return bool(times) + sum(later - earlier > _PAUSE for earlier, later in pairwise(times))


def held_back(upstream: Response, gateway: Response) -> bool:
    """Return whether a gateway collects a stream that its upstream sends in several bursts.

    Not the speed decides, but in how many separate bursts the same stream is received on both ways.
    """
    sent, received = bursts(upstream), bursts(gateway)
    return received > 0 and sent >= _MOST_MERGED and sent >= _MOST_MERGED * received


def dropped_fields(upstream: Headers, gateway: Headers) -> tuple[tuple[str, str], ...]:
    """Return the header fields of the upstream that a response through the gateway has not.

    Of these are left out what a gateway has of its own, such as `date` and `via`.
    """
    kept = {name for name, _ in gateway} | _OWN
    return tuple({name: value for name, value in upstream if name not in kept}.items())


class GatewayVerifier(Verifier):
    """Compares responses through a gateway with those of its upstream."""

    def _further(self, golden: Cassette, fresh: Exchange) -> Iterable[Finding]:
        upstream, gateway, label = golden.exchange.response, fresh.response, golden.provenance.operation
        if gateway.failure is not None or upstream.status != gateway.status:
            return
        if held_back(upstream, gateway):
            sent, received = bursts(upstream), bursts(gateway)
            yield Finding(
                Kind.STREAM_BUFFERED,
                Severity.ADDITIVE,
                label,
                gateway.status,
                "",
                f"events one by one, as from the upstream ({quantity(sent, 'burst')})",
                f"a stream of {quantity(sent, 'burst')} is received in {received}",
                "gateway",
            )
        yield from self._dropped(label, golden, fresh)

    def _dropped(self, label: str, golden: Cassette, fresh: Exchange) -> Iterator[Finding]:
        compared = self._rules.of(golden.provenance.id, label).headers
        for name, value in dropped_fields(golden.exchange.response.headers, fresh.response.headers):
            if name not in compared:
                yield Finding(
                    Kind.GOLDEN_CHANGED,
                    Severity.NOTICE,
                    label,
                    fresh.response.status,
                    f"{HEADER}{name}",
                    shown(value, f"{HEADER}{name}"),
                    "no such field",
                    "header",
                )
