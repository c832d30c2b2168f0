"""What is sent: a written case with something changed, and what is expected of the answer because of it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Credential, RequestTemplate
from cohere_conformance.cases.template import mapped

if TYPE_CHECKING:
    from cohere_conformance.cases import FormPart


class GenerationMode(enum.StrEnum):
    """What a request is changed for."""

    POSITIVE = "positive"
    """It still keeps every rule of the contract."""
    NEGATIVE = "negative"
    """It breaks exactly one."""
    PROTOCOL = "protocol"
    """It is odd below the contract: its method, its path, its media type, its bytes."""


class Expected(enum.StrEnum):
    """What the answer has to be."""

    SERVED = "served"
    """2xx: the contract names this very value, or the case is unchanged."""
    REFUSED = "refused"
    """4xx: a rule is broken."""
    EITHER = "either"
    """2xx or 4xx: no rule of the contract says which."""


class BrokenRule(msgspec.Struct, frozen=True):
    """One rule of the contract.

    Attributes:
        location: `/documents/*` of the body, `query:limit`, `path:id`, `form:name`, `header:content-type`.
        keyword: as JSON Schema names it (`maxItems`), or what stands for one (`media-type`).
        limit: what it demands, for a reader.
    """

    location: str
    keyword: str
    limit: str


class Candidate(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        mode: what it is changed for.
        anchor: id of the written case it was made from.
        location: what was changed, named like the place of a rule.
        says: how, for a reader.
        template: the request.
        expected: what the response has to be.
        rule: the one that it breaks, if it breaks one.
        needs: the resources of the case.
        key: which key it goes with.
        statuses: of refusals, where not any 4xx will do.
    """

    mode: GenerationMode
    anchor: str
    location: str
    says: str
    template: RequestTemplate
    expected: Expected
    rule: BrokenRule | None = None
    needs: tuple[str, ...] = ()
    key: Credential = Credential.VALID
    statuses: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What tells it apart from the others of its operation, the same in every run."""
        keyword = self.rule.keyword if self.rule else ""
        return " | ".join((self.mode, self.anchor, self.location, keyword, self.says))


class Anchor(msgspec.Struct, frozen=True):
    """A written case that is answered with 2xx, to be changed.

    Attributes:
        case: its id.
        template: its request, with placeholders.
        needs: its resources.
    """

    case: str
    template: RequestTemplate
    needs: tuple[str, ...]

    def candidate(
        self,
        mode: GenerationMode,
        template: RequestTemplate,
        *,
        location: str,
        says: str,
        expected: Expected,
        rule: BrokenRule | None = None,
        key: Credential = Credential.VALID,
        statuses: tuple[int, ...] = (),
    ) -> Candidate:
        """Return what becomes of the case by one change."""
        return Candidate(
            mode=mode,
            anchor=self.case,
            location=location,
            says=says,
            template=template,
            expected=expected,
            rule=rule,
            needs=self.needs,
            key=key,
            statuses=statuses,
        )

    def with_form(self, form: tuple[FormPart, ...]) -> RequestTemplate:
        """Return the request with other parts of its form."""
        return msgspec.structs.replace(self.template, form=form)


def literal(value: object) -> object:
    """Return a JSON value whose texts hold no placeholders, whatever they look like."""
    return mapped(value, lambda text: text.replace("${", "$${"))
