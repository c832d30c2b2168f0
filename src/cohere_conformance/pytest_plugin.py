"""The pytest plugin of the suites: options, the cases as tests, and the report at the end.

It is loaded by name (`-p cohere_conformance.pytest_plugin`), never automatically. The exit code of pytest is
that of the report: 0 conforms, 1 deviates, 2 interrupted, 3 the target or the harness failed, 4 usage error,
5 nothing ran.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from cohere_conformance import suites
from cohere_conformance.access import VARIABLE
from cohere_conformance.cases import Case
from cohere_conformance.errors import ConformanceError, ForbiddenError, ReportError, UsageError
from cohere_conformance.fuzz.candidate import GenerationMode
from cohere_conformance.fuzz.driver import FuzzExecutor, test_id
from cohere_conformance.golden.driver import CassetteDriver
from cohere_conformance.golden.replayer import Replayer
from cohere_conformance.golden.verifier import Verifier
from cohere_conformance.names import slug, unknown
from cohere_conformance.pytest_options import (
    add_options,
    configuration,
    key_variable,
    new_campaign,
    show_plan,
    with_key,
)
from cohere_conformance.pytest_report import (
    GAVE_UP,
    Reporting,
    ShownProgress,
    description,
    is_brief,
    report_skipped,
)
from cohere_conformance.report.render.safe import lines
from cohere_conformance.session.api import Api, DeviatesError, InconclusiveError
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.driver import CollectedTest
from cohere_conformance.session.identity import IDENTITY, WORKERS, Identity
from cohere_conformance.session.interrupt import terminate_like_interrupt
from cohere_conformance.session.plan import TargetKind, secrets
from cohere_conformance.session.result import CaseResult
from cohere_conformance.session.sharding import in_shard
from cohere_conformance.session.shown import Cleaner, Showing
from cohere_conformance.session.suites import SuitesResult
from cohere_conformance.session.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path
    from types import ModuleType


_MAIN = "main"
_CAMPAIGN = pytest.StashKey[Campaign]()
_WORKER = pytest.StashKey[Worker]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the commands have the same options without the prefix."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Plan the run, probe the target, and prepare this process."""
    config.addinivalue_line("markers", "operations(*labels): every operation that a test calls")
    config.addinivalue_line("markers", "protocol: what a server with canned answers must pass as well")
    workerinput = getattr(config, "workerinput", None)
    workers = _workers(config)
    # First of all: pytest shows every error from here on.
    named = VARIABLE.findall(" ".join(cast("list[str]", config.getoption("--conformance-header"))))
    config.pluginmanager.register(Showing(Cleaner(secrets(os.environ, key_variable(config), named))))
    used = None
    try:
        used = configuration(config)
        campaign = config.stash[_CAMPAIGN] = new_campaign(
            config, used, workerinput[WORKERS] if workerinput else max(workers, 1), _outcome(config).clock
        )
        if workerinput:
            terminate_like_interrupt()
            campaign.join(msgspec.convert(workerinput[IDENTITY], Identity))
        elif not config.getoption("--collect-only"):
            _outcome(config).campaign = campaign
            campaign.begin()
    except UsageError as error:
        raise pytest.UsageError(lines(with_key(str(error), used))) from error
    except ConformanceError as error:
        pytest.exit(lines(f"cohere-conformance: {error}"), returncode=3)
    if config.getoption("--collect-only"):
        return
    if workers:
        from cohere_conformance.session.distributed import DistributedHooks  # brings execnet

        config.pluginmanager.register(DistributedHooks(campaign, workers))
    else:
        config.stash[_WORKER] = campaign.worker(workerinput["workerid"] if workerinput else _MAIN)
    if not workerinput and is_brief(config):
        config.pluginmanager.register(ShownProgress())
    if not workerinput:
        config.pluginmanager.register(Reporting(campaign, _outcome(config), _close))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Show the plan of the night and send nothing, if that is wanted."""
    if not config.getoption("--conformance-plan"):
        return None
    return show_plan(config, _outcome(config).clock)


def _outcome(config: pytest.Config) -> SuitesResult:
    """Return the result to fill in: that of the caller, or a new one where pytest was called directly."""
    plugins = config.pluginmanager.get_plugins()
    return next((one for one in plugins if isinstance(one, SuitesResult)), None) or SuitesResult()


def _workers(config: pytest.Config) -> int:
    """Return the number of processes that run the tests; 0 if this one does."""
    if hasattr(config, "workerinput"):
        return 0
    spread = getattr(config.option, "dist", "no") != "no"
    return len(getattr(config.option, "tx", ()) or ()) if spread else 0


class _SuiteModule(pytest.Module):
    """A module of the suites, imported as part of this package instead of by its file name."""

    def _getobj(self) -> ModuleType:
        return suites.load(self.path)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the test modules of groups that the run is not about: importing them takes a while."""
    if not suites.is_group(collection_path):
        return None
    campaign, group = config.stash[_CAMPAIGN], collection_path.name
    named = {case.partition(".")[0] for case in campaign.plan.cases}
    wanted = campaign.driver.collects(group, campaign.plan.selected) and (not named or group in named)
    return None if wanted else True


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the modules of the suites; every other module is left to pytest."""
    return _SuiteModule.from_parent(parent, path=module_path) if suites.belongs(module_path) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the tests: one for each case, cassette, or fuzzed operation."""
    run = metafunc.config.stash[_CAMPAIGN]
    if "case" in metafunc.fixturenames and "run_case" in metafunc.fixturenames:
        cases = run.driver.cases(run.cases, run.plan.cases)
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
    if "run_cassette" in metafunc.fixturenames:
        names = run.driver.imported if isinstance(run.driver, CassetteDriver) else ()
        metafunc.parametrize("cassette", names)
    if "fuzz_operation" in metafunc.fixturenames:
        metafunc.parametrize("label", run.labels, ids=map(slug, run.labels))
        metafunc.parametrize("mode", list(GenerationMode), ids=str)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the worker, now that the tests of the run are known."""
    worker = session.config.stash.get(_WORKER, None)
    if worker is not None:
        try:
            worker.open(tuple(dict.fromkeys(map(_id, session.items))))
        except ConformanceError as error:
            _give_up(session, error)


def _give_up(session: pytest.Session, error: ConformanceError) -> None:
    """End the run because of an error that concerns every test.

    A process of `-n` only reports it: if it exited, pytest-xdist would show an internal error.
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
    """Return the id of a test in reports: that of its case, if it has one."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if isinstance(case := given.get("case"), Case):
        return case.id
    if "cassette" in given:
        return str(given["cassette"])
    if "mode" in given and "label" in given:
        return test_id(str(given["label"]), GenerationMode(given["mode"]))
    return _test_id(item)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that are not part of the run."""
    run, plan = config.stash[_CAMPAIGN], config.stash[_CAMPAIGN].plan
    selected = [item for item in items if _is_selected(item, run)]
    named = [item for item in selected if not plan.cases or _id(item) in plan.cases]
    if missing := sorted(plan.cases - {_id(item) for item in named}):
        if _WORKER in config.stash:
            del config.stash[_WORKER]  # pytest ends the collection even so, and nothing is to be begun then
        known = {*map(_id, selected), *(case.id for case in run.driver.cases(run.cases))}
        raise pytest.UsageError(unknown("--case", missing[0], known))
    ahead, mine = run.left_out, in_shard(plan, map(_id, named))
    kept = [item for item in named if _id(item) in mine and _id(item) not in ahead]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have pytest-recording play the cassette of a test that replays one, and block the network."""
    worker = item.config.stash.get(_WORKER, None)
    if worker is None or item.config.stash[_CAMPAIGN].plan.target_kind is not TargetKind.RECORDED:
        return
    item.add_marker(pytest.mark.block_network)
    if isinstance(one := worker.executor, Replayer) and (path := one.plays(_id(item))) is not None:
        item.add_marker(pytest.mark.vcr(str(path.resolve()), skip_patchers=one.left_alone))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Report a case without a cassette: with fixtures, hundreds of them take longer than most replays."""
    driver, worker = item.config.stash[_CAMPAIGN].driver, item.config.stash.get(_WORKER, None)
    case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
    # Where a module ends, pytest has something to tear down.
    if worker is None or not isinstance(case, Case) or nextitem is None or nextitem.parent is not item.parent:
        return None
    if not isinstance(driver, CassetteDriver) or case.id in driver.cassettes:
        return None
    with suppress(ReportError):  # which the test itself reports
        report_skipped(item, worker.run(case).reason)
        return True
    return None


def _is_selected(item: pytest.Item, campaign: Campaign) -> bool:
    """Return whether a test is part of the run."""
    marker = item.get_closest_marker("operations")
    test = CollectedTest(
        group=_id(item).partition(".")[0],
        fixtures=frozenset(getattr(item, "fixturenames", ())),
        operations=tuple(marker.args if marker is not None else ()),
    )
    return campaign.driver.selects(test, campaign.plan.selected, campaign.labels)


@pytest.fixture
def run_case(request: pytest.FixtureRequest) -> Callable[[Case], None]:
    """Run a written case; its result is that of the test."""
    worker = request.config.stash[_WORKER]

    def run(case: Case) -> None:
        _end(worker.run(case))

    return run


def _end(result: CaseResult) -> None:
    match result.outcome:
        case "failed" | "error":
            pytest.fail(description(result), pytrace=False)
        case "skipped":
            pytest.skip(result.reason)
        case "inconclusive":
            pytest.skip(f"inconclusive: {result.reason}")


@pytest.fixture
def run_cassette(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Replay or verify a cassette for which no case is written; its result is that of the test."""
    worker = request.config.stash[_WORKER]

    def run(name: str) -> None:
        executor = worker.executor
        if not isinstance(executor, Replayer | Verifier):
            raise pytest.UsageError("run_cassette: expected a run that replays or verifies")
        _end(executor.replay(name))

    return run


@pytest.fixture
def fuzz_operation(request: pytest.FixtureRequest) -> Callable[[str, GenerationMode], None]:
    """Fuzz an operation; the result of the test is that of its worst request."""
    worker = request.config.stash[_WORKER]

    def run(label: str, mode: GenerationMode) -> None:
        executor = worker.executor
        if not isinstance(executor, FuzzExecutor):
            raise pytest.UsageError("fuzz_operation: expected a run that fuzzes")
        _end(executor.fuzz(_id(request.node), label, mode))

    return run


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Api | CaseResult]:
    """The client of a test with several exchanges; what the test creates is removed after it.

    For a test that must not call the target it is the result instead, which `pytest_pyfunc_call` applies.
    """
    worker, test = request.config.stash[_WORKER], _test_id(request.node)
    marker = request.node.get_closest_marker("operations")
    if marker is None:
        raise pytest.UsageError(f"{request.node.nodeid}: expected the mark `operations`, got none")
    protocol = request.node.get_closest_marker("protocol") is not None
    target = worker.api(test, marker.args, protocol=protocol)
    try:
        yield target
    finally:
        if isinstance(target, Api):
            target.clear()


_SELF_RECORDING = frozenset({"api", "fuzz_operation"})
"""The fixtures whose tests record their findings themselves."""
_RUNNING = _SELF_RECORDING | {"run_case", "run_cassette"}


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Distinguish deviations and inconclusive responses from defects of a test."""
    # In the call, not in the setup: a failure in the setup counts as a failure of the harness.
    if isinstance(target := pyfuncitem.funcargs.get("api"), CaseResult):
        _end(target)
    try:
        result = yield
        if isinstance(target, Api):
            target.conclude()
        return result
    except DeviatesError as error:
        pytest.fail(str(error), pytrace=False)
    except pytest.skip.Exception as error:
        if _SELF_RECORDING & set(pyfuncitem.fixturenames):
            pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("skipped", str(error.msg)))
        raise
    except InconclusiveError as error:
        if isinstance(target, Api) and target.breaches:
            pytest.fail(target.breaches[0], pytrace=False)
        # The conclusion from several responses is in none of their records.
        pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("inconclusive", str(error)))
        pytest.skip(f"inconclusive: {error}")
    except ReportError as error:
        # Nothing more is sent once results cannot be recorded.
        _give_up(pyfuncitem.session, error)
        pytest.fail(lines(str(error)), pytrace=False)
    except ForbiddenError as error:
        pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("skipped", str(error)))
        pytest.skip(str(error))
    except Exception as error:
        if _RUNNING & set(pyfuncitem.fixturenames):
            reason = f"the test failed ({type(error).__name__}: {error}); please report it"
            pyfuncitem.config.stash[_WORKER].note(_id(pyfuncitem), CaseResult("error", reason))
        raise


def _test_id(item: pytest.Item) -> str:
    """Return the id of a test as reports name it: `rerank.relations.permuted-documents`."""
    name = getattr(item, "originalname", None) or item.name
    parts = (item.path.parent.name, item.path.stem.removeprefix("test_"), name.removeprefix("test_"))
    return ".".join(parts).replace("_", "-")


# Around the hook of pytest, which tears down an interrupted test: the requests of the teardown are recorded
# as well, and what was created is removed even if the teardown fails.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """End a process of `-n`: remove what it created, and close its journal."""
    try:
        return (yield)
    finally:
        if hasattr(session.config, "workerinput"):
            _close(session, exitstatus)


def _close(session: pytest.Session, exitstatus: int) -> None:
    worker = session.config.stash.get(_WORKER, None)
    if worker is not None:
        worker.close(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
