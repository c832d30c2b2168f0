"""Models: filtered lists, and properties."""

from __future__ import annotations

import datetime
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cohere_conformance.checks.frame import shown
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import each
from cohere_conformance.contract.models import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_PUBLIC = "https://storage.googleapis.com"
_TOKENIZERS = "/cohere-public/tokenizers/"
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_WHOLE = re.compile(r"[0-9]{1,9}")
_NAMED = 5
"""Names that a finding lists."""


@check("models.page-size")
def page_size(evidence: Evidence) -> Iterator[Breach]:
    """A page contains at most page_size models (MOD-R01)."""
    reported = evidence.query.get("page_size", [""])[-1]
    found = len(_models(evidence))
    if _WHOLE.fullmatch(reported) and found > int(reported):
        yield Breach("/models", f"at most {reported} models", str(found))


@check("models.filtered")
def filtered(evidence: Evidence) -> Iterator[Breach]:
    """Every model of a list filtered by endpoint serves that endpoint (MOD-O02)."""
    yield from _lacking(evidence, "endpoints", _endpoint(evidence))


@check("models.default-only")
def default_only(evidence: Evidence) -> Iterator[Breach]:
    """Every model of a list with default_only is the default of the endpoint (MOD-O03)."""
    if _only_default(evidence):
        yield from _lacking(evidence, "default_endpoints", _endpoint(evidence))


@check("models.one-default")
def one_default(evidence: Evidence) -> Iterator[Breach]:
    """An endpoint has at most one default model (MOD-O03)."""
    endpoint, found = _endpoint(evidence), _models(evidence)
    reported = [one for one in found if endpoint in (one.get("default_endpoints") or ())]
    if _only_default(evidence) and len(reported) > 1:
        yield Breach("/models", f"at most one default for {endpoint}", f"{len(reported)} models")


@check("models.defaults-served")
def defaults_served(evidence: Evidence) -> Iterator[Breach]:
    """The default_endpoints of a model are among its endpoints (MOD-O04)."""
    return each(_reported(evidence), _defaults_served)


def _defaults_served(one: tuple[str, dict[str, Any]]) -> Iterator[Breach]:
    location, model = one
    served, defaults = model.get("endpoints"), model.get("default_endpoints")
    others = sorted(set(defaults or ()) - set(served or ()))
    if served is not None and others:
        yield Breach(f"{location}/default_endpoints", "endpoints that the model serves", others[0])


@check("models.context-sign")
def context_sign(evidence: Evidence) -> Iterator[Breach]:
    """context_length is not negative (MOD-O06)."""
    return each(_reported(evidence), _context_sign)


def _context_sign(one: tuple[str, dict[str, Any]]) -> Iterator[Breach]:
    location, model = one
    length = model.get("context_length")
    if length is not None and length < 0:
        yield Breach(f"{location}/context_length", "0 or more", f"{length:g}")


@check("models.tokenizer")
def tokenizer(evidence: Evidence) -> Iterator[Breach]:
    """tokenizer_url is the public file with the name of the model, or a file on the server itself.

    Source: MOD-O06.
    """
    return each(_reported(evidence), partial(_own_tokenizer, evidence))


def _own_tokenizer(evidence: Evidence, one: tuple[str, dict[str, Any]]) -> Iterator[Breach]:
    location, model = one
    url, name = model.get("tokenizer_url"), model.get("name")
    path = f"{_TOKENIZERS}{name}.json"
    # A fine-tuned model has the tokenizer of its base model.
    if url and name and not model.get("finetuned") and not _is_tokenizer(url, path, evidence):
        yield Breach(f"{location}/tokenizer_url", f"{_PUBLIC}{path}", url)


def _is_tokenizer(url: str, path: str, evidence: Evidence) -> bool:
    """Return whether a URL is the public one, or that of a copy on the server, such as a mock."""
    if url == f"{_PUBLIC}{path}":
        return True
    try:
        reported, asked = urlsplit(url), urlsplit(evidence.parsed.exchange.request.url)
    except ValueError:
        return False
    own = reported.hostname == asked.hostname or _LOOPBACK.fullmatch(reported.hostname or "")
    return reported.scheme in {"http", "https"} and bool(own) and reported.path == path


@check("models.itself", ids=True)
def itself(evidence: Evidence) -> Iterator[Breach]:
    """Reading a model returns it unwrapped, with the requested name (MOD-S01)."""
    name = evidence.response.get("name")
    if evidence.response and name != evidence.last_segment:
        reported = "another" if isinstance(name, str) else "none"
        yield Breach("/name", evidence.last_segment, name if isinstance(name, str) else shown(name), reported)


@check("models.known")
def known_names(evidence: Evidence) -> Iterator[Breach]:
    """Every listed model is known, or fine-tuned (MOD-O07)."""
    names = _names(evidence)
    unknown = [name for name in names if known(name) is None and not name.endswith("-ft")]
    if unknown:
        yield Breach("/models/*/name", "names of known models", _some(unknown))


@check("models.none-retired")
def none_retired(evidence: Evidence) -> Iterator[Breach]:
    """A model is not listed after the day of its removal, or only as deprecated (MOD-L01, MOD-L03)."""
    day = _day(evidence)
    if day is None:
        return
    retired = [
        f"{name}, retired since {model.retired.date}"
        for name in _names(evidence)
        if (model := known(name)) is not None and model.retired is not None and model.retired.date <= day
    ]
    if retired:
        yield Breach("/models/*/name", "names of models that are not retired", _some(retired))


def _names(evidence: Evidence) -> list[str]:
    """Return the names of the listed models that are neither fine-tuned nor marked as deprecated."""
    return [
        name
        for one in _models(evidence)
        if isinstance(name := one.get("name"), str) and not (one.get("finetuned") or one.get("is_deprecated"))
    ]


def _some(found: list[str]) -> str:
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "; ".join(found[:_NAMED]) + more


def _day(evidence: Evidence) -> datetime.date | None:
    """Return the day of the exchange in UTC; `None` where no time was recorded."""
    recorded_at = evidence.parsed.exchange.source.recorded_at
    try:
        time = datetime.datetime.fromisoformat(recorded_at or "")
        return (time.astimezone(datetime.UTC) if time.tzinfo else time).date()
    except (ValueError, OverflowError):
        return None


def _models(evidence: Evidence) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = evidence.response.get("models") or []
    return found


def _reported(evidence: Evidence) -> list[tuple[str, dict[str, Any]]]:
    """Return every model of a response with its location."""
    if evidence.operation.label == "GET /v1/models":
        return [("/models/*", model) for model in _models(evidence)]
    return [("", evidence.response)]


def _endpoint(evidence: Evidence) -> str | None:
    return evidence.query.get("endpoint", [None])[-1]


def _only_default(evidence: Evidence) -> bool:
    return evidence.query.get("default_only", [""])[-1] in {"true", "True", "1"}


def _lacking(evidence: Evidence, name: str, endpoint: str | None) -> Iterator[Breach]:
    if not endpoint:
        return
    for model in _models(evidence):
        reported = model.get(name)
        if reported is not None and endpoint not in reported:
            yield Breach(
                f"/models/*/{name}", f"the requested {endpoint}", ", ".join(map(str, reported)), "lacks"
            )
            return
