"""What an official SDK makes of a response, and the effect of a finding on an application with it."""

import enum
from collections.abc import Iterable
from typing import Annotated

import msgspec

MOST_LOCATIONS = 10
"""Locations of an effect that are listed."""
_Count = Annotated[int, msgspec.Meta(ge=0)]


class SdkParse(msgspec.Struct, frozen=True, kw_only=True):
    """How an official SDK parsed one response.

    Attributes:
        sdk: name and version, such as `cohere 7.3.1`.
        assumed: what was assumed of the request, such as `texts`, where it was not recorded and the SDK
            parses responses to other requests in another way; empty if it is known or does not matter.
        raised: class of the exception, with the class of what caused it; empty if there was none. A status of
            4xx or 5xx always raises.
        raised_at: location of the part of the response without which it does not raise; empty if there is no
            such part. What is lost or has a wrong type is then that of the response without this part.
        lost: locations of what is in the response and not in the parsed object, or has another value there.
        mistyped: locations of values in the parsed object that the types of the SDK exclude.
    """

    sdk: str
    assumed: str = ""
    raised: str = ""
    raised_at: str = ""
    lost: tuple[str, ...] = ()
    mistyped: tuple[str, ...] = ()


class SdkOutcome(enum.StrEnum):
    """What happens to an application that uses an official SDK; the worst comes first."""

    RAISES = "raises"
    """The method raises an exception instead of returning."""
    MAY_RAISE = "raises with some requests"
    """The request was not recorded, and the SDK raises if it was one of some kinds."""
    LOSES_DATA = "loses data silently"
    """What was sent is not in the parsed object, or is another value there."""
    MAY_LOSE_DATA = "loses data silently with some requests"
    """The request was not recorded, and data is lost if it was one of some kinds."""
    WRONG_TYPE = "returns a wrong type"
    """The parsed object has a value that the types of the SDK exclude, such as `None` for a `str`."""
    MAY_BE_WRONG_TYPE = "returns a wrong type with some requests"
    """The request was not recorded, and a type is wrong if it was one of some kinds."""
    UNAFFECTED = "unaffected"
    """The deviation does not change what the method returns, and its types are right."""


SEVEREST = list(SdkOutcome)
"""The outcomes, the worst first."""
FOR_SOME = {
    SdkOutcome.RAISES: SdkOutcome.MAY_RAISE,
    SdkOutcome.LOSES_DATA: SdkOutcome.MAY_LOSE_DATA,
    SdkOutcome.WRONG_TYPE: SdkOutcome.MAY_BE_WRONG_TYPE,
}
"""What an outcome becomes if it depends on a request that was not recorded."""


class SdkEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a finding or of a cause on an official SDK.

    Attributes:
        sdk: name and version, such as `cohere 7.3.1`.
        outcome: what happens; the worst of all responses.
        exception: class of the exception, if it raises; the most frequent one.
        locations: of what is lost or has a wrong type, the first 10 in alphabetical order.
        responses: how many of the parsed responses had each outcome; empty in older reports.
    """

    sdk: str
    outcome: SdkOutcome
    exception: str = ""
    locations: tuple[str, ...] = ()
    responses: dict[SdkOutcome, _Count] = {}

    @property
    def parsed(self) -> int:
        """How many responses were parsed."""
        return sum(self.responses.values())

    @property
    def line(self) -> str:
        """The effect in one line."""
        raises = self.outcome in {SdkOutcome.RAISES, SdkOutcome.MAY_RAISE}
        says = f" {self.outcome}" if raises else f": {self.outcome}"
        if raises and self.exception:
            says = f" raises {self.exception}{self.outcome.removeprefix('raises')}"
        places = f" ({', '.join(self.locations)})" if self.locations else ""
        return f"{self.sdk}{says}{self._share}{places}"

    @property
    def _share(self) -> str:
        """In how many of the responses the outcome was the worst."""
        parsed, number = self.parsed, self.responses.get(self.outcome, 0)
        if parsed <= 1:
            return ""
        return f" in all {parsed} responses" if number == parsed else f" in {number} of {parsed} responses"


class SdkResponses(msgspec.Struct, frozen=True, kw_only=True):
    """What an official SDK made of all responses that were passed to it.

    Attributes:
        sdk: name and version, such as `cohere 7.3.1`.
        responses: how many of the parsed responses had each outcome, by the worst effect of their findings.
        conforming: how many of them conform; none unless that was asked for.
    """

    sdk: str
    responses: dict[SdkOutcome, _Count]
    conforming: _Count = 0


def worst(outcomes: Iterable[SdkOutcome]) -> SdkOutcome:
    """Return the worst of some outcomes."""
    return min(outcomes, key=SEVEREST.index)
