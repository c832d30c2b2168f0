"""Recognises the form of error bodies: that of web frameworks and other APIs, or an own one."""

from __future__ import annotations

import json
import re
from typing import Any

FASTAPI = "FastAPI"
OPENAI = "OpenAI"
EXPRESS = "Express"
STARLETTE = "Starlette"
FLASK = "Flask"
DJANGO = "Django REST framework"
SPRING = "Spring"
HTML = "an HTML page"
PROBLEM_DETAILS = "problem details (RFC 9457)"
"""What ASP.NET, Prism and others send."""

ID = re.compile(r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,})\b", re.IGNORECASE)
"""A UUID, or as many hexadecimal digits as an id of a trace has."""
_LONGEST = 60
"""Letters of an error's text that are shown."""
_MOST_NAMES = 6
_TYPES = {str: "TEXT", bool: "BOOLEAN", type(None): "null", dict: "{...}", list: "[...]"}
_EXPRESS = re.compile(r"<title>Error</title>|<pre>Cannot [A-Z]+ |^Cannot [A-Z]+ /")
_FLASK = re.compile(r"<title>\d{3} [\w ]+</title>\s*<h1>")
_HTML = re.compile(r"\A\s*<(?:!doctype|html|head|body|h1)", re.IGNORECASE)
_PLAIN = frozenset({"Internal Server Error", "Not Found", "Method Not Allowed", "Bad Request"})


def recognised(response_text: str) -> str | None:
    """Return the name of the framework whose error body a response has; `None` if it is no known one.

    Args:
        response_text: status, headers and body as a report shows them.
    """
    _, _, body = response_text.partition("\n\n")
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return _of_text(body)
    return _of_object(value) if isinstance(value, dict) else None


def own_form(response_text: str) -> str | None:
    """Return the form of an error without a `message`, such as `{"error": TEXT}`; `None` if it has none.

    Args:
        response_text: status, headers and body as a report shows them.
    """
    try:
        value: Any = json.loads(response_text.partition("\n\n")[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or "message" in value or not 0 < len(value) <= _MOST_NAMES:
        return None
    shown = (f"{json.dumps(name)}: {_TYPES.get(type(one), 'NUMBER')}" for name, one in sorted(value.items()))
    return f"{{{', '.join(shown)}}}"


def error_text(response_text: str) -> str:
    """Return what an error says, shortened; an empty text if it says nothing that is known to be its message.

    Ids are left out: that of the request is another one each time.

    Args:
        response_text: status, headers and body as a report shows them.
    """
    try:
        value: Any = json.loads(response_text.partition("\n\n")[2])
    except (ValueError, RecursionError):
        return ""
    match value:
        case {"message": str(text)} | {"error": str(text) | {"message": str(text)}} | {"detail": str(text)}:
            return _shortened(text)
        case {"detail": [{"msg": str(text), "loc": [*_, str(name)]}, *_]}:
            return _shortened(f"{name}: {text}")
    return ""


def _shortened(text: str) -> str:
    text = ID.sub("...", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _of_object(value: dict[str, Any]) -> str | None:
    names = value.keys()
    match value:
        case {"detail": list()}:
            return FASTAPI
        case {"detail": str()} if names <= {"detail"}:
            return FASTAPI
        case {"error": {"message": _}} if names <= {"error"}:
            return OPENAI
        case {"timestamp": _, "status": _, "error": _, "path": _}:
            return SPRING
        case {"type": str(), "title": str(), "status": int()}:
            return PROBLEM_DETAILS
    return None


def _of_text(body: str) -> str | None:
    if _EXPRESS.search(body):
        return EXPRESS
    if _FLASK.search(body):
        return FLASK
    if _HTML.search(body):
        return HTML
    return STARLETTE if body.strip() in _PLAIN else None
