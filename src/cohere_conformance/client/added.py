"""Header fields that every request to a target gets in addition, with values from the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.access import DIRECT, VARIABLE, pieces
from cohere_conformance.errors import UsageError
from cohere_conformance.names import is_token
from cohere_conformance.privacy import redact
from cohere_conformance.privacy.fragments import SHORTEST_OF_KEY
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.privacy.words import is_header, is_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.access import Access
    from cohere_conformance.model import Headers


class AddedFields:
    """The fields of `Access.headers` with their values, which have no text representation.

    Args:
        access: how the target is reached.
        environment: where the variables are read from.

    Attributes:
        secrets: the values of the variables, none of which may be shown.

    Raises:
        UsageError: a variable is not set, or its value cannot be sent.
    """

    def __init__(self, access: Access, environment: Mapping[str, str]) -> None:
        values = {name: _value(name, environment) for name in access.variables}
        self._fields = tuple(
            (name, "".join(text + (values[variable] if variable else "") for text, variable in pieces(value)))
            for name, value in access.headers
        )
        self.secrets = secrets_of(values.values())

    def __repr__(self) -> str:
        return f"AddedFields({', '.join(name for name, _ in self._fields)})"

    def reveal(self) -> Headers:
        """Return the fields as they are sent."""
        return self._fields


_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_RESERVED = frozenset(
    "host authorization accept accept-encoding connection content-encoding content-length content-type "
    "cookie expect te trailer transfer-encoding upgrade".split()
)
"""Fields that the cases send themselves, or that decide where a request goes."""


def checked_variable(option: str, name: str) -> str:
    """Return the name of an environment variable, or nothing where there is none.

    Raises:
        UsageError: it is no name in upper case.
    """
    if name and _VARIABLE.fullmatch(name) is None:
        # Not shown: it may be the key itself.
        raise UsageError(f"{option}: expected the name of an environment variable, such as MY_API_KEY")
    return name


def field_of(text: str) -> tuple[str, str]:
    """Return the name and the value of a header field such as `X-Tenant: ${TENANT}`.

    Raises:
        UsageError: it is none, it is one that cases send, or it has a credential in clear text.
    """
    name, colon, value = text.partition(":")
    if not colon or not is_token(name.strip()):
        raise UsageError("--header: expected a name and a value, such as 'X-Tenant: ${TENANT}'")
    return checked_field(f"--header {name.strip()}", name, value)


def checked_field(option: str, name: str, value: str) -> tuple[str, str]:
    """Return the name and the value of a header field, checked.

    Args:
        option: what names the field, for the message.
        name: of the field.
        value: with variables.

    Raises:
        UsageError: as of `field_of`.
    """
    name, value = name.strip().lower(), value.strip()
    if not is_token(name) or not value or not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"{option}: expected the name of a header field and a value of visible ASCII characters"
        )
    if name in _RESERVED:
        remedy = "name the key with key-variable" if name == "authorization" else "leave it out"
        raise UsageError(f"{option}: the test cases send this field themselves; {remedy}")
    constant = "".join(text for text, _ in pieces(value))
    credential = is_header(name) or is_parameter(name.removeprefix("x-"))
    if redact.text(constant) != constant or (credential and not VARIABLE.search(value)):
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper())
        raise UsageError(
            f"{option}: expected an environment variable in place of a credential, such as ${{{variable}}}"
        )
    return name, value


def secrets_of(values: Iterable[str]) -> tuple[Secret, ...]:
    """Return the secrets in values of environment variables: every longer word, so not `Bearer`."""
    words = (word for value in values for word in value.split())
    return tuple(Secret(word) for word in words if len(word) >= SHORTEST_OF_KEY)


def _value(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise UsageError(f"--header: expected a value in the environment variable {name}, got none")
    if not (value.isascii() and value.isprintable()):
        raise UsageError(
            f"--header: expected visible ASCII characters in the environment variable {name}, got others"
        )
    return value


NO_FIELDS = AddedFields(DIRECT, {})
"""Nothing is added."""
