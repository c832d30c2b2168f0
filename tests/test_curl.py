"""The command that repeats a request sends that request and nothing else, whatever the request holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, Talk, answer
from running import fuzzed

from cohere_conformance.cases import Credential
from cohere_conformance.cases.request_template import sent_with
from cohere_conformance.curl import command
from cohere_conformance.errors import TrafficError
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.recordings import parse_recording
from cohere_conformance.report import Record, read_journals
from cohere_conformance.report.example import repeating
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.model import Headers

needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and not os.environ.get("CI"), reason="curl is not installed here"
)
KEYS = {
    "CO_API_KEY": "reference-key",
    "CONFORMANCE_TRIAL_KEY": "reference-trial-key",
    "CONFORMANCE_EXPIRED_KEY": "reference-expired-key",
}
JSON = (("content-type", "application/json"),)


def logging(talk: Talk) -> None:
    """Answer everything with an empty body (a script); what was heard is kept."""
    talk.hear()
    talk.say(answer(b"", "connection: close"))


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with Hostile(logging) as running:
        yield running


def executed(line: str, home: Path | None = None, shell: str = "bash") -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "LC_ALL": "C", **KEYS}
    return subprocess.run(
        [shell], input=line.encode(), cwd=home, env=environment, capture_output=True, check=False, timeout=30
    )


def arrived(server: Hostile, line: str, shell: str = "bash") -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Return method, target, fields but those of framing, and body of the one request that a line sends."""
    before = len(server.requests)
    done = executed(line, shell=shell)
    assert len(server.requests) == before + 1, (line, done.stderr)
    head, _, body = server.requests[-1].partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    method, rest = first.split(" ", 1)
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return method, rest.removesuffix(" HTTP/1.1"), _without_framing(fields), body


def _without_framing(fields: Headers | list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(
        (name, value.strip())
        for name, value in fields
        if name not in {"host", "content-length", "transfer-encoding"}
    )


def wanted(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a recorded request with its key put back."""
    key = f"Bearer {KEYS.get(request.key_variable)}"
    return _without_framing(
        [
            (name, key if (name, value) == ("authorization", "[redacted]") else value)
            for name, value in request.headers
        ]
    )


# -- whole runs


@needs_curl
def test_requests_of_a_fuzz_run_are_repeated_exactly(tmp_path: Path, server: Hostile) -> None:
    """Of each operation's exchanges a sample, and every one with a header or a target that is odd."""
    faults = ("--fault", "auth.ignored", "--fault", "auth.key-repeated")
    options = (
        "--fuzz-profile",
        "smoke",
        "--only",
        "check-api-key,models",
        "--max-examples",
        "20",
    )
    done = fuzzed(tmp_path, *options, *faults)
    assert done.code == 1, done.output
    (journal,) = read_journals(tmp_path / "conformance-report")
    sent = [
        line.exchange for line in journal.lines() if isinstance(line, Record) and line.exchange is not None
    ]
    usual = set("accept accept-encoding connection content-length content-type host user-agent".split())
    chosen = [
        one
        for number, one in enumerate(sent)
        if number % 5 == 0
        or one.request.method == "HEAD"
        or any(
            name not in usual and (name, value) != ("authorization", "[redacted]")
            for name, value in one.request.headers
        )
    ]
    keys = {value for one in chosen for name, value in one.request.headers if name == "authorization"}
    assert {"[redacted]", "Bearer conformance-wrong-key"} <= keys
    exact = 0
    for one in chosen:
        request, curl = one.request, one.curl
        assert curl.line.isprintable()
        assert plain(curl.line, longest=None) == curl.line
        if curl.inexact:
            continue
        origin = re.match("http://[^/]+", request.url)
        assert origin is not None
        method, target, fields, body = arrived(server, curl.line.replace(origin[0], server.url))
        assert (method, target) == (request.method, request.url.removeprefix(origin[0]))
        assert fields == wanted(request)
        assert body == (request.body or b"")
        exact += 1
    assert exact > 20
    assert exact / len(chosen) > 0.9
    examples = [row["example"] for row in done.report["findings"]]
    assert [one for one in examples if one["inexact"] and "redacted" not in one["curl"]] == []


# -- single requests


@needs_curl
@pytest.mark.parametrize(
    ("method", "target", "headers", "body"),
    [
        ("GET", "/v1/models", (), None),
        ("GET", "/v1/models", (("content-length", "0"),), None),
        ("HEAD", "/v1/models", (), None),
        ("GET", "/v2/chat", JSON, b'{"a": 1}'),
        ("POST", "/v2/chat", (("content-length", "0"),), b""),
        ("POST", "/v2/chat", (), b"no type"),
        ("POST", "/v2/chat", (("content-type", ""), *JSON), b"{}"),
        ("OPTIONS", "/", (), None),
        ("M!#$%&'*+.^_`|~", "/", (), None),
        ("GET", "/a[1-3]{x,y}?b[]=1", (), None),
        ("GET", "/v1/./a/../b/%2e%2e/c", (), None),
        ("GET", "//v1//models?", (), None),
        ("GET", "/%2f%7e%zz%?%ff&&=&a&#x".partition("#")[0], (), None),
        ("GET", '/"<>\\^`|$(touch%20canary)', (), None),
        ("GET", "/http://other.example/x", (), None),
        ("GET", "/::error::x/", (), None),
        ("GET", "/", (("x-empty", ""), ("x-client-name", ""), ("accept", ""), ("user-agent", "")), None),
        ("GET", "/", (("x-a", "1"), ("x-a", "2"), ("accept", "a/b"), ("accept", "c/d")), None),
        ("GET", "/", (("cookie", "a=b; ;=; c"), ("cookie", "d"), ("x-http-method-override", "DELETE")), None),
        ("GET", "/", (("authorization", "Bearer"), ("authorization", "")), None),
        ("GET", "/", (("x-quotes", "'\"$(touch canary)`touch canary`!!\\"), ("x-at", "@/etc/passwd")), None),
        ("GET", "/", (("x-odd", "\x1b[31m \u202e \u00e4\u6f22 \x7f % ::error::x ##[error]y"),), None),
        ("GET", "/", (("accept-encoding", "gzip, br"), ("connection", "keep-alive"), ("te", "x")), None),
        ("POST", "/", JSON, b"@/etc/passwd"),
        ("POST", "/", JSON, b"-X DELETE\n::error::x\n##[error]y ##vso[z]x\n"),
        ("POST", "/", JSON, "\u2028\u202e\x1b]0;x\x07 %s %d \\n 'q' \"q\" !! $(touch canary)\r\n\n".encode()),
        ("POST", "/", JSON, b"\x00\xff\xfe'\n"),
        ("POST", "/", JSON, b'{"a": "::error::x ##[error]y"}'),
        ("POST", "/", JSON, b"x" * 200_000),
        ("POST", "/", JSON, json.dumps({"text": "a" * 65_537}).encode()),
        ("POST", "/", JSON, json.dumps({"documents": ["it's 100% \\ $x `y` \"z\" \t"] * 10_000}).encode()),
        ("POST", "/", JSON, b'{"texts": ["' + "\u00e4\u6f22".encode() * 3000 + b'"]}'),
        ("POST", "/", JSON, b"-\n::error::\x1b%d\x7f\\045" * 500 + "\u202e\u00a0".encode() * 2000),
        ("POST", "/", JSON, b"line\n" * 40_000),
    ],
)  # fmt: skip
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_request_is_repeated_exactly(
    method: str, target: str, headers: Headers, body: bytes | None, shell: str, server: Hostile
) -> None:
    """Method, target, fields and body are equal, and curl adds nothing of its own."""
    command_line = command(method, server.url + target, headers, body, has_key=False)
    assert command_line.inexact == ()
    assert command_line.line.isprintable()
    assert plain(command_line.line, longest=None) == command_line.line, (
        "nothing a CI service takes for a command"
    )
    received = arrived(server, command_line.line, shell)
    assert received == (method, target, _without_framing(headers), body or b"")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "a" * 65_536},
        {"texts": ["a text"] * 970},
        {"texts": ["a text" * 300] * 97},
        {"documents": [{"text": "one", "id": "x"}] * 10_000},
        {"texts": ["a" * 40_000, "b" * 40_000, "ab" * 20_000], "truncate": "NONE"},
        {"images": ["data:image/png;base64," + "".join(map(str, range(1000)))] * 97},
    ],
)
def test_a_body_that_repeats_one_thing_has_a_short_command(body: dict[str, object]) -> None:
    """It is printed by awk, however long it is."""
    sent = json.dumps(body).encode()
    request = Request("POST", "http://h/v1/x", JSON, sent)
    shown = repeating(Exchange(request, Response(200), Source("a")))
    assert shown is not None
    assert shown.inexact == ()
    assert len(shown.line) < len(sent)
    assert len(shown.line) < 6200, "one unit, and what is around it"


def test_a_long_body_that_repeats_nothing_has_no_command_in_a_report() -> None:
    body = json.dumps({"text": " ".join(map(str, range(10_000)))}).encode()
    request = Request("POST", "http://h/v1/x", JSON, body)
    assert repeating(Exchange(request, Response(200), Source("a"))) is None


@needs_curl
def test_a_chunked_body_is_sent_in_chunks(server: Hostile) -> None:
    headers = (*JSON, ("transfer-encoding", "chunked"))
    command_line = command("POST", f"{server.url}/v1/x", headers, b"{}", has_key=False)
    executed(command_line.line)
    assert b"transfer-encoding: chunked" in server.requests[-1].lower()
    assert b"content-length" not in server.requests[-1].lower()


@needs_curl
@pytest.mark.parametrize(
    ("headers", "has_key", "key_variable", "sent"),
    [
        ((("authorization", "[redacted]"),), True, "CO_API_KEY", ["Bearer reference-key"]),
        ((("authorization", "[redacted]"),), True, "CONFORMANCE_TRIAL_KEY", ["Bearer reference-trial-key"]),
        ((), True, "CO_API_KEY", ["Bearer reference-key"]),
        ((), False, "CO_API_KEY", []),
        (
            (("authorization", "Bearer conformance-wrong-key"),),
            True,
            "CO_API_KEY",
            ["Bearer conformance-wrong-key"],
        ),
        ((("authorization", "Basic Zm9vOmJhcg=="),), True, "CO_API_KEY", ["Basic Zm9vOmJhcg=="]),
        ((("authorization", ""),), True, "CO_API_KEY", [""]),
        ((("authorization", "[redacted]"),), True, "X;touch canary", ["Bearer reference-key"]),
    ],
)
def test_a_request_is_repeated_with_its_key(
    headers: Headers, has_key: bool, key_variable: str, sent: list[str], server: Hostile
) -> None:
    """The key of the run, another one that the environment has, one that is none, or no key at all."""
    request = Request(
        "GET", f"{server.url}/v1/models", headers, None, has_key=has_key, key_variable=key_variable
    )
    _, _, fields, _ = arrived(server, Exchange(request, Response(200), Source("a")).as_curl())
    assert [value for name, value in fields if name == "authorization"] == sent


@pytest.mark.parametrize(
    ("url", "headers", "body", "why"),
    [
        ("https://h/?key=[redacted]", (), None, "its URL is redacted"),
        ("https://h/", (("x-api-key", "[redacted]"),), None, "the header x-api-key is redacted"),
        ("https://h/", (("cookie", "[redacted]"),), None, "the header cookie is redacted"),
        ("https://h/", (), b'{"token": "[redacted]"}', "its body is redacted"),
        ("https://h/", (), b"a=1&token=redacted", "its body is redacted"),
        ("https://h/", (), b'{"client_secret": 0}', "its body is redacted"),
        ("https://h/", (("content-length", "7"),), None, "its body was not recorded as it was sent"),
        (
            "https://h/",
            (("content-encoding", "gzip"),),
            b"{}",
            "its body was recorded without its content coding",
        ),
        ("https://h/", (("x-a", "b\r\nx-c: d"),), None, "the header x-a has a line break or NUL"),
        ("https://h/", (("host", "g\r\nx-c: d"),), None, "the header host has a line break or NUL"),
        ("https://somebody:secret@h/", (), None, "its URL contains a user"),
        (
            "https://h/",
            (("@/etc/passwd", ""),),
            None,
            "it has a header field whose name is not an HTTP token",
        ),
        ("file:///etc/passwd", (), None, "its URL is not an HTTP URL"),
    ],
)
def test_what_cannot_be_repeated_is_reported(
    url: str, headers: Headers, body: bytes | None, why: str
) -> None:
    command_line = command("POST", url, headers, body)
    assert command_line.inexact == (why,)
    assert "x-c: d" not in command_line.line
    assert "-H @" not in command_line.line
    assert "secret@" not in command_line.line


@needs_curl
def test_a_request_for_another_host_says_so(server: Hostile) -> None:
    """Where the field `host` is not what the address says, it is part of the request."""
    command_line = command(
        "GET", f"{server.url}/v1/models", (("host", "api.cohere.com"),), None, has_key=False
    )
    executed(command_line.line)
    assert b"Host: api.cohere.com\r\n" in server.requests[-1]
    assert command_line.inexact == ()


@needs_curl
@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname", "file:canary", "-ocanary", "-K canary", "@canary", "gopher://127.0.0.1/x",
        "http://$(touch canary)/", "http://h;touch canary/", "http://`touch canary`/", "http://[::1/",
        "http://h\ntouch canary\n/", "", "http://", "http:///x", "scp://h/x", "http://127.0.0.1:99999/",
        "//h/x", "canary",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "method", ["POST$(touch canary)", "POST; touch canary", "-ocanary", "POST\ntouch canary\n"]
)
def test_hostile_values_do_nothing(url: str, method: str, tmp_path: Path) -> None:
    """No file is made, none is read, and nobody is asked for the address of a host that is none."""
    headers = (
        ("x", "$(touch canary)"),
        ("$(touch canary)", "a"),
        ("-ocanary", "a"),
        ("y", "\n touch canary \n"),
    )
    for body in (None, b"@/etc/hostname", b"$(touch canary)\n`touch canary`", b"'\ntouch canary\n'"):
        command_line = command(method, url, headers, body)
        assert command_line.inexact
        done = executed(command_line.line, tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert done.stdout == b""
        assert done.returncode


# -- recordings


@pytest.mark.parametrize("method", ["POST$(touch canary)", "GET /x", "", "G\u00cbT", "POST\n", "a:b"])
def test_an_invalid_method_is_an_error_of_its_entry(method: str, tmp_path: Path) -> None:
    """It is named with its place, and the entries around it are read."""
    good = {"method": "GET", "url": "https://api.cohere.com/v1/models", "status": 200}
    rows = [good, good | {"method": method}, good]
    har = [
        {"request": {"method": row["method"], "url": row["url"]}, "response": {"status": 200, "content": {}}}
        for row in rows
    ]
    vcr = [
        {"request": {"method": row["method"], "uri": row["url"]}, "response": {"status": {"code": 200}}}
        for row in rows
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": har}}), encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps({"interactions": vcr, "version": 1}), encoding="utf-8")
    (tmp_path / "a.yaml").write_text(
        json.dumps({"interactions": vcr, "version": 1}, indent=1), encoding="utf-8"
    )
    for name in ("a.jsonl", "a.har", "a.json", "a.yaml"):
        first, error, last = parse_recording(str(tmp_path / name))
        assert isinstance(first, Exchange), name
        assert isinstance(last, Exchange), name
        assert isinstance(error, TrafficError), name
        assert re.search(r"\b2\b", error.where), name
        assert "method" in error.reason, name
        assert str(error).isprintable(), name


# -- replays


@pytest.mark.parametrize(
    ("key", "headers", "key_variable"),
    [
        (Credential.VALID, "[redacted]", "CO_API_KEY"),
        (Credential.WRONG, "Bearer conformance-wrong-key", "CO_API_KEY"),
        (Credential.MALFORMED, "Basic Zm9vOmJhcg==", "CO_API_KEY"),
        (Credential.EMPTY, "Bearer", "CO_API_KEY"),
        (Credential.TRIAL, "[redacted]", "CONFORMANCE_TRIAL_KEY"),
        (Credential.EXPIRED, "[redacted]", "CONFORMANCE_EXPIRED_KEY"),
    ],
)
def test_a_replayed_case_is_repeated_with_its_own_key(
    key: Credential, headers: str, key_variable: str
) -> None:
    """A cassette holds no credentials, so the case says which ones there were."""
    recorded = Request("GET", "http://localhost/v1/models", (("authorization", "[redacted]"),), None)
    request = sent_with(recorded, key)
    assert request.headers == (("authorization", headers),)
    assert request.key_variable == key_variable
