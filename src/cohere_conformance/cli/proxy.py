"""`proxy`: pass traffic on to a server, and judge it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import click
import httpx

from cohere_conformance import __version__
from cohere_conformance.access import Access
from cohere_conformance.baseline import in_force
from cohere_conformance.cli import options
from cohere_conformance.cli.configured import configurable
from cohere_conformance.cli.output import deliver_traffic
from cohere_conformance.client.address import address as upstream_address
from cohere_conformance.client.address import is_loopback
from cohere_conformance.client.listening import address, listen
from cohere_conformance.client.wire import proxy_of
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.model import Severity
from cohere_conformance.recordings.archive import ArchiveWriter
from cohere_conformance.report import Header, Mode
from cohere_conformance.report.render.safe import lines, plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.sdk.parsers import wanted
from cohere_conformance.session.evidence import clear_report, now
from cohere_conformance.session.shapes import AUTO

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from cohere_conformance.client.address import Address

_Command = TypeVar("_Command", bound="Callable[..., object]")

_MEBI = 2**20
_MOST = 16
"""All bodies that wait for the judge may have this many times the size of the largest."""
_LISTEN = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):)?(?P<port>[0-9]{1,5})")


def _tls(command: _Command) -> _Command:
    for option in reversed(options.tls):
        command = option(command)
    return command


@click.command()
@click.option("--upstream", "url", metavar="URL", help="Base URL of the server, or unix:///PATH.")
@click.option(
    "--listen",
    "listen_on",
    metavar="HOST:PORT",
    default="127.0.0.1:8766",
    show_default=True,
    help="Address to listen on; port 0 takes any free one.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write golden cassettes there, one of each shape of an exchange.",
)
@click.option(
    "--har",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write every exchange to this HTTP archive (HAR 1.2).",
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 48),
    default=16,
    show_default=True,
    metavar="MIB",
    help="Larger bodies are passed on, but not judged.",
)
@click.option(
    "--as-published",
    is_flag=True,
    help="Compare with the OpenAPI document as published, without amendments and requirements.",
)
@_tls
@options.fail_on
@options.baseline
@options.history
@options.sdk_effect
@options.observed
@options.report_dir
@options.verbose
@options.quiet
@configurable
def proxy(
    url: str | None,
    listen_on: str,
    record: Path | None,
    har: Path | None,
    max_body: int,
    as_published: bool,
    tls_verify: bool | None,
    ca_file: str | None,
    client_cert: str | None,
    client_key: str | None,
    fail_on: str,
    baseline: str | None,
    history: str | None,
    sdk_effect: bool | None,
    sdk_effect_node: str | None,
    observed: str | None,
    report_dir: Path,
    verbose: bool,
    quiet: bool,
) -> int:
    """Pass requests on to a server unchanged, and judge every exchange beside the traffic, until Ctrl-C.

    Point a client or its tests at the printed address. Keys are passed on and never stored. The report so far
    is at /_conformance (JSON) and /_conformance.html; at the end it is written and decides the exit code.

    \b
    Examples:
      cohere-conformance proxy --upstream http://localhost:4000
      cohere-conformance proxy --upstream https://api.cohere.com --har traffic.har --record cassettes
    """
    # Imported here: the other commands start faster without it.
    from cohere_conformance.proxy.judge_process import JudgeProcess
    from cohere_conformance.proxy.judging import ProxySettings
    from cohere_conformance.proxy.serving import ProxyServer, serve_until_signal
    from cohere_conformance.proxy.upstream import Upstream

    if url is None:
        raise UsageError("expected --upstream URL, the server that requests are passed on to, got none")
    where, (host, port) = upstream_address("--upstream", url), _host_and_port(listen_on)
    access = Access(
        socket=where.socket,
        tls_verify=tls_verify is not False,
        ca_file=ca_file or "",
        client_cert=client_cert or "",
        client_key=client_key or "",
    )
    sdks = wanted(sdk_effect, sdk_effect_node)
    sdks.require()
    settings = ProxySettings(
        upstream=where.url,
        access=access,
        header=Header(
            tool="cohere-conformance",
            version=__version__,
            contract_version="",
            contract_digest="",
            mode=Mode.AS_PUBLISHED if as_published else Mode.AMENDED,
            inputs=(where.shown,),
            started_at=now(),
            fail_on=Severity(fail_on),
            arguments=tuple(sys.argv[1:]),
            baseline=in_force(baseline),
        ),
        as_published=as_published,
        record="" if record is None else str(record),
        har="" if har is None else str(har),
        sdks=sdks,
        observed=observed or AUTO,
    )
    upstream = Upstream(where, access)
    _prepare(report_dir, record, har)
    with listen(host, port, remedy="name another one with --listen") as listening:
        _check_no_loop(where, listening)
        judge = JudgeProcess(settings, most_body=max_body * _MEBI, most=_MOST * max_body * _MEBI)
        with judge:
            said = "\n".join(banner(where, address(listening), host))
            serve_until_signal(ProxyServer(upstream, judge), listening, lambda: click.echo(lines(said)))
            if waiting := judge.waiting:
                click.echo(f"judging {quantity(waiting, 'exchange')} that wait (Ctrl-C gives up)", err=True)
            report, written = judge.finish()
    for line in written:
        click.echo(plain(line))
    kept = options.history_file(history, report_dir)
    return deliver_traffic(report, report_dir, kept, verbose=verbose, quiet=quiet)


def _prepare(report_dir: Path, record: Path | None, har: Path | None) -> None:
    """Fail now, and not after the traffic, where something cannot be written; remove an earlier report.

    Raises:
        ReportError: it cannot.
    """
    for folder in filter(None, (report_dir, record)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReportError(
                f"{folder}: expected a folder to write to, got: {error.strerror or error}; name another one"
            ) from error
    if har is not None:
        ArchiveWriter(har).close()
    clear_report(report_dir)


def _host_and_port(given: str) -> tuple[str, int]:
    found = _LISTEN.fullmatch(given)
    if found is None or int(found["port"]) > 65_535:
        raise UsageError(f"--listen {given}: expected HOST:PORT such as 127.0.0.1:8766, got something else")
    return (found["host"] or "127.0.0.1").strip("[]"), int(found["port"])


def _check_no_loop(upstream: Address, listening: socket.socket) -> None:
    port = urlsplit(upstream.url).port or (443 if upstream.url.startswith("https:") else 80)
    # A host of this machine with the same port is this proxy, whatever it is called.
    if not upstream.socket and upstream.is_local and port == listening.getsockname()[1]:
        raise UsageError(
            f"--upstream {upstream.shown}: expected another server, got the address of this proxy; "
            "name another port with --listen"
        )


def banner(upstream: Address, url: str, host: str) -> Iterator[str]:
    """Yield the lines that a proxy prints when it begins.

    Args:
        upstream: where requests are passed on to.
        url: where it listens.
        host: the same as it was named.
    """
    yield f"listening on {url} (Ctrl-C stops and writes the report)"
    yield f"upstream {upstream.shown}"
    yield f"report   {url}/_conformance (JSON), {url}/_conformance.html"
    if upstream.is_vendors:
        yield "note     the upstream is the vendor's: it bills the keys of your clients as without proxy"
    if not upstream.socket and proxy_of(httpx.URL(upstream.url)) is not None:
        yield "warning  the upstream is called directly, without the proxy that the environment names"
    if not is_loopback(host):
        reach = "everybody who reaches it can use the proxy and see the report"
        yield f"warning  {host} is not a loopback address: {reach}"
