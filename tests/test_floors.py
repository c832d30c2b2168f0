"""The house of CONTRIBUTING.md: imports go down only, never in circles, and no module outgrows its page."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import cohere_conformance

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "cohere_conformance"
SOURCES = Path(cohere_conformance.__file__).parent
ROOT = SOURCES.parent.parent
LONGEST = 400

FLOORS = [
    {"model", "errors", "data", "names", "pointer", "repetition", "curl", "access", "inputs"},
    {"privacy"},
    {"contract", "recordings", "report"},
    {"drift", "baseline", "history"},
    {"client"},
    {"configuration"},
    {"checks", "reference", "cases"},
    {"observed"},
    {"planning"},
    {"sdk"},
    {"session"},
    {"fuzz", "golden"},
    {"pytest_options", "pytest_report"},
    {"suites"},
    {"pytest_plugin"},
    {"library", "proxy"},
    {"testing"},
    {"pytest_fixtures"},
    {"cli"},
]
"""From the ground up. `__init__` holds the version for everybody, `__main__` starts the command."""
OUTSIDE = {"__init__", "__main__"}


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join((PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {name_of(path): path for path in sorted(SOURCES.rglob("*.py")) if "_data" not in path.parts}


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement, wherever it is; expressions, of which there are ten times as many, have none."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending += getattr(node, block, ())


def imports(path: Path, tree: ast.Module) -> set[str]:
    """Return the modules of this package that a module imports, wherever in it and for whatever reason."""
    found: set[str] = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what they import"
            base = node.module or ""
            # `from package import name` means the module of that name, if there is one.
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in MODULES else base for a in node.names}
    return {name for name in found if name == PACKAGE or name.startswith(f"{PACKAGE}.")}


class Parsed(NamedTuple):
    """What the tests read of all modules.

    Attributes:
        imports: by the name of a module, the modules of this package that it imports.
        docstrings: by the name of a module.
    """

    imports: dict[str, set[str]]
    docstrings: dict[str, str]


@pytest.fixture(scope="module")
def parsed() -> Parsed:
    """Parse every module once."""
    found = Parsed({}, {})
    for name, path in MODULES.items():
        tree = ast.parse(path.read_bytes())
        found.imports[name] = imports(path, tree)
        found.docstrings[name] = ast.get_docstring(tree) or ""
    return found


def room(name: str) -> str:
    """Return the room that a module belongs to: the first name below the package."""
    _, _, rest = name.partition(".")
    return rest.split(".", 1)[0] or "__init__"


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


def test_every_module_has_a_floor() -> None:
    known = set().union(*FLOORS) | OUTSIDE
    assert {room(name) for name in MODULES} <= known
    assert len(MODULES) > 40, "the sources were found"


def test_the_floors_are_those_that_contributing_draws() -> None:
    drawn = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n    cli\n")[1].split("\n\n")[0]
    lines = ["cli", *(line.split("   ")[1] if "   " in line[4:] else line for line in drawn.splitlines())]
    rooms = [
        set(line.partition("side by side")[0].replace("|", " ").replace(",", " ").split()) for line in lines
    ]
    assert rooms == FLOORS[::-1]


def goes_up(name: str, other: str) -> bool:
    """Return whether a module must not import another one."""
    if room(name) in OUTSIDE:
        return room(name) != "__main__" or (other != PACKAGE and room(other) != "cli")
    beside = room(other) in {room(name), "__init__"} or floor(name) == floor(other) == 0
    return not beside and floor(other) >= floor(name)


def test_imports_go_down_only(parsed: Parsed) -> None:
    up = {
        (name, other) for name, others in parsed.imports.items() for other in others if goes_up(name, other)
    }
    assert up == set()


@pytest.mark.parametrize(
    ("name", "other", "up"),
    [
        ("checks.judge", "contract.load", False),
        ("checks.judge", "checks.body", False),
        ("checks.judge", "", False),
        ("contract.load", "checks.judge", True),
        ("checks.judge", "reference.app", True),
        ("model", "errors", False),
        ("", "model", True),
        ("__main__", "cli", False),
        ("__main__", "session.plan", True),
    ],
)
def test_an_import_that_goes_up_is_seen(name: str, other: str, up: bool) -> None:
    assert goes_up(f"{PACKAGE}.{name}".rstrip("."), f"{PACKAGE}.{other}".rstrip(".")) is up


def test_what_is_imported_is_there(parsed: Parsed) -> None:
    assert {other for others in parsed.imports.values() for other in others} <= MODULES.keys()


def test_imports_do_not_go_in_circles(parsed: Parsed) -> None:
    graph = {name: others - {name} for name, others in parsed.imports.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
    assert set(order) == set(MODULES)


def test_modules_stay_short() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_modules_say_what_they_are(parsed: Parsed) -> None:
    first = {name: text.split("\n\n", 1)[0].rstrip() for name, text in parsed.docstrings.items()}
    assert {name: text for name, text in first.items() if not text.endswith((".", ":"))} == {}


@pytest.mark.parametrize("folder", ["contracts", "suites", "cassettes", "reports"])
def test_what_is_data_holds_no_code_of_the_engine(folder: str) -> None:
    scripts = [
        path for path in (ROOT / folder).rglob("*.py") if not path.name.startswith(("test_", "conftest"))
    ]
    assert scripts == []


def test_an_import_is_seen_wherever_it_stands(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from typing import TYPE_CHECKING\n"
        f"if TYPE_CHECKING:\n    from {PACKAGE}.contract import Contract\n"
        f"def f():\n    import {PACKAGE}.model\n    from {PACKAGE}.checks import judge\n"
        f"try:\n    f()\nexcept OSError:\n    import {PACKAGE}.errors\nfinally:\n    import {PACKAGE}.names\n"
        f"match f:\n    case 1:\n        if f:\n            f()\n"
        f"        else:\n            import {PACKAGE}.data\n"
        f"from {PACKAGE} import session, __version__\n",
        encoding="utf-8",
    )
    assert imports(script, ast.parse(script.read_bytes())) == {
        f"{PACKAGE}.contract",
        f"{PACKAGE}.errors",
        f"{PACKAGE}.names",
        f"{PACKAGE}.data",
        f"{PACKAGE}.model",
        f"{PACKAGE}.checks.judge",
        f"{PACKAGE}.session",
        PACKAGE,
    }
