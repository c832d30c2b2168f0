"""TLS as the user has configured it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from cohere_conformance.access import Access

_ENCRYPTED = "a key that is encrypted: decrypt it, because nothing can ask for its passphrase"


def tls_context(access: Access) -> ssl.SSLContext:
    """Return the TLS context for a server.

    Raises:
        UsageError: a certificate or key cannot be loaded.
    """
    context = _trusting(access)
    if access.client_cert:
        _load_client(context, access)
    elif access.client_key:
        raise UsageError("--client-key: expected --client-cert as well, got the key alone")
    return context


def _trusting(access: Access) -> ssl.SSLContext:
    if not access.tls_verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not access.ca_file:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=access.ca_file)
    except OSError as error:
        raise _unusable("--ca-file", access.ca_file, "certificates in PEM form", error) from error


def _load_client(context: ssl.SSLContext, access: Access) -> None:
    def ask() -> str:
        raise UsageError(f"--client-key {access.client_key or access.client_cert}: got {_ENCRYPTED}")

    try:
        # Without a function of ours, OpenSSL would ask for a passphrase on the terminal.
        context.load_cert_chain(access.client_cert, access.client_key or None, password=ask)
    except OSError as error:
        option, file = "--client-cert", access.client_cert
        if access.client_key:
            option, file = "--client-cert with --client-key", f"{file}, {access.client_key}"
        raise _unusable(option, file, "a certificate and its key in PEM form", error) from error


def _unusable(option: str, file: str, expected: str, error: OSError) -> UsageError:
    # `ssl.SSLError` is one too; its text is about the library.
    reason = "something else" if isinstance(error, ssl.SSLError) else (error.strerror or "no file").lower()
    return UsageError(f"{option} {file}: expected {expected}, got {reason}")
