"""`contracts/upstream.lock`: what the witnesses knew when somebody last looked at them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.errors import ContractError, DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOCK = "upstream.lock"
_HEAD = """\
# What the vendor's document and SDKs knew when they were last compared with the contract. Written by
# `contract drift --update-lock`.
#
# contract   the version of our contract: the date of the document that it was made from
# digest     of the facts (operations, parameters, schemas); prose, examples and order are not part of it
# facts      how many there are
# since      the day on which this digest was first seen
# looked_at  the day on which the witness was last looked at
"""


class LockedWitness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known about one witness.

    Attributes:
        digest: of its facts.
        facts: how many there are.
        since: the day on which this digest was first seen.
        looked_at: the day on which the witness was last looked at.
    """

    digest: str
    facts: int
    since: datetime.date
    looked_at: datetime.date


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        contract: the version of our contract.
        witnesses: by name: `document`, or an SDK with its version.
    """

    contract: str = ""
    witnesses: dict[str, LockedWitness] = {}

    def since(self, name: str, digest: str) -> datetime.date | None:
        """Return the day since which the facts of a witness are unchanged, or `None` if they are new."""
        entry = self.witnesses.get(name)
        return entry.since if entry is not None and entry.digest == digest else None

    def updated(self, contract: str, looked_at: Iterable[tuple[str, str, int]], today: datetime.date) -> Lock:
        """Return the lock after witnesses were looked at.

        Args:
            contract: the version of our contract.
            looked_at: name, digest and number of facts of each.
            today: the day.
        """
        witnesses = dict(self.witnesses)
        for name, digest, facts in looked_at:
            witnesses[name] = LockedWitness(digest, facts, self.since(name, digest) or today, today)
        return Lock(contract, witnesses)


def load_lock(path: Path) -> Lock:
    """Read the lock; a missing file is an empty one.

    Raises:
        DescriptionError: it is malformed.
    """
    if not path.exists():
        return Lock()
    try:
        return load_typed(path, Lock)
    except ContractError as error:
        raise DescriptionError(
            str(path), "the file", f"expected what --update-lock writes, got {error}; remove it"
        ) from error


def save_lock(path: Path, lock: Lock) -> None:
    """Write the lock.

    Raises:
        DescriptionError: it cannot be written.
    """
    lines = [f"contract: {_quoted(lock.contract)}", "witnesses:" if lock.witnesses else "witnesses: {}"]
    for name, one in sorted(lock.witnesses.items()):
        lines.append(f"  {_quoted(name)}:")
        lines += [
            f"    digest: {one.digest}",
            f"    facts: {one.facts}",
            f"    since: {one.since}",
            f"    looked_at: {one.looked_at}",
        ]
    try:
        path.write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise DescriptionError(
            str(path), "the file", f"expected a file that can be written, got {error}"
        ) from error


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
