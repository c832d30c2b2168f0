"""The reference server: a stateful stand-in for the API, faithful by default and faulty on demand."""

from cohere_conformance.reference.app import application
from cohere_conformance.reference.faults import Fault, catalogue, chosen
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.state import Clock, ServerState

__all__ = ["Clock", "Fault", "Profile", "ServerState", "application", "catalogue", "chosen"]
