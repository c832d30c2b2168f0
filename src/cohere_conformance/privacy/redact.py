"""Takes credentials out of exchanges, so that nothing that is written shows a key.

It stands below everything that reads or writes exchanges: what is recorded is cleaned where it is read, and
what a report or a journal keeps is cleaned once more where it is written.
"""

from cohere_conformance.privacy.fields import headers, text, url
from cohere_conformance.privacy.forms import Forms
from cohere_conformance.privacy.whole import body, cleaned, exchange
from cohere_conformance.privacy.words import REDACTED

__all__ = ["REDACTED", "Forms", "body", "cleaned", "exchange", "headers", "text", "url"]
