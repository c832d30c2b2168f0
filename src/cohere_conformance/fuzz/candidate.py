"""What the fuzzer sends: a written case with a mutation, and the response that it expects."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Credential, RequestTemplate
from cohere_conformance.cases.template import mapped

if TYPE_CHECKING:
    from cohere_conformance.cases import FormPart


class GenerationMode(enum.StrEnum):
    """How a request is generated."""

    POSITIVE = "positive"
    """It is valid by the contract."""
    NEGATIVE = "negative"
    """It breaks exactly one rule of the contract."""
    PROTOCOL = "protocol"
    """Its method, path, headers, media type or bytes are unusual, below what the contract describes."""


class Expected(enum.StrEnum):
    """What the response has to be."""

    SERVED = "served"
    """2xx: the contract names this value, or the case is unchanged."""
    REFUSED = "refused"
    """4xx: a rule is broken."""
    EITHER = "either"
    """2xx or 4xx: no rule of the contract says which."""


class ViolatedRule(msgspec.Struct, frozen=True):
    """The rule of the contract that a request breaks.

    Attributes:
        location: `/documents/*` of the body, `query:limit`, `path:id`, `form:name`, `header:content-type`.
        keyword: as JSON Schema names it (`maxItems`), or a word for a rule of HTTP (`media-type`).
        limit: what it requires, for a reader.
    """

    location: str
    keyword: str
    limit: str


class Candidate(msgspec.Struct, frozen=True):
    """One generated request.

    Attributes:
        mode: how it is generated.
        anchor: id of the written case that was changed.
        location: what was changed, as the location of a rule.
        says: how, for a reader.
        template: the request.
        expected: what the response has to be.
        rule: the one that it breaks, if any.
        needs: the resources of the case.
        key: which credentials it is sent with.
        statuses: the expected ones, where not every 4xx is right.
    """

    mode: GenerationMode
    anchor: str
    location: str
    says: str
    template: RequestTemplate
    expected: Expected
    rule: ViolatedRule | None = None
    needs: tuple[str, ...] = ()
    key: Credential = Credential.VALID
    statuses: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """A name that is unique in its operation and the same in every run."""
        keyword = self.rule.keyword if self.rule else ""
        return " | ".join((self.mode, self.anchor, self.location, keyword, self.says))


class Anchor(msgspec.Struct, frozen=True):
    """A written case with a 2xx response, from which requests are generated.

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
        rule: ViolatedRule | None = None,
        key: Credential = Credential.VALID,
        statuses: tuple[int, ...] = (),
    ) -> Candidate:
        """Return the case with one change."""
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
    """Return a JSON value in which placeholders are escaped."""
    return mapped(value, lambda text: text.replace("${", "$${"))
