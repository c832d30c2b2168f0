"""How parts of a response are lost in the SDK."""

import enum


class LossKind(enum.StrEnum):
    """How a part of a response is lost in the SDK."""

    DROPPED = "dropped"
    """The property is gone."""
    NONE = "none"
    """It had a value and is `None`."""
    CHANGED = "changed"
    """It has another value."""
    CONVERTED = "converted"
    """It was text, and is the number or the truth value that the text spells."""
    UNTYPED = "untyped"
    """It has a value, but the SDK has no type for it: a property that the class does not declare, an object
    that stays a plain `dict` although a class is declared, an error without a class of its own."""
    SKIPPED = "skipped"
    """The event of a stream is not yielded."""
    REFUSED = "refused"
    """The complete response: the request asked for a media type that the SDK does not parse."""
