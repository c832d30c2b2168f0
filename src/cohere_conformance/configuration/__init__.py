"""The configuration file: which server is tested, how it is reached, and what is expected of it."""

from cohere_conformance.configuration.find import found
from cohere_conformance.configuration.load import Loaded, load
from cohere_conformance.configuration.shape import Configuration

__all__ = ["Configuration", "Loaded", "found", "load"]
