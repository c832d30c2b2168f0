"""What a change means for a client of the API: breaking, additive or a notice.

The direction decides. A client *sends* requests and *receives* responses, events and error bodies:

- **breaking**: a client that was right can fail. A request that was valid can be rejected, or no longer
  has an effect: an operation, a parameter or a property of the request is removed or becomes required, a
  value, a type, an alternative or a range of it is taken away. Or a response can hold what it could not hold
  before: a property is removed or is no longer always there, a value, a type, an alternative, an event or
  a range is added. A change that does both is breaking as well, and so is another terminator of a stream,
  another style of a parameter, another 2xx status, a removed media type.
- **additive**: every client goes on working, and something is new or more certain: an operation, an optional
  parameter or property, a value or a wider range that a request may have; a property of a response, a
  value that is no longer sent, a narrower range of a response, one more media type.
- **notice**: no client is affected now, but its author wants to know: `deprecated` is set or unset, a
  default, a `format`, `readOnly` or `writeOnly` is another one, an error status is added or removed, a
  discriminator maps another value to a schema that the union does not have.

Prose and examples are no facts and are never reported. What is used in requests and in responses gets the
worst of its classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.drift.facts import ANY, root_of
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from cohere_conformance.drift.facts import Node


_NOTICES = {"deprecated", "default", "format", "readOnly", "writeOnly", "mapped"}
_ALWAYS_BREAKING = {"style", "statuses", "terminator"}
_FLAGS = {"required", "uniqueItems", "closed"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


def of_attribute(name: str, before: Any, after: Any, *, request: bool) -> Severity:
    """Rate the change of an attribute; `None` is an attribute that is absent."""
    if name in _NOTICES:
        return Severity.NOTICE
    if name in _ALWAYS_BREAKING:
        return Severity.BREAKING
    if name == "media":
        return Severity.BREAKING if (before or frozenset()) - (after or frozenset()) else Severity.ADDITIVE
    narrower, wider = effect(name, before, after)
    return Severity.BREAKING if (narrower if request else wider) else Severity.ADDITIVE


def of_added(step: str, node: Node, *, request: bool) -> Severity:
    """Rate a location that is new in an operation.

    Args:
        step: the last step that leads to it.
        node: the location.
        request: whether clients send it.
    """
    if root_of(step) == "error":
        return Severity.NOTICE
    if request:
        return Severity.BREAKING if node.attributes.get("required") is True else Severity.ADDITIVE
    return Severity.BREAKING if step.startswith("<") else Severity.ADDITIVE


def of_removed(step: str, *, request: bool, event: bool = False) -> Severity:
    """Rate a location that is no longer there.

    Args:
        step: the last step that led to it.
        request: whether clients sent it.
        event: whether it was an event of a stream, which clients wait for.
    """
    if root_of(step) == "error":
        return Severity.NOTICE
    return Severity.ADDITIVE if step.startswith("<") and not request and not event else Severity.BREAKING


def worst(severities: list[Severity]) -> Severity:
    """Return the worst of some classes."""
    return min(severities, key=list(Severity).index)


def effect(name: str, before: Any, after: Any) -> tuple[bool, bool]:
    """Return whether a change forbids what was allowed, and whether it allows something new."""
    if name in _FLAGS:
        return bool(after), not after
    if name == "nullable":
        return not after, bool(after)
    if name == "types":
        return not _covers(after or ANY, before or ANY), not _covers(before or ANY, after or ANY)
    if name == "requires":
        return bool((after or frozenset()) - (before or frozenset())), bool(
            (before or frozenset()) - (after or frozenset())
        )
    if before is None or after is None:
        return before is None, after is None
    if name == "enum":
        return bool(before - after), bool(after - before)
    if name in _LOWER | _UPPER and all(isinstance(value, (int, float)) for value in (before, after)):
        raised, lowered = after > before, after < before
        return (raised, lowered) if name in _LOWER else (lowered, raised)
    return True, True


def _covers(types: frozenset[str], others: frozenset[str]) -> bool:
    if types == ANY:
        return True
    return others <= (types | {"integer"} if "number" in types else types)
