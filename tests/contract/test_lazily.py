"""Values of a contract that are made when they are first read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.contract.lazily import Lazily

THREADS = 8


def test_a_value_is_made_once_and_only_if_it_is_read() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    values = Lazily(("b", "a"), make, threading.RLock())
    assert (list(values), len(values), "a" in values, "c" in values, made) == (["b", "a"], 2, True, False, [])
    assert [values["a"], values["a"]] == ["A", "A"]
    assert made == ["a"]
    assert values == {"a": "A", "b": "B"}
    with pytest.raises(KeyError):
        values["c"]


def test_threads_that_read_the_same_value_make_it_once() -> None:
    made: list[str] = []
    together = threading.Barrier(THREADS)

    def make(name: str) -> object:
        made.append(name)
        return object()

    values = Lazily("a", make, threading.RLock())

    def read(_: int) -> object:
        together.wait()
        return values["a"]

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(read, range(THREADS)))) == 1
    assert made == ["a"]


def test_a_response_is_translated_when_it_is_first_judged() -> None:
    """Each search for an amendment compiles a contract, and judges one response by it."""
    document = load_contract().document
    broken = {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/none"}}}}
    post = document["paths"]["/v1/tokenize"]["post"]
    paths = {"/v1/tokenize": {"post": post | {"responses": post["responses"] | {"418": broken}}}}
    operation = compile_contract(document | {"paths": paths}, {}).operations["POST /v1/tokenize"]
    assert operation.response(200) is not None
    assert "418" in operation.responses
    with pytest.raises(Exception, match="#/components/none"):
        operation.response(418)
