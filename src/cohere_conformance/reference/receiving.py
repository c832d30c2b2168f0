"""From an HTTP request to a call: its body is read, decoded, parsed and validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cohere_conformance.contract.route import path_parameters
from cohere_conformance.reference import crash_faults, text_faults, validation, validation_faults
from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.coding import LARGEST, decoded
from cohere_conformance.reference.handling import Call, UploadedPart

if TYPE_CHECKING:
    from starlette.requests import Request

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.keys import ApiKey
    from cohere_conformance.reference.state import ServerState

QUICK = 64 * 1024
"""Bytes of a request that are worked on at once; more takes its time in a thread, beside other requests."""


async def receive(
    request: Request, declared: Operation, key: ApiKey, state: ServerState
) -> tuple[Call, list[str]]:
    """Read and validate what was sent; return it with the warnings that it earns.

    Args:
        request: whose body has not been read.
        declared: the operation that it calls.
        key: whose call it is.
        state: the server's memory.

    Raises:
        ApiError: it is no request of this operation.
    """
    form: tuple[UploadedPart, ...] = ()
    content = b""
    crash_faults.asked(declared, request.query_params.multi_items(), request.headers, state.faults)
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await _form(request)
        crash_faults.formed(declared, form, state.faults)
    else:
        content = await _content(request)
        crash_faults.sent(declared, content, request.headers, state.faults)
    size = len(content) + sum(len(part.content) for part in form)
    if len(content) > QUICK:
        valid = await to_thread.run_sync(
            _validated, request, declared, content, state, abandon_on_cancel=True
        )
    else:
        valid = _validated(request, declared, None if form else content, state)
    body, query, warnings = valid
    call = Call(
        operation=declared,
        path=path_parameters(declared.label, request.scope["raw_path"].decode("ascii", "replace")),
        query=query,
        headers=dict(request.headers),
        body=text_faults.misread(_given(body), state.faults),
        form=form,
        base_url=f"{request.url.scheme}://{request.headers.get('host', 'localhost')}",
        state=state,
        account=state.account(key.organization),
        size=size,
    )
    return call, warnings


def _validated(
    request: Request, declared: Operation, content: bytes | None, state: ServerState
) -> tuple[Any, dict[str, Any], list[str]]:
    """Return the JSON body, the query parameters and the warnings of a request; a form has no such body."""
    body = {} if content is None else validation.body_of(content, state.faults)
    pairs = request.query_params.multi_items()
    query = validation.query_of(declared, validation_faults.query(declared, pairs, state.faults), state)
    if content is None:
        return body, query, []
    body = validation_faults.body(declared, body, state.faults)
    return body, query, validation.validate(declared, body, state)


def _given(body: Any) -> dict[str, Any]:
    """Return a body without the nulls at its top: they count as not sent (G-17)."""
    items = body.items() if isinstance(body, dict) else ()
    return {name: value for name, value in items if value is not None}


async def _content(request: Request) -> bytes:
    content = bytearray()
    async for piece in decoded(request):
        content += piece
    return bytes(content)


class _FormParser(MultiPartParser):
    """Reads a form whose files are closed also where the last one never ends."""

    def close(self) -> None:
        """Close the file of every part."""
        for file in self._files_to_close_on_error:
            file.close()


async def _form(request: Request) -> tuple[UploadedPart, ...]:
    parser = _FormParser(request.headers, decoded(request, most=None), max_part_size=LARGEST)
    parts = []
    try:
        form = await parser.parse()
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                parts.append(UploadedPart(name, content, value.filename or "", value.content_type or ""))
            else:
                parts.append(UploadedPart(name, value.encode("utf-8", "replace")))
    except MultiPartException as error:
        raise ApiError(400, f"invalid multipart form: {error.message}") from error
    finally:
        parser.close()
    return tuple(parts)
