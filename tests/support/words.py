"""Finds words that this project does not use (`words.yaml`): `python tests/support/words.py [PATH...]`.

Ends with 1 where it finds some, and lists them with what to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CODE = (".py",)
PAGES = (".md", ".yaml", ".yml", ".j2", ".toml")
EVERYWHERE = ("src", "suites", "contracts", "reports", "docs", "README.md", "CONTRIBUTING.md")
"""What is searched unless somebody names less. The change log says what was, cassettes what was recorded."""
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ID = re.compile(r"\b[\w-]+(?:\.[\w*-]+)+\b|\b\w+(?:-\w+)+\b|`[^`\n]*`")
"""Dotted and hyphenated names, and what is quoted as code."""
_VALUE = re.compile(r"[\"']\w+[\"']")
"""A string of one word is a value, such as the class of a value in a fingerprint."""
_FSTRING = re.compile(r"[a-z]*f[a-z]*[\"']", re.IGNORECASE)
_TEXTS = {tokenize.COMMENT, tokenize.STRING} | {
    getattr(tokenize, name) for name in ("FSTRING_MIDDLE", "TSTRING_MIDDLE") if hasattr(tokenize, name)
}
"""The tokens that hold texts; since Python 3.12 an f-string is several tokens, with names among them."""


class Hit(NamedTuple):
    """A word that is not used here.

    Attributes:
        path: the file, from the root of the repository.
        line: counted from 1.
        word: the word.
        instead: what to write.
    """

    path: str
    line: int
    word: str
    instead: str


@cache
def words() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Return what to write instead of parts of names, and instead of what a pattern finds in texts."""
    known = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
    texts = [(re.compile(rf"\b{word}\b", re.IGNORECASE), instead) for word, instead in known["texts"].items()]
    return known["identifiers"], texts


@cache
def _any_word() -> re.Pattern[str]:
    """Return a pattern that finds something wherever one of those of texts does; most texts have nothing."""
    return re.compile("|".join(pattern.pattern for pattern, _ in words()[1]), re.IGNORECASE)


def in_text(text: str, path: str, line: int) -> Iterator[Hit]:
    """Yield the words of a text of one or more lines, which starts at a line of a file."""
    for offset, prose in enumerate(_ID.sub(" ", text).splitlines()):
        if not _any_word().search(prose):
            continue
        for pattern, instead in words()[1]:
            for match in pattern.finditer(prose):
                yield Hit(path, line + offset, match.group(), instead)


def in_name(name: str, path: str, line: int) -> Iterator[Hit]:
    """Yield the words of a Python name; the name of a test of the suites is an id."""
    if path.startswith("suites/") and name.startswith("test_"):
        return
    for instead in _instead_of(name):
        yield Hit(path, line, name, instead)


@cache
def _instead_of(name: str) -> list[str]:
    parts = {part.lower() for part in _PARTS.findall(name)}
    return [words()[0][part] for part in sorted(parts & words()[0].keys())]


def in_code(source: str, path: str) -> Iterator[Hit]:
    """Yield the words of a Python file: of its names, its comments and its texts."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.NAME:
            yield from in_name(token.string, path, line)
        elif token.type == tokenize.STRING and _FSTRING.match(token.string):  # before Python 3.12
            yield from _in_fstring(token.string, path, line)
        elif token.type in _TEXTS and not _VALUE.fullmatch(token.string):
            yield from in_text(token.string, path, line)


def _in_fstring(literal: str, path: str, line: int) -> Iterator[Hit]:
    """Yield the words of an f-string that is one token: of its text, and of the names in its expressions."""
    for node in ast.walk(ast.parse(f"({literal})", mode="eval")):
        # The lines of expressions count from the beginning of the f-string; those of its texts are not known.
        here = line - 1 + getattr(node, "lineno", 1)
        match node:
            case ast.Constant(value=str(text)):
                yield from in_text(text, path, here)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield from in_name(name, path, here)


def hits(paths: tuple[str, ...]) -> Iterator[Hit]:
    """Yield the words in all files below some paths that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        path = ROOT / name
        if not path.is_file() or path.suffix not in CODE + PAGES:
            continue
        text = path.read_text(encoding="utf-8")
        yield from in_code(text, name) if path.suffix in CODE else in_text(text, name, 1)


def main() -> int:
    """List the words; return the exit code."""
    found = list(hits(tuple(sys.argv[1:]) or EVERYWHERE))
    for hit in found:
        print(f"{hit.path}:{hit.line}: {hit.word!r}; write: {hit.instead}")
    print(f"{len(found)} words to replace" if found else "no words to replace")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
