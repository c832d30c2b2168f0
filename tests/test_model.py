"""The command that repeats a request does so, whatever the request holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from hostile import Hostile, Talk, answer

from cohere_conformance.model import Exchange, Request, Response, Source

CURL = shutil.which("curl")


def repeated(server: Hostile, body: bytes | None, *, has_key: bool = True) -> bytes:
    fields = (("content-type", "application/json"), ("authorization", "[redacted]"))
    request = Request("POST", f"{server.url}/v2/rerank?a=b%20c", fields, body, has_key=has_key)
    command = Exchange(request, Response(200), Source("a")).as_curl()
    environment = {**os.environ, "CO_API_KEY": "co-test-key", "NO_PROXY": "*"}
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, env=environment, timeout=900)
    return server.requests[-1]


@pytest.mark.skipif(CURL is None, reason="curl is not installed here")
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"query": 'it\'s "quoted" $HOME `id` \\n', "n": 1}).encode(),
        "@file zażółć 日本語 🦜".encode(),
        b"--x\r\ncontent-disposition: form-data\r\n\r\n\x00\xff\xfe\r\n--x--\r\n",
        b"\0",
        None,
    ],
)
def test_the_same_bytes_are_sent_again(body: bytes | None) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(answer())

    with Hostile(script) as server:
        head, _, received = repeated(server, body).partition(b"\r\n\r\n")
        assert received == (body or b"")
        assert head.startswith(b"POST /v2/rerank?a=b%20c HTTP/1.1")
        assert b"Authorization: Bearer co-test-key" in head
        keyless, _, _ = repeated(server, body, has_key=False).partition(b"\r\n\r\n")
        assert b"authorization" not in keyless.lower()
