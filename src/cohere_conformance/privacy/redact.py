"""Redacts credentials in exchanges, so that no file contains a key.

Recordings are redacted when they are parsed; reports and journals are redacted again when they are written.
"""

from cohere_conformance.privacy.exchanges import body, cleaned, exchange
from cohere_conformance.privacy.fields import headers, text, url
from cohere_conformance.privacy.forms import Forms
from cohere_conformance.privacy.words import REDACTED

__all__ = ["REDACTED", "Forms", "body", "cleaned", "exchange", "headers", "text", "url"]
