"""What must never be sent, whoever derived it: what could change or destroy what the run did not make.

The rules that derive requests keep to this as well. Here it is looked at once more, on the way out, because a
mistake there would cost somebody's data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cohere_conformance.contract.tiers import Effect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.exchanges.http import Outgoing

OURS = "conformance-"
"""What the names of things begin with that nobody but a run of this tool has."""
_NOBODY = "00000000-0000-4000-8000-000000000000"
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Guard:
    """Knows which requests could harm what the run did not make.

    Args:
        contract: says which operation a request calls.
        policies: what each operation does on the server.
        hosted: the target is somebody's service: nothing undeclared is sent to it that could do anything.
    """

    def __init__(self, contract: Contract, policies: Mapping[str, LivePolicy], *, hosted: bool) -> None:
        self._contract = contract
        self._policies = policies
        self._hosted = hosted

    def harm(self, outgoing: Outgoing, made: Collection[str]) -> str | None:
        """Return why a request must not be sent, if so.

        Args:
            outgoing: the request.
            made: ids of everything that the run has made.
        """
        if outgoing.method in _HARMLESS:
            return None
        path = urlsplit(outgoing.path).path
        label = self._contract.route(outgoing.method, f"http://localhost{path}").operation
        if label is None and self._hosted and outgoing.keyed:
            return f"{outgoing.method} of an undeclared path on a host that is not this machine"
        if not self._takes_away(outgoing.method, path, label):
            return None
        # Another router may take an undeclared path for a declared one: encoded slashes, other cases, one
        # more slash. So the first part of it counts that is not a word of some path.
        parts = [part for part in unquote(path).split("/") if part not in {"", "."}]
        named = [part for part in parts if not _is_word(part, self._contract)]
        if named and ".." not in parts and _is_ours(named[0].partition(":")[0], made):
            return None
        if not named and outgoing.method in {"PATCH", "PUT"}:
            return None  # of a whole collection only deleting takes something away
        return f"{outgoing.method} {path}, which names something that this run has not made"

    def _takes_away(self, method: str, path: str, label: str | None) -> bool:
        if path.lower().endswith("cancel"):
            return True
        if label is None:
            return method != "POST"
        return self._policies[label].effect in {Effect.CHANGES, Effect.DESTROYS}


def _is_word(part: str, contract: Contract) -> bool:
    """Tell whether a part of a path is one that operations have in common, not the id of something."""
    words = {word for label in contract.operations for word in label.partition(" ")[2].split("/")}
    return part.lower() in words


def _is_ours(identity: str, made: Collection[str]) -> bool:
    return identity in made or identity.startswith(OURS) or identity == _NOBODY
