"""Contract and conformance testing of every server that speaks the Cohere REST API.

The names in `__all__` are the public interface; everything else may change in any release. They are loaded
on first use, so that the import of the package stays cheap. Their types are in `__init__.pyi`.

PYTEST_DONT_REWRITE: there are no assertions here, and pytest warns of plugins that were imported before.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "library": ("check", "judge"),
    "contract": ("Contract", "load_contract"),
    "model": (
        "Exchange",
        "Finding",
        "Kind",
        "Request",
        "Response",
        "Severity",
        "Source",
        "StreamEvent",
    ),
    "report": ("Report",),
    "reference.reference_server": ("ReceivedRequest", "ReferenceServer"),
    "errors": ("ConformanceError", "ContractError", "ReportError", "TrafficError", "UsageError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the names of the module, loaded or not."""
    return sorted({*globals(), *__all__})
