"""Takes credentials out of what was recorded, so that nothing downstream ever sees a key.

How it is done stands in `redaction`, because what is reported is cleaned in the same way.
"""

from cohere_conformance.redaction import REDACTED, exchange, headers, url

__all__ = ["REDACTED", "exchange", "headers", "url"]
