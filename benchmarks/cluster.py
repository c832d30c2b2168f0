"""`check` of many files by one process, by two, and by a Dask cluster of two workers: time, equal reports.

From the CPU time of more exchanges follows what any number of them costs, without the start of the processes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift import Run, run, traffic, write

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS: dict[str, tuple[str, ...]] = {
    "1 process": ("--jobs", "1"),
    "2 processes": ("--jobs", "2"),
    "Dask, 2 workers": ("--engine", "dask", "--jobs", "2"),
}
MANY = 10**9
_VARYING = ("started_at", "finished_at", "arguments")


def judged(folder: Path, options: tuple[str, ...]) -> tuple[Run, dict[str, Any]]:
    """Return what one command took, and its report without the times."""
    made = folder.with_suffix(".report")
    ours = (sys.executable, "-m", "cohere_conformance", "check", folder, *options, "--no-config", "--quiet")
    took = run(*ours, "--report-dir", made)
    report: dict[str, Any] = json.loads((made / "report.json").read_text(encoding="utf-8"))
    for part in ("header", "footer"):
        report[part] = {key: value for key, value in report[part].items() if key not in _VARYING}
    return took, report


def compare(root: Path, files: int, count: int) -> Iterator[str]:
    """Yield the table of the ways, and what follows for many exchanges."""
    folder, small = root / "traffic", root / "one"
    for made, number in ((folder, files), (small, 1)):
        made.mkdir()
        for each in range(number):
            write(made / f"{each:03}.jsonl", traffic(count, 0.05, seed=each + 1))
    size = sum(path.stat().st_size for path in folder.iterdir())
    exchanges = files * count
    yield f"{files} files, {exchanges:,} exchanges, {size / 1e6:,.0f} MB of JSON Lines"
    yield "\n| command | seconds | CPU seconds | CPU µs/exchange after the start | report |"
    yield "|---|--:|--:|--:|---|"
    expected: dict[str, Any] = {}
    each = 0.0
    for name, options in WAYS.items():
        start, _ = judged(small, options)
        took, report = judged(folder, options)
        expected = expected or report
        equal = "equal" if report == expected else "MISSED: differs"
        each = (took.cpu - start.cpu) / (exchanges - count)
        yield f"| {name} | {took.seconds:.2f} | {took.cpu:.2f} | {each * 1e6:,.0f} | {equal} |"
    hours, size_of_many = each * MANY / 3600, size / exchanges * MANY
    yield f"\n{MANY:,} such exchanges: {size_of_many / 1e12:.1f} TB, {hours:,.0f} core hours on the cluster"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 1 if a report differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--exchanges", type=int, default=500, help="in each file")
    options = parser.parse_args(arguments)
    missed = False
    with tempfile.TemporaryDirectory() as name:
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
        for line in compare(Path(name), options.files, options.exchanges):
            print(line, flush=True)
            missed = missed or "MISSED" in line
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
