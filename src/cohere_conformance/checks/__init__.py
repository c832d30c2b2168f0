"""The judge: one exchange against the contract."""

from cohere_conformance.checks.explain import Explainer
from cohere_conformance.checks.judge import judge

__all__ = ["Explainer", "judge"]
