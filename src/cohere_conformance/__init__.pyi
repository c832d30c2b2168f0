"""The types of the public names, for type checkers and editors; `__init__.py` loads them on first use."""

from cohere_conformance.contract import Contract as Contract
from cohere_conformance.contract import load_contract as load_contract
from cohere_conformance.errors import ConformanceError as ConformanceError
from cohere_conformance.errors import ContractError as ContractError
from cohere_conformance.errors import ReportError as ReportError
from cohere_conformance.errors import TrafficError as TrafficError
from cohere_conformance.errors import UsageError as UsageError
from cohere_conformance.library import check as check
from cohere_conformance.library import judge as judge
from cohere_conformance.model import Exchange as Exchange
from cohere_conformance.model import Finding as Finding
from cohere_conformance.model import Kind as Kind
from cohere_conformance.model import Request as Request
from cohere_conformance.model import Response as Response
from cohere_conformance.model import Severity as Severity
from cohere_conformance.model import Source as Source
from cohere_conformance.model import StreamEvent as StreamEvent
from cohere_conformance.reference.reference_server import ReceivedRequest as ReceivedRequest
from cohere_conformance.reference.reference_server import ReferenceServer as ReferenceServer
from cohere_conformance.report import Report as Report

__version__: str
