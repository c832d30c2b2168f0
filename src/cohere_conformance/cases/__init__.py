"""Written cases: a request, and what its response must be like in addition to the contract.

`load_suite` reads every `suites/<group>/cases.yaml`; `suites/README.md` holds the grammar of these files.
"""

from cohere_conformance.cases.load import load_suite, shipped_suite
from cohere_conformance.cases.model import PROFILES, Case, Removal, Resource, Skip, Suite, Wait
from cohere_conformance.cases.request_template import Credential, FormPart, RequestTemplate
from cohere_conformance.cases.together import belongs_to, resource_groups

__all__ = [
    "PROFILES",
    "Case",
    "Credential",
    "FormPart",
    "Removal",
    "RequestTemplate",
    "Resource",
    "Skip",
    "Suite",
    "Wait",
    "belongs_to",
    "load_suite",
    "resource_groups",
    "shipped_suite",
]
