"""The parser of uploaded files: CSV, JSON lines and texts, with errors and warnings."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.validation import body_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.reference.datasets.kinds import DatasetType, Row

_EXTENSIONS = {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "txt": "txt"}


@dataclass(frozen=True)
class UploadOptions:
    """The options of an upload.

    Attributes:
        kind: the type of the dataset.
        keep: the columns of keep_fields, which have to exist (DS-R05).
        optional: the columns of optional_fields, which are stored if they exist.
        skip: whether malformed rows are left out with a warning, instead of failing the validation (DS-R06).
        delimiter: of the columns of a CSV file.
        separator: of the texts of a text file.
        lax: whether malformed rows are left out without a warning, for a fault.
        formats: that the service accepts.
    """

    kind: DatasetType
    keep: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    skip: bool = False
    delimiter: str = ","
    separator: str = "\n"
    lax: bool = False
    formats: frozenset[str] = frozenset({"csv", "jsonl", "txt"})

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the stored columns, each once."""
        return tuple(dict.fromkeys((*self.kind.required, *self.kind.optional, *self.keep, *self.optional)))


@dataclass
class ParsedFile:
    """The rows of a file and its validation.

    Attributes:
        rows: the valid rows, with the stored columns.
        warnings: one for each row that was left out.
        error: the validation error; `""` if the file is valid.
        format: the format of the file.
    """

    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    format: str = ""


_DEEPEST = 64


class _MalformedError(Exception):
    """The file cannot be parsed."""


def read(text: str, filename: str, options: UploadOptions) -> ParsedFile:
    """Return the rows of an uploaded file."""
    found = ParsedFile(format=_format(text, filename))
    accepted = [name for name in options.kind.formats if name in options.formats]
    if found.format not in accepted:
        found.error = f"{filename or 'the file'}: expected {' or '.join(accepted)}, got {found.format}"
        return found
    missing = set(options.keep)
    try:
        for line, row in _rows(text, found.format, options):
            problem = row if isinstance(row, str) else _problem(row, options)
            if isinstance(row, dict):
                missing -= row.keys()
            if problem:
                if not options.skip and not options.lax:
                    found.error = f"line {line}: {problem}"
                    return found
                if not options.lax:
                    found.warnings.append(f"line {line} was skipped: {problem}")
            elif isinstance(row, dict):
                found.rows.append({name: row[name] for name in options.columns if name in row})
    except _MalformedError as error:
        found.error = str(error)
        return found
    if missing and not options.lax:
        found.error = f"no row has the field to keep {sorted(missing)[0]!r}"
    return found


def _format(text: str, filename: str) -> str:
    known = _EXTENSIONS.get(filename.rpartition(".")[2].lower())
    # Clients that upload from memory may use any file name.
    return known or ("jsonl" if text.lstrip().startswith("{") else "csv")


def _problem(row: Row, options: UploadOptions) -> str:
    absent = [name for name in (*options.kind.required, *options.keep) if row.get(name) is None]
    return f"the field {absent[0]!r} is missing" if absent else options.kind.problem(row)


def _rows(text: str, form: str, options: UploadOptions) -> Iterator[tuple[int, Row | str]]:
    match form:
        case "jsonl":
            return _json_lines(text)
        case "csv":
            return _table(text, options)
        case _:
            return _texts(text, options.separator)


def _texts(text: str, separator: str) -> Iterator[tuple[int, Row | str]]:
    for number, piece in enumerate(text.split(separator), 1):
        if piece.strip():
            yield number, {"text": piece.strip()}


def _json_lines(text: str) -> Iterator[tuple[int, Row | str]]:
    # JSON strings may contain other line breaks, so `splitlines` would be wrong.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = body_of(line.encode("utf-8"), frozenset())
        except ApiError:
            yield number, "is no JSON"
            continue
        if _deep(value, _DEEPEST):
            yield number, "is nested too deeply"
        else:
            yield number, value if isinstance(value, dict) else "is no JSON object"


def _deep(value: Any, levels: int) -> bool:
    """Return whether a value is nested deeper than `levels`."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deep(one, levels - 1) for one in below)


def _table(text: str, options: UploadOptions) -> Iterator[tuple[int, Row | str]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=options.delimiter)
    header = next(_lines(lines), None)
    if header is None:
        raise _MalformedError("the file has no header")
    names = [name.strip() for name in header]
    for name in (*options.kind.required, *options.keep):
        if name not in names:
            raise _MalformedError(f"the column {name!r} is missing")
    for values in _lines(lines):
        if not values:
            continue
        if len(values) == len(names):
            yield lines.line_num, dict(zip(names, values, strict=True))
        else:
            yield lines.line_num, f"has {len(values)} columns where the header has {len(names)}"


def _lines(lines: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from lines
    except csv.Error as error:
        raise _MalformedError(f"the file is no CSV: {error}") from error
