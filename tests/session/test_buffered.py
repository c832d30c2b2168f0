"""A stream that somebody holds back is found, and one that comes as it is written is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance import suites
from cohere_conformance.checks.pace import at_once, held_back
from cohere_conformance.data import folder
from cohere_conformance.model import Failure, FailureKind, Kind, Response, Severity
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.session.api import Api
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.reference import Fault
    from cohere_conformance.report import Row


def response(*seconds: float, failure: Failure | None = None) -> Response:
    return Response(200, arrivals=tuple((10 * n, at) for n, at in enumerate(seconds, 1)), failure=failure)


SHORT = response(0.4, 0.401)
TIMES: dict[str, tuple[Response, Response, bool, bool]] = {
    "held back": (response(2.0, 2.01), SHORT, True, True),
    "one piece": (response(2.0), SHORT, True, True),
    "as it is written": (response(0.3, 1.0, 2.0), response(0.3, 0.4), False, False),
    "slow to begin, then fast": (response(1.5, 1.6, 1.7), SHORT, False, False),
    "soon ready": (response(0.05, 0.05), response(0.01), False, False),
    "the short one waited as long": (response(2.0, 2.01), response(1.9), True, False),
    "cut off": (response(2.0, failure=Failure(FailureKind.RESET, "reset")), SHORT, False, False),
    "nobody kept the time": (response(), SHORT, False, False),
    "nobody kept the time of the short one": (response(2.0), response(), True, False),
}


@pytest.mark.parametrize("name", TIMES)
def test_arrivals_show_whether_a_stream_is_buffered(name: str) -> None:
    long, short, once, held = TIMES[name]
    assert (at_once(long), held_back(long, short)) == (once, held)


@pytest.mark.parametrize(("fault", "found"), [("streams.buffered", [Kind.STREAM_BUFFERED]), ("", [])])
def test_the_suite_reports_a_buffered_stream(
    fault: str, found: list[Kind], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    # The plugin of the suites, which knows this mark, is not loaded here.
    pytestconfig.addinivalue_line("markers", "operations(*labels): every operation that a test calls")
    faults = frozenset({catalogue()[fault]} if fault else ())
    # On a busy machine a short stream may take as long as a long one, which proves nothing.
    attempts = (_found(faults, tmp_path / str(attempt)) for attempt in range(5))
    rows = next((rows for rows in attempts if rows or not fault), [])
    assert [row.kind for row in rows] == found
    assert {row.severity for row in rows} <= {Severity.NOTICE}


def _found(faults: frozenset[Fault], folder_of_run: Path) -> list[Row]:
    """Return what the relation finds in one run."""
    with ServerThread(ServerState(pause=0.03, faults=faults)) as running:
        campaign = Campaign(
            RunOptions(url=running.url, only=("chat",)),
            folder=folder_of_run,
            fail_on=Severity.ADDITIVE,
            environment={},
        )
        campaign.begin()
        worker = campaign.worker("w0")
        relations = suites.load(folder("suites") / "chat" / "test_relations.py")
        test = relations.test_a_long_stream_comes_piece_by_piece
        worker.open(("chat.relations.a-long-stream",))
        api = worker.api("chat.relations.a-long-stream", (relations.CHAT,))
        assert isinstance(api, Api)
        test(api)
        worker.close(interrupted=False)
        report, _ = campaign.report()
    # What the published document does not know is explained, and is none of this.
    return [row for row in report.findings if row.amendment is None]
