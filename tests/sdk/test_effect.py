"""The effect on the official SDK in a whole run, and in its report that is built again from the journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from running import called

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_reports_the_effect_of_a_fault(tmp_path: Path) -> None:
    case = ("--only", "chat", "--case", "chat.v2.plain")
    done = called(tmp_path, "verify", *case, "--fault", "chat.v2.content-text", "--sdk-effect")
    assert done.code == 1, done.output
    report = done.report
    assert report["header"]["sdks"][0].startswith("cohere ")
    effects = [effect for cause in report["causes"] for effect in cause["sdk_effects"]]
    wrong = {"outcome": "returns a wrong type", "locations": ["/message/content"]}
    assert any(effect.items() >= wrong.items() for effect in effects), effects
    assert called(tmp_path, "report").code == 1
    assert [effect for cause in done.report["causes"] for effect in cause["sdk_effects"]] == effects
