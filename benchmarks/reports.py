"""Whether two versions write equal reports about the same recordings: findings, counts, examples, coverage.

A version is a folder with the package, such as `src` of another worktree. What must differ is left out:
times, the command line, and changes since an earlier run. Run it before and after work on speed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift import traffic, write

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIFFERENT = (("header", "arguments"), ("footer", "finished_at"))
_SHIPPED = Path(__file__).parent.parent / "cassettes"
_OPTIONS = (("-j", "1"), ("-j", "2"), ("-j", "1", "--as-published"))


def recordings(folder: Path, exchanges: int) -> Iterator[Path]:
    """Yield what ships, and a large file of each format with deviations."""
    yield from (_SHIPPED / "examples" / f"{name}.jsonl" for name in ("conforming", "deviating"))
    yield _SHIPPED
    for suffix in ("har", "jsonl", "yaml"):
        count = exchanges // 10 if suffix == "yaml" else exchanges
        yield write(folder / f"traffic.{suffix}", traffic(count, 0.05, seed=18))


def report(source: Path, recording: Path, options: tuple[str, ...], folder: Path) -> Any:
    """Return the report of a version about a recording, without what must differ."""
    command = [sys.executable, "-m", "cohere_conformance", "check", recording, "-q", "--report-dir", folder]
    environment = os.environ | {"PYTHONPATH": str(source)}
    ran = subprocess.run(
        [*map(str, command), *options], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode not in {0, 1, 3}:
        raise RuntimeError(f"{source} ended with {ran.returncode} on {recording}: {ran.stderr[-2000:]}")
    text = (folder / "report.json").read_text(encoding="utf-8")
    # What has no date counts as seen when the command was started.
    written = json.loads(text.replace(json.loads(text)["header"]["started_at"], "now"))
    written.pop("changes", None)
    for part, name in _DIFFERENT:
        del written[part][name]
    return written


def differences(one: Any, other: Any, location: str = "") -> Iterator[str]:
    """Yield where two reports differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in {**one, **other}:
            yield from differences(one.get(name), other.get(name), f"{location}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{location}/{number}")
    elif one != other:
        yield f"{location}: {str(one)[:200]} is {str(other)[:200]}"


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each comparison; return 1 if two reports differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path, help="folder with the package of the one version")
    parser.add_argument("after", type=Path, help="that of the other one")
    parser.add_argument("more", nargs="*", type=Path, help="further recordings")
    parser.add_argument("--exchanges", type=int, default=2000)
    options = parser.parse_args(arguments)
    different = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for recording in [*recordings(folder, options.exchanges), *options.more]:
            for flags in _OPTIONS:
                one, other = (
                    report(source, recording, flags, folder / source.name)
                    for source in (options.before, options.after)
                )
                found = list(differences(one, other))
                different = different or bool(found)
                says = "; ".join(found[:5]) or f"equal, {len(one['findings'])} findings"
                print(f"{recording.name} {' '.join(flags)}: {says}", flush=True)
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
