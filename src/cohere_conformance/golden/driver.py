"""Golden cassettes as a way to run the written cases: record, replay, verify."""

from __future__ import annotations

import enum
import shutil
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import UsageError
from cohere_conformance.golden.cassette import Origin
from cohere_conformance.golden.compare import shipped_rules
from cohere_conformance.golden.gateway import GatewayVerifier
from cohere_conformance.golden.recorder import STAGED, Recorder
from cohere_conformance.golden.reference_comparison import ReferenceComparison
from cohere_conformance.golden.replayer import Replayer
from cohere_conformance.golden.store import IMPORTED, counts, find
from cohere_conformance.golden.verifier import Verifier
from cohere_conformance.golden.whole import HOME
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.session.driver import Driver
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from cohere_conformance.golden.fresh_server import FreshServer
    from cohere_conformance.report import Header
    from cohere_conformance.session.driver import CollectedTest, Connection

SHIPPED = "the cassettes that ship with the package"
"""What a report calls these, wherever they are installed."""
_FIXTURES = frozenset({"run_case", "run_cassette"})
"""The fixtures whose tests are about one exchange, which a cassette can hold."""


class GoldenMode(enum.StrEnum):
    """What a run does with golden cassettes."""

    RECORD = "record"
    """Makes them of what the target responds."""
    REPLAY = "replay"
    """Takes the responses out of them; nothing is sent anywhere."""
    VERIFY = "verify"
    """Compares what the target responds with them."""
    CAPTURE = "capture"
    """Makes them of whatever the target responds, also of responses that fail a case."""
    GATEWAY = "gateway"
    """Compares with them as `VERIFY` does, and adds what only a gateway changes."""


class _GoldenDriver(Driver):
    """Selects the tests of one exchange."""

    nightly = False

    def collects(self, group: str, groups: Collection[str]) -> bool:
        """Return `False`: no module of a group is about one exchange."""
        return False

    def selects(self, test: CollectedTest, groups: Collection[str], operations: Collection[str]) -> bool:
        """Return whether a test is of a selected group, and about one exchange."""
        return super().selects(test, groups, operations) and bool(_FIXTURES & test.fixtures)


class RecordDriver(_GoldenDriver):
    """Records a cassette of each case that passes.

    Args:
        failed: of each that fails, too.
    """

    command = "record"

    def __init__(self, *, failed: bool = False) -> None:
        self._failed = failed
        self.nightly = not failed  # a capture is compared with another one, case by case

    def clear(self, folder: Path) -> None:
        """Remove the cassettes that an earlier run recorded and nobody kept."""
        shutil.rmtree(folder / STAGED, ignore_errors=True)

    def open(self, connection: Connection) -> tuple[Runner, Recorder]:
        """Return what sends in one worker, and what records with that."""
        settings, runner = connection.settings, connection.runner(Runner)
        fields = settings.authorizations.values()
        keys = [Secret(field.removeprefix("Bearer ")) for field in fields]
        recorder = Recorder(
            runner,
            settings.suite,
            settings.judge.contract,
            settings.plan,
            settings.folder / STAGED,
            reference=settings.reference,
            keys=[key for key in (settings.plan.key, *keys) if key is not None],
            fresh=_fresh_server(connection),
            failed=self._failed,
        )
        return runner, recorder


def _fresh_server(connection: Connection) -> FreshServer | None:
    """Return what records the embedded server without faults; others are recorded through their sockets."""
    settings = connection.settings
    if settings.plan.target_kind is not TargetKind.EMBEDDED or settings.plan.faults:
        return None
    # Only a recording pays for the server's libraries.
    from cohere_conformance.golden.fresh_server import FreshServer

    fresh = FreshServer(settings.suite, settings.judge.contract, connection.budget)
    return connection.closing.enter_context(fresh)


class CassetteDriver(_GoldenDriver):
    """Reads the cassettes in a folder.

    Args:
        folder: of the cassettes.

    Attributes:
        cassettes: path of each cassette of the selected groups by its id.
    """

    lists_models = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cassettes: dict[str, Path] = {}

    def prepare(self, groups: Collection[str]) -> None:
        """Find the cassettes of the selected groups."""
        found = find(self._folder)
        self.cassettes = {name: path for name, path in found.items() if name.partition(".")[0] in groups}
        if not self.cassettes:
            raise UsageError(
                f"--cassettes {self._folder}: expected golden cassettes, got none; "
                "record some, or name another folder"
            )

    @property
    def imported(self) -> list[str]:
        """Ids of the cassettes for which no case is written."""
        return [name for name in self.cassettes if IMPORTED in name]


class ReplayDriver(CassetteDriver):
    """Judges recorded responses again; nothing is sent."""

    command = "replay"
    recorded_url = HOME

    def describe(self, header: Header) -> Header:
        """Return the header with the folder and the numbers of cassettes."""
        name = SHIPPED if self._folder == shipped("cassettes") else str(self._folder)
        return replace(header, inputs=(name,), golden=counts(self.cassettes.values()))

    def open(self, connection: Connection) -> tuple[Runner, Replayer]:
        """Return what judges in one worker, and what replays with that."""
        settings, runner = connection.settings, connection.runner(Runner)
        return runner, Replayer(runner, settings.suite, settings.judge.findings, self.cassettes)


class VerifyDriver(CassetteDriver):
    """Compares what a target responds with what was recorded.

    Args:
        folder: of the cassettes.
        comparison: with cassettes of the reference server; if not given, values are compared only with the
            embedded server, which they were recorded from.
    """

    command = "verify"
    verifier: type[Verifier] = Verifier

    def __init__(self, folder: Path, comparison: ReferenceComparison | None = None) -> None:
        super().__init__(folder)
        self._comparison = comparison

    def _values_of(self, *, embedded: bool) -> frozenset[Origin]:
        """Return the origins whose cassettes are compared by value."""
        comparison = self._comparison or (
            ReferenceComparison.VALUES if embedded else ReferenceComparison.SHAPE
        )
        return frozenset(Origin) - ({Origin.REFERENCE} if comparison is ReferenceComparison.SHAPE else set())

    def describe(self, header: Header) -> Header:
        """Return the header with the numbers of cassettes that are compared with."""
        embedded = header.target is not None and bool(header.target.serve)
        by_value = Origin.REFERENCE in self._values_of(embedded=embedded)
        found = counts(self.cassettes.values())
        shape_only = 0 if by_value else found.reference
        return replace(header, golden=replace(found, compared=True, shape_only=shape_only))

    def open(self, connection: Connection) -> tuple[Runner, Verifier]:
        """Return what sends in one worker, and what verifies with that."""
        settings, runner = connection.settings, connection.runner(Runner)
        rules = shipped_rules()
        values_of = self._values_of(embedded=settings.plan.target_kind is TargetKind.EMBEDDED)
        return runner, self.verifier(
            runner,
            settings.suite,
            settings.judge,
            rules,
            self.cassettes,
            values_of=values_of,
            models=settings.plan.models,
        )


class GatewayDriver(VerifyDriver):
    """Compares what a gateway responds with what its upstream has responded, by value."""

    verifier = GatewayVerifier

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ReferenceComparison.VALUES)


def golden_driver(mode: GoldenMode, folder: Path, comparison: ReferenceComparison | None = None) -> Driver:
    """Return the driver of a mode.

    Args:
        mode: what is done with the cassettes.
        folder: where they are; a recording leaves it alone.
        comparison: of `verify`, with cassettes of the reference server.
    """
    match mode:
        case GoldenMode.RECORD:
            return RecordDriver()
        case GoldenMode.REPLAY:
            return ReplayDriver(folder)
        case GoldenMode.VERIFY:
            return VerifyDriver(folder, comparison)
        case GoldenMode.CAPTURE:
            return RecordDriver(failed=True)
        case GoldenMode.GATEWAY:
            return GatewayDriver(folder)
