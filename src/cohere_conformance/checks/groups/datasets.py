"""Datasets: uploads, properties, and filtered lists."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_RESULTS = frozenset({"embed-result", "cluster-result", "cluster-outliers"})
_LONGEST_NAME = 49
_ENDED_BADLY = frozenset({"failed", "skipped"})


# -- uploads


@check("datasets.output-type-refused")
def output_type_refused(evidence: Evidence) -> Iterator[Breach]:
    """An upload with an output type is refused (DS-R07)."""
    kind = _asked(evidence, "type")
    if kind in _RESULTS:
        yield Breach("", f"400, because {kind} is a type for results", f"{evidence.status}", kind)


@check("datasets.name-length")
def name_length(evidence: Evidence) -> Iterator[Breach]:
    """An upload with a name of 50 or more characters is refused (DS-R03)."""
    length = len(_asked(evidence, "name"))
    if length > _LONGEST_NAME:
        yield Breach("", f"a refusal of a name of {length} characters", f"{evidence.status}")


@check("datasets.delimiter-length")
def delimiter_length(evidence: Evidence) -> Iterator[Breach]:
    """An upload with a csv_delimiter of more than one character is refused (DS-R09)."""
    length = len(_asked(evidence, "csv_delimiter"))
    if length > 1:
        yield Breach("", f"a refusal of a delimiter of {length} characters", f"{evidence.status}")


def _asked(evidence: Evidence, name: str) -> str:
    """Return the value of a query parameter; empty if it is absent or repeated."""
    values = evidence.query.get(name, [])
    return values[0] if len(values) == 1 else ""


# -- one dataset, read or listed


def _shown(evidence: Evidence) -> Iterator[tuple[str, Json]]:
    """Yield every dataset of a response with its location."""
    response = evidence.response
    if isinstance(one := response.get("dataset"), dict):
        yield "/dataset", one
    for item in response.get("datasets") or ():
        if isinstance(item, dict):
            yield "/datasets/*", item


@check("datasets.get-asked", ids=True)
def get_asked(evidence: Evidence) -> Iterator[Breach]:
    """Reading a dataset returns the one with the requested id (DS-S02)."""
    asked = evidence.last_segment
    for location, dataset in _shown(evidence):
        if dataset.get("id") != asked:
            yield Breach(f"{location}/id", f"the dataset {asked}", f"{dataset.get('id')}")


@check("datasets.failure-explained")
def failure_explained(evidence: Evidence) -> Iterator[Breach]:
    """A dataset whose validation failed has a validation_error (DS-S01)."""
    for location, dataset in _shown(evidence):
        if dataset.get("validation_status") == "failed" and not dataset.get("validation_error"):
            yield Breach(f"{location}/validation_error", "why the validation failed", "nothing")


@check("datasets.error-only-if-failed")
def error_only_if_failed(evidence: Evidence) -> Iterator[Breach]:
    """A dataset has a validation_error only if the validation failed or was skipped (DS-O08)."""
    for location, dataset in _shown(evidence):
        status = dataset.get("validation_status")
        if dataset.get("validation_error") and status not in _ENDED_BADLY:
            observed = f"{dataset['validation_error']}"
            yield Breach(f"{location}/validation_error", f"no error of what is {status}", observed)
            return


@check("datasets.updated-after-created")
def updated_after_created(evidence: Evidence) -> Iterator[Breach]:
    """updated_at of a dataset is not before created_at (DS-O09)."""
    for location, dataset in _shown(evidence):
        created, updated = _moment(dataset.get("created_at")), _moment(dataset.get("updated_at"))
        if created is not None and updated is not None and updated < created:
            reported = f"{dataset['updated_at']}"
            yield Breach(f"{location}/updated_at", f"no time before {dataset['created_at']}", reported)
            return


@check("datasets.schema-avro")
def schema_avro(evidence: Evidence) -> Iterator[Breach]:
    """The schema of the rows is the JSON text of an Avro schema (DS-S03)."""
    for location, dataset in _shown(evidence):
        text = dataset.get("schema")
        if isinstance(text, str) and text and not _is_avro(text):
            yield Breach(f"{location}/schema", "the JSON text of an Avro schema", text[:200])
            return


def _is_avro(text: str) -> bool:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(schema, list) or (isinstance(schema, dict) and "type" in schema)


@check("datasets.part-address")
def part_address(evidence: Evidence) -> Iterator[Breach]:
    """The url of a part is absolute (DS-S03)."""
    for location, dataset in _shown(evidence):
        for part in dataset.get("dataset_parts") or ():
            for name in ("url", "original_url"):
                address = part.get(name)
                if address and not address.startswith(("https://", "http://")):
                    where = f"{location}/dataset_parts/*/{name}"
                    yield Breach(where, "an address with a scheme and a server", address)
                    return


# -- lists


@check("datasets.id-unique", ids=True)
def id_unique(evidence: Evidence) -> Iterator[Breach]:
    """Dataset ids are unique, even if names are not (DS-R03)."""
    counts = Counter(dataset.get("id") for _, dataset in _shown(evidence))
    repeated = [identity for identity, count in counts.items() if count > 1]
    if repeated:
        yield Breach("/datasets/*/id", "every dataset once", f"{repeated[0]} {counts[repeated[0]]} times")


@check("datasets.limited")
def limited(evidence: Evidence) -> Iterator[Breach]:
    """A list contains at most limit datasets (DS-R08)."""
    limit, found = _asked(evidence, "limit"), len(evidence.response.get("datasets") or ())
    # No list exceeds a limit with more digits.
    if limit.isascii() and limit.isdigit() and len(limit) < 10 and 1 <= int(limit) < found:
        yield Breach("/datasets", f"{limit} datasets at most", f"{found}")


@check("datasets.filtered")
def filtered(evidence: Evidence) -> Iterator[Breach]:
    """Every dataset of a filtered list has the requested type and status, and was created within the
    requested time (DS-O06).
    """
    kind, status = _asked(evidence, "datasetType"), _asked(evidence, "validationStatus")
    before, after = _moment(_asked(evidence, "before")), _moment(_asked(evidence, "after"))
    if not kind and not status and before is None and after is None:
        return
    for _, dataset in _shown(evidence):
        for name, wanted in (("dataset_type", kind), ("validation_status", status)):
            if wanted and dataset.get(name) != wanted:
                yield Breach(f"/datasets/*/{name}", wanted, f"{dataset.get(name)}")
                return
        made = _moment(dataset.get("created_at"))
        if made is None:
            continue
        for bound, name, outside in ((before, "before", False), (after, "after", True)):
            if bound is not None and made != bound and (made < bound) is outside:
                reported = f"a time {name} {bound.isoformat()}"
                yield Breach("/datasets/*/created_at", reported, f"{dataset['created_at']}", name)
                return


def _moment(text: object) -> datetime | None:
    """Return a time of RFC 3339, `None` if it is not one."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
