"""A reference server whose time only tests move, for what takes its time: uploads, jobs, trainings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import Profile, ServerState, chosen
from cohere_conformance.reference.keys import PRODUCTION
from reference import call

if TYPE_CHECKING:
    from collections.abc import Iterable

STEP = 1000.0
"""Seconds of a step: so long that none passes by itself while tests run."""


def lines(rows: Iterable[Any]) -> bytes:
    """Return rows as JSON lines."""
    return "\n".join(json.dumps(row) for row in rows).encode()


class Bench:
    """A running server and what tests do with it.

    Args:
        state: its memory.
        url: where it listens.
    """

    def __init__(self, state: ServerState, url: str) -> None:
        self.state = state
        self.url = url

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        key: str = PRODUCTION,
        **further: Any,
    ) -> Any:
        """Return the JSON of an answer; without faults it has no findings."""
        response, findings = call(self.url, method, path, json=body, key=key, **further)
        assert response.status_code == status, response.text[:300]
        if not self.state.faults:
            assert not findings
        return response.json()

    def get(self, path: str, status: int = 200) -> Any:
        """Read."""
        return self.send("GET", path, status=status)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        """Send a POST request."""
        return self.send("POST", path, body, status)

    def wait(self, steps: float) -> None:
        """Advance the clock by a number of steps."""
        self.state.clock.advance(steps * STEP)

    def fault(self, name: str) -> None:
        """Switch on a fault, and all others off."""
        self.state.faults = chosen([name])

    def upload(
        self, content: bytes, kind: str = "embed-input", name: str = "rows.jsonl", **query: str
    ) -> str:
        """Upload a file and return the id of its dataset, which is not validated yet."""
        asked = {"name": "a set", "type": kind, **query}
        query = "&".join(f"{key}={value}" for key, value in asked.items()).replace(" ", "%20")
        answer = self.send("POST", f"/v1/datasets?{query}", files={"data": (name, content)})
        return str(answer["id"])

    def dataset(self, content: bytes, kind: str = "embed-input", **query: str) -> str:
        """Upload a file and wait until it is validated."""
        identity = self.upload(content, kind, **query)
        self.wait(2)
        return identity


def state(profile: Profile = Profile.CONTRACT) -> ServerState:
    """Return the memory of a server whose steps are long."""
    return ServerState(profile=profile, step=STEP)
