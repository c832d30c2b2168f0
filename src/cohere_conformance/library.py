"""What the package offers to Python programs: judge exchanges, and check files of recorded traffic.

Users import these functions from `cohere_conformance`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance import __version__, session
from cohere_conformance.client.address import base_url
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Severity
from cohere_conformance.recordings.hosts import placed
from cohere_conformance.report import Header, Mode
from cohere_conformance.sdk.parsers import wanted
from cohere_conformance.session.engine import engine_of
from cohere_conformance.session.evidence import background_of, now
from cohere_conformance.session.sdk_evidence import with_sdk
from cohere_conformance.session.shapes import AUTO

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from cohere_conformance.model import Finding
    from cohere_conformance.report import Report
    from cohere_conformance.report.header import AcceptedDrift
    from cohere_conformance.session.engine import Engine


def judge(
    exchanges: Exchange | Iterable[Exchange], *, as_published: bool = False, servers: Sequence[str] = ()
) -> list[Finding]:
    """Return everything in which exchanges deviate from the contract.

    A finding whose `amendment` is set is a known defect of the published document, not of the server.

    Args:
        exchanges: one exchange, or several.
        as_published: compare with the OpenAPI document as published, without amendments and requirements.
        servers: base URLs that count as the API, besides `api.cohere.com` and loopback addresses.

    Raises:
        UsageError: an exchange is with another host, or a base URL is not one.
    """
    judging = _judge(as_published, tuple(servers))
    findings: list[Finding] = []
    for exchange in (exchanges,) if isinstance(exchanges, Exchange) else exchanges:
        value = placed(exchange, judging.settings.servers)
        request = value.request
        if not judging.contract.route(request.method, request.url).ours:
            raise UsageError(
                f"{request.method} {request.url}: expected an exchange with the API, got one with another "
                "host; name the base URL of the server in `servers`"
            )
        findings += judging.findings(value)
    return findings


@lru_cache(maxsize=8)
def _judge(as_published: bool, servers: tuple[str, ...]) -> session.Judge:
    return session.Judge(session.JudgeSettings(as_published=as_published, servers=_checked(servers)))


def _checked(servers: Sequence[str]) -> tuple[str, ...]:
    for server in servers:
        base_url("servers", server)
    return tuple(servers)


def check(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    as_published: bool = False,
    servers: Sequence[str] = (),
    fail_on: Severity = Severity.ADDITIVE,
    jobs: int = 1,
    engine: str | None = None,
    observed: str | os.PathLike[str] | None = None,
    sdk_effect: bool | None = None,
    sdk_effect_node: str | os.PathLike[str] | None = None,
) -> Report:
    """Judge all traffic in files and folders, as the command `check` does, and return the report.

    The formats are those of the command: HAR, VCR cassettes, JSON Lines and more, recognised by content.
    A file that cannot be read raises nothing; the report lists it, and its exit code is 3.

    Args:
        paths: one file or folder, or several.
        as_published: compare with the OpenAPI document as published, without amendments and requirements.
        servers: base URLs that count as the API, besides `api.cohere.com` and loopback addresses.
        fail_on: the least severity that makes the exit code 1.
        jobs: number of processes.
        engine: `dask` for a cluster on this machine, with one worker for each core; `dask=ADDRESS` for that
            of a scheduler. A script that starts one on this machine needs `if __name__ == "__main__":`.
        observed: a file of observed shapes to compare responses with, `shipped` or `none`; if not given, the
            shipped ones for dated responses of the vendor's hosts.
        sdk_effect: whether deviating responses are parsed with the official Python SDK; if not given, with
            the official SDKs that are installed.
        sdk_effect_node: folder with the official TypeScript SDK in `node_modules`.

    Raises:
        UsageError: no path is given, a base URL is not one, the engine or an SDK is unknown or not installed,
            or the file of observed shapes cannot be read.
        TargetError: the scheduler of the engine cannot be reached.
    """
    cluster = None if engine is None else engine_of(engine)
    several = [paths] if isinstance(paths, str) or hasattr(paths, "__fspath__") else [*paths]
    names = tuple(map(str, several))
    if not names:
        raise UsageError("paths: expected at least one file or folder of recorded traffic, got none")
    node = None if sdk_effect_node is None else str(sdk_effect_node)
    judging = session.Judge(
        session.JudgeSettings(
            as_published=as_published,
            servers=_checked(servers),
            sdks=wanted(sdk_effect, node),
            observed=AUTO if observed is None else str(observed),
        )
    )
    return judged(names, judging, fail_on=fail_on, jobs=jobs, engine=cluster)


def judged(
    paths: tuple[str, ...],
    judging: session.Judge,
    *,
    fail_on: Severity,
    jobs: int = 1,
    engine: Engine | None = None,
    progress: session.Progress | None = None,
    arguments: tuple[str, ...] = (),
    baseline: AcceptedDrift | None = None,
    interruptible: bool = False,
) -> Report:
    """Judge all traffic in files and folders and return the report.

    Args:
        paths: files and folders.
        judging: what judges each exchange.
        fail_on: the least severity that makes the exit code 1.
        jobs: number of processes.
        engine: a cluster that judges instead.
        progress: called with the file being read and how many exchanges were judged since the last call.
        arguments: the command line, for the report.
        baseline: the accepted drift.
        interruptible: on Ctrl-C, return the partial report with exit code 2 instead of raising.
    """
    started, tally, exit_code = now(), judging.tally(), None
    try:
        session.check(paths, judging, tally, jobs=jobs, engine=engine, progress=progress)
    except KeyboardInterrupt:
        if not interruptible:
            raise
        exit_code = 2
    header = Header(
        tool="cohere-conformance",
        version=__version__,
        contract_version=judging.contract.version,
        contract_digest=judging.contract.digest,
        origins=judging.contract.origins,
        mode=Mode.AS_PUBLISHED if judging.settings.as_published else Mode.AMENDED,
        inputs=paths,
        started_at=started,
        fail_on=fail_on,
        arguments=arguments,
        baseline=baseline,
        sdks=judging.settings.sdks.names,
        observed=judging.compared_with(tally),
    )
    operations = list(judging.contract.operations)
    background = background_of(judging.contract, sent=False)
    report = tally.finish(header, operations, finished_at=now(), exit_code=exit_code, background=background)
    return with_sdk(report, background) if judging.settings.sdks.python else report
