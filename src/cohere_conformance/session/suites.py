"""How pytest is called for the shipped suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.data import folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def pytest_arguments(options: Mapping[str, Iterable[object]], further: Iterable[str] = ()) -> list[str]:
    """Return the arguments for a quiet run of the suites.

    Args:
        options: of the plugin without their prefix, with their values; none where there is no value.
        further: what comes last.
    """
    suites = folder("suites")
    arguments = ["-p", "cohere_conformance.pytest_plugin", "-c", str(suites / "pytest.ini")]
    arguments += ["--rootdir", str(suites), "-q", "--no-header", "--tb=no", "-rN"]
    arguments += [f"--conformance-{name}={value}" for name, values in options.items() for value in values]
    return [*arguments, str(suites), *further]
