"""From an HTTP request to a call: the body is read, decoded, parsed and validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cohere_conformance.contract.route import path_parameters
from cohere_conformance.reference import crash_faults, text_faults, validation, validation_faults
from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.coding import LARGEST, body_of, decoded
from cohere_conformance.reference.handling import Call, UploadedPart
from cohere_conformance.reference.remembered import ValidBody
from cohere_conformance.reference.retired import refuse_retired
from cohere_conformance.reference.threads import in_thread

if TYPE_CHECKING:
    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.http_messages import HttpRequest
    from cohere_conformance.reference.keys import ApiKey
    from cohere_conformance.reference.state import ServerState

QUICK = 64 * 1024
"""The maximum size in bytes of a body that is validated in the event loop; a larger one in a thread."""


async def receive(
    request: HttpRequest, declared: Operation, key: ApiKey, state: ServerState
) -> tuple[Call, tuple[str, ...]]:
    """Read and validate a request; return the call, and the warnings of its response.

    Args:
        request: its body has not been read.
        declared: the operation that it calls.
        key: the key of the caller.
        state: the state of the server.

    Raises:
        ApiError: the request is invalid.
    """
    form: tuple[UploadedPart, ...] = ()
    content = b""
    faults = state.faults
    if faults:
        crash_faults.asked(declared, request.head.query, request.headers, faults)
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await _form(request)
        crash_faults.formed(declared, form, faults)
    else:
        content = await body_of(request)
        if faults:
            crash_faults.sent(declared, content, request.headers, faults)
    refuse_retired(declared, state.profile)
    size = len(content) + sum(len(part.content) for part in form)
    if len(content) > QUICK:
        valid = await in_thread(_validated, request, declared, content, state)
    else:
        valid = _validated(request, declared, None if form else content, state)
    body, query = valid
    call = Call(
        operation=declared,
        path=path_parameters(declared.label, request.raw_path),
        query=query,
        headers=request.headers,
        body=body.value,
        form=form,
        base_url=request.head.base_url,
        state=state,
        account=state.account(key.organization),
        results=body.results,
        size=size,
    )
    return call, body.warnings


def _validated(
    request: HttpRequest, declared: Operation, content: bytes | None, state: ServerState
) -> tuple[ValidBody, dict[str, Any]]:
    """Return the JSON body, which is `{}` for forms, and the query parameters of a request."""
    if content is None:
        return ValidBody({}), _query(request, declared, state)
    faults, profile = state.faults, state.profile
    known = None if faults else state.remembered.find(declared.label, profile, content)
    if known is not None:
        return known, _query(request, declared, state)
    sent = validation.body_of(content, faults)
    query = _query(request, declared, state)
    sent = validation_faults.body(declared, sent, faults)
    warnings = validation.validate(declared, sent, state)
    body = ValidBody(text_faults.misread(_given(sent), faults), tuple(warnings))
    if not faults:
        state.remembered.add(declared.label, profile, content, body)
    return body, query


def _query(request: HttpRequest, declared: Operation, state: ServerState) -> dict[str, Any]:
    if not declared.query:
        return {}
    pairs = validation_faults.query(declared, request.head.query, state.faults)
    return validation.query_of(declared, pairs, state)


def _given(body: Any) -> dict[str, Any]:
    """Return a body without the nulls at its top."""
    items = body.items() if isinstance(body, dict) else ()
    return {name: value for name, value in items if value is not None}


class _FormParser(MultiPartParser):
    """Parses a form, and closes its files even if the last part is incomplete."""

    def close(self) -> None:
        """Close the file of every part."""
        for file in self._files_to_close_on_error:
            file.close()


async def _form(request: HttpRequest) -> tuple[UploadedPart, ...]:
    parser = _FormParser(Headers(scope=request.scope), decoded(request, most=None), max_part_size=LARGEST)
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
