"""The metrics of datasets for fine-tuning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.datasets.kinds import labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.reference.datasets.kinds import DatasetType, Row

_SAMPLES = 3


def finetune_metrics(kind: DatasetType, train: Sequence[Row], evaluation: Sequence[Row]) -> dict[str, Any]:
    """Return the metrics of the rows for training and evaluation."""
    counted: dict[str, Any] = {
        "trainable_token_count": sum(tokens.count(_written(row)) for row in train),
        "total_examples": len(train) + len(evaluation),
        "train_examples": len(train),
        "train_size_bytes": sum(len(_written(row).encode()) for row in train),
        "eval_examples": len(evaluation),
        "eval_size_bytes": sum(len(_written(row).encode()) for row in evaluation),
    }
    match kind.required:
        case ("messages",):
            counted["chat_data_metrics"] = {
                "num_train_turns": sum(len(row["messages"]) for row in train),
                "num_eval_turns": sum(len(row["messages"]) for row in evaluation),
                "preamble": _preamble(train),
            }
        case ("query", "relevant_passages"):
            counted["reranker_data_metrics"] = _passages(train, "train") | _passages(evaluation, "eval")
        case _:
            counted["classify_data_metrics"] = {"label_metrics": _labels([*train, *evaluation])}
    return counted


def _written(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def _preamble(rows: Sequence[Row]) -> str:
    turns = [turn for row in rows for turn in row["messages"]]
    return next((str(turn["content"]) for turn in turns if turn["role"].lower() == "system"), "")


def _passages(rows: Sequence[Row], part: str) -> dict[str, int]:
    return {
        f"num_{part}_queries": len(rows),
        f"num_{part}_relevant_passages": sum(len(row["relevant_passages"]) for row in rows),
        f"num_{part}_hard_negatives": sum(len(row.get("hard_negatives") or ()) for row in rows),
    }


def _labels(rows: Sequence[Row]) -> list[dict[str, Any]]:
    by_label: dict[str, list[str]] = {}
    for row in rows:
        for label in labels_of(row):
            by_label.setdefault(label, []).append(row["text"])
    return [
        {"total_examples": len(texts), "label": label, "samples": texts[:_SAMPLES]}
        for label, texts in sorted(by_label.items())
    ]
