"""The official SDKs that parse what deviates: which are wanted, and all of them together.

What parses is imported when something deviates: hardly any run needs it.
"""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.sdk.installed import NODE_PACKAGE, PACKAGE, folder_name, package_name

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange
    from cohere_conformance.report import SdkParse
    from cohere_conformance.sdk.repeated import Parse, ParseOnce

PYTHON, NODE = "python", "node"
VARIABLE = "CONFORMANCE_SDK_EFFECT"
"""The environment variable that says whether SDKs are used where no option does: `0` or `1`."""
_SAYS = {"0": False, "1": True}


class SdkParsers(msgspec.Struct, frozen=True):
    """The official SDKs that are wanted; a tally calls it with each response that deviates.

    Attributes:
        python: the installed Python SDK.
        node: folder with the TypeScript SDK in `node_modules`; empty for none.
        found: those of them that were found here and not asked for, `python` and `node`: one that does not
            work is left out.
    """

    python: bool = False
    node: str = ""
    found: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.python or bool(self.node)

    @property
    def names(self) -> tuple[str, ...]:
        """Names and versions, such as `cohere 7.3.1`; nothing is imported or started for them.

        Raises:
            UsageError: one is not installed.
        """
        if not self:
            return ()
        names = [package_name()] if self.python else []
        return tuple([*names, folder_name(self.node)] if self.node else names)

    def require(self) -> None:
        """Import or start now those that were asked for.

        Raises:
            UsageError: one is not installed, or does not work.
        """
        if any(name not in self.found for name in self.kinds):
            _loaded(self, os.getpid())

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which there are: `python`, `node`."""
        return (*((PYTHON,) if self.python else ()), *((NODE,) if self.node else ()))

    def __call__(self, exchange: Exchange, label: str) -> tuple[SdkParse, ...]:
        """Return how each of them parses a response, as far as it can.

        Args:
            exchange: request and response.
            label: of the operation.

        Raises:
            UsageError: one is not installed, or does not work.
            ReportError: the process of the TypeScript SDK has ended.
        """
        parses: list[SdkParse] = []
        for name, parse in _loaded(self, os.getpid()).items():
            try:
                parses += parse(exchange, label)
            except ReportError:
                if name not in self.found:
                    raise
        return tuple(parses)


NO_SDKS = SdkParsers()


def wanted(python: bool | None, node: str | None = None) -> SdkParsers:
    """Return the SDKs to use.

    Args:
        python: whether the Python SDK is used; `None` for what the environment says, else for both SDKs as
            far as they are here.
        node: folder with the TypeScript SDK; if not given, this folder, if it has one and `python` is not
            false.

    Raises:
        UsageError: the environment variable has another value.
    """
    found = []
    if python is None and (said := os.environ.get(VARIABLE)):
        if said not in _SAYS:
            raise UsageError(f"{VARIABLE}: expected 0 or 1, got {said}")
        python = _SAYS[said]
    if python is None and (python := _has_python()):
        found.append(PYTHON)
    if not node and python is not False and _has_node("."):
        node = "."
        found.append(NODE)
    return SdkParsers(bool(python), node or "", tuple(found))


def of_names(names: tuple[str, ...]) -> SdkParsers:
    """Return the SDKs that a report names, as far as they are here."""
    if not names:
        return NO_SDKS
    python, node = (any(one.startswith(f"{name} ") for one in names) for name in (PACKAGE, NODE_PACKAGE))
    return SdkParsers(python and _has_python(), "." if node and _has_node(".") else "", found=(PYTHON, NODE))


def _has_python() -> bool:
    return find_spec(PACKAGE) is not None


def _has_node(folder: str) -> bool:
    return Path(folder, "node_modules", "cohere-ai").is_dir() and shutil.which("node") is not None


@lru_cache(maxsize=2)
def _loaded(sdks: SdkParsers, process: int) -> dict[str, ParseOnce]:
    """Return what parses with each SDK that works.

    Args:
        sdks: that are wanted.
        process: id of this process: one that was forked needs a process of Node of its own.
    """
    from cohere_conformance.sdk.repeated import ParseOnce

    loaded = {}
    for name in sdks.kinds:
        try:
            loaded[name] = ParseOnce(_parse_with_python() if name == PYTHON else _parse_with_node(sdks.node))
        except UsageError:
            if name not in sdks.found:
                raise
    return loaded


def _parse_with_python() -> Parse:
    from cohere_conformance.sdk.parse import parse_with_sdk
    from cohere_conformance.sdk.parsing import installed

    installed()
    return parse_with_sdk


def _parse_with_node(folder: str) -> Parse:
    from cohere_conformance.sdk.node import NodeSdk

    return NodeSdk(folder).parse
