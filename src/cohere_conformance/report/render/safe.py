"""Values from recorded traffic, made harmless before a person or a browser sees them.

What is recorded may hold escape sequences of terminals, line breaks that forge lines of the report,
characters that reverse the reading direction, or markup of the format it is shown in.
"""

from __future__ import annotations

import re

LONGEST = 240
"""Longer values are cut where they are shown; report.json has more."""

_INVISIBLE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
# What the runners of GitHub and Azure take for commands: the first where a line begins, which any space may
# become, the second anywhere.
_COMMAND = re.compile(r":(?=:[A-Za-z][\w-]*(?:\s[^\n]*)?::)|(?:(?<=\s)|\A):(?=:[A-Za-z])|#(?=#\w*\[)")
_COMMAND_AT_START = re.compile(r"^(\s*):(?=:[A-Za-z])|#(?=#\w*\[)")
_SPECIAL = re.compile(r"[^\w\s./,;=+%^?:()\"'!-]|:(?=//)|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.")


def plain(text: str, *, longest: int | None = LONGEST, keep: str = "") -> str:
    r"""Return `text` on one line without invisible characters: what does not print is shown as `\x1b`.

    What a CI service would take for a command of its log is broken in the same way (`\x3a:add-mask::`).

    Args:
        text: any text.
        longest: cut to so many characters; `None` cuts nothing.
        keep: characters that may stay although they do not print, such as a line feed.
    """
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}... (+{len(text) - longest} characters)"
    if "::" in text or "##" in text:
        text = _COMMAND.sub(_escaped, text)
    return _printable(text, keep)


def lines(text: str) -> str:
    """Return a text of several lines with each of them harmless, as `plain` makes it, and none of them cut.

    A line is only looked at for commands where it begins: whatever prints it keeps its lines.
    """
    return "\n".join(
        _printable(_COMMAND_AT_START.sub(_escaped, line) if "::" in line or "##" in line else line, "\t")
        for line in text.split("\n")
    )


def _escaped(match: re.Match[str]) -> str:
    return f"{match[0][:-1]}\\x{ord(match[0][-1]):02x}"


def _printable(text: str, keep: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def json_visible(document: str) -> str:
    """Return a JSON document with what neither prints nor fits into UTF-8 as JSON's own escapes."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match.group()):04x}", document)


def encodable(text: str, encoding: str) -> str:
    """Return `text` with what `encoding` cannot express shown as an escape, so that printing never fails."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def markdown_code(text: str, *, longest: int | None = LONGEST) -> str:
    """Return `text` as code in Markdown, harmless also inside a table.

    A pair of backticks is enough for most values. What could end them, or split a table's cell, goes into
    a `code` element with entities, which neither Markdown nor HTML reads as structure.
    """
    text = plain(text, longest=longest)
    if text and not set("`|\\") & set(text) and text == text.strip():
        return f"`{text}`"
    return f"<code>{_entities(text)}</code>" if text else "(empty)"


def markdown_text(text: str) -> str:
    """Return `text` as prose in Markdown, without any of its own markup."""
    return _entities(plain(text))


def _entities(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", text)
