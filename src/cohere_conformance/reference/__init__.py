"""The reference server: a stateful stand-in for the API, faithful by default and faulty on demand.

The names are loaded on first use: knowing the faults must not cost the import of a web server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.reference.app import application
    from cohere_conformance.reference.faults import Fault, catalogue, chosen
    from cohere_conformance.reference.profile import Profile
    from cohere_conformance.reference.state import Clock, ServerState

_HOMES = {
    "application": "app",
    "Fault": "faults",
    "catalogue": "faults",
    "chosen": "faults",
    "Profile": "profile",
    "Clock": "state",
    "ServerState": "state",
}

__all__ = ["Clock", "Fault", "Profile", "ServerState", "application", "catalogue", "chosen"]


def __getattr__(name: str) -> object:
    """Load a name of this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
