"""No test of the suites fails by itself, whatever a target says: it finds a deviation, or it says nothing."""

from __future__ import annotations

import json
import random
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import core, stateful
from nonsense import WHOLE, Spoiled, SuiteTest, suite_tests, wrong

from cohere_conformance.session import lifecycle, patience
from cohere_conformance.session.api import DeviatesError, InconclusiveError
from cohere_conformance.session.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nonsense import Spoil

ENDS = (DeviatesError, InconclusiveError, pytest.skip.Exception)
DRAWS = 3
"""Responses with one wrong value for each test."""
REACH = 12
"""The first responses of a test, one of which is spoiled."""


class Clock:
    """Time that passes only while somebody sleeps, for the server as well."""

    def __init__(self, target: Spoiled) -> None:
        self._target = target
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        self._target.advance(seconds)


@pytest.fixture(scope="module")
def target(pytestconfig: pytest.Config) -> Iterator[Spoiled]:
    # The suites are imported here without the plugin that knows their marks.
    pytestconfig.addinivalue_line("markers", "operations(*labels): every operation that a test calls")
    pytestconfig.addinivalue_line("markers", "protocol: what a server with canned answers must pass as well")
    with Spoiled() as made:
        yield made


@pytest.fixture(autouse=True)
def _new_server(target: Spoiled, monkeypatch: pytest.MonkeyPatch) -> None:
    target.restart()
    monkeypatch.setattr(patience, "time", Clock(target))


@pytest.fixture(autouse=True)
def _one_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis stores tables in a folder, of which a new one for each property would be thousands."""
    monkeypatch.setattr(lifecycle, "TemporaryDirectory", lambda: nullcontext(tmp_path))


@pytest.fixture(autouse=True)
def _no_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis parses the source of whatever it runs, for a database that there is not."""
    for module in (core, stateful):
        monkeypatch.setattr(module, "function_digest", lambda _: b"")


def crash(test: SuiteTest, target: Spoiled, spoil: Spoil) -> str:
    """Run a test against spoiled responses, and return how it has failed by itself; nothing if it has not."""
    api = target.api(spoil, Patience(5.0))
    try:
        test.run(api)
    except ENDS:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, a test must not raise it
        return f"{test.name}: {type(error).__name__}: {error}"
    finally:
        api.clear()
    return ""


def without(value: Any, name: str) -> Any:
    """Return a JSON value without a property, wherever it is."""
    if isinstance(value, dict):
        return {key: without(item, name) for key, item in value.items() if key != name}
    return [without(item, name) for item in value] if isinstance(value, list) else value


def test_the_tests_of_the_suites_are_found() -> None:
    """All of them are fed below: relations, lifecycles, credentials, sequences."""
    names = {test.name.partition("[")[0] for test in suite_tests()}
    assert len(names) > 100
    assert {"datasets/test_lifecycle.test_any_order", "fuzz/test_sequences.test_batches"} <= names


def test_valid_responses_fail_no_test(target: Spoiled) -> None:
    """The harness itself works: without nonsense, each test ends normally."""
    found = [crash(test, target, lambda _, body: body) for test in suite_tests()]
    assert [reason for reason in found if reason] == []


@pytest.mark.parametrize("what", WHOLE)
def test_nonsense_instead_of_every_response_fails_no_test(what: str, target: Spoiled) -> None:
    """The summary of `{}`, the first vector of `[]`, the status of a text."""
    found = [crash(test, target, WHOLE[what]) for test in suite_tests()]
    assert [reason for reason in found if reason] == []


@pytest.mark.parametrize("draw", range(DRAWS))
def test_one_spoiled_response_fails_no_test(draw: int, target: Spoiled) -> None:
    """The responses before it are right, so that every line of a test meets a wrong one some time."""
    found = []
    for test in suite_tests():
        dice = random.Random(f"{draw} {test.name}")
        spoiled = dice.randrange(REACH)

        def spoil(number: int, body: bytes, dice: random.Random = dice, spoiled: int = spoiled) -> bytes:
            if number % REACH != spoiled:
                return body
            return dice.choice(list(WHOLE.values())) if dice.random() < 0.2 else wrong(body, dice)

        found.append(crash(test, target, spoil))
    assert [reason for reason in found if reason] == []


@pytest.mark.parametrize("name", ["name", "status"])
def test_a_property_that_every_response_lacks_fails_no_lifecycle(name: str, target: Spoiled) -> None:
    """What a lifecycle compares may be missing from the first response on."""
    tests = [test for test in suite_tests() if test.name.partition("/")[2].startswith("test_lifecycle.")]
    assert len(tests) == 5

    def spoil(_: int, body: bytes) -> bytes:
        return json.dumps(without(json.loads(body), name)).encode() if body[:1] == b"{" else body

    assert [reason for test in tests if (reason := crash(test, target, spoil))] == []
