"""Whose server is behind a base URL, whatever way it is written."""

from __future__ import annotations

import pytest

from cohere_conformance.client.address import Address, address
from cohere_conformance.errors import UsageError


@pytest.mark.parametrize(
    "url",
    [
        "https://api.cohere.com", "https://api.cohere.ai/v1", "https://cohere.com", "https://API.Cohere.COM",
        "https://api.cohere.com.", "https://api.cohere.com:8443", "http://production.cohere.ai",
        "https://api。cohere。com",
        "https://stg.api.cohere.com./base/",
    ],
)  # fmt: skip
def test_the_vendors_hosts_are_known_in_every_spelling(url: str) -> None:
    assert address("--url", url).is_vendors
    assert not address("--url", url).is_local


@pytest.mark.parametrize(
    "host", ["ａｐｉ.cohere.com", "api.ｃohere.com", "api%2Ecohere.com", "x@api.cohere.com"]
)
def test_spellings_that_clients_read_differently_are_refused(host: str) -> None:
    with pytest.raises(UsageError, match="--url"):
        address("--url", f"https://{host}")


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway:4000", "http://172.17.0.2", "http://cohere.default.svc.cluster.local:8080",
        "https://api.cohere.com.example.org", "https://notcohere.com", "http://cohere", "http://localhost",
        "unix:///run/api.cohere.com", "https://cohere.com.localhost",
    ],
)  # fmt: skip
def test_other_hosts_are_not_the_vendors(url: str) -> None:
    assert not address("--url", url).is_vendors


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1", True), ("http://LOCALHOST.", True), ("http://127.8.9.1", True),
        ("http://[::1]:2/x", True), ("http://api.localhost", True), ("unix:///run/s.sock", True),
        ("http+unix://%2Frun%2Fs.sock/base", True), ("http://0.0.0.0:1", False), ("http://gateway", False),
    ],
)  # fmt: skip
def test_this_machine_is_known(url: str, local: bool) -> None:
    assert address("--url", url).is_local is local


@pytest.mark.parametrize(
    ("given", "expected", "shown"),
    [
        ("http://localhost:1/", Address("http://localhost:1"), "http://localhost:1"),
        ("unix:///run/s.sock", Address("http://localhost", "/run/s.sock"), "unix:///run/s.sock"),
        ("UNIX:///run/s.sock", Address("http://localhost", "/run/s.sock"), "unix:///run/s.sock"),
        (
            "http+unix://%2Frun%2Fs.sock/base/",
            Address("http://localhost/base", "/run/s.sock"),
            "http+unix://%2Frun%2Fs.sock/base",
        ),
        ("http+unix://%2Frun%2Fs.sock", Address("http://localhost", "/run/s.sock"), "unix:///run/s.sock"),
    ],
)
def test_addresses_are_read_and_shown(given: str, expected: Address, shown: str) -> None:
    assert address("--url", given) == expected
    assert address("--url", given).shown == shown


@pytest.mark.parametrize(
    "given",
    [
        "unix://",
        "unix://run/s.sock",
        "unix:///a\nb",
        "http+unix://s.sock/x",
        f"unix:///{'x' * 107}",
        "unix:/run/s",
    ],
)
def test_what_is_no_socket_is_a_usage_error(given: str) -> None:
    with pytest.raises(UsageError, match="--url"):
        address("--url", given)
