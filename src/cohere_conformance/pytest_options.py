"""The options of the pytest plugin: declared, parsed, and listed for the report."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from rich.console import Console

from cohere_conformance.access import Access
from cohere_conformance.baseline import in_force
from cohere_conformance.client.added import checked_variable, field_of
from cohere_conformance.client.billed import BILLED_UNITS
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import ConformanceError, UsageError
from cohere_conformance.fuzz.driver import FuzzDriver
from cohere_conformance.fuzz.effort import FuzzOptions, FuzzProfile
from cohere_conformance.golden import own_or_shipped
from cohere_conformance.golden.driver import GoldenMode, golden_driver
from cohere_conformance.golden.reference_comparison import ReferenceComparison
from cohere_conformance.model import Severity
from cohere_conformance.names import unknown
from cohere_conformance.report import ConfigurationUsed
from cohere_conformance.report.example import without_password
from cohere_conformance.report.render.safe import lines
from cohere_conformance.sdk.parsers import wanted
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.driver import Driver
from cohere_conformance.session.memory import RunMemory
from cohere_conformance.session.plan import RunOptions
from cohere_conformance.session.role_models import parse_models
from cohere_conformance.session.shapes import AUTO, NONE
from cohere_conformance.session.shown_night import show_night

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.session.clock import RunClock

_PREFIX = "--conformance-"
_FLAGS = {
    f"{_PREFIX}{name}"
    for name in (
        "live own-server no-tls-verify protocol-only sdk-effect no-sdk-effect plan no-plan learn"
    ).split()
}
"""The options without a value."""
_TIME = re.compile(r"(?P<number>[0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9}) ?(?P<unit>[smh]?)")
_AMOUNT = re.compile(r"[a-z_]{1,40}=[0-9]{1,12}(\.[0-9]{1,6})?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_LONGEST = 30 * 24 * 3600 + 1


def add_options(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("conformance", "conformance with the Cohere REST API")
    add = group.addoption
    add("--conformance-url", metavar="URL", help="base URL of the target (default: the embedded server)")
    add("--conformance-live", action="store_true", help="allow a target that is somebody else's server")
    add_server_options(add)
    add("--conformance-profile", metavar="NAME", help="profile of the target")
    add(
        "--conformance-declares",
        metavar="NAMES",
        default="",
        help="what the target implements: groups, groups of one version (v2.chat), operations",
    )
    add("--conformance-without", metavar="NAMES", default="", help="features that the target does without")
    add("--conformance-protocol-only", action="store_true", help="judge the protocol only, no content")
    effect = {"dest": "conformance_sdk_effect", "default": None}
    add("--conformance-sdk-effect", action="store_true", **effect, help="parse what deviates with the SDK")
    add("--conformance-no-sdk-effect", action="store_false", **effect, help="parse nothing with an SDK")
    add("--conformance-sdk-effect-node", metavar="DIR", default="", help="the same with the TypeScript SDK")
    add("--conformance-only", metavar="GROUPS", default="", help="groups to run, separated by commas")
    add(
        "--conformance-case",
        metavar="ID",
        action="append",
        default=[],
        help="id of a case to run; repeatable",
    )
    add(
        "--conformance-allow",
        metavar="TIERS",
        default="",
        help="further tiers of operations to allow on a live host",
    )
    add(
        "--conformance-model",
        metavar="ROLE=NAME",
        action="append",
        default=[],
        help="model that a role of the cases means; repeatable",
    )
    add("--conformance-shard", metavar="I/N", help="run this share of the cases only, such as 2/4")
    add("--conformance-plan", action="store_true", help="show the plan of the night, and send nothing")
    add("--conformance-no-plan", action="store_true", help="run all cases against a live host")
    add("--conformance-max-billed", metavar="AMOUNT", default="", help="most that may be billed, by unit")
    add("--conformance-max-requests", metavar="N", type=int, help="maximum number of requests")
    add("--conformance-patience", metavar="SECONDS", type=float, help="how long to wait for each job")
    add(
        "--conformance-fault",
        metavar="NAME",
        action="append",
        default=[],
        help="inject a fault into the embedded server; repeatable",
    )
    add("--conformance-seed", metavar="N", type=int, help="shuffle the lifecycle tests with this seed")
    add(
        "--conformance-fuzz", metavar="PROFILE", help="fuzz instead of running the cases: smoke, gate or deep"
    )
    add(
        "--conformance-golden",
        metavar="MODE",
        help="of golden cassettes, one of record, replay, verify, capture and gateway",
    )
    add("--conformance-cassettes", metavar="DIR", help="folder of the golden cassettes")
    add("--conformance-compare", metavar="WHAT", help="of the reference server's cassettes: shape or values")
    add(
        "--conformance-max-examples",
        metavar="N",
        type=int,
        help="number of generated combinations for each operation",
    )
    add("--conformance-time-limit", metavar="TIME", help="end the run after this time: 90 (seconds), 5m, 1h")
    add(
        "--conformance-example-db",
        metavar="DB",
        help="database of failing examples: a folder, or redis://host:port/number",
    )
    add("--conformance-baseline", metavar="FILE", default="", help="file of accepted deviations")
    add("--conformance-history", metavar="FILE", default="", help="file of earlier runs")
    add("--conformance-ledger", metavar="FILE", default="", help="file in which creations are noted")
    add("--conformance-observed", metavar="FILE", default=AUTO, help="observed shapes to compare with")
    add("--conformance-learn", action="store_true", help="add to the observed shapes if the target conforms")
    add("--conformance-report-dir", metavar="DIR", default="conformance-report", help="folder of the report")
    add(
        "--conformance-fail-on",
        choices=[severity.value for severity in Severity],
        default=Severity.ADDITIVE.value,
        help="lowest severity that fails the run (exit code 1)",
    )


def add_server_options(add: Callable[..., None]) -> None:
    """Add the options about how a server is reached."""
    add("--conformance-own-server", action="store_true", help="the host of the target is the user's")
    add("--conformance-key-variable", metavar="NAME", default=KEY_VARIABLE, help="variable with the key")
    add("--conformance-header", metavar="FIELD", action="append", default=[], help="further header field")
    add("--conformance-no-tls-verify", action="store_true", help="do not verify the target's certificate")
    for name in ("ca-file", "client-cert", "client-key"):
        add(f"--conformance-{name}", metavar="FILE", default="", help="for TLS, in PEM form")
    add("--conformance-request-timeout", metavar="SECONDS", type=float, help="time that a response may take")
    add("--conformance-configured", metavar="JSON", help="what was taken from a configuration file")


def configuration(config: pytest.Config) -> ConfigurationUsed | None:
    """Return what the command has taken from a configuration file; `None` if there was none.

    Raises:
        UsageError: the option was given by hand, and wrongly.
    """
    text = cast("str | None", config.getoption("--conformance-configured"))
    try:
        return None if text is None else msgspec.json.decode(text, type=ConfigurationUsed)
    except msgspec.DecodeError as error:
        raise UsageError("--conformance-configured: expected what the command writes there") from error


_OPTIONS = {"own": "own-server", "headers": "header", "models": "model", "verify": "no-tls-verify"}
"""The options of keys of a configuration file that have another name."""


def with_key(message: str, used: ConfigurationUsed | None) -> str:
    """Return the message of a usage error with the key of the file that the option came from."""
    for key in used.used if used is not None else ():
        last = key.rpartition(".")[2]
        matched = re.match(rf"--{re.escape(_OPTIONS.get(last, last))}(?![\w-])", message)
        if used is not None and matched is not None:
            return f"{used.file}: {key}{message[matched.end() :]}"
    return message


def key_variable(config: pytest.Config) -> str:
    """Return the environment variable with the key of the run; empty if none is sent."""
    return cast("str", config.getoption("--conformance-key-variable"))


def access(config: pytest.Config) -> Access:
    """Return how the target is reached besides its URL.

    Raises:
        UsageError: a header field has no valid form.
    """

    def text(option: str) -> str:
        return cast("str", config.getoption(f"--conformance-{option}"))

    return Access(
        headers=tuple(map(field_of, cast("list[str]", config.getoption("--conformance-header")))),
        tls_verify=not config.getoption("--conformance-no-tls-verify"),
        ca_file=text("ca-file"),
        client_cert=text("client-cert"),
        client_key=text("client-key"),
    )


def memory(config: pytest.Config) -> RunMemory:
    """Return what the run remembers. Golden cassettes are compared with no observed shapes."""
    golden = config.getoption("--conformance-golden") is not None
    return RunMemory(
        _file(config, "history"),
        NONE if golden else cast("str", config.getoption("--conformance-observed")),
        learn=cast("bool", config.getoption("--conformance-learn")),
    )


def _file(config: pytest.Config, name: str) -> Path | None:
    named = cast("str", config.getoption(f"{_PREFIX}{name}"))
    return Path(named) if named else None


def run_options(config: pytest.Config) -> RunOptions:
    """Return the options of the run.

    Raises:
        UsageError: an option has an invalid value.
    """

    def names(option: str) -> tuple[str, ...]:
        value = cast("str", config.getoption(option))
        return tuple(name.strip() for name in value.split(",") if name.strip())

    return RunOptions(
        url=cast("str | None", config.getoption("--conformance-url")),
        live=cast("bool", config.getoption("--conformance-live")),
        own=cast("bool", config.getoption("--conformance-own-server")),
        key_variable=checked_variable("--key-variable", key_variable(config)),
        access=access(config),
        profile=cast("str | None", config.getoption("--conformance-profile")),
        declares=names("--conformance-declares"),
        without=names("--conformance-without"),
        protocol_only=cast("bool", config.getoption("--conformance-protocol-only")),
        sdks=wanted(
            cast("bool | None", config.getoption("--conformance-sdk-effect")),
            cast("str", config.getoption("--conformance-sdk-effect-node")),
        ),
        only=names("--conformance-only"),
        cases=tuple(cast("list[str]", config.getoption("--conformance-case"))),
        allow=names("--conformance-allow"),
        max_requests=cast("int | None", config.getoption("--conformance-max-requests")),
        max_billed=_billed(names("--conformance-max-billed")),
        no_plan=cast("bool", config.getoption("--conformance-no-plan")),
        dry=cast("bool", config.getoption("--conformance-plan")),
        faults=tuple(cast("list[str]", config.getoption("--conformance-fault"))),
        seed=cast("int | None", config.getoption("--conformance-seed")),
        seconds=_seconds(cast("str | None", config.getoption("--conformance-time-limit"))),
        patience=cast("float | None", config.getoption("--conformance-patience")),
        request_timeout=cast("float | None", config.getoption("--conformance-request-timeout")),
        shard=cast("str | None", config.getoption("--conformance-shard")),
        models=parse_models(cast("list[str]", config.getoption("--conformance-model"))),
    )


def _billed(given: tuple[str, ...]) -> dict[str, float]:
    """Return the most that may be billed by unit, from texts such as `tokens=1500`."""
    most = {}
    for text in given:
        unit, _, number = text.partition("=")
        if not _AMOUNT.fullmatch(text):
            raise UsageError(
                f"--max-billed {text[:80]!r}: expected UNIT=NUMBER, such as tokens=1500,search_units=40"
            )
        if unit not in BILLED_UNITS:
            raise UsageError(unknown("--max-billed", unit, BILLED_UNITS))
        most[unit] = float(number)
    return most


def new_campaign(
    config: pytest.Config, used: ConfigurationUsed | None, workers: int, clock: RunClock
) -> Campaign:
    """Return the run that the options describe.

    Args:
        config: of pytest.
        used: what was taken from a configuration file.
        workers: how many processes send.
        clock: the time of the run.

    Raises:
        UsageError: an option has an invalid value.
        ConformanceError: a document below `contracts/` or `suites/` is broken.
    """
    chosen = driver(config)
    return Campaign(
        run_options(config),
        chosen,
        folder=Path(cast("str", config.getoption("--conformance-report-dir"))),
        fail_on=Severity(cast("str", config.getoption("--conformance-fail-on"))),
        environment=os.environ,
        workers=workers,
        arguments=arguments(config, chosen.command),
        configuration=used,
        baseline=in_force(cast("str", config.getoption("--conformance-baseline"))),
        clock=clock,
        ledger=_file(config, "ledger"),
        memory=memory(config),
    )


def show_plan(config: pytest.Config, clock: RunClock) -> int:
    """Print the plan of the night, and return the exit code; nothing is sent.

    Args:
        config: of pytest.
        clock: the time of the run.

    Raises:
        pytest.UsageError: an option has an invalid value, or the run has no plan.
    """
    used = None
    try:
        used = configuration(config)
        show_night(new_campaign(config, used, 1, clock), Console(soft_wrap=True))
    except UsageError as error:
        raise pytest.UsageError(lines(with_key(str(error), used))) from error
    except ConformanceError as error:
        print(lines(f"cohere-conformance: {error}"), file=sys.stderr)
        return 3
    return 0


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    matched = _TIME.fullmatch(given.strip())
    seconds = float(matched["number"]) * _UNITS[matched["unit"]] if matched else 0.0
    if not 0 < seconds < _LONGEST:
        raise UsageError(
            f"--time-limit {given[:80]!r}: expected a time such as 90 (seconds), 5m or 1h, up to 30 days"
        )
    return seconds


def driver(config: pytest.Config) -> Driver:
    """Return how the run treats its tests: it fuzzes, works with golden cassettes, or runs the cases.

    Raises:
        UsageError: an option has an invalid value.
    """
    profile, mode, cassettes, compare = (
        cast("str | None", config.getoption(f"{_PREFIX}{name}"))
        for name in ("fuzz", "golden", "cassettes", "compare")
    )
    if profile is not None:
        if profile not in set(FuzzProfile):
            raise UsageError(unknown("--fuzz-profile", profile, set(FuzzProfile)))
        return FuzzDriver(
            FuzzOptions(
                profile=FuzzProfile(profile),
                max_examples=cast("int | None", config.getoption("--conformance-max-examples")),
                database=cast("str | None", config.getoption("--conformance-example-db")),
            )
        )
    if mode is not None:
        if mode not in set(GoldenMode):
            raise UsageError(unknown("--conformance-golden", mode, set(GoldenMode)))
        if compare is not None and compare not in set(ReferenceComparison):
            raise UsageError(unknown("--compare", compare, set(ReferenceComparison)))
        return golden_driver(
            GoldenMode(mode),
            Path(cassettes) if cassettes else own_or_shipped(),
            None if compare is None else ReferenceComparison(compare),
        )
    return Driver()


def arguments(config: pytest.Config, command: str) -> tuple[str, ...]:
    """Return the command line of the command that is equivalent.

    Other arguments of pytest do not matter to readers of the report, and may name folders of this machine.
    """
    kept, valued = [command], False
    for argument in map(str, config.invocation_params.args):
        if argument.startswith((f"{_PREFIX}golden", f"{_PREFIX}configured")):
            continue
        if argument.startswith(_PREFIX) or (valued and not argument.startswith("-")):
            named = argument.replace(f"{_PREFIX}fuzz", f"{_PREFIX}fuzz-profile", 1)
            kept.append(without_password(named.replace(_PREFIX, "--", 1)))
        valued = argument.startswith(_PREFIX) and "=" not in argument and argument not in _FLAGS
    return tuple(kept)
