"""Every test of the suites that calls a target, and responses that no server should give it."""

from __future__ import annotations

import importlib.util
import itertools
import json
import random
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL
from cohere_conformance.reference.profile import Profile
from cohere_conformance.session.api import Api

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from types import ModuleType

    from cohere_conformance.cases import Credential, RequestTemplate
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.model import Exchange, Expectation
    from cohere_conformance.session.api import Judged
    from cohere_conformance.session.patience import Patience

Spoil = Callable[[int, bytes], bytes] | bytes
CONTRACT = load_contract()
_DEEP = json.loads("[" * 200 + "]" * 200)
_KEYS = {"trial": f"Bearer {TRIAL}", "expired": f"Bearer {EXPIRED}"}
WHOLE: dict[str, bytes] = {
    "an empty object": b"{}",
    "an empty array": b"[]",
    "null": b"null",
    "a text": b'"text"',
    "a number": b"1e308",
    "a truth": b"true",
    "nothing": b"",
    "no JSON": b"\xff{",
    "deep arrays": json.dumps(_DEEP).encode(),
    "deep objects": b'{"a":' * 200 + b"1" + b"}" * 200,
}
"""What may be sent instead of a response, whatever was asked for."""
LEAVES: tuple[Any, ...] = (None, "x", "", -1, 10**30, 1e308, True, [], {}, [[]], [None], {"": None}, _DEEP)
"""What may be in a response instead of what should be there."""


class SuiteTest(NamedTuple):
    """A test of the suites.

    Attributes:
        name: of it, with its file.
        run: calls it with a target.
    """

    name: str
    run: Callable[[Api], None]


@lru_cache(maxsize=1)
def suite_tests() -> tuple[SuiteTest, ...]:
    """Return every test that calls a target by itself, with each of its parameters."""
    return tuple(itertools.chain.from_iterable(map(_tests, sorted(folder("suites").glob("*/test_*.py")))))


def _tests(path: Path) -> Iterator[SuiteTest]:
    name = f"suite_{path.parent.name}_{path.stem}".replace("-", "_")
    module = _loaded(name, path)
    for label, function in vars(module).items():
        if not label.startswith("test_") or "api" not in function.__code__.co_varnames:
            continue
        marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
        names, rows = [], []
        for mark in marks:
            given, values = mark.args
            names += given if isinstance(given, tuple | list) else [given]
            several = isinstance(given, tuple | list)
            rows.append([_values(value, several=several) for value in values])
        for row in itertools.product(*rows):
            further = dict(zip(names, itertools.chain(*row), strict=True))
            shown = "-".join(map(str, further.values()))[:40]
            yield SuiteTest(
                f"{path.parent.name}/{path.stem}.{label}[{shown}]",
                lambda api, function=function, further=further: function(api, **further),
            )


def _values(given: Any, *, several: bool) -> Sequence[object]:
    """Return the values of one row of a parametrized test.

    Args:
        given: the row: `pytest.param(...)`, a value, or a tuple.
        several: the test has several parameters.
    """
    if hasattr(given, "marks"):
        return tuple(given.values)
    return tuple(given) if several else (given,)


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with warnings.catch_warnings():
        # The marks of the suites are known to pytest only where the plugin is.
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    return module


def _state() -> ServerState:
    return ServerState(profile=Profile.CONTRACT)


class Spoiled:
    """A target that is a reference server, some responses of which are replaced on the way.

    Requests whose responses are all replaced are sent once: of an equal one only the body would be new.
    """

    def __init__(self) -> None:
        self._spoil: Spoil = b""
        self._state = _state()
        self._number = 0
        self._sent: dict[Outgoing, Exchange] = {}

    def __enter__(self) -> Spoiled:
        self._transport = InProcess(self._state)
        self._sender = Sender("http://localhost", gate=OPEN, transport=self._transport)
        self._sender.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._sender.__exit__(*error)

    def restart(self) -> None:
        """Begin with a server that has nothing of what was created before."""
        self._state = _state()
        self._transport.restart(self._state)

    def advance(self, seconds: float) -> None:
        """Let time pass on the server."""
        self._state.clock.advance(seconds)

    def api(self, spoil: Spoil, patience: Patience) -> Api:
        """Return the target, as a test sees it whose responses nobody judges.

        Args:
            spoil: returns the body that comes instead, by the number of the response and the body itself; or
                the body that always comes instead.
            patience: with what takes time.
        """
        self._spoil, self._number = spoil, 0
        unique = f"{random.getrandbits(24):06x}"
        return Api(
            "suite",
            CONTRACT,
            self._send,
            lambda *_: None,
            profile="contract",
            unique=unique,
            seed=0,
            patience=patience,
        )

    def _send(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        outgoing = _with_key(template.outgoing({}, name=test, key=key, authorization=_KEYS.get(key)))
        if clearing:
            return self._sender.send(outgoing, position=test), (), ""
        if isinstance(self._spoil, bytes):
            if outgoing not in self._sent:
                self._sent[outgoing] = self._sender.send(outgoing, position=test)
            return _with(self._sent[outgoing], self._spoil), (), ""
        exchange = self._sender.send(outgoing, position=test)
        body = self._spoil(self._number, exchange.response.body or b"")
        self._number += 1
        return _with(exchange, body), (), ""


def _with_key(outgoing: Outgoing) -> Outgoing:
    """Return the request with the key; a sender that has one looks for it in every response."""
    if not outgoing.has_key:
        return outgoing
    field = ("authorization", f"{outgoing.scheme} {PRODUCTION}")
    return msgspec.structs.replace(outgoing, headers=(*outgoing.headers, field), has_key=False)


def _with(exchange: Exchange, body: bytes) -> Exchange:
    return msgspec.structs.replace(exchange, response=msgspec.structs.replace(exchange.response, body=body))


def wrong(body: bytes, dice: random.Random) -> bytes:
    """Return a response of the right shape in which one thing is wrong: replaced, missing, or there twice."""
    if body.startswith((b"event:", b"data:")):
        lines = body.split(b"\n")
        data = [number for number, line in enumerate(lines) if line.startswith(b"data:") and b"{" in line]
        chosen = dice.choice(data)
        lines[chosen] = b"data: " + wrong(lines[chosen].partition(b":")[2], dice)
        return b"\n".join(lines)
    try:
        value = json.loads(body)
    except ValueError:
        return b"{}"
    locations = list(_places(value, ()))
    if not locations:
        return json.dumps(dice.choice(LEAVES)).encode()
    # The shallow ones are what tests read first, and of the deep ones there are many of a kind.
    shortest = dice.choice(sorted({len(location) for location in locations}))
    location = dice.choice([one for one in locations if len(one) == shortest])
    holder = value
    for token in location[:-1]:
        holder = holder[token]
    match dice.randrange(4):
        case 0:
            del holder[location[-1]]
        case 1 if isinstance(holder, list):
            holder.append(holder[location[-1]])
        case _:
            holder[location[-1]] = dice.choice(LEAVES)
    return json.dumps(value).encode()


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        steps = list(value.items())
    else:
        steps = list(enumerate(value[:3])) if isinstance(value, list) else []
    for token, item in steps:
        yield (*path, token)
        yield from _places(item, (*path, token))
