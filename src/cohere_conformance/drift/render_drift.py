"""What the contract lacks for a terminal, as JSON and as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.drift.compare import REMOVED
from cohere_conformance.drift.render import FORMAT, as_document, details_in_words, extent
from cohere_conformance.report.render.safe import markdown_code, markdown_text, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.drift.folding import FoldedChange
    from cohere_conformance.drift.witnesses import Drift, Sighting, Witness


def as_text(found: Drift, *, verbose: bool = False) -> str:
    """Return a line for each witness and for each thing that the contract lacks."""
    return "\n".join(plain(line, longest=None) for line in _text_lines(found, verbose=verbose))


def _text_lines(found: Drift, *, verbose: bool) -> Iterator[str]:
    yield f"{found.contract}, compared with:"
    width = max((len(one.shown) for one in found.witnesses), default=0)
    for one in found.witnesses:
        yield f"  {one.shown:<{width}}  {'; '.join(_state(one))}"
    for gap in found.gaps:
        what = f"{gap.line.places[0]}: {details_in_words(gap.line)} ({extent(gap.line)})"
        yield f"{gap.line.severity:<8}  {what}  {gap.edit}  [{_evidence(gap.evidence)}]"
    for model in found.models:
        news = model.news
        yield f"model     {news.name}: {news.news}  {news.edit}  [{_evidence(model.evidence)}]"
    if verbose:
        for one in found.witnesses:
            for line in one.lacks:
                what = f"{line.places[0]}: {_only_ours(line)} ({extent(line)})"
                yield f"only ours {what}  [not in {one.name}]"
    yield _summary(found)


def as_markdown(found: Drift, *, verbose: bool = False) -> str:
    """Return a table of the witnesses, and one with a row for each thing that the contract lacks."""
    rows = [f"# Drift of {markdown_text(found.contract)}", "", _summary(found), ""]
    rows += ["| witness | state |", "|---|---|"]
    rows += [
        f"| {markdown_text(one.shown)} | {markdown_text('; '.join(_state(one)))} |" for one in found.witnesses
    ]
    if found.found:
        rows += ["", "| class | location | change | affects | edit | shown by |", "|---|---|---|---|---|---|"]
    for gap in found.gaps:
        cells = [str(gap.line.severity), markdown_code(gap.line.places[0])]
        cells += [markdown_text(details_in_words(gap.line)), extent(gap.line), markdown_code(str(gap.edit))]
        rows.append(f"| {' | '.join(cells)} | {markdown_text(_evidence(gap.evidence))} |")
    for model in found.models:
        cells = ["model", markdown_code(model.news.name), markdown_text(model.news.news), ""]
        cells += [markdown_code(str(model.news.edit)), markdown_text(_evidence(model.evidence))]
        rows.append(f"| {' | '.join(cells)} |")
    if verbose and any(one.lacks for one in found.witnesses):
        rows += ["", "| not in | location | change |", "|---|---|---|"]
        for one in found.witnesses:
            for line in one.lacks:
                cells = [markdown_text(one.name), markdown_code(line.places[0])]
                rows.append(f"| {' | '.join(cells)} | {markdown_text(_only_ours(line))} |")
    return "\n".join(rows)


def as_json(found: Drift, *, verbose: bool = False) -> str:
    """Return everything as a JSON document."""
    document = {
        "format": FORMAT,
        "contract": found.contract,
        "witnesses": [
            {
                "name": one.name,
                "shown": one.shown,
                "facts": one.facts,
                "digest": one.digest or None,
                "unchanged_since": str(one.since) if one.since else None,
                "gaps": one.gaps,
                "only_ours": len(one.lacks),
                **({"lacks": [as_document(line) for line in one.lacks]} if verbose else {}),
            }
            for one in found.witnesses
        ],
        "gaps": [
            {
                **as_document(gap.line),
                "edit": {"file": gap.edit.file, "line": gap.edit.line},
                "witnesses": _witnesses(gap.evidence),
            }
            for gap in found.gaps
        ],
        "models": [
            {
                "name": model.news.name,
                "news": model.news.news,
                "edit": {"file": model.news.edit.file, "line": model.news.edit.line},
                "witnesses": _witnesses(model.evidence),
            }
            for model in found.models
        ],
    }
    return json.dumps(document, indent=2)


def _witnesses(evidence: Sequence[Sighting]) -> list[dict[str, Any]]:
    return [
        {"name": one.witness, "exchanges": one.exchanges or None, "since": one.since or None}
        for one in evidence
    ]


def _state(one: Witness) -> Iterator[str]:
    yield one.size
    if one.since is not None:
        yield f"unchanged since {one.since}"
    yield f"{one.gaps} that the contract lacks" if one.gaps else "nothing that the contract lacks"
    if one.lacks:
        yield f"{len(one.lacks)} in the contract only (-v lists them)"


def _only_ours(line: FoldedChange) -> str:
    """Return in words what a witness lacks."""
    return "absent" if line.details[0].what == REMOVED else details_in_words(line)


def _evidence(evidence: Sequence[Sighting]) -> str:
    return "; ".join(map(str, evidence))


def _summary(found: Drift) -> str:
    if not found.found:
        return "The contract lacks nothing that the witnesses show."
    gaps, models = len(found.gaps), len(found.models)
    counts = [f"{gaps} {'difference' if gaps == 1 else 'differences'}"] if gaps else []
    counts += [f"{models} {'model' if models == 1 else 'models'}"] if models else []
    return f"The contract lacks {' and '.join(counts)}."
