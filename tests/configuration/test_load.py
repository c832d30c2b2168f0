"""What a configuration file may say, and the one line about what it may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cohere_conformance.client.address import Address
from cohere_conformance.configuration import load
from cohere_conformance.configuration.schema import URL, schema
from cohere_conformance.configuration.shape import Configuration, RunLimits, Tls, given, keys
from cohere_conformance.data import folder
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.configuration import Loaded


def loaded(home: Path, text: str, name: str = "conformance.toml") -> Loaded:
    path = home / name
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    read = loaded(
        tmp_path,
        'url = "http://gateway:4000/"\nbase-path = "/cohere/"\nown = true\ndeclares = ["rerank"]\n'
        '[headers]\nX-Api-Key = "${K}"\n[limits]\nn = 2\ntime-limit = 90\n',
    )
    assert read.where == Address("http://gateway:4000/cohere")
    assert given(read.configuration)["declares"] == ("rerank",)
    assert given(read.configuration.limits) == {"n": 2, "time-limit": 90.0}


def test_a_project_has_the_same_keys(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n[tool.cohere-conformance]\nfail-on = "breaking"\n'
    read = loaded(tmp_path, f"{text}[tool.cohere-conformance.limits]\nn = 3\n", "pyproject.toml")
    assert {**given(read.configuration), "limits": given(read.configuration.limits)} == {
        "fail-on": "breaking",
        "limits": {"n": 3},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit = 3", "limit: unknown key; did you mean limits?"),
        ("[limits]\nmax-request = 3", "limits.max-request: unknown key; did you mean max-requests?"),
        ("[limits]\nmax_requests = 3", "limits.max_requests: unknown key; did you mean max-requests?"),
        ("key_variable = 'K'", "key_variable: unknown key; did you mean key-variable?"),
        ("[tls]\nzzz = 3", "tls.zzz: unknown key; choose one of verify, ca-file, client-cert, client-key"),
        ("api-key = 'hunter2'", "api-key: unknown key; name its environment variable in key-variable"),
        (
            "live = true",
            "live: unknown key; it is an option of the command line only, because it may cost money",
        ),
        ("max-requests = 3", "max-requests: unknown key; write it below [limits]"),
        ('"a\\u001b[31m" = 1', "a\\x1b[31m: unknown key; choose one of"),
        ("declares = 'rerank'", "declares: expected a list, got a text"),
        ("declares = [1]", "declares[0]: expected a text, got a whole number"),
        ("declares = ['a,b']", "declares: expected one name in each text of the list, got a comma"),
        ("own = 'yes'", "own: expected true or false, got a text"),
        ("tls = true", "tls: expected a table, got true or false"),
        ("fail-on = 'hunter2'", "fail-on: expected one of breaking, additive, notice"),
        ("[limits]\nn = 0", "limits.n: expected a whole number >= 1"),
        ("[limits]\nn = 1.5", "limits.n: expected a whole number, got a number"),
        ("[limits]\npatience = inf", "limits.patience: expected a number <= "),
        ("[limits]\ntime-limit = true", "limits.time-limit: expected"),
        ("[headers]\nX-A = 1", "headers: expected a text, got a whole number"),
        ("url = 'gateway:4000'", "url gateway:4000: expected a base URL"),
        ("url = 'http://u:hunter2@gateway'", "url http://gateway: expected a base URL"),
        ("base-path = '/x'", "base-path: expected url as well"),
        ("url = 'http://a'\nbase-path = 'x'", "base-path: expected a path that begins with /"),
        ("url = 'http://a'\nbase-path = '/x?y'", "base-path http://a/x?y: expected a base URL"),
        ("own = true", "own: expected url as well"),
        (
            "own = true\nurl = 'https://API.cohere.com.'",
            "own: expected a host of yours in url, got api.cohere.com",
        ),
        ("key-variable = 'sk-hunter2'", "key-variable: expected the name of an environment variable"),
        (
            "[headers]\nX-Api-Key = 'hunter2'",
            "headers.X-Api-Key: expected an environment variable in place of a",
        ),
        (
            "[headers]\nAuthorization = '${K}'",
            "headers.Authorization: the test cases send this field themselves",
        ),
        ("[headers]\nHost = 'api.cohere.com'", "headers.Host: the test cases send this field themselves"),
        ("[models]\n'a=b' = 'c'", "models: expected roles"),
        ("url = ", "expected TOML, got an error: "),
        ("url = 'a'\nurl = 'b'", "expected TOML, got an error: "),
        (f"declares = {'[' * 3000}", "expected TOML, got an error: "),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, text)
    said = str(caught.value)
    assert f"conformance.toml: {message}" in said
    assert "\n" not in said
    assert "hunter2" not in said, "the value may be a credential"


@pytest.mark.parametrize("data", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "other.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=r"other\.toml: expected"):
        load(path)


def test_a_project_without_the_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pyproject\.toml: expected the table \[tool.cohere-conformance\]"):
        loaded(tmp_path, "[tool]\n", "pyproject.toml")


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    read = loaded(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert (read.path("ca.pem"), read.path("/etc/ssl/ca.pem")) == ("ca.pem", "/etc/ssl/ca.pem")
    monkeypatch.chdir(tmp_path / "inner")
    assert read.path("ca.pem") == "../ca.pem"


# -- the schema


def test_the_committed_schema_is_that_of_the_types() -> None:
    assert (folder("contracts") / "configuration.schema.json").read_bytes() == schema()


def test_every_key_is_described() -> None:
    properties: dict[str, Any] = json.loads(schema())["properties"]
    assert tuple(properties) == keys(Configuration)
    for key, shape in (("tls", Tls), ("limits", RunLimits)):
        assert tuple(properties[key]["properties"]) == keys(shape)
        assert all(one["description"] for one in properties[key]["properties"].values())
    assert all(one["description"] for one in properties.values())
    assert "$ref" not in schema().decode()
    assert URL.endswith("contracts/configuration.schema.json")


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ({"url": "http://a", "limits": {"n": 2, "time-limit": "5m"}, "headers": {"X-A": "b"}}, True),
        ({"limits": {"time-limit": 5}}, True),
        ({"limit": {}}, False),
        ({"limits": {"n": 0}}, False),
        ({"limits": {"m": 0}}, False),
        ({"declares": "rerank"}, False),
        ({"fail-on": "all"}, False),
    ],
)
def test_the_schema_accepts_what_is_read(value: dict[str, Any], valid: bool) -> None:
    validator = jsonschema.Draft7Validator(json.loads(schema()))
    assert validator.is_valid(value) is valid
