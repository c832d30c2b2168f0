"""Names whose values are credentials, and values that are redacted already or no secrets."""

from __future__ import annotations

import functools
import re

from cohere_conformance.names import REDACTED, REDACTED_IN_URL

__all__ = [
    "INVALID_BASIC", "INVALID_KEY", "INVALID_UNICODE", "REDACTED", "REDACTED_IN_URL",
    "is_header", "is_masked",
    "is_no_secret", "is_parameter", "is_property",
]  # fmt: skip

INVALID_KEY = "conformance-wrong-key"
"""An unknown key, for requests that must be rejected; it is no secret."""
INVALID_BASIC = "Zm9vOmJhcg=="
"""An unknown user with a password (`foo:bar`), likewise."""
INVALID_UNICODE = "schl\u00fcssel"
"""A key that no server can have issued, likewise."""

_HEADER = re.compile(
    r"(?:^|[-_])(?:authorization|cookie2?|api[-_]?key|(?:subscription|functions)[-_]key|token|secret|password"
    r"|signature)$",
    re.IGNORECASE,
)
# Compared without `-` and `_`. `page_token` is paging, not a credential, hence whole names.
_PARAMETER = re.compile(
    r"(?:x|co)?key|auth|sig|(?:xamz|xgoog)?signature|(?:xamz|xgoog)credential|googleaccessid"
)
# Unlike in a query, a `key` by itself is no credential here, and neither is a `signature`.
_PROPERTY = re.compile(
    r"\w*apikey|token|idtoken|\w*(?:access|api|auth|bearer|refresh|security|session)token|\w*secret"
    r"|\w*(?:access|account|encryption|functions|private|secret|signing|subscription)key|awsaccesskeyid"
    r"|\w*passw(?:or)?d|passphrase|pwd|\w*authorization|(?:set)?cookie|credentials?"
)
_MASKED = re.compile(
    r"|(?:\[redacted\])+|\W{0,4}(?:x+|redacted|hidden|masked|filtered|removed)\W{0,4}|([*.#?•-])\1*"
    r"|\S{0,6}\*{3,}\S{0,6}",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=4096)
def is_header(name: str) -> bool:
    """Return whether the value of a header field of that name is a credential."""
    return _HEADER.search(name) is not None


@functools.lru_cache(maxsize=4096)
def is_parameter(name: str) -> bool:
    """Return whether the value of a query parameter or of a field of a form is a credential."""
    return is_property(name) or _PARAMETER.fullmatch(_bare(name)) is not None


@functools.lru_cache(maxsize=4096)
def is_property(name: str) -> bool:
    """Return whether the value of a JSON property or of a part of a form is a credential."""
    return _PROPERTY.fullmatch(_bare(name)) is not None


def is_masked(value: str) -> bool:
    """Return whether a value is empty or masked already."""
    return _MASKED.fullmatch(value) is not None


def is_no_secret(value: str) -> bool:
    """Return whether a credential is obviously no secret, because it is sent to be rejected."""
    return value in {INVALID_KEY, INVALID_BASIC, INVALID_UNICODE} or (len(value) > 1 and len(set(value)) == 1)


def _bare(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
