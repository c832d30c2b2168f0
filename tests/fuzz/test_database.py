"""Where failing examples are kept: in memory, in a folder, and in Redis for several machines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from databases import PASSWORD, redis_server

from cohere_conformance.errors import UsageError
from cohere_conformance.fuzz.database import DatabaseSection, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_what_is_kept_in_memory_is_nobody_elses() -> None:
    one, other = open_database(None), open_database(None)
    one.save(b"key", b"example")
    assert set(one.fetch(b"key")) == {b"example"}
    assert set(other.fetch(b"key")) == set()


def test_a_folder_outlives_who_wrote_in_it(tmp_path: Path) -> None:
    location = str(tmp_path / "new" / "examples")
    open_database(location).save(b"key", b"example")
    again = open_database(location)
    assert set(again.fetch(b"key")) == {b"example"}
    again.delete(b"key", b"example")
    assert set(open_database(location).fetch(b"key")) == set()
    assert set(open_database(str(tmp_path / "other")).fetch(b"key")) == set()


def test_a_shelf_keeps_tests_apart(tmp_path: Path) -> None:
    whole = open_database(str(tmp_path))
    one, other = (DatabaseSection(whole, name) for name in ("fuzz.positive.a", "fuzz.positive.a several"))
    one.save(b"key", b"of one")
    other.save(b"key", b"of the other")
    other.save(b"key", b"of both")
    one.save(b"key", b"of both")
    other.delete(b"key", b"of both")
    assert set(one.fetch(b"key")) == {b"of one", b"of both"}
    assert set(other.fetch(b"key")) == {b"of the other"}
    assert set(whole.fetch(b"key")) == set(), "what belongs to a test lies nowhere else"
    assert set(DatabaseSection(whole, "fuzz.positive.a").fetch(b"key")) == {b"of one", b"of both"}


# -- Redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as address:
        yield address


def test_what_one_machine_keeps_in_redis_another_one_finds(redis: str) -> None:
    location = f"redis://:{PASSWORD}@{redis}/0"
    one, other = (DatabaseSection(open_database(location), "fuzz.positive.a") for _ in range(2))
    one.save(b"key", b"example")
    assert set(other.fetch(b"key")) == {b"example"}
    other.delete(b"key", b"example")
    assert set(one.fetch(b"key")) == set()


def test_in_redis_everything_has_our_prefix_and_numbers_are_apart(redis: str) -> None:
    from redis import Redis

    first, second = (f"redis://:{PASSWORD}@{redis}/{number}" for number in (0, 1))
    open_database(first).save(b"key", b"example")
    assert set(open_database(second).fetch(b"key")) == set()
    with Redis.from_url(first) as client:
        keys = client.keys()
    assert keys
    assert all(key.startswith(b"cohere-conformance:") for key in keys)


def test_a_wrong_password_is_reported_without_it(redis: str) -> None:
    with pytest.raises(UsageError, match=r"--example-db redis://.*expected a Redis server, got ") as error:
        open_database(f"redis://:wrong-{PASSWORD}@{redis}/0")
    assert redis in str(error.value)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "redis://user:{}@127.0.0.1:1/0",
        "rediss://:{}@127.0.0.1:1/0",
        "redis://user:{}@127.0.0.1:none/0",
        "redis://user:{}@[::1/0",
        "redis://user:a@{}@127.0.0.1:1/0",
        "redis://127.0.0.1:1/0?password={}",
        "redis://user:a/{}@127.0.0.1:1/0?db=1&password={}",
    ],
)
def test_an_unreachable_address_is_reported_without_its_password(address: str) -> None:
    with pytest.raises(UsageError, match=r"--example-db rediss?://.*expected a Redis server, got ") as error:
        open_database(address.format(PASSWORD, PASSWORD))
    assert PASSWORD not in str(error.value)
    assert "user" not in str(error.value)


def test_without_the_package_for_redis_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "hypothesis.extra.redis", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'cohere-conformance\[redis\]'") as error:
        open_database(f"redis://:{PASSWORD}@127.0.0.1:1/0")
    assert PASSWORD not in str(error.value)
