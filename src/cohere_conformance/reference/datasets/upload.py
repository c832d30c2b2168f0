"""Uploads: from the parts of a form to the content of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference.datasets import avro, rows
from cohere_conformance.reference.datasets.record import Content, File
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.reference.datasets.kinds import Row
    from cohere_conformance.reference.datasets.rows import UploadOptions
    from cohere_conformance.reference.handling import UploadedPart


def files_of(form: Sequence[UploadedPart]) -> tuple[UploadedPart, ...]:
    """Return the file for training and, if there is one, that for evaluation.

    Raises:
        ApiError: 400, there is no file, or one is empty or not UTF-8.
    """
    # A sample of the documentation names the part `file` (DS-R02).
    data = next((part for part in form if part.name in {"data", "file"}), None)
    if data is None:
        raise ApiError(400, "invalid request: the form has no part 'data' with the file")
    found = (data, *(part for part in form if part.name == "eval_data"))[:2]
    for part in found:
        if not part.content.strip():
            raise ApiError(400, f"invalid request: the file of part '{part.name}' is empty")
        try:
            part.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ApiError(
                400, f"invalid request: the file of part '{part.name}' is not encoded in UTF-8"
            ) from error
    return found


def content_of(parts: Sequence[UploadedPart], options: UploadOptions, *, keep_original: bool) -> Content:
    """Parse, validate and store uploaded files."""
    sent = sum(len(part.content) for part in parts)
    read = [rows.read(part.content.decode("utf-8-sig"), part.filename or "", options) for part in parts]
    warnings = tuple(warning for one in read for warning in one.warnings)
    error = next((one.error for one in read if one.error), "")
    form = read[0].format
    if not error and not read[0].rows and not options.lax:
        if warnings:
            return Content("skipped", warnings=warnings, size=sent, format=form)
        error = "the file has no rows"
    error = error or ("" if options.lax else options.kind.shortage(read[0].rows))
    if error:
        return Content("failed", error=error, warnings=warnings, size=sent, format=form)
    schema = avro.schema_of([row for one in read for row in one.rows], options.columns)
    files = tuple(
        file_of(part.filename or part.name, one.rows, schema, part.content if keep_original else None)
        for part, one in zip(parts, read, strict=True)
    )
    return Content("validated", files, schema, "", warnings, size_of(files), form)


def file_of(name: str, found: Sequence[Row], schema: avro.Schema, original: bytes | None = None) -> File:
    """Return rows as a stored file."""
    return File(name, tuple(found), avro.encode(found, schema), original)


def size_of(files: Sequence[File]) -> int:
    """Return the size of files in bytes."""
    return sum(len(file.avro) + len(file.original or b"") for file in files)
