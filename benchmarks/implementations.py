"""Tests mocks and gateways of the package indexes beside the reference server; writes `reports/matrix.md`.

    npm install --prefix NPM @copilotkit/aimock @stoplight/prism-cli @mockoon/cli
    python -m venv VENV && VENV/bin/pip install "litellm[proxy]"
    .venv/bin/python benchmarks/implementations.py --npm NPM --litellm VENV/bin/litellm

What is not installed is left out, and named in the page. Nothing leaves this machine: LiteLLM is a gateway to
a reference server. Ends with 1 if a target could not be tested, or if the reference server deviates.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
OURS = [sys.executable, "-m", "cohere_conformance"]
PAGE = ROOT / "reports" / "matrix.md"
GROUPS = "chat,rerank,embed,tokenize,detokenize,classify,models"
"""The groups whose operations store nothing, which is what mocks and gateways have."""
PATIENCE = 90.0
"""Seconds that a server may take to start."""
CANNED = ("--protocol-only",)
ABOUT = """\
# Mocks and gateways side by side

Written by `benchmarks/implementations.py` on {day}. Each target was tested with
`cohere-conformance run --only {groups}`
and further options that say what it claims:

{targets}
{missing}
Mocks with canned answers are judged by protocol only: shape, framing, statuses and errors. LiteLLM is a
gateway here; behind it is the reference server, so whatever deviates is what the gateway changes. Nobody
configured these servers to conform: a line says what somebody sees who uses them as they are, not how good
they are for what they were made for. `cohere-conformance explain ID` explains a mistake with the report of a
target (`--reports DIR` keeps the reports).

## By feature

With the number of cases that pass, of those that need the feature and were sent.

{features}
## By operation

With the number of findings.

{operations}
## By mistake

With the number of findings.

{checks}"""


@dataclass(frozen=True)
class Candidate:
    """A server to test.

    Attributes:
        name: with its version.
        about: what it is, and how it was started.
        command: starts it, with its port; empty for the embedded reference server.
        options: of the run.
        environment: further variables for the server.
        path: below which the API is.
    """

    name: str
    about: str
    command: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = ""


def listens(port: int) -> bool:
    """Return whether something accepts connections at a port of this machine."""
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def started(candidate: Candidate, port: int, log: Path) -> Iterator[None]:
    """Run a server while the context lasts."""
    if listens(port):
        raise SystemExit(f"port {port}: expected a free port; choose others with --first-port")
    with log.open("wb") as output:
        process = subprocess.Popen(
            candidate.command,
            env={**os.environ, **candidate.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
        try:
            until = time.monotonic() + PATIENCE
            while not listens(port) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def version_of(package: Path) -> str:
    """Return the version of a package of npm."""
    return str(json.loads((package / "package.json").read_text(encoding="utf-8"))["version"])


def from_npm(npm: Path | None, home: Path, port: int) -> Iterator[Candidate | str]:
    """Yield the mocks of npm, or the name of what is not installed."""
    document = home / "bundle.json"
    bundle = [*OURS, "contract", "bundle", "--amended", "--openapi", "3.1"]
    document.write_bytes(subprocess.run(bundle, check=True, capture_output=True).stdout)
    (home / "fixtures").mkdir()
    answer = {"match": {}, "response": {"content": "Hello from a mock."}}
    (home / "fixtures" / "all.json").write_text(json.dumps({"fixtures": [answer]}), encoding="utf-8")
    aimock = {"llm": {"fixtures": "fixtures"}, "services": {"rerank": True}, "port": port}
    (home / "aimock.json").write_text(json.dumps(aimock), encoding="utf-8")
    mockoon = ["start", "-d", str(document), "-p", str(port + 2), "-l", "127.0.0.1"]
    known = (
        (
            "aimock", "@copilotkit/aimock", "aimock", ("-c", "aimock.json"),
            "a mock of LLM APIs, with one fixture that answers everything",
            ("--declares", "v2.chat,POST /v2/embed,POST /v2/rerank"),
        ),
        (
            "Prism", "@stoplight/prism-cli", "prism", ("mock", "-p", str(port + 1), str(document)),
            "answers with examples made of our bundled document", (),
        ),
        (
            "Mockoon", "@mockoon/cli", "mockoon-cli", (*mockoon, "-X", "--disable-admin-api"),
            "answers with random values made of our bundled document", (),
        ),
    )  # fmt: skip
    for name, package, command, arguments, about, options in known:
        found = npm and shutil.which(command, path=str(npm / "node_modules" / ".bin"))
        if not found:
            yield f"{name} ({package})"
            continue
        version = version_of(npm / "node_modules" / package)
        yield Candidate(f"{name} {version}", about, (found, *arguments), (*CANNED, *options))


def gateways(litellm: Path | None, home: Path, port: int, upstream: int) -> Iterator[Candidate | str]:
    """Yield LiteLLM twice, by its two ways to an upstream, or its name if it is not installed."""
    if litellm is None or not litellm.is_file():
        yield "LiteLLM (litellm[proxy])"
        return
    read = "import importlib.metadata as m; print(m.version('litellm'))"
    python = litellm.parent / "python"
    version = subprocess.run([python, "-c", read], check=True, capture_output=True, text=True).stdout.strip()
    model = {"model": "cohere/*", "api_base": f"http://127.0.0.1:{upstream}"}
    parameters = {**model, "api_key": "os.environ/UPSTREAM_KEY"}
    configuration = {"model_list": [{"model_name": "*", "litellm_params": parameters}]}
    (home / "litellm.yaml").write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
    environment = {
        "UPSTREAM_KEY": PRODUCTION,
        "COHERE_API_KEY": PRODUCTION,
        "COHERE_API_BASE": f"http://127.0.0.1:{upstream}",
        "LITELLM_MASTER_KEY": PRODUCTION,
    }
    command = (str(litellm), "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port))
    passing = "passes everything below /cohere to a reference server"
    yield Candidate(f"LiteLLM {version}, /cohere", passing, command, (), environment, "/cohere")
    routing = "translates rerank for a reference server"
    options = ("--declares", "rerank")
    yield Candidate(f"LiteLLM {version}, rerank", routing, command, options, environment)


def tested(candidate: Candidate, port: int, folder: Path) -> bool:
    """Test a candidate, and return whether there is a report of it."""
    url = ("--url", f"http://127.0.0.1:{port}{candidate.path}") if candidate.command else ()
    command = [*OURS, "run", "--no-config", *url, "--only", GROUPS, "--time-limit", "5m", *candidate.options]
    variables = {name: value for name, value in os.environ.items() if name != "CO_API_KEY"}
    ended = subprocess.run([*command, "--report-dir", folder, "-q"], env=variables, check=False)
    return ended.returncode in {0, 1, 3} and (folder / "report.json").is_file()


def table(named: Mapping[str, Path], by: str) -> str:
    """Return a matrix in Markdown without its list of targets."""
    names = [text for name in named for text in ("--name", name)]
    command = [*OURS, "report", "matrix", *named.values(), *names, "--by", by, "--format", "markdown"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    targets, _, rest = shown.partition("\n\n")
    return f"{targets}\n\n{rest}" if by == "feature" else rest


def page(named: Mapping[str, Path], candidates: list[Candidate], missing: list[str]) -> str:
    """Return the page."""
    about = [
        f"- **{one.name}**: {one.about}" + (f"; `{' '.join(one.options)}`" if one.options else "")
        for one in candidates
        if one.name in named
    ]
    absent = f"\nCould not be had: {', '.join(missing)}.\n" if missing else ""
    return ABOUT.format(
        day=datetime.now(UTC).date(),
        groups=GROUPS,
        targets="\n".join(about),
        missing=absent,
        features=table(named, "feature"),
        operations=table(named, "operation"),
        checks=table(named, "check"),
    )


def main() -> int:
    """Test what is installed, write the page, and return the exit code."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--npm", type=Path, metavar="DIR", help="folder with node_modules")
    parser.add_argument("--litellm", type=Path, metavar="FILE", help="the command litellm of an environment")
    parser.add_argument("--first-port", type=int, default=14310, help="the first of five free ports")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep the reports in this folder")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    given = parser.parse_args()
    port = given.first_port
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reports = (given.reports or home / "reports").resolve()
        live = ("--profile", "live-2026")
        own = [
            Candidate("reference server", "ours, profile contract"),
            Candidate("reference server, live-2026", "ours, profile live-2026", options=live),
        ]
        npm = given.npm.resolve() if given.npm else None
        litellm = given.litellm.absolute() if given.litellm else None
        mocks = list(from_npm(npm, home, port))
        routed = list(gateways(litellm, home, port + 3, port + 4))
        found = [one for one in (*own, *mocks, *routed) if isinstance(one, Candidate)]
        missing = [one for one in (*mocks, *routed) if isinstance(one, str)]
        upstream = Candidate("upstream", "", (*OURS, "serve", "--port", str(port + 4)))
        stack.enter_context(started(upstream, port + 4, home / "upstream.log"))
        ports = {one.name: port + number for number, one in enumerate(mocks) if isinstance(one, Candidate)}
        named, failed = {}, []
        for one in found:
            at, folder = ports.get(one.name, port + 3), reports / one.name.replace(" ", "-").replace("/", "")
            with ExitStack() as running:
                if one.command:
                    running.enter_context(started(one, at, home / f"{at}.log"))
                if tested(one, at, folder):
                    named[one.name] = folder
                else:
                    failed.append(one.name)
        given.output.write_text(page(named, found, [*missing, *failed]), encoding="utf-8")
        read = [
            json.loads((named[one.name] / "report.json").read_bytes()) for one in own if one.name in named
        ]
    deviating = any(report["footer"]["exit_code"] for report in read)
    return int(bool(failed) or deviating)


if __name__ == "__main__":
    sys.exit(main())
