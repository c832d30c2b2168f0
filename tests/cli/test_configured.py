"""Commands with a configuration file: what is taken from it, and what wins over it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from reachable import Certificates, reachable
from running import called, ran

from cohere_conformance.cli import commands, configured
from cohere_conformance.configuration import load

if TYPE_CHECKING:
    from cohere_conformance.report import ConfigurationUsed

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
FILE = """
name = "ours"
url = "http://gateway:4000"
own = true
key-variable = "OURS"
declares = ["v2.chat", "POST /v2/embed"]
profile = "contract"
fail-on = "breaking"
report-dir = "out"
[headers]
X-Tenant = "acme"
[tls]
verify = false
ca-file = "ca.pem"
[limits]
n = 3
time-limit = 1.5
patience = 2
"""


def options(
    home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, text: str = FILE
) -> tuple[dict[str, Any], ConfigurationUsed | None]:
    """Return what the command `run` gets, and what was used of the file."""
    got: list[tuple[dict[str, Any], ConfigurationUsed | None]] = []

    class Outcome:
        code = 0

    def suites(given: dict[str, Any], _: object) -> Outcome:
        got.append((given, configured.used()))
        return Outcome()

    monkeypatch.chdir(home)
    # By its name, because the package has the command of that name as well.
    monkeypatch.setattr(importlib.import_module("cohere_conformance.cli.run_and_fuzz"), "suites", suites)
    (home / "conformance.toml").write_text(text, encoding="utf-8")
    commands.main(["run", *arguments], standalone_mode=False)
    return got[0]


def test_the_file_has_the_defaults_of_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, used = options(tmp_path, monkeypatch)
    assert used is not None
    assert (used.file, used.name, used.overridden) == ("conformance.toml", "ours", ())
    assert {name: given[name] for name in given if given[name] not in (None, (), False)} == {
        "url": "http://gateway:4000",
        "own_server": True,
        "key_variable": "OURS",
        "declares": "v2.chat,POST /v2/embed",
        "profile": "contract",
        "fail_on": "breaking",
        "report_dir": Path("out"),
        "headers": ("X-Tenant: acme",),
        "ca_file": "ca.pem",
        "workers": 3,
        "time_limit": "1.5",
        "patience": 2.0,
    }
    assert given["tls_verify"] is False
    assert set(used.used) == {
        "url", "own", "key-variable", "declares", "profile", "fail-on", "report-dir", "headers", "tls.verify",
        "tls.ca-file", "limits.n", "limits.time-limit", "limits.patience",
    }  # fmt: skip


def test_options_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (
        "--fail-on",
        "additive",
        "-n",
        "1",
        "--declares",
        "rerank",
        "--tls-verify",
        "--header",
        "X-B: c",
    )
    given, used = options(tmp_path, monkeypatch, *arguments)
    assert used is not None
    assert (given["fail_on"], given["workers"], given["declares"]) == ("additive", 1, "rerank")
    assert (given["tls_verify"], given["headers"]) == (True, ("X-B: c",))
    assert set(used.overridden) == {"fail-on", "limits.n", "declares", "tls.verify", "headers"}


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://gateway:4001", True), ("https://GATEWAY", True), ("http://other:4000", False),
        ("https://api.cohere.com", False), ("http://localhost", False), ("unix:///gateway", False),
    ],
)  # fmt: skip
def test_neither_trust_nor_credentials_are_extended_to_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, same: bool
) -> None:
    given, used = options(tmp_path, monkeypatch, "--url", url)
    assert used is not None
    assert given["url"] == url
    assert (given["own_server"] is True) is same
    assert (given["key_variable"], given["headers"]) == (
        ("OURS", ("X-Tenant: acme",)) if same else (None, ())
    )
    assert (given["tls_verify"], given["ca_file"]) == ((False, "ca.pem") if same else (None, None))
    assert given["declares"] == "v2.chat,POST /v2/embed"
    assert used.name == ("ours" if same else "")


def test_this_machine_is_one_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "url = 'http://localhost:4000'\nkey-variable = 'OURS'\n"
    given, _ = options(tmp_path, monkeypatch, "--url", "http://127.0.0.1:5000", text=text)
    assert given["key_variable"] == "OURS"


def test_no_file_is_used_if_none_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, used = options(tmp_path, monkeypatch, "--no-config")
    assert (given["url"], used) == (None, None)


def test_a_file_with_another_name_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("[limits]\nn = 7", encoding="utf-8")
    given, used = options(tmp_path, monkeypatch, "--config", "other.toml")
    assert used is not None
    assert (given["workers"], used.file) == (7, "other.toml")


def test_the_examples_of_the_documentation_are_valid(tmp_path: Path) -> None:
    above, rest = re.findall(
        r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (tmp_path / "conformance.toml").write_text(f"{rest}\n{above}", encoding="utf-8")
    said = load(tmp_path / "conformance.toml").configuration
    unset = [field for field in said.__struct_fields__ if getattr(said, field) is type(said)().name]
    assert unset == [], "the example has every key"


# -- whole commands


def test_a_run_is_configured_and_says_so(tmp_path: Path) -> None:
    Certificates(tmp_path)
    with reachable(host="0.0.0.0", base="/cohere", field=("x-tenant", "acme-7f3a9c11")) as server:
        url = server.url.removesuffix("/cohere")
        (tmp_path / ".git").mkdir()
        (tmp_path / "inner").mkdir()
        (tmp_path / "conformance.toml").write_text(
            f'name = "ours"\nurl = "{url}"\nbase-path = "/cohere"\nown = true\nkey-variable = "OURS"\n'
            'declares = ["check-api-key"]\nreport-dir = "inner/conformance-report"\n'
            '[headers]\nX-Tenant = "${TENANT}"\n[limits]\nn = 2\n',
            encoding="utf-8",
        )
        further = {"OURS": "reference-key", "TENANT": "acme-7f3a9c11"}
        done = called(tmp_path / "inner", "run", "--only", "check-api-key", **further)
    assert done.code == 0, done.output
    used = "url, own, key-variable, headers, declares, limits.n, report-dir"
    assert f"configuration ../conformance.toml (ours): {used}" in done.output.splitlines()
    header = done.report["header"]
    assert header["configuration"]["file"] == "../conformance.toml"
    assert header["target"]["url"] == server.url
    assert "acme-7f3a9c11" not in done.output
    for name in ("report.md", "report.html"):
        assert "../conformance.toml (ours)" in (tmp_path / "inner" / "conformance-report" / name).read_text(
            "utf-8"
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("declares = ['rerankk']", "conformance.toml: declares rerankk: unknown name; did you mean rerank"),
        ("profile = 'live'", "conformance.toml: profile live: unknown name; did you mean live-2026"),
        ("[limits]\ntime-limit = 'soon'", "conformance.toml: limits.time-limit 'soon': expected a time"),
        (
            "url = 'https://localhost:1'\n[tls]\nca-file = 'no.pem'",
            "conformance.toml: tls.ca-file no.pem: expected certificates in PEM form, got no such file",
        ),
        ("limit = 1", "conformance.toml: limit: unknown key; did you mean limits?"),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "conformance.toml").write_text(text, encoding="utf-8")
    done = ran(tmp_path, "--only", "check-api-key")
    assert done.code == 4, done.output
    assert message in done.output


def test_a_fault_is_for_the_embedded_server(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text("url = 'http://localhost:1'", encoding="utf-8")
    done = ran(tmp_path, "--fault", "rerank.unsorted")
    assert (done.code, "add --no-config" in done.output) == (4, True), done.output


def test_explain_looks_where_the_file_has_put_the_report(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text("report-dir = 'out'", encoding="utf-8")
    ran(tmp_path, "--case", "rerank.v2.beyond-latin", "--fault", "rerank.unsorted")
    assert (tmp_path / "out" / "report.json").exists()
    done = called(tmp_path, "report")
    assert "out" in done.output, done.output
    assert not (tmp_path / "conformance-report").exists()
