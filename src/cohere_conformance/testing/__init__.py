"""What the pytest fixtures hand to tests: a transport and a judge that compare with the contract.

`cohere_conformance.pytest_fixtures` has the fixtures; these names are for annotations in the tests of users.
"""

from cohere_conformance.testing.judge import ConformanceJudge
from cohere_conformance.testing.transport import ConformanceTransport

__all__ = ["ConformanceJudge", "ConformanceTransport"]
