"""Hands copies of exchanges to a process of its own, so that judging never delays what is passed on."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import ConformanceError, HarnessError
from cohere_conformance.proxy.capture import Meter
from cohere_conformance.proxy.judging import (
    ProxySettings,
    ReportForm,
    ReportQuestion,
    ReportReply,
    TrafficJudge,
)
from cohere_conformance.proxy.observed import ObservedExchange
from cohere_conformance.report import Report

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType
    from typing import Literal, Self

_MOST_WAITING = 20_000
"""Exchanges that may wait for the judge."""
_NICE = 10
"""By how much the process that judges has a lower priority than the one that passes on."""
_GONE = "the process that judges has ended; please report it"
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ObservedExchange | ReportQuestion)
_REPLIES = msgspec.msgpack.Decoder(ReportReply)


class JudgeProcess:
    """Judges exchanges in another process; it runs inside a `with` block.

    Args:
        settings: what is made of the exchanges.
        most_body: maximum bytes of a body that is judged.
        most: maximum bytes of all bodies that are held for it.

    Attributes:
        meter: limits the memory.
    """

    def __init__(self, settings: ProxySettings, *, most_body: int, most: int) -> None:
        self.meter = Meter(most_body, most)
        self._settings = settings
        self._unjudged: Counter[str] = Counter()
        self._lost = 0
        self._number = 0
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_judge, args=(theirs, settings), daemon=True)
        self._theirs = theirs
        self._thread = threading.Thread(target=self._hand_over, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        self._waiting.put(None)
        self._thread.join()
        self._connection.close()
        self._process.join()

    @property
    def waiting(self) -> int:
        """About how many exchanges wait to be judged."""
        return self._waiting.qsize()

    def number(self) -> int:
        """Return the number of the next exchange."""
        self._number += 1
        return self._number

    def judge(self, observed: ObservedExchange, held: int) -> None:
        """Judge an exchange; returns at once."""
        if self.waiting < _MOST_WAITING:
            self._waiting.put(_Waiting(observed, held))
        else:
            self.meter.give_back(held)
            self._lost += 1

    def unjudged(self, reason: str) -> None:
        """Count an exchange that is not judged."""
        self._unjudged[reason] += 1

    async def page(self, form: Literal["json", "html"]) -> bytes:
        """Return the report so far.

        Raises:
            HarnessError: the process that judges has ended.
        """
        reply = await asyncio.wrap_future(self._ask(form, final=False))
        if reply.error:
            raise HarnessError(reply.error)
        return reply.content

    def finish(self) -> tuple[Report, tuple[str, ...]]:
        """Return the report of all exchanges, with sentences about the files that were written.

        Raises:
            HarnessError: the process that judges has ended, or cannot write.
        """
        reply = self._ask("value", final=True).result()
        if reply.error:
            raise HarnessError(reply.error)
        return msgspec.json.decode(reply.content, type=Report), reply.written

    def _ask(self, form: ReportForm, *, final: bool) -> Future[ReportReply]:
        question = ReportQuestion(form=form, unjudged=dict(self._unjudged), lost=self._lost, final=final)
        waiting = _Waiting(question, 0)
        self._waiting.put(waiting)
        return waiting.reply

    def _hand_over(self) -> None:
        """Send what waits to the process; for a thread, because a pipe that is full blocks."""
        while (one := self._waiting.get()) is not None:
            try:
                self._connection.send_bytes(_ENCODER.encode(one.message))
                if isinstance(one.message, ReportQuestion):
                    one.reply.set_result(_REPLIES.decode(self._connection.recv_bytes()))
            except (OSError, EOFError):
                one.reply.set_result(ReportReply(error=_GONE))
            finally:
                self.meter.give_back(one.held)


class _Waiting:
    """What waits for the process: an exchange with the memory it holds, or a question with its reply."""

    def __init__(self, message: ObservedExchange | ReportQuestion, held: int) -> None:
        self.message = message
        self.held = held
        self.reply: Future[ReportReply] = Future()


def _judge(connection: Connection, settings: ProxySettings) -> None:
    """Judge what is received, until the other end is closed."""
    # The proxy is first where processors are few.
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    # Signals are for the proxy, which still has questions then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    judge: TrafficJudge | None = None
    error = ""
    try:
        judge = TrafficJudge(settings)
    except ConformanceError as reason:
        error = str(reason)
    with contextlib.suppress(EOFError, OSError):
        while True:
            message = _DECODER.decode(connection.recv_bytes())
            try:
                if isinstance(message, ObservedExchange):
                    if judge is not None:
                        judge.take(message)
                    continue
                reply = ReportReply(error=error) if judge is None else judge.reply(message)
            except ConformanceError as reason:
                error, judge = str(reason), None
                if isinstance(message, ObservedExchange):
                    continue
                reply = ReportReply(error=error)
            connection.send_bytes(_ENCODER.encode(reply))
    if judge is not None:
        judge.close()
