"""How long a worker waits for a target."""

from __future__ import annotations

import pytest

from cohere_conformance.client.sender import Limits
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.worker import limits


@pytest.mark.parametrize(
    ("target_kind", "silence", "total"),
    [(TargetKind.EMBEDDED, 8.0, 20.0), (TargetKind.OWN, 60.0, 120.0), (TargetKind.LIVE, 60.0, 180.0)],
)
def test_patience_depends_on_where_the_target_is(
    target_kind: TargetKind, silence: float, total: float
) -> None:
    assert (limits(target_kind).silence, limits(target_kind).total) == (silence, total)


def test_less_is_read_of_the_embedded_server_only() -> None:
    assert limits(TargetKind.EMBEDDED).largest < Limits().largest
    assert {limits(target_kind).largest for target_kind in (TargetKind.OWN, TargetKind.LIVE)} == {
        Limits().largest
    }
