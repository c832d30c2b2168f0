"""A live service that is simulated: another host with quotas, latency, busy moments and lost connections.

Client and service go by one clock, which is moved ahead instead of waiting, so that a night takes seconds.
"""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hosted import URL, hosted

from cohere_conformance.checks.exercised import exercised
from cohere_conformance.client.billed import billed_units
from cohere_conformance.contract.tiers import Effect, Tier, shipped_policies
from cohere_conformance.model import Exchange
from cohere_conformance.reference import Clock, ServerState
from cohere_conformance.reference.keys import TRIAL
from cohere_conformance.report import Record, Report, read_journals
from cohere_conformance.session.clock import RunClock
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.suites import pytest_arguments, run_suites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hosted import Counted

    from cohere_conformance.model import Element

LATENCY = 0.2
"""Seconds that each response takes."""
START = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
DAY = 24 * 3600.0
_CONTRACT = Judge(JudgeSettings(servers=(URL,))).contract
_POLICIES = shipped_policies()


class SharedClock(RunClock):
    """The clock of both sides."""

    def __init__(self) -> None:
        self.clock = Clock(runs=False, start=START)

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self.clock.now()

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return (self.clock.now() - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Move the clock ahead."""
        self.clock.advance(seconds)


class Weather:
    """What goes wrong at the service for a while: bursts of 429 and 503, and connections that are lost.

    Args:
        app: the service, as an ASGI application.
        seed: of what happens when.
        every: about one request of so many begins a burst; 0 for none.
    """

    def __init__(self, app: Any, seed: int, every: int) -> None:
        self._app = app
        self._chance = random.Random(seed)
        self._every = every
        self._burst: list[str] = []
        self.happened: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, or not."""
        if not self._burst and self._every and self._chance.randrange(self._every) == 0:
            self._burst = [self._chance.choice(["429", "503", "reset"])] * self._chance.randint(1, 3)
        if scope["type"] != "http" or not self._burst:
            await self._app(scope, receive, send)
            return
        kind = self._burst.pop()
        self.happened[kind] += 1
        if kind == "reset":
            head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]}
            await send(head)
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            raise ConnectionResetError("the connection is lost")
        fields = [
            (b"content-type", b"application/json"),
            *([(b"retry-after", b"5")] if kind == "429" else []),
        ]
        await send({"type": "http.response.start", "status": int(kind), "headers": fields})
        await send({"type": "http.response.body", "body": b'{"message": "busy, try again"}'})


@dataclass
class NightResult:
    """How a night ended, and what it cost.

    Attributes:
        report: of the run.
        minutes: by the shared clock.
        requests: that the service received, with retries.
        changed: requests of them that could create, change or delete something, without the canaries of
            what is retired.
        billed: what responses said, by unit.
        happened: what went wrong at the service.
        elements: of the contract that responses showed.
        calls: requests of each operation.
    """

    report: Report
    minutes: float
    requests: int
    changed: int
    billed: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    elements: frozenset[Element] = frozenset()
    calls: Counter[str] = field(default_factory=Counter)


class LiveService:
    """The service with its clock, and nights against it.

    Args:
        home: folder of the reports and of the history.
        counted: what the service receives.
        state: of the service.
        clock: of both sides.
        weather: of the service.
    """

    def __init__(
        self, home: Path, counted: Counted, state: ServerState, clock: SharedClock, weather: Weather
    ) -> None:
        self.state = state
        self._home = home
        self._counted = counted
        self._clock = clock
        self._weather = weather

    def night(self, *flags: str, only: str = "", history: bool = True) -> NightResult:
        """Run the suites for a night, as the command does, and go on to the next."""
        began = self._clock.monotonic()
        self._counted.sent.clear()
        self._weather.happened.clear()
        options: dict[str, Iterable[object]] = {
            "url": [URL],
            "report-dir": [self._home / "report"],
            "history": [self._home / "history.db"] if history else [],
            "only": [only] if only else [],
        }
        ended = run_suites(pytest_arguments(options, ["-q", "--conformance-live", *flags]), self._clock)
        took = self._clock.monotonic() - began
        self._clock.sleep(DAY - took % DAY)
        assert ended.report is not None
        labels = [_CONTRACT.route(method, f"{URL}{path}").operation for method, path in self._counted.sent]
        result = NightResult(
            report=ended.report,
            minutes=took / 60,
            requests=len(labels),
            changed=sum(
                label is not None
                and _POLICIES[label].effect not in {Effect.READS, Effect.COMPUTES}
                and (_POLICIES[label].tier is not Tier.RETIRED or not label.startswith("POST"))
                for label in labels
            ),
            happened=Counter(self._weather.happened),
            calls=Counter(label for label in labels if label is not None),
        )
        shown, known = set[Any](), set[Exchange]()
        for journal in read_journals(self._home / "report"):
            for line in journal.lines():
                # Several cases share what was sent once.
                if isinstance(line, Record) and line.exchange is not None and line.exchange not in known:
                    known.add(line.exchange)
                    shown |= exercised(_CONTRACT, line.exchange)
                    for unit, number in billed_units(line.exchange.response).items():
                        result.billed[unit] += round(number)
        result.elements = frozenset(shown)
        return result


@contextmanager
def live_service(home: Path, *, seed: int = 1, every: int = 25) -> Iterator[LiveService]:
    """Run the service, with the environment of this process set so that it is found.

    Args:
        home: where its certificate, the reports and the history are written.
        seed: of what goes wrong.
        every: about one request of so many begins a burst; 0 for none.
    """
    clock, weathers = SharedClock(), list[Weather]()
    state = ServerState(profile="live-2026", step=0.01, clock=clock.clock, time_per_request=LATENCY)

    def weather(app: Any) -> Weather:
        weathers.append(Weather(app, seed, every))
        return weathers[0]

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # lost connections are errors to it
    before = dict(os.environ)
    with hosted(home, state, around=weather) as counted:
        os.environ |= counted.environment | {"CO_API_KEY": TRIAL, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        try:
            yield LiveService(home, counted, state, clock, weathers[0])
        finally:
            os.environ.clear()
            os.environ |= before
