"""How servers are reached besides their URL, and the command that reaches them in the same way."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, answer, saying
from reachable import Certificates, Reachable, reachable

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.client.added import AddedFields, checked_variable, field_of
from cohere_conformance.client.address import address
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.curl import command
from cohere_conformance.errors import UsageError
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report.example import example

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.model import Exchange

KEY = "reference-key"
TENANT = "tenant-7f3a9c11"
MODELS = Outgoing("GET", "/v1/models?page_size=1")
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and not os.environ.get("CI"), reason="curl is not installed here"
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def sent(url: str, access: Access = DIRECT, key: str | None = KEY, **environment: str) -> Exchange:
    where = address("--url", url)
    access = Access(
        **{name: getattr(access, name) for name in access.__struct_fields__} | {"socket": where.socket}
    )
    with Sender(
        where.url,
        gate=OPEN,
        key=Secret(key) if key else None,
        key_variable="MY_KEY" if key else "",
        access=access,
        added=AddedFields(access, environment),
    ) as sender:
        return sender.send(MODELS)


def repeated(server: Reachable, exchange: Exchange) -> None:
    """Check that the command sends the same request, and gets a response."""
    before = len(server.seen)
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "MY_KEY": KEY, "TENANT": TENANT}
    done = subprocess.run(
        ["sh"],
        input=exchange.as_curl().encode(),
        env=environment,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (0, exchange.response.body), (exchange.as_curl(), done.stderr)
    assert server.seen[before:] == [server.seen[before - 1]]


@needs_curl
@pytest.mark.parametrize("base", ["", "/cohere", "/a/b"])
@pytest.mark.parametrize("unix", [False, True])
def test_a_server_below_a_path_or_on_a_socket(base: str, unix: bool) -> None:
    with reachable(base=base, unix=unix) as server:
        exchange = sent(server.url)
        repeated(server, exchange)
        assert address("--url", server.url).shown == server.url
    assert (exchange.response.status, exchange.response.failure) == (200, None)
    assert server.seen[0][1] == f"{base}/v1/models"
    assert exchange.request.url.endswith(f"{base}/v1/models?page_size=1")
    assert ("--unix-socket" in exchange.as_curl()) is unix


@needs_curl
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("trust", ["ca", "none"])
def test_a_server_with_a_certificate_of_its_own(certificates: Certificates, asks: bool, trust: str) -> None:
    access = Access(
        tls_verify=trust != "none",
        ca_file=str(certificates.authority) if trust == "ca" else "",
        client_cert=str(certificates.client) if asks else "",
        client_key=str(certificates.key) if asks else "",
    )
    with reachable(tls=certificates.context(asks=asks)) as server:
        exchange = sent(server.url, access)
        assert exchange.response.status == 200, exchange.response.failure
        repeated(server, exchange)
        refused = sent(server.url)
    assert refused.response.failure is not None
    assert refused.response.failure.detail.startswith("the certificate of the server is not accepted")


def test_a_server_that_asks_for_a_certificate_refuses_others(certificates: Certificates) -> None:
    with reachable(tls=certificates.context(asks=True)) as server:
        exchange = sent(server.url, Access(ca_file=str(certificates.authority)))
    assert exchange.response.failure is not None
    assert server.seen == []


@needs_curl
def test_a_server_without_keys_gets_none() -> None:
    with reachable(keyless=True) as server:
        exchange = sent(server.url, key=None)
        repeated(server, exchange)
    assert exchange.response.status == 200
    assert "authorization" not in server.seen[0][2]
    assert "Authorization: Bearer" not in exchange.as_curl()


@needs_curl
def test_further_fields_are_sent_with_values_of_the_environment_and_never_shown() -> None:
    access = Access(headers=(("x-tenant", "t ${TENANT}!"), ("x-plain", 'it\'s "$HOME" `id`')))
    with reachable(field=("x-tenant", f"t {TENANT}!")) as server:
        exchange = sent(server.url, access, TENANT=TENANT)
        repeated(server, exchange)
    assert exchange.response.status == 200
    assert server.seen[0][2]["x-plain"] == 'it\'s "$HOME" `id`'
    shown = example(exchange, curl=True)
    assert "x-tenant: t ${TENANT}!" in shown.request_text
    assert TENANT not in repr((exchange, shown, AddedFields(access, {"TENANT": TENANT})))
    assert "Bearer $MY_KEY" in exchange.as_curl()


def test_a_server_that_repeats_a_value_does_not_get_it_into_a_report() -> None:
    with Hostile(saying(answer(f'{{"tenant": "{TENANT}"}}'.encode(), f"x-seen: {TENANT}"))) as server:
        exchange = sent(server.url, Access(headers=(("x-tenant", "${TENANT}"),)), TENANT=TENANT)
    assert TENANT not in repr(exchange)
    assert b"[redacted]" in (exchange.response.body or b"")


def test_a_field_of_a_case_wins_over_the_one_of_the_target() -> None:
    access = Access(headers=(("x-client-name", "ours"),))
    added = AddedFields(access, {})
    with reachable() as server, Sender(server.url, gate=OPEN, access=access, added=added) as sender:
        sender.send(Outgoing("GET", "/v1/models", (("X-Client-Name", "case"),)))
    assert server.seen[0][2]["x-client-name"] == "case"


@pytest.mark.parametrize(
    "text",
    [
        "no colon", ": x", "x y: z", "x-a:", "x-a: ü", "x-a: b\nx-c: d", "Host: other", "content-length: 3",
        "authorization: Bearer ${K}",
    ],
)  # fmt: skip
def test_a_field_that_is_none_or_that_the_cases_send_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--header"):
        field_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "X-Api-Key: 0123abcd",
        "x-auth-token: abc",
        "x-secret: hunter2",
        "x-gateway: Bearer sk-0123456789abcdef0123",
    ],
)
def test_a_credential_in_clear_text_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UsageError, match=r"environment variable .* \$\{X_") as caught:
        field_of(text)
    assert text.partition(": ")[2] not in str(caught.value)


def test_fields_are_read() -> None:
    assert field_of("X-Api-Key: ${GATEWAY_KEY}") == ("x-api-key", "${GATEWAY_KEY}")
    assert field_of("X-Tenant:acme: 1") == ("x-tenant", "acme: 1")
    assert Access(headers=(("a", "${A}-${B}${A}"),)).variables == ("A", "B")


@pytest.mark.parametrize("value", ["", "  ", "ü", "a\nb"])
def test_a_variable_without_a_value_that_can_be_sent_is_named(value: str) -> None:
    with pytest.raises(UsageError, match="the environment variable TENANT") as caught:
        AddedFields(Access(headers=(("x-tenant", "${TENANT}"),)), {"TENANT": value} if value else {})
    assert not value.strip() or value not in str(caught.value)


def test_a_key_in_place_of_its_variable_is_refused_and_not_shown() -> None:
    assert checked_variable("--key-variable", "MY_KEY_2") == "MY_KEY_2"
    with pytest.raises(UsageError, match="--key-variable") as caught:
        checked_variable("--key-variable", "sk-0123")
    assert "sk-0123" not in str(caught.value)


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Access(ca_file="{home}/none.pem"), "--ca-file .*no such file"),
        (Access(ca_file="{home}/text.pem"), "--ca-file .*certificates in PEM form, got something else"),
        (Access(client_cert="{home}/none.pem"), "--client-cert .*no such file"),
        (Access(client_cert="{home}/text.pem"), "--client-cert .*got something else"),
        (Access(client_key="{home}/text.pem"), "--client-key: expected --client-cert as well"),
    ],
)
def test_a_certificate_that_cannot_be_loaded_is_named(tmp_path: Path, access: Access, words: str) -> None:
    (tmp_path / "text.pem").write_text("nothing", encoding="utf-8")
    filled = {name: getattr(access, name) for name in ("ca_file", "client_cert", "client_key")}
    filled = {name: text.replace("{home}", str(tmp_path)) for name, text in filled.items()}
    with pytest.raises(UsageError, match=words):
        Sender("https://localhost:1", gate=OPEN, access=Access(**filled))


def test_an_encrypted_key_is_an_error_and_no_question(tmp_path: Path, certificates: Certificates) -> None:
    from cryptography.hazmat.primitives import serialization

    plain = serialization.load_pem_private_key(certificates.key.read_bytes(), None)
    coded = plain.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "key.pem").write_bytes(coded)
    access = Access(client_cert=str(certificates.client), client_key=str(tmp_path / "key.pem"))
    with pytest.raises(UsageError, match=r"--client-key .*encrypted"):
        Sender("https://localhost:1", gate=OPEN, access=access)


def test_verification_is_on_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    monkeypatch.setattr(
        "cohere_conformance.client.wire.httpcore.ConnectionPool",
        lambda **given: made.append(given["ssl_context"]),
    )
    Sender("https://localhost:1", gate=OPEN)
    Sender("https://localhost:1", gate=OPEN, access=Access(tls_verify=False))
    assert [context.verify_mode for context in made] == [ssl.CERT_REQUIRED, ssl.CERT_NONE]


def test_what_a_journal_says_about_the_access_cannot_run_a_command() -> None:
    access = Access(
        socket="/tmp/a b;id", ca_file="$(id)", headers=(("x-a", "$(id) `id` ${OK} ${no;id}"), ("b\nad", "x"))
    )
    line = command("GET", "http://localhost/v1/models", (), None, has_key=False, access=access).line
    words = subprocess.run(
        ["sh", "-c", f"curl() {{ printf '%s\\n' \"$@\"; }}; {line}"],
        env={"PATH": os.environ["PATH"], "OK": "fine"}, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert {"/tmp/a b;id", "$(id)", "x-a: $(id) `id` fine ${no;id}"} <= set(words)
    assert not any(word.startswith(("uid=", "b")) for word in words)
