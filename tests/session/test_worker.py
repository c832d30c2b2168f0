"""How long a worker waits for a target."""

from __future__ import annotations

import pytest

from cohere_conformance.client.sender import Limits
from cohere_conformance.session.plan import Place
from cohere_conformance.session.worker import limits


@pytest.mark.parametrize(
    ("place", "silence", "total"),
    [(Place.EMBEDDED, 8.0, 20.0), (Place.LOOPBACK, 60.0, 120.0), (Place.LIVE, 60.0, 180.0)],
)
def test_patience_depends_on_where_the_target_is(place: Place, silence: float, total: float) -> None:
    assert (limits(place).silence, limits(place).total) == (silence, total)


def test_less_is_read_of_the_embedded_server_only() -> None:
    assert limits(Place.EMBEDDED).largest < Limits().largest
    assert {limits(place).largest for place in (Place.LOOPBACK, Place.LIVE)} == {Limits().largest}
