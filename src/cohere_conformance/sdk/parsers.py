"""The official SDKs that parse what deviates: which are wanted, and all of them together.

What parses is imported when it is called: hardly any run wants it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange
    from cohere_conformance.report import SdkParse


class SdkParsers(msgspec.Struct, frozen=True):
    """The official SDKs that are wanted; a tally calls it with each exchange that may become an example.

    Attributes:
        python: the installed Python SDK.
        node: folder with the TypeScript SDK in `node_modules`; empty for none.
    """

    python: bool = False
    node: str = ""

    def __bool__(self) -> bool:
        return self.python or bool(self.node)

    @property
    def names(self) -> tuple[str, ...]:
        """Names and versions, such as `cohere 7.3.1`.

        Raises:
            UsageError: one is not installed.
        """
        if not self:
            return ()
        from cohere_conformance.sdk.node import node_sdk
        from cohere_conformance.sdk.parsing import sdk_name

        names = [sdk_name()] if self.python else []
        return tuple([*names, node_sdk(self.node).name] if self.node else names)

    def __call__(self, exchange: Exchange, label: str) -> tuple[SdkParse, ...]:
        """Return how each of them parses a response, as far as it can.

        Args:
            exchange: request and response.
            label: of the operation.

        Raises:
            UsageError: one is not installed.
            ReportError: the process of the TypeScript SDK has ended.
        """
        from cohere_conformance.sdk.culprit import with_culprit
        from cohere_conformance.sdk.node import node_sdk
        from cohere_conformance.sdk.parse import parse_with_sdk

        parsers = [parse_with_sdk] if self.python else []
        if self.node:
            parsers.append(node_sdk(self.node).parse)
        parses = (with_culprit(partial(parse, label=label), exchange) for parse in parsers)
        return tuple(parse for parse in parses if parse is not None)


NO_SDKS = SdkParsers()


def of_names(names: tuple[str, ...]) -> SdkParsers:
    """Return the SDKs that a report names, as far as they are known by their names alone."""
    if not names:
        return NO_SDKS
    from cohere_conformance.sdk.parsing import PACKAGE

    return SdkParsers(python=any(name.startswith(f"{PACKAGE} ") for name in names))
