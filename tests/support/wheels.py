"""A small SDK in the form that Fern generates, as a wheel that a test builds."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CLIENT = """
import typing
from ..core.client_wrapper import AsyncClientWrapper, SyncClientWrapper
from ..core.http_response import AsyncHttpResponse, HttpResponse
from ..core.serialization import convert_and_respect_annotation_metadata
from .. import core
from ..types.item import Item
from ..types.mode import Mode
from ..types.event import Event
from ..types.reply import Reply

OMIT = typing.cast(typing.Any, ...)


class RawThingsClient:
    def __init__(self, *, client_wrapper: SyncClientWrapper):
        self._client_wrapper = client_wrapper

    def create(
        self,
        *,
        text: str,
        mode: typing.Optional[Mode] = OMIT,
        items: typing.Optional[typing.Sequence[Item]] = OMIT,
        request_options: typing.Optional[RequestOptions] = None,
    ) -> HttpResponse[Reply]:
        _response = self._client_wrapper.httpx_client.request(
            "v2/things",
            method="POST",
            json={
                "text": text,
                "mode": mode,
                "items": convert_and_respect_annotation_metadata(
                    object_=items, annotation=typing.Sequence[Item], direction="write"
                ),
                "stream": False,
            },
        )

    def create_stream(
        self, *, text: str, mode: typing.Optional[Mode] = OMIT
    ) -> typing.Iterator[HttpResponse[typing.Iterator[Event]]]:
        with self._client_wrapper.httpx_client.stream(
            "v2/things", method="POST", json={"text": text, "mode": mode, "stream": True}
        ) as _response:
            yield _response

    def upload(
        self, id: str, *, file: core.File, extra: typing.Optional[core.File] = OMIT
    ) -> HttpResponse[None]:
        _response = self._client_wrapper.httpx_client.request(
            f"v2/things/{encode_path_param(id)}/file",
            method="PUT",
            data={},
            files={"file": file, **({"extra": extra} if extra is not None else {})},
        )

    def list(
        self,
        *,
        limit: typing.Optional[int] = None,
        tags: typing.Optional[typing.Union[str, typing.Sequence[str]]] = None,
    ) -> HttpResponse[typing.Dict[str, typing.Any]]:
        _response = self._client_wrapper.httpx_client.request(
            "v2/things", method="GET", params={"limit": limit, "tagNames": tags}
        )


class AsyncRawThingsClient:
    async def create(self, *, other: str) -> AsyncHttpResponse[Reply]:
        _response = await self._client_wrapper.httpx_client.request(
            "v2/other", method="POST", json={"other": other}
        )
"""
_MODEL = """
import typing
import pydantic
import typing_extensions
from ..core.unchecked_base_model import UncheckedBaseModel, UnionMetadata
from ..core.serialization import FieldMetadata
"""
_FILES = {
    "__init__": "",
    "core/__init__": "",
    "core/unchecked_base_model": "class UncheckedBaseModel: ...\nclass UnionMetadata: ...\n",
    "things/__init__": "",
    "things/raw_client": _CLIENT,
    "types/__init__": "",
    "types/mode": 'import typing\n\nMode = typing.Union[typing.Literal["fast", "exact"], typing.Any]\n',
    "types/item": _MODEL
    + '''
class Item(UncheckedBaseModel):
    """An item."""

    name: str = pydantic.Field()
    """Its name."""
    size: typing.Optional[float] = pydantic.Field(default=None)
    schema_: typing_extensions.Annotated[
        typing.Optional[typing.Dict[str, typing.Any]],
        FieldMetadata(alias="schema"),
        pydantic.Field(alias="schema"),
    ] = None
    below: typing.Optional["Item"] = None
    model_config: typing.ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="allow")
''',
    "types/event": "from __future__ import annotations\n"
    + _MODEL
    + """
class StartEvent(UncheckedBaseModel):
    type: typing.Literal["start"] = "start"
    id: str


class TextEvent(UncheckedBaseModel):
    type: typing.Literal["text"] = "text"
    text: typing.Optional[str] = None


Event = typing_extensions.Annotated[typing.Union[StartEvent, TextEvent], UnionMetadata(discriminant="type")]
""",
    "types/reply": _MODEL
    + """
from .item import Item


class Reply(UncheckedBaseModel):
    id: str
    items: typing.List[Item]
    count: typing.Optional[int] = None
""",
}


def sdk_wheel(
    folder: Path, version: str = "1.0.0", *, changes: Mapping[str, tuple[str, str]] | None = None
) -> Path:
    """Write the wheel of the SDK.

    Args:
        folder: to write it to.
        version: of the SDK.
        changes: for some modules (`types/reply`) a text and what replaces it.
    """
    path = folder / f"things-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in _FILES.items():
            before, after = (changes or {}).get(name, ("", ""))
            assert before in text
            archive.writestr(f"things/{name}.py", text.replace(before, after, 1) if before else text)
        archive.writestr(f"things-{version}.dist-info/METADATA", f"Name: things\nVersion: {version}\n")
    return path


_AUTUMN = {
    "__init__": "",
    "core/__init__": "",
    "core/unchecked_base_model": "class UncheckedBaseModel: ...\nclass UnionMetadata: ...\n",
    "v2/__init__": "",
    "v2/raw_client": """
import typing
from ..core.client_wrapper import SyncClientWrapper
from ..core.http_response import HttpResponse
from ..types.rerank import RerankResponse
from ..types.parse import ParseResponse

OMIT = typing.cast(typing.Any, ...)


class RawV2Client:
    def rerank(
        self, *, model: str, query: str, documents: typing.Sequence[str]
    ) -> HttpResponse[RerankResponse]:
        _response = self._client_wrapper.httpx_client.request(
            "v2/rerank", method="POST", json={"model": model, "query": query, "documents": documents}
        )

    def parse(
        self, *, model: str, mode: typing.Optional[typing.Literal["blocks", "markdown"]] = OMIT
    ) -> HttpResponse[ParseResponse]:
        _response = self._client_wrapper.httpx_client.request(
            "v2/parse", method="POST", json={"model": model, "mode": mode}
        )
""",
    "types/__init__": "",
    "types/rerank": _MODEL
    + """
class RerankSpan(UncheckedBaseModel):
    start: int
    end: int
    score: typing.Optional[float] = None


class RerankResult(UncheckedBaseModel):
    index: int
    relevance_score: float
    relevant_spans: typing.Optional[typing.List[RerankSpan]] = None


class RerankResponse(UncheckedBaseModel):
    id: typing.Optional[str] = None
    results: typing.List[RerankResult]
""",
    "types/parse": _MODEL
    + """
class TextBlock(UncheckedBaseModel):
    type: typing.Literal["text"] = "text"
    text: str


class TableBlock(UncheckedBaseModel):
    type: typing.Literal["table"] = "table"
    html: typing.Optional[str] = None


Block = typing_extensions.Annotated[
    typing.Union[TextBlock, TableBlock], UnionMetadata(discriminant="type")
]


class ParseResponse(UncheckedBaseModel):
    id: str
    blocks: typing.List[Block]
""",
}


def autumn_wheel(folder: Path) -> Path:
    """Write the wheel of a small SDK with two things that the document of 2026-08-20 does not have."""
    path = folder / "autumn-7.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in _AUTUMN.items():
            archive.writestr(f"autumn/{name}.py", text)
        archive.writestr("autumn-7.3.0.dist-info/METADATA", "Name: autumn\nVersion: 7.3.0\n")
    return path


_NPM_CLIENT = """
const core = __importStar(require("../../../../core"));
class ThingsClient {
    __create(request, requestOptions) {
        return __awaiter(this, void 0, void 0, function* () {
            const _response = yield core.fetcher({
                url: core.url.join(base, "v2/things"),
                method: "POST",
                body: Object.assign(Object.assign({}, serializers.ThingRequest.jsonOrThrow(request, {
                    unrecognizedObjectKeys: "passthrough",
                })), { stream: false }),
            });
            if (_response.ok) {
                return {
                    data: serializers.Reply.parseOrThrow(_response.body, { skipValidation: true }),
                };
            }
            return (0, handleNonStatusCodeError_1.handleNonStatusCodeError)(_response.error, _response.rawResponse, "POST", "/v2/things");
        });
    }
    __stream(request, requestOptions) {
        body: Object.assign(Object.assign({}, serializers.ThingRequest.jsonOrThrow(request, {})), { stream: true }),
        schema: { parse: (data) => serializers.Event.parseOrThrow(data, {}) },
        return (0, handleNonStatusCodeError_1.handleNonStatusCodeError)(_response.error, _response.rawResponse, "POST", "/v2/things");
    }
    __upload(request, requestOptions) {
        yield _body.appendFile("file", file);
        if (extra != null) {
            yield _body.appendFile("extra", extra);
        }
        return (0, handleNonStatusCodeError_1.handleNonStatusCodeError)(_response.error, _response.rawResponse, "PUT", "/v2/things/{id}/file");
    }
    __list() {
        const _queryParams = {
            limit,
            tagNames: tags != null ? serializers.Mode.jsonOrThrow(tags, { breadcrumbs: ["a", "b"] }) : undefined,
        };
        return (0, handleNonStatusCodeError_1.handleNonStatusCodeError)(_response.error, _response.rawResponse, "GET", "/v2/things");
    }
}
"""  # noqa: E501
_NPM_FILES = {
    "api/resources/things/client/Client.js": _NPM_CLIENT,
    "serialization/types/Mode.js": 'exports.Mode = core.serialization.enum_(["fast", "exact"]);\n',
    "serialization/types/ThingRequest.js": """
exports.ThingRequest = core.serialization.object({
    text: core.serialization.string(),
    mode: Mode_1.Mode.optional(),
    items: core.serialization.list(Item_1.Item).optional(),
});
""",
    "serialization/types/Item.js": """
exports.Item = core.serialization
    .object({
    size: core.serialization.number().optional(),
    schema: core.serialization.record(core.serialization.string(), core.serialization.unknown()).optional(),
    below: core.serialization.lazy(() => Item_1.Item).optional(),
})
    .extend(Named_1.Named);
""",
    "serialization/types/Named.js": "exports.Named = core.serialization.object({\n    name: core.serialization.string(),\n});\n",  # noqa: E501
    "serialization/types/Event.js": """
exports.Event = core.serialization
    .union(core.serialization.discriminant("kind", "type"), {
    start: core.serialization.object({ id: core.serialization.string() }),
    "text": core.serialization.object({ text: core.serialization.string().optional() }),
})
    .transform({
    transform: (value) => value,
    untransform: (value) => value,
});
""",
    "serialization/types/Reply.js": """
exports.Reply = core.serialization.object({
    replyId: core.serialization.property("id", core.serialization.string()),
    items: core.serialization.list(Item_1.Item),
    count: core.serialization.number().optional(),
});
""",
}


def npm_archive(folder: Path, *, changes: Mapping[str, tuple[str, str]] | None = None) -> Path:
    """Write an archive of npm with the same SDK in TypeScript, as it is published: compiled to JavaScript.

    Args:
        folder: to write it to.
        changes: for some files a text and what replaces it.
    """
    path = folder / "things-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in _NPM_FILES.items():
            before, after = (changes or {}).get(name, ("", ""))
            assert before in text
            data = (text.replace(before, after, 1) if before else text).encode()
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path
