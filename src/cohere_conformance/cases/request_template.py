"""Templates of requests: a request with placeholders, and the request that is sent for given values."""

from __future__ import annotations

import enum
import hashlib
import io
import json
import math
import struct
import wave
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from cohere_conformance.cases.template import filled, mapped, rendered
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Headers
from cohere_conformance.privacy.words import INVALID_BASIC, INVALID_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.model import Request

_RATE = 16_000
_PITCH = 440


class Credential(enum.StrEnum):
    """The credentials with which a request is sent."""

    VALID = "valid"
    """The key of the run."""
    NONE = "none"
    """No `Authorization` header at all."""
    WRONG = "wrong"
    """A key that does not exist."""
    MALFORMED = "malformed"
    """Credentials of another scheme."""
    EXPIRED = "expired"
    """An expired trial key; the run must have one."""
    TRIAL = "trial"
    """A trial key; the run must have one."""
    EMPTY = "empty"
    """The scheme without a key."""
    LOWER_CASE = "lower-case"
    """The key of the run after `bearer` in lower case."""
    SPACED = "spaced"
    """The key of the run after two spaces."""


_AUTHORIZATION = {
    Credential.WRONG: f"Bearer {INVALID_KEY}",
    Credential.MALFORMED: f"Basic {INVALID_BASIC}",
    Credential.EMPTY: "Bearer",
}
_VARIABLE = {Credential.EXPIRED: "CONFORMANCE_EXPIRED_KEY", Credential.TRIAL: "CONFORMANCE_TRIAL_KEY"}


def sent_with(request: Request, key: Credential) -> Request:
    """Return a request of a cassette with the credentials of its case.

    A cassette shows only that there were credentials.

    Args:
        request: with redacted credentials.
        key: of the case.
    """
    sent = _AUTHORIZATION.get(key)
    headers = tuple(
        (name, sent if sent is not None and name == "authorization" else value)
        for name, value in request.headers
    )
    return msgspec.structs.replace(request, headers=headers, key_variable=_VARIABLE.get(key, KEY_VARIABLE))


_SCHEMES = {Credential.VALID: "Bearer", Credential.LOWER_CASE: "bearer", Credential.SPACED: "Bearer "}
"""The scheme before a space and the key of the run; its case does not matter (RFC 9110, 11.1)."""


class FormPart(msgspec.Struct, frozen=True):
    """One part of a multipart form.

    Attributes:
        name: the field.
        content: a text with placeholders, or bytes as they are.
        filename: of an uploaded file; a plain field has none.
        type: media type of the part; guessed from the filename if it is `None`.
    """

    name: str
    content: str | bytes
    filename: str | None = None
    type: str | None = None


class RequestTemplate(msgspec.Struct, frozen=True):
    """A request with placeholders in its texts.

    Attributes:
        operation: label such as `POST /v2/chat`.
        path: the path parameters.
        query: name and value of each parameter, in order.
        headers: in addition to those that follow from the body and the credentials; lower-case names.
        body: JSON; `UNSET` if there is no such body, because `null` is one.
        text: a body that is not serialized: a text with placeholders, or bytes.
        form: the parts of a multipart body.
        content_type: of `text`; empty if the request has none.
        method: instead of the operation's; empty for the operation's.
        target: path instead of the operation's, encoded except for its placeholders; the query is appended.
            Empty for the operation's.
    """

    operation: str
    path: dict[str, str] = {}
    query: tuple[tuple[str, str], ...] = ()
    headers: Headers = ()
    body: object = msgspec.UNSET
    text: str | bytes | None = None
    form: tuple[FormPart, ...] = ()
    content_type: str = "application/json"
    method: str = ""
    target: str = ""

    @classmethod
    def literal(
        cls,
        operation: str,
        path: Mapping[str, str] | None = None,
        query: Iterable[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: object = msgspec.UNSET,
        form: Iterable[FormPart] = (),
    ) -> RequestTemplate:
        """Return a template without placeholders: `${` in a value is sent as it is.

        Args:
            operation: label such as `POST /v2/chat`.
            path: the path parameters.
            query: names and values, in order.
            headers: in addition to those that follow from the body and the credentials.
            body: JSON.
            form: the parts of a multipart body.
        """
        return cls(
            operation=operation,
            path={name: _escaped(value) for name, value in (path or {}).items()},
            query=tuple((name, _escaped(value)) for name, value in query),
            headers=tuple((name, _escaped(value)) for name, value in (headers or {}).items()),
            body=mapped(body, _escaped),
            form=tuple(form),
        )

    def filled(self, values: Mapping[str, str]) -> RequestTemplate:
        """Return the template with the placeholders filled that have a value.

        Args:
            values: of some placeholders.
        """
        return msgspec.structs.replace(
            self,
            path={name: filled(text, values) for name, text in self.path.items()},
            query=tuple((name, filled(text, values)) for name, text in self.query),
            headers=tuple((name, filled(text, values)) for name, text in self.headers),
            body=mapped(self.body, lambda text: filled(text, values)),
            text=filled(self.text, values) if isinstance(self.text, str) else self.text,
            form=tuple(
                msgspec.structs.replace(
                    part,
                    content=filled(part.content, values) if isinstance(part.content, str) else part.content,
                )
                for part in self.form
            ),
            target=filled(self.target, values),
        )

    def outgoing(
        self,
        values: Mapping[str, str],
        *,
        name: str,
        key: Credential = Credential.VALID,
        authorization: str | None = None,
    ) -> Outgoing:
        """Return the request to send.

        Args:
            values: of the placeholders, by their full names.
            name: of the case or the resource; the same name gives the same bytes.
            key: the credentials.
            authorization: the `Authorization` header for a key that only the run has (trial, expired).

        Raises:
            UsageError: a value or that header is missing.
        """
        method, path = self._addressed(values)
        content_type, body = self._content(values, name)
        headers = [(field, rendered(template, values)) for field, template in self.headers]
        if content_type:
            headers.append(("content-type", content_type))
        if key in {Credential.EXPIRED, Credential.TRIAL} and authorization is None:
            raise UsageError(
                f"expected the authorization of the {key} key for {name}, got none; "
                "give the run such a key, or leave the case out"
            )
        sent = _AUTHORIZATION.get(
            key, authorization if key in {Credential.EXPIRED, Credential.TRIAL} else None
        )
        if sent is not None:
            headers.append(("authorization", sent))
        scheme = _SCHEMES.get(key)
        return Outgoing(
            method,
            path,
            tuple(headers),
            body,
            has_key=scheme is not None,
            scheme=scheme or "",
            key_variable=_VARIABLE.get(key, KEY_VARIABLE),
        )

    def _addressed(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Return the method, and the path with the query."""
        method, path = self.operation.split(" ", 1)
        for parameter, template in self.path.items():
            path = path.replace(f"{{{parameter}}}", quote(rendered(template, values), safe=""))
        if self.target:
            path = rendered(self.target, {name: quote(value, safe="") for name, value in values.items()})
        if self.query:
            pairs = [(field, rendered(template, values)) for field, template in self.query]
            path += f"{'&' if '?' in path else '?'}{urlencode(pairs, quote_via=quote)}"
        return self.method or method, path

    def _content(self, values: Mapping[str, str], name: str) -> tuple[str, bytes | None]:
        """Return the media type and the bytes of the body; an empty type if there is no body."""
        if self.body is not msgspec.UNSET:
            value = mapped(self.body, lambda text: rendered(text, values))
            return "application/json", _json(value)
        if self.text is not None:
            text = self.text if isinstance(self.text, bytes) else rendered(self.text, values).encode()
            return self.content_type, text
        if self.form:
            boundary = f"conformance-{hashlib.sha256(name.encode()).hexdigest()[:24]}"
            content_type = f"multipart/form-data; boundary={boundary}"
            return content_type, _multipart(self.form, values, content_type)
        return "", None


def _escaped(text: str) -> str:
    return text.replace("${", "$${")


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can express
        return json.dumps(value).encode()


def _multipart(form: tuple[FormPart, ...], values: Mapping[str, str], content_type: str) -> bytes:
    import httpx  # only for forms: not before it is needed, because it takes long

    # Every part is passed as a file (a field without a filename), because httpx sends plain fields first.
    files = [
        (
            rendered(part.name, values),
            (
                None if part.filename is None else rendered(part.filename, values),
                part.content if isinstance(part.content, bytes) else rendered(part.content, values).encode(),
                part.type,
            ),
        )
        for part in form
    ]
    # The URL only completes the request; nothing is sent from here.
    return httpx.Request("POST", "http://x", files=files, headers={"content-type": content_type}).read()


@lru_cache(maxsize=8)
def tone(seconds: float) -> bytes:
    """Return a WAV file with a tone: 16 kHz, one channel, 16 bits a sample."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(
            b"".join(
                struct.pack("<h", round(12_000 * math.sin(2 * math.pi * _PITCH * sample / _RATE)))
                for sample in range(round(seconds * _RATE))
            )
        )
    return buffer.getvalue()
