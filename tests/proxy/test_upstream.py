"""How the proxy reaches its upstream: with TLS, with a client certificate, by a Unix socket, below a path."""

from __future__ import annotations

import httpx
import pytest
from reachable import Certificates, reachable
from scripted import Setup

from cohere_conformance.access import DIRECT, Access

HEADERS = {"authorization": "Bearer reference-key"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def models(url: str, path: str = "") -> httpx.Response:
    with httpx.Client(trust_env=False, verify=False) as client:
        return client.get(f"{url}{path}/v1/models", headers=HEADERS, params={"page_size": 1})


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("base", ["", "/cohere"])
def test_a_path_and_a_socket(unix: bool, base: str) -> None:
    with reachable(unix=unix, base=base) as server, Setup(server.url) as setup:
        assert models(setup.url).status_code == 200
        (seen,) = setup.witness.wait(1)
        assert seen.target == f"{base}/v1/models?page_size=1"
        assert [path for _, path, _ in server.seen] == [f"{base}/v1/models"]
        host = "localhost" if unix else server.url.removeprefix("http://").removesuffix(base)
        assert server.seen[0][2]["host"] == host


def test_certificates_are_verified_and_shown(certificates: Certificates) -> None:
    both = Access(ca_file=str(certificates.authority), client_cert=str(certificates.client))
    with reachable(tls=certificates.context(asks=True)) as server, Setup(server.url, access=both) as setup:
        assert models(setup.url).status_code == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_an_unknown_certificate_is_rejected_unless_that_is_switched_off(
    trusted: bool, certificates: Certificates
) -> None:
    access = Access(tls_verify=False) if trusted else DIRECT
    with reachable(tls=certificates.context(asks=False)) as server, Setup(server.url, access=access) as setup:
        response = models(setup.url)
        assert response.status_code == (200 if trusted else 502)
        assert trusted or "the certificate of the server is not accepted" in response.json()["message"]
