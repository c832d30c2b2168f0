"""Several processes: how many are used, which parts of a recording they get, and how they end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.errors import HarnessError
from cohere_conformance.recordings import parse_recording, parts
from cohere_conformance.recordings.parts import RecordingPart, parse_part, pieces
from cohere_conformance.report import Tally
from cohere_conformance.session import processes
from cohere_conformance.session.judging import Judge, JudgeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.errors import TrafficError
    from cohere_conformance.model import Exchange
    from cohere_conformance.recordings import RecordingNote


def archive(path: Path, entries: int, tail: str = "]}}") -> str:
    request = {"method": "GET", "url": "https://api.cohere.com/v1/models", "headers": []}
    response = {"status": 200, "headers": [], "content": {"text": "{}", "size": 2}}
    entry = json.dumps({"startedDateTime": "", "request": request, "response": response})
    path.write_text('{"log": {"version": "1.2", "entries": [' + ",".join([entry] * entries) + tail)
    return str(path)


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork processes, as a command does, though other tests may have left threads."""
    if sys.platform != "linux":
        pytest.skip("processes are not forked here")
    monkeypatch.setattr(processes, "start_context", partial(get_context, "fork"))


def parsed(file: str) -> list[Exchange | TrafficError | RecordingNote]:
    """Return what the processes of a run parse together."""
    found: list[Exchange | TrafficError | RecordingNote] = []
    for piece in pieces(file):
        found += parse_part(piece) if isinstance(piece, RecordingPart) else piece
    return found


def test_the_runs_of_an_archive_are_the_archive(tmp_path: Path) -> None:
    file = archive(tmp_path / "chat.har", 700)
    assert [piece.before for piece in pieces(file) if isinstance(piece, RecordingPart)] == [0, 256, 512]
    assert parsed(file) == list(parse_recording(file))


def test_an_archive_that_begins_with_a_mark_is_divided_behind_it(tmp_path: Path) -> None:
    file = Path(archive(tmp_path / "chat.har", 300))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert parsed(str(file)) == list(parse_recording(str(file)))


def test_what_cannot_be_divided_is_parsed_completely(tmp_path: Path) -> None:
    file = Path(archive(tmp_path / "chat.har", 300))
    packed = tmp_path / "chat.har.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert parsed(str(packed)) == list(parse_recording(str(packed)))
    assert list(pieces(str(packed))) == [RecordingPart(str(packed))]
    absent = str(tmp_path / "absent.har")
    assert list(pieces(absent)) == [RecordingPart(absent)]


def test_the_rest_of_an_archive_that_breaks_off_says_where(tmp_path: Path) -> None:
    file = archive(tmp_path / "cut.har", 70, tail=", {")
    assert [str(one) for one in parsed(file)] == [str(one) for one in parse_recording(file)]
    assert "entry 71: the JSON breaks off here" in str(parsed(file)[-1])


@pytest.mark.parametrize("longest", [100, 10**6])
def test_lines_that_are_longer_than_a_part_belong_to_one(
    longest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LONGEST", longest)
    monkeypatch.setattr(parts, "_SMALL_PART", 50)
    row = '{"method": "GET", "url": "https://h/%s", "status": 200}\n'
    file = tmp_path / "long.jsonl"
    file.write_text("".join(row % ("x" * length) for length in (0, 0, 10, 300, 0, 20, 500, 0)))
    found = [piece for piece in pieces(str(file)) if isinstance(piece, RecordingPart)]
    assert parsed(str(file)) == list(parse_recording(str(file)))
    # Where parsing may end, nobody knows what follows.
    assert len(found) == (4 if longest == 100 else 8)


def test_small_files_that_cannot_be_divided_are_left_to_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text("interactions: []\nversion: 1\n")
    assert list(pieces(str(file))) == [RecordingPart(str(file))]
    monkeypatch.setattr(parts, "_LARGEST", 10)
    (values,) = pieces(str(file))
    assert not isinstance(values, RecordingPart)
    assert list(values) == []


@pytest.mark.usefixtures("forked")
def test_a_process_that_is_killed_ends_the_run_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: object, tally: object, value: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    judge = Judge(JudgeSettings())
    monkeypatch.setattr(Judge, "count", killed)
    with pytest.raises(HarnessError, match=r"got exit code -9; .* use fewer with -j"):
        processes.spread(
            [archive(tmp_path / "chat.har", 2)], judge, 2, judge.tally(), lambda file, count: None
        )


@pytest.mark.usefixtures("forked")
def test_an_error_of_a_process_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(JudgeSettings())
    monkeypatch.setattr(Judge, "tally", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        processes.spread([archive(tmp_path / "chat.har", 2)], judge, 2, Tally(), lambda file, count: None)


@pytest.mark.usefixtures("forked")
def test_an_error_of_a_process_that_has_ended_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have ended before it is sent anything; what went wrong in it says more than that it is gone."""
    judge = Judge(JudgeSettings())
    monkeypatch.setattr(Judge, "tally", lambda self: 1 / 0)
    tasks = processes._tasks

    def tasks_later(file: str) -> Iterator[object]:
        for child in active_children():
            child.join()
        yield from tasks(file)

    monkeypatch.setattr(processes, "_tasks", tasks_later)
    with pytest.raises(ZeroDivisionError):
        processes.spread([archive(tmp_path / "chat.har", 2)], judge, 2, Tally(), lambda file, count: None)


def test_several_processes_are_for_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16), raising=False)
    file = archive(tmp_path / "chat.har", 2)
    assert processes.jobs_for([file, str(tmp_path / "absent.har")]) == 1
    monkeypatch.setattr(processes, "_WORTH", 100)
    assert processes.jobs_for([file]) == 8
