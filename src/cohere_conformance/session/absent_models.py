"""Models that a target does not serve: what needs one cannot be tested, and is no deviation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.models import shipped_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.model import Exchange, Expectation

_GONE = re.compile(r"\b(?:removed|retired|deprecated|decommissioned|no longer)\b", re.IGNORECASE)
_UNKNOWN = re.compile(r"\b(?:not found|not exist|unknown|not available)\b", re.IGNORECASE)
_INVALID = re.compile(r"\binvalid model\b", re.IGNORECASE)
"""What gateways such as LiteLLM say with 400."""
_LONGEST = 64 * 1024
_NOT_FOUND = 404
_REFUSED = frozenset({400, _NOT_FOUND})


class AbsentModels:
    """The models that responses of a target have shown to be absent.

    Args:
        roles: the model that each role of the cases means.
    """

    def __init__(self, roles: Mapping[str, str]) -> None:
        self._roles: dict[str, list[str]] = {}
        for role, model in roles.items():
            self._roles.setdefault(model, []).append(role)
        self._absent: dict[str, str] = {}

    def reason(self, models: Iterable[str]) -> str | None:
        """Return why what needs these models cannot be tested; `None` if it can, as far as is known."""
        return next((self._absent[name] for name in models if name in self._absent), None)

    def note(self, exchange: Exchange, expectation: Expectation) -> str | None:
        """Return why a response says that the model of the request is absent; `None` if it does not say so.

        A model that only a case about it names has to be retired. That of a role may be any name, which the
        target may just not know.

        Args:
            exchange: the request and its response.
            expectation: what the case expects; a case that expects a 404 is about something else.
        """
        response = exchange.response
        if response.status not in _REFUSED or {response.status, _NOT_FOUND} & {*expectation.status}:
            return None
        message = _message(response.body)
        if response.status != _NOT_FOUND and not _INVALID.search(message):
            return None
        for name in self._named(exchange, message):
            gone = bool(_GONE.search(message)) or name in shipped_models().retired
            unknown = _INVALID.search(message) or _UNKNOWN.search(message)
            if gone or (name in self._roles and unknown):
                self._absent[name] = reason = self._words(name, gone=gone)
                return reason
        return None

    def _named(self, exchange: Exchange, message: str) -> Iterable[str]:
        """Yield the models that both the request and the response name; the longest names first.

        In the request a name is a complete part of the path, or a complete value of the body.
        """
        request = exchange.request
        sent = request.url.encode("utf-8", "replace") + b" " + (request.body or b"")
        for name in sorted({*self._roles, *shipped_models().models}, key=len, reverse=True):
            if name not in message:
                continue  # as with nearly every response; the expressions take far longer
            value = re.compile(rb"""(?<![^/"=\s])%s(?![^/"?&\s])""" % re.escape(name).encode())
            whole = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)")
            if value.search(sent) and whole.search(message):
                yield name

    def _words(self, name: str, *, gone: bool) -> str:
        roles = self._roles.get(name, [])
        model = f"model {name} of role {', '.join(roles)}" if roles else f"model {name}"
        retirement = shipped_models().retired.get(name)
        if retirement is not None:
            return f"{model} is retired since {retirement.date}"
        if gone:
            return f"{model} is retired, as the target says"
        return f"{model} is not found on the target; name another one with --model {roles[0]}=NAME"


def _message(body: bytes | None) -> str:
    """Return the message of an error, or the text of a body without one."""
    text = (body or b"")[:_LONGEST].decode("utf-8", "replace")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    error = value.get("error") if isinstance(value, dict) else None
    for holder in (value, error):
        if isinstance(holder, dict) and isinstance(holder.get("message"), str):
            return str(holder["message"])
    return text
