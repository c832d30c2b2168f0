"""Several allowed changes at once, generated and shrunk by Hypothesis: some defects need a combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

from cohere_conformance.fuzz.bodies import declared_body, is_valid
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, literal
from cohere_conformance.fuzz.values import allowed, bounds
from cohere_conformance.fuzz.walk import ABSENT, edited, sites

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.schema import Schema
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.domain import Domain
    from cohere_conformance.fuzz.walk import Site

_MOST = 4
"""Changes of one request."""
# As `text` takes by default, for which each there is would be encoded: 3 s of CPU time in a new folder.
_CHARACTERS = st.characters(exclude_categories=["Cs"])


def mixed(operation: Operation, given: Sequence[Anchor], domain: Domain) -> SearchStrategy[Candidate]:
    """Return a strategy for requests with several allowed changes, fewer and smaller ones first.

    Args:
        operation: what is called.
        given: the cases to start from, the smallest first; each has a JSON body.
        domain: what is known of requests beyond the schemas.
    """

    @st.composite
    def draw_one(draw: DrawFn) -> Candidate:
        anchor = draw(st.sampled_from(given))
        declared = declared_body(operation, anchor)
        assert declared is not None
        body, changes = anchor.template.body, []
        for _ in range(draw(st.integers(1, _MOST))):
            site = draw(st.sampled_from(_open(operation.label, declared.schema, body, domain)))
            value = draw(_values(declared.schema, site))
            if domain.fixed(operation.label, site.location) and ABSENT in (site.value, value):
                continue
            changed = edited(body, site.path, value)
            fits = is_valid(declared.compiled, changed) and domain.within(operation.label, changed)
            if changed != body and fits:
                body = changed
                changes.append(site.location or "/")
        return anchor.candidate(
            GenerationMode.POSITIVE,
            msgspec.structs.replace(anchor.template, body=body),
            location=", ".join(sorted(set(changes))) or "/",
            says="several changes" if len(changes) > 1 else "a drawn value",
            expected=Expected.EITHER,
        )

    return draw_one()


def _open(label: str, schema: Schema, body: Any, domain: Domain) -> list[Site]:
    return [site for site in sites(schema, body) if not domain.kept(label, site.location)]


def _values(schema: Schema, site: Site) -> SearchStrategy[Any]:
    listed = [value.value for value in allowed(schema, site)] or [site.value]
    strategies = [
        _STRATEGIES[kind](site) for kind in sorted(site.types & _STRATEGIES.keys()) if not site.listed
    ]
    return st.one_of(st.sampled_from(listed), *strategies)


def _integers(site: Site) -> SearchStrategy[Any]:
    low, high = bounds(site)
    return st.integers(None if low is None else int(low), None if high is None else int(high))


def _numbers(site: Site) -> SearchStrategy[Any]:
    low, high = bounds(site)
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def _strings(site: Site) -> SearchStrategy[Any]:
    return st.text(_CHARACTERS, max_size=200).map(literal)


def _arrays(site: Site) -> SearchStrategy[Any]:
    if site.value is ABSENT or not site.value:
        return st.just(site.value if site.value is not ABSENT else [])
    most = min([20, *site.values_of("maxItems")])
    return st.lists(
        st.sampled_from(site.value), min_size=min([0, *site.values_of("minItems")]), max_size=most
    )


_STRATEGIES: dict[str, Callable[[Site], SearchStrategy[Any]]] = {
    "integer": _integers,
    "number": _numbers,
    "string": _strings,
    "array": _arrays,
}
