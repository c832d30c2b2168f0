"""The fixtures for other people's tests: the documented examples run, and unused they change nothing."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cohere_conformance import Exchange, Request, Response, Source, judge
from cohere_conformance.reference.faults import catalogue

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
FIXTURES = "cohere_conformance.pytest_fixtures"
FOREIGN = """
def test_one(tmp_path): pass
def test_two(): assert 1 == 2
"""


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """Load the package: what is loaded in a run below is forgotten afterwards, but has registered itself."""
    catalogue()
    judge(Exchange(Request("GET", "https://api.cohere.com/v1/models"), Response(200), Source("a test")))


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *arguments: str, plugin: bool = True) -> pytest.RunResult:
    flags = ("-p", FIXTURES) if plugin else ()
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *flags, *arguments)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_documented_examples_run_and_one_shows_the_documented_failure(pytester: pytest.Pytester) -> None:
    code = blocks("python")
    overriding = [block for block in code if "def conformance_servers" in block]
    pytester.makeconftest("\n".join(overriding))
    pytester.makepyfile("\n".join(block for block in code if block not in overriding))
    outcome = run(pytester)
    outcome.assert_outcomes(passed=PAGE.count("\ndef test_"), errors=1)
    (shown,) = blocks("text")
    assert shown in outcome.stdout.str()
    assert "ERROR at teardown of test_with_a_mock" in outcome.stdout.str()


def test_the_package_declares_the_fixtures_and_nothing_else_as_a_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"cohere-conformance": FIXTURES}
    module = importlib.import_module(FIXTURES)
    assert [name for name in vars(module) if name.startswith("pytest_")] == []


def test_the_import_of_the_plugin_loads_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import cohere_conformance.pytest_fixtures; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cohere_conformance", FIXTURES]


@pytest.mark.parametrize("arguments", [("--help",), ("--markers",), ("--collect-only", "-q"), ("-q", "-rA")])
def test_another_suite_does_not_notice_the_plugin(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makepyfile(FOREIGN)
    output = [
        re.sub(r"in \d+\.\d+s", "", run(pytester, *arguments, plugin=plugin).stdout.str())
        for plugin in (True, False)
    ]
    assert output[0] == output[1]


def test_the_server_is_empty_for_each_test_and_has_the_options_of_the_project(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def cohere_server_options(): return {'profile': 'live-2026', 'keys': ['mine']}\n"
    )
    pytester.makepyfile(
        """
        import httpx, pytest

        @pytest.mark.parametrize("turn", [1, 2])
        def test_turn(cohere_server, turn):
            assert cohere_server.requests == ()
            headers = {"authorization": "Bearer mine"}
            body = {"name": "files", "url": "https://files.example/search"}
            assert httpx.post(f"{cohere_server.url}/v1/connectors", json=body, headers=headers).status_code
            assert httpx.post(f"{cohere_server.url}/v1/generate", json={}, headers=headers).status_code == 404
            cohere_server.fail_next(times=5)
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_calls_of_another_host_fail_the_test_and_say_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import httpx

        def test_elsewhere(conformance_transport):
            mock = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
            with httpx.Client(transport=conformance_transport.around(mock)) as client:
                client.get("https://gateway.example/v1/models?secret=1")
        """
    )
    outcome = run(pytester)
    outcome.assert_outcomes(passed=1, errors=1)
    assert (
        "expected calls of the Cohere API, got 1 call of another host: "
        "GET https://gateway.example/v1/models; if that is the API, name its base URL in the fixture "
        "conformance_servers"
    ) in outcome.stdout.str()
