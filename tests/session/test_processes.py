"""Several processes: how many are used, and that each reads its own share of an archive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cohere_conformance.model import Exchange
from cohere_conformance.recordings import parse_recording
from cohere_conformance.recordings.parts import divide, parse_part
from cohere_conformance.session import processes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def archive(path: Path, entries: int, tail: str = "]}}") -> str:
    request = {"method": "GET", "url": "https://api.cohere.com/v1/models", "headers": []}
    response = {"status": 200, "headers": [], "content": {"text": "{}", "size": 2}}
    entry = json.dumps({"startedDateTime": "", "request": request, "response": response})
    path.write_text('{"log": {"version": "1.2", "entries": [' + ",".join([entry] * entries) + tail)
    return str(path)


def test_the_shares_of_an_archive_are_the_archive(tmp_path: Path) -> None:
    file = archive(tmp_path / "chat.har", 300)
    shares = [list(parse_part(part)) for part in divide(file, 1, 3)]
    assert [len(share) for share in shares] == [128, 108, 64]
    whole = [one for one in parse_recording(file) if isinstance(one, Exchange)]
    mixed = [one for share in shares for one in share if isinstance(one, Exchange)]
    assert {one.source.position: one for one in mixed} == {one.source.position: one for one in whole}


def test_every_share_reports_where_an_archive_breaks_off(tmp_path: Path) -> None:
    file = archive(tmp_path / "cut.har", 70, tail=", {")
    ends = [[*parse_part(part)][-1] for part in divide(file, 1, 2)]
    assert {str(one) for one in ends} == {str([*parse_recording(file)][-1])}  # a tally has equal errors once
    assert "entry 71: the JSON breaks off here" in str(ends[0])


def test_several_processes_are_for_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(16), raising=False)
    file = archive(tmp_path / "chat.har", 2)
    assert processes.jobs_for([file, str(tmp_path / "absent.har")]) == 1
    monkeypatch.setattr(processes, "_WORTH", 100)
    assert processes.jobs_for([file]) == 8
