"""No module of the suites takes the name of another: they are imported below one package of ours only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import cohere_conformance
from cohere_conformance import suites
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SUITES = folder("suites")
SCRIPTS = sorted(SUITES.rglob("test_*.py"))
NAMES = sorted({path.name for path in SUITES.iterdir() if path.is_dir()} | {path.stem for path in SCRIPTS})
"""Each folder and each file of the suites, as a careless runner would enter it in `sys.modules`."""
THIRD_PARTY = [name for name in NAMES if name.isidentifier() and name not in sys.stdlib_module_names]

Observed = tuple[dict[str, list[str | None]], list[str]]
"""Of one process: what it has imported, with the places, and where it would look for more."""

OBSERVER = """
import json, os, sys
from pathlib import Path


def pytest_unconfigure(config):
    loaded = {
        name: [getattr(module, "__file__", None), *map(str, getattr(module, "__path__", ()))]
        for name, module in sys.modules.copy().items()
    }
    where = getattr(config, "workerinput", {}).get("workerid", "main")
    Path(os.environ["OBSERVED"], f"{where}.json").write_text(json.dumps([loaded, sys.path]))
"""


def run(
    home: Path, *options: str, command: str = "run", imported: Iterable[str] = ()
) -> tuple[subprocess.CompletedProcess[str], dict[str, Observed]]:
    """Run the command with a pytest plugin that writes down what each process has imported."""
    imports = "".join(f"import {name}\n" for name in imported)
    (home / "observer.py").write_text(imports + OBSERVER)
    observed = home / f"observed-{command}"
    observed.mkdir()
    source = Path(cohere_conformance.__file__).parents[1]
    environment = {
        **os.environ,
        "OBSERVED": str(observed),
        "PYTHONPATH": os.pathsep.join((str(home), str(source))),
    }
    arguments = [sys.executable, "-m", "cohere_conformance", command, *options, "-p", "observer"]
    done = subprocess.run(
        arguments, cwd=observed, env=environment, capture_output=True, text=True, check=False
    )
    return done, {path.stem: tuple(json.loads(path.read_text())) for path in observed.glob("*.json")}


def of_the_suites(modules: Mapping[str, list[str | None]]) -> dict[str, list[str]]:
    """Return the modules that come out of the shipped suites, with the places that say so."""
    inside = {
        name: [location for location in locations if location and Path(location).is_relative_to(SUITES)]
        for name, locations in modules.items()
    }
    return {name: locations for name, locations in inside.items() if locations}


def modules_of_third_parties(home: Path, text: str = "") -> None:
    """Write a module of each suite's name where a run finds it."""
    for name in THIRD_PARTY:
        (home / f"{name}.py").write_text(text)


def test_every_process_imports_the_suites_below_their_package_only(tmp_path: Path) -> None:
    """A failing run over two processes: no module of the suites was imported by a name of its own.

    Failures matter: a traceback that is formatted imports more of the standard library, `tokenize` for one.
    A module that has a suite's name, and fails when it is imported, does not disturb the run.
    """
    modules_of_third_parties(tmp_path, "raise RuntimeError('imported unasked')\n")
    groups = ("tokenize", "rerank", "embed-jobs")
    options = ("--only", ",".join(groups), "--fault", "rerank.unsorted", "-n", "2", "--")
    done, observed = run(tmp_path, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "rerank.sorted" in done.stdout
    assert set(observed) == {"main", "gw0", "gw1"}
    expected = {SUITES / "test_cases.py", *(path for path in SCRIPTS if path.parent.name in groups)}
    for worker in ("gw0", "gw1"):
        modules, path = observed[worker]
        loaded = of_the_suites(modules)
        assert_below_the_package(loaded)
        assert {location for locations in loaded.values() for location in locations} >= set(
            map(str, expected)
        )
        assert "cohere_conformance.suites.embed-jobs.test_lifecycle" in loaded
        assert not {one for one in path if Path(one).is_relative_to(SUITES)}
    for modules, _ in observed.values():
        assert set(THIRD_PARTY) & modules.keys() == set()


class Collected(NamedTuple):
    """What `run` and `fuzz` have imported to collect all they have; both select nothing of it.

    Attributes:
        home: with a module of each suite's name, which was imported before.
        modules: of each command.
    """

    home: Path
    modules: list[dict[str, list[str | None]]]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    home = tmp_path_factory.mktemp("collected")
    assert {"datasets", "embed", "chat", "models", "test_cases"} <= set(THIRD_PARTY)
    modules_of_third_parties(home)
    found = []
    for command in ("run", "fuzz"):
        done, observed = run(home, "--", "-k", "nothing_at_all", command=command, imported=THIRD_PARTY)
        assert done.returncode == 5, done.stdout + done.stderr
        found.append(observed["main"][0])
    return Collected(home, found)


def test_between_them_run_and_fuzz_import_every_module_of_the_suites(collected: Collected) -> None:
    seen: set[str] = set()
    for modules in collected.modules:
        loaded = of_the_suites(modules)
        assert_below_the_package(loaded)
        seen |= {location for locations in loaded.values() for location in locations}
    assert seen >= set(map(str, SCRIPTS))


def assert_below_the_package(loaded: Mapping[str, list[str]]) -> None:
    assert {name for name in loaded if not f"{name}.".startswith("cohere_conformance.suites.")} == set()
    assert sys.stdlib_module_names & loaded.keys() == set()


def test_modules_of_third_parties_stay_what_they_are(collected: Collected) -> None:
    """A third-party module of each suite's name, imported before, is the same one afterwards."""
    for modules in collected.modules:
        assert {name: modules.get(name) for name in THIRD_PARTY} == {
            name: [str(collected.home / f"{name}.py")] for name in THIRD_PARTY
        }


def test_only_the_shipped_suites_are_ours(tmp_path: Path) -> None:
    """What somebody else collects beside the suites is left to pytest."""
    assert all(map(suites.belongs, SCRIPTS))
    assert not suites.belongs(tmp_path / "test_cases.py")
