"""`record --live`: cassettes become live ones night by night, and what is not planned stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hosted import URL, hosted

from cohere_conformance.cli import run
from cohere_conformance.reference import Profile, ServerState
from cohere_conformance.session.clock import RunClock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_live_recording_has_the_cases_of_the_night_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    others = tmp_path / "mine" / "rerank" / "rerank.somebody-elses.yaml"
    others.parent.mkdir(parents=True)
    others.write_text("# left alone\n", encoding="utf-8")
    # The cases of a night depend on its date.
    monkeypatch.setattr(RunClock, "now", lambda _: datetime(2026, 11, 30, 3, tzinfo=UTC))
    with hosted(tmp_path, ServerState(profile=Profile.LIVE_2026, step=0.01)) as target:
        for name, value in target.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CO_API_KEY", "reference-key")
        options = ["--url", URL, "--live", "--cassettes", "mine", "--yes", "--only", "rerank"]
        assert run(["record", "--no-config", *options]) == 0
    recorded = [path for path in (tmp_path / "mine").rglob("*.yaml") if path != others]
    planned = len([one for one in target.sent if one[1].endswith("/rerank")])
    assert 0 < len(recorded) <= planned < 60, "all cases are more"
    assert "night of" in capfd.readouterr().out
    assert others.read_text(encoding="utf-8") == "# left alone\n"
