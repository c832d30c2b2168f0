"""The processes of `-n`: what they are given, and how they start.

pytest-xdist starts Python for each of them, which then imports every module and compiles the contract: that
takes longer than many runs. Where it is safe, the process that distributes the tests is forked instead.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from execnet import gateway_io
from execnet.gateway_base import Popen2IO

from cohere_conformance.cases import belongs_to, resource_groups, shipped_suite
from cohere_conformance.client.deadline import GRACE
from cohere_conformance.session.garbage import freeze_for_good
from cohere_conformance.session.identity import IDENTITY, WORKERS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import NoReturn

    from execnet.gateway_base import ExecModel
    from xdist.workermanage import WorkerController

    from cohere_conformance.session.campaign import Campaign

_TIME_TO_END = round(GRACE) + 10
"""Seconds for a process to end: it removes what it created, and pytest needs some as well."""
_READ, _WRITE = 0, 1


class DistributedHooks:
    """Hooks of the process that distributes the tests.

    Args:
        campaign: the run.
        workers: how many processes run the tests.
    """

    def __init__(self, campaign: Campaign, workers: int) -> None:
        self._campaign = campaign
        self._workerinput = {IDENTITY: msgspec.to_builtins(campaign.identity), WORKERS: workers}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Pass the identity of the run to a worker, and give it time to remove what it created."""
        node.nodemanager.EXIT_TIMEOUT = _TIME_TO_END
        node.workerinput.update(self._workerinput)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Have one process run all tests of a list of resources: others would change it meanwhile."""
        from xdist.scheduler import LoadScopeScheduling

        groups = resource_groups(shipped_suite(self._campaign.plan.profile))

        class ByResources(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                case = nodeid.partition("[")[2].removesuffix("]")
                group = belongs_to(case or nodeid.partition("/")[0], groups)
                return group if group in groups else nodeid

        return ByResources(config, log)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fork the processes before pytest-xdist has threads, and give them to it in place of new ones."""
        specs = session.config.option.tx
        if not can_fork() or {*specs} != {"popen"}:
            return (yield)
        self._campaign.prepare()
        start = gateway_io.create_io
        forked: list[ForkedProcess] = []
        for _ in specs:
            forked.append(ForkedProcess(forked))

        def fork_io(spec: Any, execmodel: ExecModel) -> Any:
            return forked.pop(0).io(execmodel) if forked else start(spec, execmodel)

        gateway_io.create_io = fork_io
        try:
            return (yield)
        finally:
            # A process that replaces a crashed one is started as usual: there are threads by then.
            gateway_io.create_io = start
            for one in forked:
                one.kill()


def can_fork() -> bool:
    """Return whether a forked process is sure to work: on Linux, and if there are no other threads."""
    return sys.platform == "linux" and threading.active_count() == 1


class ForkedProcess:
    """A process that waits on its standard input for the code that execnet sends.

    Args:
        others: forked earlier; it must not hold their pipes open.
    """

    def __init__(self, others: Sequence[ForkedProcess]) -> None:
        stdin, stdout = os.pipe(), os.pipe()
        self.pipes = (stdout[_READ], stdin[_WRITE])
        self._code: int | None = None
        self._lock = threading.Lock()
        sys.stdout.flush()
        sys.stderr.flush()
        freeze_for_good()  # what all processes share need not be looked through in each
        self._pid = os.fork()
        if self._pid == 0:
            for pipe in (pipe for one in (*others, self) for pipe in one.pipes):
                os.close(pipe)
            _serve(stdin[_READ], stdout[_WRITE])
        os.close(stdin[_READ])
        os.close(stdout[_WRITE])

    def io(self, execmodel: ExecModel) -> _ForkedIO:
        """Return the streams through which execnet communicates with the process."""
        return _ForkedIO(self, execmodel)

    def wait(self) -> int:
        """Wait until the process ends, and return its exit code."""
        with self._lock:
            if self._code is None:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
            return self._code

    def kill(self) -> None:
        """End the process at once."""
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)


class _ForkedIO(Popen2IO):
    def __init__(self, process: ForkedProcess, execmodel: ExecModel) -> None:
        output, source = process.pipes
        super().__init__(os.fdopen(source, "wb"), os.fdopen(output, "rb"), execmodel)
        self.wait, self.kill = process.wait, process.kill


def _serve(stdin: int, stdout: int) -> NoReturn:
    """Execute the code that execnet sends, as `python -c` would, and end this process."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        logging.root.handlers.clear()  # of pytest in the process that was forked
        for ours, standard in ((stdin, 0), (stdout, 1)):
            os.dup2(ours, standard)
            os.close(ours)
        sys.stdin = os.fdopen(0, "r", 1, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", 1, encoding="utf-8", closefd=False)
        sys.stderr = sys.__stderr__
        if line := sys.stdin.readline():  # none where the other process has ended
            exec(eval(line), {"__name__": "__main__"})
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - no error may reach the frames of the process that was forked
        traceback.print_exc()
    finally:
        os._exit(code)
