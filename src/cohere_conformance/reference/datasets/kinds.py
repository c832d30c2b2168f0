"""The types of datasets: their columns, the checks of their rows, and the minimum number of rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]
"""One row: JSON values by column."""

MINIMUM_CONVERSATIONS = 2
MINIMUM_EXAMPLES = 40
MINIMUM_LABELS = 2
MINIMUM_PER_LABEL = 5
MINIMUM_QUERIES = 256
"""The minimum amount of data of a training (FT-R03)."""


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_text(item) for item in value)


def _no_problem(row: Row) -> str:
    return ""


def _embeddable(row: Row) -> str:
    return "" if _text(row.get("text")) else "text must be a text that is not empty"


def _labelled(row: Row) -> str:
    return _embeddable(row) or ("" if _text(row.get("label")) else "label must be a text that is not empty")


def _many_labels(row: Row) -> str:
    return _embeddable(row) or ("" if _texts(row.get("label")) else "label must be a list of texts")


def _ranked(row: Row) -> str:
    if not _text(row.get("query")):
        return "query must be a text that is not empty"
    if not _texts(row.get("relevant_passages")):
        return "relevant_passages must be a list of texts"
    negatives = row.get("hard_negatives")
    return "" if not negatives or _texts(negatives) else "hard_negatives must be a list of texts"


def _conversation(row: Row) -> str:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages must be a list of turns"
    roles = set()
    for turn in messages:
        role = turn.get("role") if isinstance(turn, dict) else None
        if not isinstance(role, str) or role.lower() not in {"system", "user", "chatbot"}:
            return "the role of a turn must be System, User or Chatbot"
        if not isinstance(turn.get("content"), str):
            return "the content of a turn must be a text"
        roles.add(role.lower())
    return (
        "" if {"user", "chatbot"} <= roles else "a conversation needs a turn of the User and of the Chatbot"
    )


def _bodied(row: Row) -> str:
    return "" if isinstance(row.get("body"), dict) else "body must be an object"


def _any_number(rows: Sequence[Row]) -> str:
    return ""


def _enough_conversations(rows: Sequence[Row]) -> str:
    if len(rows) >= MINIMUM_CONVERSATIONS:
        return ""
    return f"expected at least {MINIMUM_CONVERSATIONS} conversations, got {len(rows)}"


def labels_of(row: Row) -> list[str]:
    """Return the labels of a row: one or several."""
    label = row.get("label")
    return [label] if isinstance(label, str) else list(label or ())


def _enough_labels(rows: Sequence[Row]) -> str:
    if len(rows) < MINIMUM_EXAMPLES:
        return f"expected at least {MINIMUM_EXAMPLES} examples, got {len(rows)}"
    counts = Counter(label for row in rows for label in labels_of(row))
    if len(counts) < MINIMUM_LABELS:
        return f"expected at least {MINIMUM_LABELS} labels, got {len(counts)}"
    label, fewest = min(counts.items(), key=lambda item: (item[1], item[0]))
    if fewest < MINIMUM_PER_LABEL:
        return f"expected at least {MINIMUM_PER_LABEL} examples of each label, got {fewest} of {label!r}"
    return ""


def _enough_queries(rows: Sequence[Row]) -> str:
    queries = len({row["query"] for row in rows})
    return "" if queries >= MINIMUM_QUERIES else f"expected at least {MINIMUM_QUERIES} queries, got {queries}"


@dataclass(frozen=True)
class DatasetType:
    """One type of dataset.

    Attributes:
        name: its name in the contract.
        required: the columns of every row.
        optional: columns that are stored if they exist, without keep_fields.
        formats: of uploads: `csv`, `jsonl`, `txt`; none for output types.
        problem: returns the error in a row, `""` if it is valid.
        shortage: returns the error in the number of rows, `""` if there are enough.
    """

    name: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    problem: Callable[[Row], str] = _no_problem
    shortage: Callable[[Sequence[Row]], str] = _any_number

    @property
    def batch(self) -> bool:
        """Return whether it is an input of batches."""
        return self.name.startswith("batch-")

    @property
    def finetune(self) -> bool:
        """Return whether it is an input of fine-tuning."""
        return self.name.endswith("-finetune-input")


EMBED_INPUT = "embed-input"
EMBED_RESULT = "embed-result"
_JSONL = ("jsonl",)
_BATCHES = ("batch-chat-input", "batch-openai-chat-input", "batch-embed-v2-input", "batch-chat-v2-input")
KINDS = {
    kind.name: kind
    for kind in (
        DatasetType(EMBED_INPUT, ("text",), formats=("csv", "jsonl", "txt"), problem=_embeddable),
        DatasetType(EMBED_RESULT, ("text", "embeddings")),
        DatasetType("cluster-result"),
        DatasetType("cluster-outliers"),
        DatasetType(
            "reranker-finetune-input",
            ("query", "relevant_passages"),
            ("hard_negatives",),
            _JSONL,
            _ranked,
            _enough_queries,
        ),
        DatasetType(
            "single-label-classification-finetune-input",
            ("text", "label"),
            (),
            ("csv", "jsonl"),
            _labelled,
            _enough_labels,
        ),
        DatasetType("chat-finetune-input", ("messages",), (), _JSONL, _conversation, _enough_conversations),
        DatasetType(
            "multi-label-classification-finetune-input",
            ("text", "label"),
            (),
            _JSONL,
            _many_labels,
            _enough_labels,
        ),
        # custom_id is not a required column; keep_fields preserves it (BAT-R03).
        *(DatasetType(name, ("body",), (), _JSONL, _bodied) for name in _BATCHES),
    )
}
"""By name."""
