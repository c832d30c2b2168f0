"""Mistakes of a server that another mistake does not hide: `run` finds both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from running import ran

if TYPE_CHECKING:
    from pathlib import Path

TOGETHER = {
    "a missing wrapper": (
        ("finetuning.unwrapped", "finetuning.events-ascending", "finetuning.page-drops-item"),
        "finetuning",
        {"finetuning.wrapped", "finetuning.events-order", "finetuning.newest-event", "finetuning.pages"},
    ),
    "a missing id": (
        ("batches.id-missing", "batches.get-differs", "batches.unsorted", "batches.cancel-ignored"),
        "batches",
        {"batches.id-given", "batches.listed-as-read", "batches.ordered", "batches.cancel-works"},
    ),
    "no batch where its id is looked for": (
        ("batches.unwrapped", "batches.cancel-ignored"),
        "batches",
        {"batches.cancel-works"},
    ),
    "events in the wrong order": (
        ("finetuning.events-ascending", "finetuning.total-size-wrong"),
        "finetuning",
        {"finetuning.events-order", "finetuning.newest-event", "finetuning.total-size"},
    ),
    "vectors that differ from call to call": (
        ("embed.not-deterministic", "embed.shorter-is-end", "embed.types-dependent", "embed.versions-differ"),
        "embed",
        {"embed.repeatable", "embed.shorter", "embed.types-independent", "embed.versions-agree"},
    ),
    "a wrong number of texts": (
        ("generate.one-too-many", "generate.sequences-change-text"),
        "generate",
        {"generate.count", "generate.stop-is-end-and-sequence"},
    ),
    "a page without models": (
        ("models.page-drops-item", "models.get-differs"),
        "models",
        {"models.get-as-listed", "models.pages-whole"},
    ),
    "a listed model that is not there": (
        ("models.listed-in-vain", "models.get-differs"),
        "models",
        {"models.get-as-listed", "models.known", "models.listed-read", "models.listed-serves"},
    ),
    "vectors of the wrong dimension": (
        ("embed.wrong-dimension", "embed.input-type-ignored"),
        "embed",
        {
            "embed.base64-dimension",
            "embed.dimension",
            "embed.packed-dimension",
            "embed.purposes-differ",
            "embed.shorter",
        },
    ),
}
"""By what could hide the others: the faults, the group, and the requirements that are violated."""


@pytest.mark.parametrize("name", TOGETHER)
def test_what_could_hide_another_mistake_does_not(name: str, tmp_path: Path) -> None:
    faults, group, violated = TOGETHER[name]
    done = ran(tmp_path, "--only", group, *(f"--fault={fault}" for fault in faults))
    assert {row["requirement"] for row in done.report["findings"]} - {None} == violated
    assert len(done.report["causes"]) == len(faults)


def test_an_image_that_the_markdown_neither_lists_nor_refers_to_is_missed(tmp_path: Path) -> None:
    done = ran(
        tmp_path, "--only", "parse", "--fault=parse.images-missing", "--fault=parse.image-not-referenced"
    )
    (found,) = done.report["findings"]
    assert found["requirement"] == "parse.images-agree"
    assert found["expected"].startswith("1, as many as there are among the blocks")
