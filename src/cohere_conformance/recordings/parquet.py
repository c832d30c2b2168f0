"""Parses Parquet files: one exchange in each row, in columns with the names of the keys of JSON Lines."""

from __future__ import annotations

from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings import vcr
from cohere_conformance.recordings.fields import first, headers
from cohere_conformance.recordings.scalars import UnusableError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

    from cohere_conformance.model import Exchange

REQUIRED = ("method", "url", "status")
BODIES = ("request_body", "response_body")
"""Columns of text or bytes: the body as it was sent, a stream as its events."""
FIELDS = ("request_headers", "response_headers")
"""Columns of JSON text, of a map, or of a list of structs with `name` and `value`."""
COLUMNS = (*REQUIRED, *FIELDS, *BODIES, "content_type", "recorded_at")
_ROWS = 64
"""Rows that are in memory at once."""
_EXTRA = "pip install 'cohere-conformance[parquet]'"


def groups(stream: io.BufferedReader, size: int) -> list[tuple[int, int, int]]:
    """Return row groups of about a size together: the first, the one after the last, and the rows before.

    Args:
        stream: the file.
        size: bytes, as they are compressed in the file.

    Raises:
        TrafficError: it is not readable.
    """
    metadata = _opened(stream, "").metadata
    each = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    before = list(accumulate((group.num_rows for group in each), initial=0))
    found, start, held = [], 0, 0
    for number, group in enumerate(each):
        length = sum(group.column(column).total_compressed_size for column in range(group.num_columns))
        if held and held + length > size:
            found.append((start, number, before[start]))
            start, held = number, 0
        held += length
    return [*found, (start, len(each), before[start])]


def parse(
    stream: io.BufferedReader, file: str, chosen: Iterable[int] | None = None, before: int = 0
) -> Iterator[Exchange | TrafficError]:
    """Yield the exchange of each row, or an error for a row without one.

    Args:
        stream: the file.
        file: its path as given by the caller.
        chosen: numbers of the row groups; all by default.
        before: number of rows in the file before these.
    """
    number = before
    try:
        opened = _opened(stream, file)
        columns = _columns(opened.schema_arrow, file)
        picked = range(opened.metadata.num_row_groups) if chosen is None else list(chosen)
        # In one thread, so that what is in memory is bounded by a few rows and one page of each column.
        batches = opened.iter_batches(_ROWS, row_groups=picked, columns=columns, use_threads=False)
        for batch in batches:
            for row in batch.to_pylist():
                number += 1
                try:
                    yield _exchange_of(row, file, f"row {number}")
                except UnusableError as error:
                    yield TrafficError(file, f"row {number}", str(error))
    except TrafficError as error:
        yield error
    except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's own errors are ValueErrors
        yield TrafficError(file, f"row {number + 1}", f"the Parquet file is damaged ({type(error).__name__})")


def _opened(stream: io.BufferedReader, file: str) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise TrafficError(
            file, "start", f"Parquet: expected the package pyarrow, got none; {_EXTRA}"
        ) from error
    stream.seek(0)
    return parquet.ParquetFile(stream)


def _columns(schema: Any, file: str) -> list[str]:
    """Return the columns to read; a type that cannot hold a body as it was sent is an error."""
    missing = [name for name in REQUIRED if name not in schema.names]
    if missing:
        raise TrafficError(
            file, "start", f"expected the columns method, url and status, got no {' and no '.join(missing)}"
        )
    from pyarrow import types

    for name in BODIES:
        if name in schema.names:
            kind = schema.field(name).type
            plain = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
            if not any(one(kind) for one in (*plain, types.is_null)):
                # A struct does not distinguish a property that is absent from one that is null.
                raise TrafficError(
                    file, "start", f"{name}: expected a column of text or bytes, got {str(kind)[:60]}"
                )
    return [name for name in COLUMNS if name in schema.names]


def _exchange_of(row: dict[str, Any], file: str, position: str) -> Exchange:
    sent, received = (headers(_fields(row.get(name))) for name in FIELDS)
    if row.get("content_type") and first(received, "content-type") is None:
        received = (*received, ("content-type", str(row["content_type"])))
    when, status = row.get("recorded_at"), row["status"]
    if isinstance(status, float) and status.is_integer():
        status = int(status)  # a column of numbers with gaps is one of floats
    return vcr.exchange_of(
        {
            "request": {
                "method": row["method"],
                "uri": row["url"],
                "headers": [list(one) for one in sent],
                "body": row.get("request_body"),
            },
            "response": {
                "status": status,
                "headers": [list(one) for one in received],
                "body": row.get("response_body"),
            },
            "recorded_at": when.isoformat() if isinstance(when, date) else when,
        },
        file,
        position,
    )


def _fields(value: object) -> object:
    """Return header fields in one of the notations of recorders."""
    if isinstance(value, str):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise UnusableError("expected header fields as JSON, found another text") from error
    # A map is a list of pairs.
    return (
        [list(one) if isinstance(one, tuple) else one for one in value] if isinstance(value, list) else value
    )
