"""The public interface: these names, with these signatures, and nothing else."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cohere_conformance

ROOT = Path(cohere_conformance.__file__).parents[2]
SIGNATURES = {
    "judge": "(exchanges: 'Exchange | Iterable[Exchange]', *, as_published: 'bool' = False, "
    "servers: 'Sequence[str]' = ()) -> 'list[Finding]'",
    "check": "(paths: 'str | os.PathLike[str] | Iterable[str | os.PathLike[str]]', *, "
    "as_published: 'bool' = False, servers: 'Sequence[str]' = (), "
    "fail_on: 'Severity' = <Severity.ADDITIVE: 'additive'>, jobs: 'int' = 1, "
    "engine: 'str | None' = None, observed: 'str | os.PathLike[str] | None' = None, "
    "sdk_effect: 'bool | None' = None, sdk_effect_node: 'str | os.PathLike[str] | None' = None) -> 'Report'",
    "load_contract": "(*, as_published: 'bool' = False) -> 'Contract'",
    "ReferenceServer": "(profile: 'str' = 'contract', faults: 'Iterable[str]' = (), *, step: 'float' = 0.1, "
    "pause: 'float' = 0.0, time_per_request: 'float' = 0.0, keys: 'Iterable[str]' = ()) -> 'None'",
    "ReferenceServer.fail_next": "(self, status: 'int | None' = None, *, fault: 'str | None' = None, "
    "times: 'int' = 1, operation: 'str | None' = None) -> 'None'",
    "ReferenceServer.reset": "(self) -> 'None'",
    "ReceivedRequest": "(method: 'str', path: 'str', query: 'str', headers: 'tuple[tuple[str, str], ...]', "
    "body: 'bytes', operation: 'str | None') -> None",
    "ReceivedRequest.json": "(self) -> 'Any'",
    "ReceivedRequest.header": "(self, name: 'str') -> 'str | None'",
    "Exchange": "(request: Request, response: Response, source: Source)",
    "Request": "(method: str, url: str, headers: tuple[tuple[str, str], ...] = (), "
    "body: bytes | None = None, has_key: bool = True, key_variable: str = 'CO_API_KEY', "
    "access: cohere_conformance.access.Access = Access())",
    "Source": "(file: str, position: str = '', recorded_at: str | None = None)",
    "StreamEvent": "(data: str, event: str | None = None, at: float | None = None)",
}
NAMES = {
    *("__version__", "judge", "check", "load_contract", "Contract", "Report", "ReferenceServer"),
    *("ReceivedRequest", "Exchange", "Request", "Response", "Source", "StreamEvent", "Finding", "Kind"),
    *("Severity", "ConformanceError", "ContractError", "ReportError", "TrafficError", "UsageError"),
}


def public(name: str) -> Any:
    value: Any = cohere_conformance
    for part in name.split("."):
        value = getattr(value, part)
    return value


def run_python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_public_names_are_these() -> None:
    assert set(cohere_conformance.__all__) == NAMES
    assert set(dir(cohere_conformance)) >= NAMES
    stub = (ROOT / "src" / "cohere_conformance" / "__init__.pyi").read_text(encoding="utf-8")
    typed = {line.rpartition(" as ")[2] for line in stub.splitlines() if " as " in line}
    assert typed | {"__version__"} == NAMES


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signatures(name: str) -> None:
    signature = str(inspect.signature(public(name))).replace("cohere_conformance.model.", "")
    assert signature == SIGNATURES[name]


@pytest.mark.parametrize("name", sorted({*SIGNATURES, *NAMES} - {"__version__"}))
def test_each_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(public(name)), name


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        cohere_conformance.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_import_of_the_package_loads_nothing_else() -> None:
    code = (
        "import sys, cohere_conformance; print([name for name in sys.modules if name.startswith('cohere_')])"
    )
    assert run_python("-c", code).strip() == "['cohere_conformance']"


def test_the_types_of_the_public_names() -> None:
    """A program of a user passes mypy --strict, and mistakes in it are found.

    The settings are those of this project, which `make lint` has filled the cache with.
    """
    program = ROOT / "tests" / "support" / "user_program.py"
    assert run_python("-m", "mypy", "--strict", "--no-error-summary", str(program)) == ""
