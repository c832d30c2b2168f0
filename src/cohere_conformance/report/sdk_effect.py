"""What an official SDK makes of a response, and the effect of a cause on an application with it."""

import enum

import msgspec


class SdkParse(msgspec.Struct, frozen=True, kw_only=True):
    """How an official SDK parsed one response.

    Attributes:
        sdk: name and version, such as `cohere 7.3.1`.
        raised: class of the exception, with the class of what caused it; empty if there was none. A status of
            4xx or 5xx always raises.
        raised_at: location of the part of the response without which it does not raise; empty if there is no
            such part. What is lost or has a wrong type is then that of the response without this part.
        lost: locations of what is in the response and not in the parsed object, or has another value there.
        mistyped: locations of values in the parsed object that the types of the SDK exclude.
    """

    sdk: str
    raised: str = ""
    raised_at: str = ""
    lost: tuple[str, ...] = ()
    mistyped: tuple[str, ...] = ()


class SdkOutcome(enum.StrEnum):
    """What happens to an application that uses an official SDK; the worst comes first."""

    RAISES = "raises"
    """The method raises an exception instead of returning."""
    LOSES_DATA = "loses data silently"
    """What was sent is not in the parsed object, or is another value there."""
    WRONG_TYPE = "returns a wrong type"
    """The parsed object has a value that the types of the SDK exclude, such as `None` for a `str`."""
    UNAFFECTED = "unaffected"
    """The deviation does not change what the method returns, and its types are right."""


class SdkEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a cause on an official SDK, judged by the example of each finding.

    Attributes:
        sdk: name and version, such as `cohere 7.3.1`.
        outcome: what happens; the worst of the findings.
        exception: class of the exception, if it raises.
        locations: of what is lost or has a wrong type, the first 10.
    """

    sdk: str
    outcome: SdkOutcome
    exception: str = ""
    locations: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The effect in one line."""
        more = self.exception or ", ".join(self.locations)
        if self.outcome is SdkOutcome.RAISES:
            return f"{self.sdk} raises {more}"
        return f"{self.sdk}: {self.outcome}{f' ({more})' if more else ''}"
