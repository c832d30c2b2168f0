"""What a sequence of operations is made of: the links between them, and written requests to fill."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Credential, Skip, shipped_suite
from cohere_conformance.cases.request_template import RequestTemplate
from cohere_conformance.cases.template import mapped, rendered
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.collections import PARAMETER, items, shipped_collections
from cohere_conformance.contract.links import shipped_links
from cohere_conformance.contract.tiers import Effect, shipped_policies
from cohere_conformance.errors import UsageError
from cohere_conformance.fuzz.anchors import anchors
from cohere_conformance.fuzz.candidate import Anchor, literal
from cohere_conformance.fuzz.walk import edited

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from cohere_conformance.cases import Suite
    from cohere_conformance.contract.links import FilledLink, Link
    from cohere_conformance.contract.tiers import LivePolicy

_SMALLEST_PAGE = ("page_size", "1")


@lru_cache(maxsize=1)
def _shipped() -> tuple[Suite, Mapping[str, LivePolicy]]:
    policies = shipped_policies()
    return shipped_suite(), policies


class Script:
    """What may be called in sequence.

    Args:
        operations: labels of all that may be called.
        profile: of the target.
        unique: tells the things of this test apart from others.

    Attributes:
        operations: the same labels.
        links: by the operation whose answer they hang on; those that lead to what may be called.
        starts: the operations that can come first, by label, with the requests that they can come with.
        creators: the operation that makes things, by collection.
        remove: the operation that deletes one, by collection.
        stop: the operation that stops one which cannot be deleted, by collection.
        identity: where the answer of an operation that makes things says their id.
        items: where a list says the ids of its items.
        makers: collections whose things make other things.
    """

    def __init__(self, operations: Collection[str], *, profile: str, unique: str) -> None:
        self._suite, self._policies = _shipped()
        self._values = {"run": unique, "unique": unique}
        self.operations = frozenset(operations)
        declared = load_contract().operations
        self._written = {
            label: anchors(self._suite, declared[label], profile)
            for label in declared
            if label in self.operations
        }
        links = shipped_links()
        self.links: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            if {link.source, link.target} <= self.operations:
                self.links[link.source].append(link)
        self._map(links)
        self.starts = dict(self._starts(profile))

    def _map(self, links: tuple[Link, ...]) -> None:
        known = shipped_collections()
        self.creators = {where: one.create for where, one in known.items()}
        self.remove = {where: one.remove for where, one in known.items() if one.remove}
        self.stop = {where: one.stop for where, one in known.items() if one.stop}
        self.identity = {one.create: one.identity for one in known.values() if one.identity is not None}
        self.items = items(links)
        self.makers = frozenset(where for where, one in known.items() if one.results)

    def effect(self, label: str) -> Effect:
        """Return what a call does on the server."""
        return self._policies[label].effect

    def read(self, where: str) -> str:
        """Return the operation that shows one thing of a collection."""
        known = shipped_collections()
        return known[where].read if where in known else ""

    def address(self, label: str, identity: str) -> dict[str, str]:
        """Return the parameters of a path that has one."""
        return dict.fromkeys(PARAMETER.findall(label), identity)

    def bare(self, label: str, path: dict[str, str]) -> RequestTemplate:
        """Return a request that says nothing but what it is about."""
        return RequestTemplate(label, path=path)

    def request(self, link: Link, filled: FilledLink) -> RequestTemplate | None:
        """Return the written request of a link's target with what the link puts into it.

        Where the link holds for some kinds of things only, the request is one that was written for that kind.

        Returns:
            `None` where no request is written that can be filled.
        """
        for anchor in self._candidates(link):
            if filled.matched and not filled.matched & self._kinds(anchor):
                continue
            template = anchor.template
            body = template.body
            for tokens, value in filled.body.items():
                body = edited(body, tokens, literal(value))
            named = {name for name, _ in filled.query}
            # Another page is asked for as the first one was, and in no other way.
            kept = template.query if link.source != link.target else ()
            query = [(name, value) for name, value in kept if name not in named]
            changed = msgspec.structs.replace(
                template,
                path={name: _literal(value) for name, value in filled.path.items()},
                query=(*query, *((name, _literal(value)) for name, value in filled.query)),
                body=body,
            )
            if (settled := self._settled(changed)) is not None:
                return settled
        return None

    def _candidates(self, link: Link) -> list[Anchor]:
        """Return the written requests of a link's target: of pages those first that make them many."""
        written = self._written[link.target]
        paged = any(further.target == link.target for further in self.links.get(link.target, ()))
        return sorted(written, key=lambda anchor: paged and _SMALLEST_PAGE not in anchor.template.query)

    def _kinds(self, anchor: Anchor) -> frozenset[str]:
        """Return the words that the things which a written request needs were made with."""
        needed = self._suite.in_order(anchor.needs)
        return frozenset(value for resource in needed for _, value in resource.create.query)

    def _starts(self, profile: str) -> Iterator[tuple[str, list[RequestTemplate]]]:
        """Yield the operations that need nothing, with the requests that need nothing either."""
        for label, links in self.links.items():
            if PARAMETER.search(label):
                continue
            written = [anchor.template for anchor in self._written[label]]
            if written and self.effect(label) is Effect.CREATES:
                written = list(self._uploads(label, links)) or written
            if written and any(link.target == label for link in links):
                written = [*self._small_pages(label, profile), *written]
            if requests := [one for one in map(self._settled, written) if one is not None]:
                yield label, requests

    def _uploads(self, label: str, links: list[Link]) -> Iterator[RequestTemplate]:
        """Yield, of each kind that a link holds for, the smallest request that is sure to be of use."""
        kinds = {kind for link in links for allowed in link.when.values() for kind in allowed}
        found: dict[str, RequestTemplate] = {}
        for resource in sorted(self._suite.resources.values(), key=lambda one: _size(one.create)):
            wait = resource.wait
            if resource.create.operation != label or resource.needs or wait is None:
                continue
            # What is waited for until it is of one kind only has come out well.
            if not all(isinstance(schema, dict) and "const" in schema for schema in wait.until.values()):
                continue
            for _, value in resource.create.query:
                if value in kinds:
                    found.setdefault(value, resource.create)
        yield from found.values()

    def _small_pages(self, label: str, profile: str) -> Iterator[RequestTemplate]:
        """Yield requests for a list in pages of one item, which make it have several."""
        for case in self._suite.cases:
            told = case.profiles.get(profile, case.expect)
            served = case.key is Credential.VALID and not isinstance(told, Skip) and told.status == (200,)
            if case.operation == label and served and _SMALLEST_PAGE in case.template.query:
                yield case.template

    def _settled(self, template: RequestTemplate) -> RequestTemplate | None:
        """Return a request with its placeholders filled in; `None` where one needs something."""
        try:
            return msgspec.structs.replace(
                template,
                path={name: rendered(text, self._values) for name, text in template.path.items()},
                query=tuple((name, rendered(text, self._values)) for name, text in template.query),
                headers=tuple((name, rendered(text, self._values)) for name, text in template.headers),
                body=mapped(template.body, lambda text: rendered(text, self._values)),
                form=tuple(
                    # The parts of a form are read for placeholders once more when they go out.
                    msgspec.structs.replace(part, content=_literal(rendered(part.content, self._values)))
                    if isinstance(part.content, str)
                    else part
                    for part in template.form
                ),
            )
        except UsageError:
            return None


def _size(template: RequestTemplate) -> int:
    return sum(len(part.content) for part in template.form)


def _literal(text: str) -> str:
    return str(literal(text))
