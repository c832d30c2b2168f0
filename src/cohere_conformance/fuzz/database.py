"""The database of failing examples, which the next run, or another machine, tries first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase, InMemoryExampleDatabase

from cohere_conformance.errors import UsageError
from cohere_conformance.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXTRA = "pip install 'cohere-conformance[redis]'"


def open_database(location: str | None) -> ExampleDatabase:
    """Return Hypothesis' database of examples.

    Args:
        location: a folder, or `redis://host:port/number`; `None` for a database in memory.

    Raises:
        UsageError: it is a Redis address, and the package redis is missing or no server responds.
    """
    if location is None:
        return InMemoryExampleDatabase()
    if not location.startswith(("redis://", "rediss://")):
        return DirectoryBasedExampleDatabase(Path(location))
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError as error:
        raise UsageError(
            f"--example-db {_bare(location)}: expected the package redis, got none; {_EXTRA}"
        ) from error
    try:
        client = Redis.from_url(location, socket_connect_timeout=5.0)
        client.ping()
    except (RedisError, ValueError, OSError) as error:
        reason = type(error).__name__
        raise UsageError(f"--example-db {_bare(location)}: expected a Redis server, got {reason}") from error
    return RedisExampleDatabase(client, key_prefix=b"cohere-conformance:")


def _bare(address: str) -> str:
    """Return an address without the password in it."""
    scheme, _, rest = address.partition("://")
    # A password may contain a slash, so everything up to the last @ is left out.
    return redact.url(f"{scheme}://{rest.rpartition('@')[2]}")


class DatabaseSection(ExampleDatabase):
    """The section of a database that belongs to one test.

    Hypothesis derives keys from the function that it runs, which is the same one for every operation.

    Args:
        database: the database.
        name: of the test.
    """

    def __init__(self, database: ExampleDatabase, name: str) -> None:
        super().__init__()
        self._database = database
        self._name = name.encode()

    def _key(self, key: bytes) -> bytes:
        return self._name + b"/" + key

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """Return everything that is kept under a key."""
        return self._database.fetch(self._key(key))

    def save(self, key: bytes, value: bytes) -> None:
        """Keep a value under a key."""
        self._database.save(self._key(key), value)

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget a value under a key."""
        self._database.delete(self._key(key), value)
