"""One run: over recorded traffic, or of written cases against a target."""

from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.recorded import Progress, check

__all__ = ["Judge", "JudgeSettings", "Progress", "check"]
