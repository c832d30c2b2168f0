"""The wheel as a new user meets it: an empty environment, an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from installed import install
from running import environment

ROOT = Path(__file__).parents[1]
PACKAGE = "cohere_conformance"

CASSETTE = """\
interactions:
- request:
    body: '{"model":"rerank-v3.5","query":"q","documents":["a","b"]}'
    headers:
      content-type: [application/json]
    method: POST
    uri: https://api.cohere.com/v2/rerank
  response:
    body:
      string: '{"id":"9dfd50ed-1b2c-4f28-9d8c-8b6a3cbd5bd1","results":[{"index":0,"relevance_score":"high"}]}'
    headers:
      Content-Type: [application/json]
    status:
      code: 200
      message: OK
version: 1
"""


IMPORTING = f"""
import importlib, pkgutil
import {PACKAGE}
from {PACKAGE} import suites
from {PACKAGE}.data import folder
names = [found.name for found in pkgutil.walk_packages({PACKAGE}.__path__, "{PACKAGE}.")]
for name in names:
    if "._data" not in name and not name.endswith(".__main__"):
        try:
            importlib.import_module(name)
            print(name)
        except ModuleNotFoundError as error:
            print("missing:", error.name)
for path in folder("suites").rglob("test_*.py"):
    print(suites.load(path).__name__)
"""
EXTRAS = {"cohere", "distributed", "fsspec", "pyarrow", "redis"}
"""Modules that only extras bring."""


def _run(*command: str | Path, cwd: Path, expected: int = 0) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def _kinds(home: Path) -> set[str]:
    """The kinds of what the report of the last command lists."""
    report = json.loads((home / "conformance-report" / "report.json").read_text(encoding="utf-8"))
    return {row["kind"] for row in report["findings"]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # With the pinned hatchling that is installed here: an environment for it takes longer than the build.
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command out of an environment that holds nothing else."""
    return install(wheel, tmp_path_factory.mktemp("environment")) / "cohere-conformance"


def _files(folder: Path) -> dict[str, bytes]:
    """The files below a folder, without what Python derives from them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_the_checkout(wheel: Path) -> None:
    """All of it: what the suites and the cassettes do is tested here with those of the checkout."""
    package, data = "cohere_conformance/", "cohere_conformance/_data/"
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist() if "__pycache__" not in name}
    for folder in ("contracts", "suites", "cassettes", "reports"):
        ours = {f"{data}{folder}/{name}": content for name, content in _files(ROOT / folder).items()}
        assert len(ours) > 10
        assert {name: carried[name] for name in carried if name.startswith(f"{data}{folder}/")} == ours
    modules = {f"{package}{name}": content for name, content in _files(ROOT / "src" / PACKAGE).items()}
    assert f"{package}py.typed" in modules
    assert {
        name: carried[name] for name in carried if name.startswith(package) and not name.startswith(data)
    } == modules


def test_every_module_can_be_imported_without_the_tools_of_the_checkout(
    command: Path, tmp_path: Path
) -> None:
    (tmp_path / "imports.py").write_text(IMPORTING)
    imported = _run(command.parent / "python", "imports.py", cwd=tmp_path).splitlines()
    missing = {line.partition(": ")[2] for line in imported if line.startswith("missing: ")}
    assert missing <= EXTRAS
    assert len(imported) > 600
    assert f"{PACKAGE}.suites.rerank.test_relations" in imported


def test_examples_conform(command: Path, tmp_path: Path) -> None:
    assert "CONFORMS" in _run(command, "check", "--example", "conforming", cwd=tmp_path)
    assert (tmp_path / "conformance-report" / "report.json").is_file()


def test_pytest_has_the_fixtures_without_any_setting(command: Path, tmp_path: Path) -> None:
    (tmp_path / "test_models.py").write_text(
        "import httpx\n"
        "def test_models(cohere_server, conformance_judge):\n"
        "    headers = {'authorization': f'Bearer {cohere_server.key}'}\n"
        "    conformance_judge(httpx.get(f'{cohere_server.url}/v1/models', headers=headers))\n"
    )
    options = ("-q", "-p", "no:cacheprovider", "-W", "error")
    assert "1 passed" in _run(command.parent / "python", "-m", "pytest", *options, cwd=tmp_path)


def test_the_suites_run_against_the_server_inside(command: Path, tmp_path: Path) -> None:
    # Every case runs from a wheel in `make interpreters`.
    output = _run(command, "run", "-n", "2", "--only", "rerank,tokenize,datasets", cwd=tmp_path)
    assert "CONFORMS" in output
    assert {path.name for path in tmp_path.iterdir()} == {"conformance-report"}
    assert (tmp_path / "conformance-report" / "report.html").is_file()
    options = ("--case", "rerank.v2.plain", "--fault", "rerank.unsorted")
    output = _run(command, "run", *options, cwd=tmp_path, expected=1)
    assert "rerank.sorted" in output


def test_golden_cassettes_are_replayed_and_recorded(command: Path, tmp_path: Path) -> None:
    shipped = len(list((ROOT / "cassettes" / "rerank").glob("*.yaml")))
    output = _run(command, "replay", "--only", "rerank", cwd=tmp_path)
    assert f"golden: {shipped} interactions, {shipped} reference, 0 live" in output
    output = _run(command, "record", "--case", "rerank.v2.plain", cwd=tmp_path)
    assert (tmp_path / "cassettes" / "rerank" / "rerank.v2.plain.yaml").is_file()
    _run(command, "verify", "--fault", "rerank.one-missing", cwd=tmp_path, expected=1)
    assert "golden-changed" in _kinds(tmp_path)


def test_a_cassette_is_judged(command: Path, tmp_path: Path) -> None:
    (tmp_path / "rerank.yaml").write_text(CASSETTE)
    output = _run(command, "check", "rerank.yaml", cwd=tmp_path, expected=1)
    assert "2 causes of 2 findings" in output
    assert "relevance_score" in output
    assert _kinds(tmp_path) == {"requirement-violated", "type-changed"}


def test_the_contract_is_in_order(command: Path, tmp_path: Path) -> None:
    assert "0 problems" in _run(command, "contract", "lint", cwd=tmp_path)
    assert '"openapi": "3.2.0"' in _run(command, "contract", "bundle", cwd=tmp_path)
    assert "type-changed" in _run(command, "explain", "type-changed", cwd=tmp_path)
