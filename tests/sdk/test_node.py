"""The official TypeScript SDK by Node: here a package that is written like it, as far as it is used."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from builders import SSE, exchange, sse

from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.sdk.node import NodeSdk
from cohere_conformance.sdk.parsers import SdkParsers
from cohere_conformance.sdk.values import differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.report import SdkParse

RERANK, CHAT, MODEL = "POST /v2/rerank", "POST /v2/chat", "GET /v1/models/{model}"
SERIALIZATION = """
const required = (raw, name) =>
    name in raw ? [] : [{path: ["response"], message: `Missing required key "${name}"`}];
const schema = (check) => ({
    parse: (raw) => ((errors) => ({ok: errors.length === 0, errors}))(check(raw)),
    json: (value) => ({ok: true, value}),
    jsonOrThrow: () => { throw new Error("an invalid request"); },
    parseOrThrow: (raw) => {
        if (raw.explode) throw new RangeError("explode");
        const { forgotten, ...kept } = raw;
        return kept;
    },
});
exports.Result = schema((raw) => required(raw, "results"));
exports.chat = { Event: schema((raw) => typeof raw.index === "number" ? [] :
    [{path: ["response", "index", "[0]"], message: "Expected number"}]) };
"""
INDEX = """
const { Result, chat } = require("./serialization/index.js");
class NotFoundError extends Error {}
exports.CohereClient = class {
    constructor(options) {
        const sent = async () => {
            const response = await options.fetch("http://nobody");
            if (response.status === 404) throw new NotFoundError();
            return response;
        };
        const rerank = async (request) => {
            Result.jsonOrThrow(request);
            return Result.parseOrThrow(await (await sent()).json());
        };
        async function* chatStream() {
            for (const line of (await (await sent()).text()).split("\\n")) {
                if (line.startsWith("data: {")) {
                    const event = JSON.parse(line.slice(6));
                    if (event.type !== "news") yield chat.Event.parseOrThrow(event);
                }
            }
        }
        this.v2 = { rerank, chatStream };
        this.models = { get: async (id) => { if (id === "m") await sent(); } };
    }
};
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("project")
    package = home / "node_modules" / "cohere-ai"
    (package / "serialization").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "8.0.0", "main": "index.js"}', encoding="utf-8")
    (package / "index.js").write_text(INDEX, encoding="utf-8")
    (package / "serialization" / "index.js").write_text(SERIALIZATION, encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def sdk(folder: Path) -> Iterator[NodeSdk]:
    if shutil.which("node") is None:
        pytest.skip("needs Node")
    made = NodeSdk(str(folder))
    yield made
    made.close()


def parsed(sdk: NodeSdk, label: str, body: Any, **further: Any) -> SdkParse | None:
    return sdk.parse(exchange(label.replace("{model}", "m"), body, **further), label)


def test_the_version_is_that_of_the_package(sdk: NodeSdk) -> None:
    assert sdk.name == "cohere-ai 8.0.0"


@pytest.mark.parametrize(
    ("body", "lost", "mistyped"),
    [
        ({"results": [1]}, (), ()),
        ({"results": [], "forgotten": 1}, ("/forgotten",), ()),
        ({"other": 1}, (), ("/results",)),
    ],
)
def test_what_is_lost_and_what_has_a_wrong_type_is_found(
    sdk: NodeSdk, body: Any, lost: tuple[str, ...], mistyped: tuple[str, ...]
) -> None:
    found = parsed(sdk, RERANK, body, request={"model": "m"})
    assert found is not None
    assert (found.raised, found.lost, found.mistyped) == ("", lost, mistyped)


@pytest.mark.parametrize(
    ("body", "status", "raised"),
    [({"explode": True}, 200, "RangeError"), (b"{", 200, "SyntaxError"), ({}, 404, "NotFoundError")],
)
def test_the_class_of_the_exception_is_named(sdk: NodeSdk, body: Any, status: int, raised: str) -> None:
    found = parsed(sdk, RERANK, body, status=status, request={})
    assert found is not None
    assert (found.raised, found.lost) == (raised, ())


def test_events_are_compared_one_by_one(sdk: NodeSdk) -> None:
    events = [{"type": "a", "index": 0}, {"type": "news", "index": 1}, {"type": "b", "index": "x"}]
    found = parsed(sdk, CHAT, sse(events), headers=SSE, request={"stream": True})
    assert found is not None
    assert (found.lost, found.mistyped) == (("<news>",), ("<b>/index/*",))


def test_a_media_type_that_the_sdk_does_not_request_is_not_parsed(sdk: NodeSdk) -> None:
    """JSON is what it gets as well, whatever the recorded client has accepted."""
    lines = "application/stream+json"
    accepts, further = (("accept", lines),), {"headers": (("content-type", lines),)}
    assert parsed(sdk, RERANK, {"results": []}, request={}, request_headers=accepts, **further) is None
    assert parsed(sdk, RERANK, {"results": []}, request={}, request_headers=accepts) is not None


def test_parameters_of_the_path_are_given_and_a_result_that_is_discarded_is_lost(sdk: NodeSdk) -> None:
    found = parsed(sdk, MODEL, {"name": "m"})
    assert found is not None
    assert found.lost == ("/name",)


def test_what_the_sdk_does_not_send_is_not_parsed(sdk: NodeSdk) -> None:
    """It has no such method, or refuses the request itself."""
    assert parsed(sdk, "POST /v1/tokenize", {}, request={}) is None
    assert sdk.parse(exchange("GET /v1/models/other", {}), MODEL) is None


def test_a_process_that_has_ended_is_an_error(folder: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("needs Node")
    made = NodeSdk(str(folder))
    made.close()
    with pytest.raises(ReportError, match="leave out --sdk-effect-node"):
        parsed(made, RERANK, {}, request={})


def test_a_folder_without_the_sdk_is_a_wrong_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cohere_conformance.sdk.installed.shutil.which", lambda _: "/usr/bin/node")
    with pytest.raises(UsageError, match="npm install --prefix"):
        _ = SdkParsers(node=str(tmp_path)).names
    monkeypatch.setattr("cohere_conformance.sdk.installed.shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="install Node"):
        _ = SdkParsers(node=str(tmp_path)).names


@pytest.mark.parametrize(
    ("recorded", "left", "found"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, []),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a/b": 1}, {}, ["/a~1b"]),
        ([{"a": 1}], [{"a": "1"}], ["/*/a"]),
        ([1, 2], [1], [""]),
        ("2026-11-29T00:00:00Z", "2026-11-29T00:00:00.000Z", []),
        ("2026-11-29T00:00:00.000001Z", "2026-11-29T00:00:00.000Z", [""]),
        ("2026-11-29", "a text", [""]),
    ],
)
def test_values_are_compared(recorded: Any, left: Any, found: list[str]) -> None:
    assert list(differences(json.loads(json.dumps(recorded)), left)) == found
