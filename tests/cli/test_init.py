"""`init` asks a server what it has, and writes a file that `run` reads."""

from __future__ import annotations

import socket
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from reachable import reachable
from running import called
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cohere_conformance.configuration.schema import URL
from cohere_conformance.contract.tiers import shipped_policies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

KEY = "reference-key"


def mock(*paths: str, missing: Callable[[Request], Response] | None = None, key: str = "") -> Starlette:
    """Return a server that has a few operations, each with a canned response."""

    async def served(request: Request) -> JSONResponse:
        if key and request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"message": "invalid api token"}, 401)
        body = await request.json() if request.method == "POST" else {}
        if body.get("model") == "rerank-english-v2.0":
            return JSONResponse({"message": "model 'rerank-english-v2.0' not found"}, 404)
        return JSONResponse({"id": "x"})

    async def absent(request: Request, _: Exception) -> Response:
        return missing(request) if missing is not None else JSONResponse({"detail": "Not Found"}, 404)

    routes = [Route(path, served, methods=[method]) for method, path in (one.split(" ") for one in paths)]
    return Starlette(routes=routes, exception_handlers={404: absent})


def written(home: Path, name: str = "conformance.toml") -> tuple[dict[str, Any], str]:
    text = (home / name).read_text(encoding="utf-8")
    return tomllib.loads(text), text


def test_a_complete_server(tmp_path: Path) -> None:
    with reachable() as server:
        done = called(tmp_path, "init", server.url, key=KEY)
    assert done.code == 0, done.output
    said, text = written(tmp_path)
    assert said == {"url": server.url, "key-variable": "CO_API_KEY", "limits": {}}
    assert text.startswith(f"#:schema {URL}\n")
    assert "# The server has every operation that was asked." in text
    assert '# chat = "command-a-03-2025"' in text
    assert "next: cohere-conformance run" in done.output
    policies = shipped_policies()
    methods = {method for method, _, _ in server.seen}
    assert methods == {"GET", "POST"}
    effects = {policies[f"{m} {p}"].effect for m, p, _ in server.seen if f"{m} {p}" in policies}
    assert effects <= {"reads", "computes"}
    assert len(server.seen) < 40


@pytest.mark.parametrize(
    "missing",
    [
        None,
        lambda request: JSONResponse({"message": f"Cannot {request.method} {request.url.path}"}, 404),
        lambda request: JSONResponse({"message": "not implemented"}, 501),
        lambda request: JSONResponse({"message": "no", "id": f"{hash(request):032x}"[-32:]}, 404),
    ],
)
def test_a_server_with_a_few_operations(
    tmp_path: Path, missing: Callable[[Request], Response] | None
) -> None:
    app = mock("POST /v2/chat", "POST /v2/rerank", "POST /v1/rerank", "POST /v1/embed", missing=missing)
    with reachable(app) as server:
        done = called(tmp_path, "init", server.url)
    assert done.code == 0, done.output
    said, text = written(tmp_path)
    assert said["declares"] == ["v2.chat", "v1.embed", "rerank"]
    assert said["key-variable"] == "", "the server answers requests without a key"
    assert "# Not found (status 404, 405 or 501): GET /v1/connectors, " in text


def test_the_path_at_which_the_api_begins_is_found(tmp_path: Path) -> None:
    with reachable(mock("POST /v2/chat"), base="/cohere") as server:
        root = server.url.removesuffix("/cohere")
        done = called(tmp_path, "init", f"{root}/v2", "--output", "mine.toml")
    assert done.code == 0, done.output
    assert written(tmp_path, "mine.toml")[0]["url"] == f"{root}/cohere"


def test_a_key_and_a_field_that_the_server_wants(tmp_path: Path) -> None:
    app = mock("POST /v2/chat", key="ours-0123456789")
    options = ("--key-variable", "OURS", "--header", "X-Tenant: ${TENANT}", "--request-timeout", "30")
    with reachable(app, host="0.0.0.0", field=("x-tenant", "tenant-9c1e")) as server:
        done = called(
            tmp_path,
            "init",
            server.url,
            "--own-server",
            *options,
            OURS="ours-0123456789",
            TENANT="tenant-9c1e",
        )
    assert done.code == 0, done.output
    said, text = written(tmp_path)
    assert said == {
        "url": server.url,
        "own": True,
        "key-variable": "OURS",
        "declares": ["v2.chat"],
        "headers": {"x-tenant": "${TENANT}"},
        "limits": {"request-timeout": 30},
    }
    assert "ours-0123456789" not in text + done.output
    assert "tenant-9c1e" not in text + done.output


def test_a_server_that_refuses_the_key(tmp_path: Path) -> None:
    app = mock("POST /v2/chat", key="another", missing=lambda _: JSONResponse({"message": "who?"}, 401))
    with reachable(app) as server:
        done = called(tmp_path, "init", server.url)
    assert done.code == 0, done.output
    said, _ = written(tmp_path)
    assert said == {"url": server.url, "key-variable": "CO_API_KEY", "limits": {}}
    assert "the server refuses the key in CO_API_KEY: set it and try again" in done.output


def test_a_server_that_answers_everything_is_said_to(tmp_path: Path) -> None:
    with reachable(mock(missing=lambda _: JSONResponse({"ok": True}))) as server:
        done = called(tmp_path, "init", server.url)
    assert done.code == 0, done.output
    assert "# The server answers requests for any path" in written(tmp_path)[1]


def test_what_the_server_says_cannot_write_keys(tmp_path: Path) -> None:
    evil = {"models": [{"name": 'x"\nown = true\n#', "endpoints": ["chat"]}, {"name": "a\u202eb"}]}

    async def models(_: Request) -> JSONResponse:
        return JSONResponse(evil)

    with reachable(Starlette(routes=[Route("/v1/models", models)])) as server:
        done = called(tmp_path, "init", server.url)
    assert done.code == 0, done.output
    assert set(written(tmp_path)[0]) == {"url", "key-variable", "declares", "limits"}


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text("# mine", encoding="utf-8")
    with reachable() as server:
        done = called(tmp_path, "init", server.url)
        assert (done.code, server.seen) == (4, []), done.output
        assert "add --force" in done.output
        assert written(tmp_path)[1] == "# mine"
        assert called(tmp_path, "init", server.url, "--force").code == 0


@pytest.mark.parametrize(
    ("url", "options", "code", "words"),
    [
        ("http://127.0.0.1:{port}", (), 3, "expected a server that responds, got refused"),
        ("http://gateway:4000", (), 4, "--own-server if the host is yours"),
        ("https://api.cohere.com", ("--own-server",), 4, "which is the vendor's"),
        ("localhost:4000", (), 4, "expected a base URL"),
    ],
)
def test_without_a_server_nothing_is_written(
    tmp_path: Path, url: str, options: tuple[str, ...], code: int, words: str
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = called(tmp_path, "init", url.format(port=unused.getsockname()[1]), *options)
    assert done.code == code, done.output
    assert words in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_something_else_is_an_error(tmp_path: Path) -> None:
    with reachable(mock("GET /healthz")) as server:
        done = called(tmp_path, "init", server.url)
    assert done.code == 3, done.output
    assert "expected a server with operations of the API" in done.output
    assert f"{server.url}/cohere" in done.output
