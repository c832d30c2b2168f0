"""The material of a sequence of operations: the links between them, and the written requests to fill."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Credential, Skip, shipped_suite
from cohere_conformance.cases.request_template import RequestTemplate
from cohere_conformance.cases.roles import with_models
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

    from cohere_conformance.contract.links import FilledLink, Link
    from cohere_conformance.contract.tiers import LivePolicy

_SMALLEST_PAGE = ("page_size", "1")


class Script:
    """What a sequence may call.

    Args:
        operations: labels of all that may be called.
        profile: of the target.
        unique: distinguishes the resources of this test from others.
        models: the model that each role means; those of the profile if not given.

    Attributes:
        operations: the same labels.
        links: by the operation whose response they use; only those to what may be called.
        starts: the operations that can be first, by label, with their requests.
        creators: the operation that creates resources, by collection.
        remove: the operation that deletes one, by collection.
        stop: the operation that stops one which cannot be deleted, by collection.
        identity: where the response of a creating operation has the id.
        items: where a list has the ids of its items.
        makers: collections whose resources create others.
    """

    def __init__(
        self,
        operations: Collection[str],
        *,
        profile: str,
        unique: str,
        models: Mapping[str, str] | None = None,
    ) -> None:
        self._suite = with_models(shipped_suite(profile), models or {})
        self._policies: Mapping[str, LivePolicy] = shipped_policies()
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
        """Return the operation that reads one resource of a collection."""
        known = shipped_collections()
        return known[where].read if where in known else ""

    def address(self, label: str, identity: str) -> dict[str, str]:
        """Return the parameters of a path that has one."""
        return dict.fromkeys(PARAMETER.findall(label), identity)

    def bare(self, label: str, path: dict[str, str]) -> RequestTemplate:
        """Return a request without anything but its path."""
        return RequestTemplate(label, path=path)

    def request(self, link: Link, filled: FilledLink) -> RequestTemplate | None:
        """Return the written request of a link's target, filled by the link.

        Where the link applies to some kinds of resources only, the request is one that was written for them.

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
            # The next page is requested with the parameters of the first one.
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
        """Return the written requests of a link's target, those with the smallest pages first."""
        written = self._written[link.target]
        paged = any(further.target == link.target for further in self.links.get(link.target, ()))
        return sorted(written, key=lambda anchor: paged and _SMALLEST_PAGE not in anchor.template.query)

    def _kinds(self, anchor: Anchor) -> frozenset[str]:
        """Return the query values with which the resources of a written request are created."""
        needed = self._suite.in_order(anchor.needs)
        return frozenset(value for resource in needed for _, value in resource.create.query)

    def _starts(self, profile: str) -> Iterator[tuple[str, list[RequestTemplate]]]:
        """Yield the operations that need no resource, with requests that need none either."""
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
        """Yield, for each kind that a link applies to, the smallest request for a usable resource."""
        kinds = {kind for link in links for allowed in link.when.values() for kind in allowed}
        found: dict[str, RequestTemplate] = {}
        for resource in sorted(self._suite.resources.values(), key=lambda one: _size(one.create)):
            wait = resource.wait
            if resource.create.operation != label or resource.needs or wait is None:
                continue
            # Only a wait for one single status shows that the resource is usable.
            if not all(isinstance(schema, dict) and "const" in schema for schema in wait.until.values()):
                continue
            for _, value in resource.create.query:
                if value in kinds:
                    found.setdefault(value, resource.create)
        yield from found.values()

    def _small_pages(self, label: str, profile: str) -> Iterator[RequestTemplate]:
        """Yield requests for a list in pages of one item."""
        for case in self._suite.cases:
            expected = case.profiles.get(profile, case.expect)
            served = (
                case.key is Credential.VALID and not isinstance(expected, Skip) and expected.status == (200,)
            )
            if case.operation == label and served and _SMALLEST_PAGE in case.template.query:
                yield case.template

    def _settled(self, template: RequestTemplate) -> RequestTemplate | None:
        """Return a request with its placeholders filled in; `None` where one needs a resource."""
        try:
            return msgspec.structs.replace(
                template,
                path={name: rendered(text, self._values) for name, text in template.path.items()},
                query=tuple((name, rendered(text, self._values)) for name, text in template.query),
                headers=tuple((name, rendered(text, self._values)) for name, text in template.headers),
                body=mapped(template.body, lambda text: rendered(text, self._values)),
                form=tuple(
                    # Placeholders in the parts of a form are filled once more when it is sent.
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
