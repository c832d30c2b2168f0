"""Batches: new batches, the properties of batches, and pages."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import shown
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import asked, asked_number, moment, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_GIVEN = ("name", "model", "input_dataset_id")
_QUEUED, _COMPLETED = "BATCH_STATUS_QUEUED", "BATCH_STATUS_COMPLETED"
_TWO_CLOCKS = timedelta(seconds=1)
_PAGE, _LARGEST_PAGE = 50, 1000


def _shown(evidence: Evidence) -> Iterator[tuple[str, Json]]:
    """Yield every batch of a response with its location."""
    response = evidence.response
    listed, alone = response.get("batches"), response.get("batch")
    if isinstance(alone, dict):
        yield "/batch", alone
    if isinstance(listed, list):
        yield from (("/batches/*", one) for one in listed if isinstance(one, dict))


# -- creating


@check("batches.echo", ids=True)
def echo(evidence: Evidence) -> Iterator[Breach]:
    """A created batch has the name, the model and the input dataset of its request (BAT-O01)."""
    for location, batch in _shown(evidence):
        for name in _GIVEN:
            sent, reported = evidence.sent.get(name), batch.get(name)
            if isinstance(sent, str) and reported != sent:
                yield Breach(f"{location}/{name}", f"{shown(sent)}, as it was sent", shown(reported))


@check("batches.id-own", ids=True)
def id_own(evidence: Evidence) -> Iterator[Breach]:
    """A new batch has an id of its own, whatever id the request contains (BAT-R01)."""
    sent = evidence.sent.get("id")
    for location, batch in _shown(evidence):
        if sent and batch.get("id") == sent:
            yield Breach(f"{location}/id", "an id that the service has made", f"{sent!r}, which was sent")


@check("batches.begins-queued")
def begins_queued(evidence: Evidence) -> Iterator[Breach]:
    """A new batch is queued (BAT-S01)."""
    for location, batch in _shown(evidence):
        status = batch.get("status", _QUEUED)
        if status != _QUEUED:
            yield Breach(f"{location}/status", _QUEUED, str(status))


# -- properties


@check("batches.id-given")
def id_given(evidence: Evidence) -> Iterator[Breach]:
    """Every batch in a response has an id (BAT-O01)."""
    for location, batch in _shown(evidence):
        if not batch.get("id"):
            yield Breach(f"{location}/id", "an id", "an empty one" if "id" in batch else "none")


@check("batches.output-named")
def output_named(evidence: Evidence) -> Iterator[Breach]:
    """A queued batch has no output dataset; a completed batch with successful records has one.

    Source: BAT-S01, BAT-S04.
    """
    for location, batch in _shown(evidence):
        output, status = batch.get("output_dataset_id"), batch.get("status")
        if status == _QUEUED and output:
            yield Breach(
                f"{location}/output_dataset_id", "none as long as it is queued", shown(output), "early"
            )
        if status == _COMPLETED and not output and number(batch.get("num_successful_records")):
            yield Breach(
                f"{location}/output_dataset_id", "the dataset that it has made", shown(output), "missing"
            )


@check("batches.counts")
def counts(evidence: Evidence) -> Iterator[Breach]:
    """A batch has not processed more records than it has, and a completed batch has processed all of them
    (BAT-O03).
    """
    for location, batch in _shown(evidence):
        records = number(batch.get("num_records"))
        if records is None:
            continue
        succeeded = number(batch.get("num_successful_records")) or 0
        done = succeeded + (number(batch.get("num_failed_records")) or 0)
        if done > records:
            yield Breach(f"{location}/num_records", f"at most {records:g} done", f"{done:g}", "more")
        if done < records and batch.get("status") == _COMPLETED:
            yield Breach(f"{location}/num_records", f"all {records:g} done", f"{done:g}", "fewer")


@check("batches.updated-after-created")
def updated_after_created(evidence: Evidence) -> Iterator[Breach]:
    """updated_at of a batch is not before created_at (BAT-O06)."""
    for location, batch in _shown(evidence):
        created, updated = moment(batch.get("created_at")), moment(batch.get("updated_at"))
        if created is not None and updated is not None and created - updated > _TWO_CLOCKS:
            yield Breach(f"{location}/updated_at", f"not before {created}", str(updated))


# -- listing


@check("batches.page-size")
def page_size(evidence: Evidence) -> Iterator[Breach]:
    """A page contains at most page_size batches, 50 by default, and never more than 1000.

    Source: BAT-R07, BAT-O09.
    """
    size = asked_number(evidence, "page_size")
    if size is None and "page_size" in evidence.query:
        return
    most = _PAGE if size is None else min(size or _LARGEST_PAGE, _LARGEST_PAGE)
    found = sum(1 for _ in _shown(evidence))
    if found > most:
        yield Breach("/batches", f"at most {most:g} batches", str(found))


@check("batches.large-page-size", errors=True)
def large_page_size(evidence: Evidence) -> Iterator[Breach]:
    """A page_size above 1000 is lowered and not refused (BAT-O09)."""
    size = asked_number(evidence, "page_size")
    alone = set(evidence.query) == {"page_size"}
    if evidence.status == 400 and alone and size is not None and _LARGEST_PAGE < size < 2**31:
        yield Breach("", f"at most {_LARGEST_PAGE} batches", f"{evidence.status} for a page size of {size:g}")


@check("batches.last-page")
def last_page(evidence: Evidence) -> Iterator[Breach]:
    """The last page of batches has no next_page_token, not even an empty one (BAT-O07)."""
    if evidence.response.get("next_page_token") == "":
        yield Breach("/next_page_token", "no token, or the one of the next page", "an empty one")


@check("batches.ordered")
def ordered(evidence: Evidence) -> Iterator[Breach]:
    """Batches ordered by creation time are in ascending or descending order (BAT-O08)."""
    if asked(evidence, "order_by") != "created_at":
        return
    reported = (moment(batch.get("created_at")) for _, batch in _shown(evidence))
    times = [one for one in reported if one is not None]
    falls = any(later < earlier for earlier, later in pairwise(times))
    rises = any(later > earlier for earlier, later in pairwise(times))
    if falls and rises:
        yield Breach("/batches/*/created_at", "times in one direction", "times that go up and down")
