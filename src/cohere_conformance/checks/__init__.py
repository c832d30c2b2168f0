"""The judge: one exchange against the contract."""

from cohere_conformance.checks.explain import Corrector, Explainer
from cohere_conformance.checks.judge import judge

__all__ = ["Corrector", "Explainer", "judge"]
