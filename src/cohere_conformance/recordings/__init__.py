"""Where evidence comes from: recorded traffic becomes `Exchange`.

`discover` says which files to read and `read` reads one of them; what is bad is handed over as a
`TrafficError` among the values, because one broken recording must not hide the others.
"""

from cohere_conformance.recordings.discover import Skipped, discover
from cohere_conformance.recordings.read import read
from cohere_conformance.recordings.remark import Remark

__all__ = ["Remark", "Skipped", "discover", "read"]
