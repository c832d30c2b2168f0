"""The pytest plugin of the suites: options, the cases as tests, and the report at the end.

It is loaded by name (`-p cohere_conformance.pytest_plugin`), never by itself. The exit code of pytest is that
of the report: 0 conforms, 1 deviates, 2 interrupted, 3 the target or the harness failed, 4 wrong call,
5 nothing ran.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from cohere_conformance import suites
from cohere_conformance.cases import Case
from cohere_conformance.client.deadline import GRACE
from cohere_conformance.errors import ConformanceError, ForbiddenError, ReportError, UsageError
from cohere_conformance.fuzz.candidate import GenerationMode
from cohere_conformance.fuzz.driver import FuzzExecutor, test_id
from cohere_conformance.golden.driver import CassetteDriver
from cohere_conformance.golden.replayer import Replayer
from cohere_conformance.golden.verifier import Verifier
from cohere_conformance.model import Severity
from cohere_conformance.names import slug, unknown
from cohere_conformance.privacy import redact
from cohere_conformance.pytest_options import add_options, arguments, driver, run_options
from cohere_conformance.pytest_report import GAVE_UP, Progress, Reporting, is_brief
from cohere_conformance.report.example import LONGEST_BODY
from cohere_conformance.report.render.safe import lines, plain
from cohere_conformance.session.api import Api, DeviatesError, InconclusiveError
from cohere_conformance.session.campaign import Campaign, Identity
from cohere_conformance.session.driver import CollectedTest
from cohere_conformance.session.interrupt import terminate_like_interrupt
from cohere_conformance.session.plan import TargetKind, secrets
from cohere_conformance.session.result import CaseResult
from cohere_conformance.session.shown import Cleaner, Showing
from cohere_conformance.session.suites import SuitesResult
from cohere_conformance.session.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import ModuleType

    from xdist.workermanage import WorkerController

_MAIN = "main"
_CAMPAIGN = pytest.StashKey[Campaign]()
_WORKER = pytest.StashKey[Worker]()
_TIME_TO_END = round(GRACE) + 10
"""Seconds that a process of `-n` has to end: to remove what it made, and what pytest needs beside that."""
_IDENTITY, _WORKERS = "conformance_identity", "conformance_workers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the commands have the same ones without the prefix."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Plan the run, ask the target once, and prepare this process."""
    config.addinivalue_line("markers", "operations(*labels): every operation that a test calls")
    told = getattr(config, "workerinput", None)
    workers = _workers(config)
    # First of all: whatever goes wrong from here on is shown by pytest.
    config.pluginmanager.register(Showing(Cleaner(secrets(os.environ))))
    try:
        chosen = driver(config)
        campaign = config.stash[_CAMPAIGN] = Campaign(
            run_options(config),
            chosen,
            folder=Path(cast("str", config.getoption("--conformance-report-dir"))),
            fail_on=Severity(cast("str", config.getoption("--conformance-fail-on"))),
            environment=os.environ,
            workers=told[_WORKERS] if told else max(workers, 1),
            arguments=arguments(config, chosen.command),
        )
        if told:
            terminate_like_interrupt()
            campaign.join(msgspec.convert(told[_IDENTITY], Identity))
        elif not config.getoption("--collect-only"):
            _outcome(config).campaign = campaign
            campaign.begin()
    except UsageError as error:
        raise pytest.UsageError(lines(str(error))) from error
    except ConformanceError as error:
        pytest.exit(lines(f"cohere-conformance: {error}"), returncode=3)
    if config.getoption("--collect-only"):
        return
    if workers:
        config.pluginmanager.register(_Spreading(campaign, workers))
    else:
        config.stash[_WORKER] = campaign.worker(told["workerid"] if told else _MAIN)
    if not told and is_brief(config):
        config.pluginmanager.register(Progress())
    if not told:
        config.pluginmanager.register(Reporting(campaign, _outcome(config), _close))


def _outcome(config: pytest.Config) -> SuitesResult:
    """Return what the run is written to: the caller's, or one of its own where pytest was called directly."""
    plugins = config.pluginmanager.get_plugins()
    return next((one for one in plugins if isinstance(one, SuitesResult)), None) or SuitesResult()


def _workers(config: pytest.Config) -> int:
    """Return how many processes this one spreads the tests over; 0 where it runs them itself."""
    if hasattr(config, "workerinput"):
        return 0
    spread = getattr(config.option, "dist", "no") != "no"
    return len(getattr(config.option, "tx", ()) or ()) if spread else 0


class _Spreading:
    """What only the process does that spreads the tests over others."""

    def __init__(self, campaign: Campaign, workers: int) -> None:
        self._told = {_IDENTITY: msgspec.to_builtins(campaign.identity), _WORKERS: workers}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker which run it belongs to, and let it remove what it made when the run is stopped."""
        node.nodemanager.EXIT_TIMEOUT = _TIME_TO_END
        node.workerinput.update(self._told)


class _SuiteModule(pytest.Module):
    """A module of the suites, imported as a part of our package instead of by its bare name."""

    def _getobj(self) -> ModuleType:
        return suites.load(self.path)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the modules of the suites; every other module is left to pytest."""
    return _SuiteModule.from_parent(parent, path=module_path) if suites.belongs(module_path) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each selected case."""
    if "case" in metafunc.fixturenames and "run_case" in metafunc.fixturenames:
        cases = metafunc.config.stash[_CAMPAIGN].cases
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
    if "run_cassette" in metafunc.fixturenames:
        chosen = metafunc.config.stash[_CAMPAIGN].driver
        metafunc.parametrize("cassette", chosen.imported if isinstance(chosen, CassetteDriver) else ())
    if "fuzz_operation" in metafunc.fixturenames:
        labels = metafunc.config.stash[_CAMPAIGN].labels
        metafunc.parametrize("label", labels, ids=map(slug, labels))
        metafunc.parametrize("mode", list(GenerationMode), ids=str)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin: from here on it is known which cases this run is about."""
    worker = session.config.stash.get(_WORKER, None)
    if worker is not None:
        try:
            worker.open(tuple(dict.fromkeys(map(_id, session.items))))
        except ConformanceError as error:
            _give_up(session, error)


def _give_up(session: pytest.Session, error: ConformanceError) -> None:
    """End the run because of an error that no test can do anything about.

    A process of `-n` only says so: pytest-xdist reports one that exits as an internal error of its own.
    """
    if not hasattr(session.config, "workerinput"):
        pytest.exit(lines(f"cohere-conformance: {error}"), returncode=3)
    session.shouldfail = lines(str(error))
    cast("Any", session.config).workeroutput[GAVE_UP] = session.shouldfail


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run no test in a process that could not begin."""
    return True if session.shouldfail else None


def _id(item: pytest.Item) -> str:
    """Return what a report calls a test: the id of its case, if it has one."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if isinstance(case := given.get("case"), Case):
        return case.id
    if "cassette" in given:
        return str(given["cassette"])
    if "mode" in given and "label" in given:
        return test_id(str(given["label"]), GenerationMode(given["mode"]))
    return _test_id(item)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of groups and cases that were not asked for."""
    plan = config.stash[_CAMPAIGN].plan
    kept = [
        item
        for item in items
        if _wanted(item, config.stash[_CAMPAIGN]) and (not plan.cases or _id(item) in plan.cases)
    ]
    if missing := sorted(plan.cases - {_id(item) for item in kept}):
        if _WORKER in config.stash:
            del config.stash[_WORKER]  # pytest ends the collection even so, and nothing is to be begun then
        raise pytest.UsageError(unknown("--case", missing[0], {_id(item) for item in items}))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have pytest-recording play the cassette of a test that replays one, and block the network."""
    worker = item.config.stash.get(_WORKER, None)
    if worker is None or item.config.stash[_CAMPAIGN].plan.target_kind is not TargetKind.RECORDED:
        return
    item.add_marker(pytest.mark.block_network)
    replayer = worker.executor
    if isinstance(replayer, Replayer) and (path := replayer.plays(_id(item))) is not None:
        item.add_marker(pytest.mark.vcr(str(path.resolve())))


def _wanted(item: pytest.Item, campaign: Campaign) -> bool:
    """Return whether a test is part of the run."""
    marker = item.get_closest_marker("operations")
    test = CollectedTest(
        group=_id(item).partition(".")[0],
        fixtures=frozenset(getattr(item, "fixturenames", ())),
        operations=frozenset(marker.args if marker is not None else ()),
    )
    return campaign.driver.selects(test, campaign.plan.selected, campaign.labels)


@pytest.fixture
def run_case(request: pytest.FixtureRequest) -> Callable[[Case], None]:
    """Run a written case; the test ends as the case does."""
    worker = request.config.stash[_WORKER]

    def run(case: Case) -> None:
        _end(worker.run(case))

    return run


def _end(result: CaseResult) -> None:
    match result.outcome:
        case "failed" | "error":
            pytest.fail(_told(result), pytrace=False)
        case "skipped":
            pytest.skip(result.reason)
        case "inconclusive":
            pytest.skip(f"inconclusive: {result.reason}")


@pytest.fixture
def run_cassette(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Replay or verify a cassette for which no case is written; the test ends as that does."""
    worker = request.config.stash[_WORKER]

    def run(name: str) -> None:
        executor = worker.executor
        if not isinstance(executor, Replayer | Verifier):
            raise pytest.UsageError("run_cassette: expected a run that replays or verifies")
        _end(executor.replay(name))

    return run


@pytest.fixture
def fuzz_operation(request: pytest.FixtureRequest) -> Callable[[str, GenerationMode], None]:
    """Fuzz an operation; the test ends as badly as the worst of its requests."""
    worker = request.config.stash[_WORKER]

    def run(label: str, mode: GenerationMode) -> None:
        executor = worker.executor
        if not isinstance(executor, FuzzExecutor):
            raise pytest.UsageError("fuzz_operation: expected a run that fuzzes")
        _end(executor.fuzz(_id(request.node), label, mode))

    return run


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Api | CaseResult]:
    """The target, for a test that needs several exchanges; what the test made is cleared away after it.

    Where the test must not call the target, it is how the test ends instead: `pytest_pyfunc_call` ends it.
    """
    worker, test = request.config.stash[_WORKER], _test_id(request.node)
    marker = request.node.get_closest_marker("operations")
    if marker is None:
        raise pytest.UsageError(f"{request.node.nodeid}: expected the mark `operations` with what it calls")
    target = worker.api(test, marker.args)
    try:
        yield target
    finally:
        if isinstance(target, Api):
            target.clear()


_OURS = frozenset({"api", "fuzz_operation"})
"""The fixtures whose tests write down themselves what they find."""
_ANY = _OURS | {"run_case", "run_cassette"}


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Tell a deviation, and an answer that says nothing, apart from a test that is wrong itself."""
    # In the call, not in the setup: what fails around a test counts as a failure of the harness.
    if isinstance(result := pyfuncitem.funcargs.get("api"), CaseResult):
        _end(result)
    try:
        return (yield)
    except DeviatesError as error:
        pytest.fail(str(error), pytrace=False)
    except pytest.skip.Exception as error:
        if _OURS & set(pyfuncitem.fixturenames):
            pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("skipped", str(error.msg)))
        raise
    except InconclusiveError as error:
        # What the test makes of several responses is in no record of any of them.
        pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("inconclusive", str(error)))
        pytest.skip(f"inconclusive: {error}")
    except ReportError as error:
        # What cannot be written down is not worth sending.
        _give_up(pyfuncitem.session, error)
        pytest.fail(lines(str(error)), pytrace=False)
    except ForbiddenError as error:
        pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("skipped", str(error)))
        pytest.skip(str(error))
    except Exception as error:
        if _ANY & set(pyfuncitem.fixturenames):
            told = f"the test failed ({type(error).__name__}: {error}); please report it"
            pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("error", told))
        raise


def _test_id(item: pytest.Item) -> str:
    """Return the id of a test as reports name it: `rerank.relations.permuted-documents`."""
    name = getattr(item, "originalname", None) or item.name
    parts = (item.path.parent.name, item.path.stem.removeprefix("test_"), name.removeprefix("test_"))
    return ".".join(parts).replace("_", "-")


def _told(result: CaseResult) -> str:
    shown = [plain(result.reason, longest=None)] if result.reason else []
    for one in result.findings:
        shown.append(plain(f"{one.kind} at {one.location or 'the response'}"))
        shown.append(f"  expected {plain(one.expected)}")
        shown.append(f"  observed {plain(one.observed)}")
    if result.exchange is not None and len(result.exchange.request.body or b"") <= LONGEST_BODY:
        command = redact.exchange(result.exchange).curl
        shown += ["", command.line]
        if command.inexact:
            shown.append(f"(not exact: {plain('; '.join(command.inexact))})")
    return "\n".join(shown)


# Around pytest's own, which tears down an interrupted test: what is cleared away then is written down, too,
# and what was made is removed also where that fails.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """End a process of `-n`: remove what it has made, and close its journal."""
    try:
        return (yield)
    finally:
        if hasattr(session.config, "workerinput"):
            _close(session, exitstatus)


def _close(session: pytest.Session, exitstatus: int) -> None:
    worker = session.config.stash.get(_WORKER, None)
    if worker is not None:
        worker.close(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
