"""A share of the cases of a run, so that several machines can run one suite together."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

import msgspec

from cohere_conformance.errors import UsageError

MOST = 1000
"""The greatest number of shards."""
_FUZZ = "fuzz."
"""What the ids of tests of the fuzzer begin with; `fuzz.negative.post-v2-chat` ends with the operation."""
_FORM = re.compile(r"(?P<number>[0-9]{1,4})/(?P<of>[0-9]{1,4})")

Positive = Annotated[int, msgspec.Meta(ge=1, le=MOST)]


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One of several shares of the cases of a run: each case is in exactly one of them.

    Attributes:
        number: which one, from 1.
        of: how many there are.
    """

    number: Positive
    of: Positive

    def __str__(self) -> str:
        """Return it as it is given to `--shard`: `2/4`."""
        return f"{self.number}/{self.of}"

    def holds(self, case: str) -> bool:
        """Return whether a case or test is in this share.

        It depends on this name alone: neither on other cases, nor on their order, nor on the process. The
        tests that fuzz one operation are in the same share, because they begin with the same request.

        Args:
            case: its id, or the name of the group of cases that stay together.
        """
        key = case.rpartition(".")[2] if case.startswith(_FUZZ) else case
        digest = hashlib.sha256(key.encode("utf-8")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def parse_shard(text: str) -> Shard:
    """Return the shard that a value of `--shard` means, such as `2/4`.

    Raises:
        UsageError: it has another form, or there is no such shard.
    """
    matched = _FORM.fullmatch(text.strip())
    number, of = (int(matched["number"]), int(matched["of"])) if matched else (0, 0)
    if not 1 <= number <= of <= MOST:
        raise UsageError(
            f"--shard {text[:40]!r}: expected I/N such as 2/4, with I from 1 to N, and N at most {MOST}"
        )
    return Shard(number=number, of=of)
