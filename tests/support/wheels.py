"""A small SDK in the form that Fern generates, as a wheel that a test builds."""

from __future__ import annotations

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
