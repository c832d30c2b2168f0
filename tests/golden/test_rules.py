"""The comparison rules: all needed and explained; a mistake in one is reported with its line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.cases import shipped_suite
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.errors import CaseError
from cohere_conformance.golden import Cassette, find, load
from cohere_conformance.golden.compare.loading import load_rules, shipped_rules
from cohere_conformance.golden.compare.masks import Like, Mask
from cohere_conformance.golden.compare.streams import Streamed, framing_of
from cohere_conformance.golden.fresh_server import FreshServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.contract.location import Location
    from cohere_conformance.golden import Provenance
    from cohere_conformance.golden.compare.rules import ComparisonRule

CONTRACT = load_contract()
RULES = shipped_rules()
GROUPS = sorted({operation.group for operation in CONTRACT.operations.values()})
CASSETTES = find(folder("cassettes"))


def written(home: Path, text: str, group: str = "rerank", common: str = "") -> Path:
    """Write a folder of suites with one file of rules."""
    (home / group).mkdir()
    (home / group / "golden.yaml").write_text(text, encoding="utf-8")
    cases = "group: rerank\ncases:\n  - {id: rerank.plain, operation: POST /v1/rerank}\n"
    (home / group / "cases.yaml").write_text(cases, encoding="utf-8")
    if common:
        (home / "golden.yaml").write_text(common, encoding="utf-8")
    return home


# -- the shipped ones


def test_every_group_has_its_file() -> None:
    assert sorted(path.parent.name for path in folder("suites").glob("*/golden.yaml")) == GROUPS


def test_every_rule_says_why() -> None:
    silent = [f"{rule.file}:{rule.line}" for rule in RULES.rules if not re.fullmatch(r"[A-Z].+\.", rule.why)]
    assert silent == []


def standing(location: Location, documents: list[tuple[str | None, Any]]) -> Iterator[Any]:
    """Yield the values at the location of a rule, where `{}` matches any name."""
    for tag, document in documents:
        values = [document] if tag == location.tag else []
        for token in location.tokens:
            below: list[Any] = []
            for value in values:
                if isinstance(value, list):
                    below += value if token == "*" else []
                elif isinstance(value, dict):
                    below += value.values() if token == "{}" else [value[token]] if token in value else []
            values = below
        yield from values


def documents_of(provenance: Provenance, reading: ParsedExchange) -> list[tuple[str | None, Any]]:
    """Return the documents with the locations of rules: bodies, and events with their type."""
    framing, declared = framing_of(CONTRACT, provenance.operation, reading)
    if framing == "json":
        return [(None, reading.response[0])]
    stream, whole = Streamed(reading, declared, framing), RULES.whole(provenance.operation)
    found: list[tuple[str | None, Any]] = [(event.tag, event.payload) for event in stream.events]
    if whole is not None:
        return [*found, *((None, value) for value in standing(whole, found))]
    return [*found, (None, stream.folded(CONTRACT))]


def met(cassette: Cassette) -> Iterator[str]:
    """Yield the locations of rules at which a response has a value, or must have none."""
    provenance, headers = cassette.provenance, {name for name, _ in cassette.exchange.response.headers}
    documents = documents_of(provenance, ParsedExchange(cassette.exchange))
    for rule in RULES.rules:
        if provenance.operation in rule.operations and rule.case in {"", provenance.id}:
            if rule.header in headers:
                yield named(rule, rule.header)
            for location in rule.locations:
                undoes = rule.case != "" and rule.optional is not None
                if undoes or any(True for _ in standing(location, documents)):
                    yield named(rule, location)


def full_list(name: str, creation: str) -> Cassette:
    """Return a list of everything that resources create; a cassette has only what its own case needs."""
    suite, cassette = shipped_suite(), load(CASSETTES[name])
    every = tuple(one.name for one in suite.resources.values() if one.create.operation == creation)
    [case] = [case for case in suite.cases if case.id == name]
    with FreshServer(suite, CONTRACT) as server:
        sent = server.send(msgspec.structs.replace(case, needs=(*case.needs, *every)), "contract")
    return Cassette(cassette.provenance, sent.exchange)


def named(rule: ComparisonRule, location: Location | str) -> str:
    return f"{rule.file}:{rule.line}: {location} in {rule.case or 'all'}"


def test_every_rule_is_needed() -> None:
    assert CASSETTES, "the shipped cassettes were found"
    needed = {name for path in CASSETTES.values() for name in met(load(path))}
    needed |= set(met(full_list("datasets.list.span", "POST /v1/datasets")))
    needed |= set(met(full_list("embed-jobs.list.youngest", "POST /v1/embed-jobs")))
    every = [named(rule, location) for rule in RULES.rules for location in rule.locations or (rule.header,)]
    assert [name for name in every if name not in needed] == []


# -- what they say


def test_rules_of_a_case_have_precedence_over_those_of_its_group() -> None:
    location = ("<message-end>", ("delta", "finish_reason"))
    usual = RULES.of("chat.v2.any", "POST /v2/chat").at("message-end", location[1])
    settled = RULES.of("chat.v2.stream", "POST /v2/chat").at("message-end", location[1])
    assert usual.mask == Mask(among=("COMPLETE", "MAX_TOKENS"))
    assert settled.mask == Mask()


def test_values_without_a_rule_must_be_equal() -> None:
    for case in ("tokenize.plain", "tokenize.imported.post-v1-tokenize.200.0badcafe"):
        comparison = RULES.of(case, "POST /v1/tokenize").at(None, ("tokens", "*"))
        assert (comparison.mask, comparison.length, comparison.optional) == (Mask(), "same", False)


def test_everything_below_a_shape_is_a_shape() -> None:
    masks = RULES.of("", "GET /v1/models")
    assert masks.at(None, ("models", "*", "features", "*")).mask == Mask(Like.SHAPE)
    assert masks.at(None, ("models", "*", "sampling_defaults")).optional
    assert masks.at(None, ("models",)).mask == Mask()
    narrowed = RULES.of("datasets.list.type", "GET /v1/datasets")
    assert narrowed.at(None, ("datasets", "*", "dataset_type")).mask == Mask()
    assert narrowed.at(None, ("datasets", "*", "validation_status")).mask == Mask(Like.SHAPE)


def test_events_of_one_rule_may_be_mixed() -> None:
    masks = RULES.of("", "POST /v2/chat")
    assert masks.run("citation-end") == {"content-delta", "citation-start", "citation-end"}
    assert masks.run("message-end") == frozenset()


def test_a_rule_of_the_response_applies_to_the_event_that_has_it() -> None:
    masks = RULES.of("", "POST /v1/chat")
    assert masks.at("stream-end", ("response", "text")).mask == Mask(Like.TEXT)
    assert masks.at("stream-start", ("response", "text")).mask == Mask()


def test_a_folder_without_rules_has_none(tmp_path: Path) -> None:
    assert load_rules(tmp_path, CONTRACT).rules == ()


def test_free_names_and_lengths_are_parsed(tmp_path: Path) -> None:
    text = (
        "group: rerank\nmasks:\n  - {at: /results, length: some, why: So.}\ncases:\n"
        "  rerank.plain:\n    - {at: '/results/*/document/{}', as: text, presence: any, why: So.}\n"
    )
    about_case, about_group = load_rules(written(tmp_path, text), CONTRACT).rules
    assert (about_group.length, about_group.case, about_group.line) == ("some", "", 3)
    assert about_group.operations == {"POST /v1/rerank", "POST /v2/rerank"}
    assert (about_case.case, about_case.optional, about_case.mask) == ("rerank.plain", True, Mask(Like.TEXT))


# -- mistakes

RULE = "group: rerank\nmasks:\n  - at: /id\n    as: id\n    why: So.\n"
COMMON = "headers:\n  - {name: num_tokens, why: So.}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (RULE.replace("/id", "/ids"), 3, "that a response to POST /v1/rerank or POST /v2/rerank can have"),
        (RULE.replace("/id", "id"), 3, "expected a place such as"),
        (RULE.replace("/id", "/results/0/index"), 3, "expected a location that a response"),
        (RULE.replace("/id", "<message-end>"), 3, "expected the type of an event"),
        (RULE.replace("/id", "header:num_token"), 3, "did you mean num_tokens?"),
        (RULE.replace("/id", "[/id, header:num_tokens]"), 3, "expected one header alone"),
        (RULE.replace("/id", "[/id, /results/*/inde]"), 3, "got /results/*/inde; correct it"),
        (RULE.replace("as: id", "as: ids"), 4, "expected a kind of comparison, got 'ids'; did you mean id?"),
        (RULE.replace("as: id", "like: id"), 4, "expected a key, got 'like'"),
        (RULE.replace("as: id", "within: -1"), 4, "expected a number above 0, got -1"),
        (RULE.replace("as: id", "within: near"), 4, "expected `float | null`, got `str`"),
        (RULE.replace("as: id", "length: long"), 4, "invalid enum value 'long'"),
        (RULE.replace("as: id", "as: bits"), 4, "expected within for bits"),
        (RULE.replace("    as: id\n", "    as: id\n    within: 1\n"), 3, "got several"),
        (RULE.replace("    as: id\n", ""), 3, "got none; say what may differ"),
        (RULE.replace("    why: So.\n", ""), 3, "missing required field `why`"),
        (RULE.replace("    as", "    operation: POST /v3/rerank\n    as"), 4, "did you mean POST /v"),
        (RULE.replace("rerank", "embed"), 1, "expected rerank, the name of its folder, got 'embed'"),
        (RULE.replace("masks:", "mask:"), 2, "expected a key, got 'mask'; did you mean masks?"),
        (RULE + "headers: []\n", 6, "expected a key, got 'headers'"),
        (RULE + "whole: {POST /v1/chat: /text}\n", 6, "expected an operation, got 'POST /v1/chat'"),
        (RULE + "cases:\n  rerank.plan: []\n", 7, "did you mean rerank.plain?"),
        (RULE + "cases: [rerank.plain]\n", 6, "expected ids with rules, got list"),
        (RULE + "cases:\n  rerank.plain: {at: /id}\n", 7, "expected a list of rules, got dict"),
        (RULE + "cases:\n  rerank.plain:\n    - {at: /it, as: id, why: So.}\n", 8, "got /it; correct it"),
        ("group: rerank\nmasks:\n  - 7\n", 3, "expected `object`, got `int`"),
        ("group: rerank\nmasks: 7\n", 2, "expected a list of rules, got int"),
        ("group: [rerank\n", 0, "line 2, column 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(CaseError) as caught:
        load_rules(written(tmp_path, text, common=COMMON), CONTRACT)
    assert caught.value.file.endswith("rerank/golden.yaml")
    assert caught.value.line == line
    assert said in caught.value.reason


def test_a_folder_of_no_group_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="the folder of a group, got 'reranks'; did you mean rerank"):
        load_rules(written(tmp_path, RULE, group="reranks"), CONTRACT)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("headers:\n  - {name: Num_Tokens, why: So.}\n", 2, "write num_tokens"),
        ("headers:\n  - {name: num_tokens, as: ids, why: So.}\n", 2, "did you mean id?"),
        ("cases: {}\n", 1, "expected a key, got 'cases'"),
        ("masks:\n  - {at: /nowhere, as: id, why: So.}\n", 2, "a response to any of its operations"),
    ],
)
def test_a_mistake_in_the_common_rules_is_reported(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(CaseError) as caught:
        load_rules(written(tmp_path, RULE, common=text), CONTRACT)
    assert caught.value.file.endswith("golden.yaml")
    assert "rerank" not in caught.value.file.rpartition("/")[0].rpartition("/")[2]
    assert caught.value.line == line
    assert said in caught.value.reason
