"""The fixtures for other people's tests: the documented examples run, and unused they change nothing."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import textwrap
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
    outcome.assert_outcomes(passed=PAGE.count("\ndef test_") - 1, failed=1)
    (shown,) = blocks("text")
    assert shown in outcome.stdout.str()
    outcome.stdout.fnmatch_lines(["FAILED *::test_with_a_mock*"])


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
    outcome.assert_outcomes(failed=1)
    assert (
        "expected calls of the Cohere API, got 1 call of another host: "
        "GET https://gateway.example/v1/models; if that is the API, name its base URL in the fixture "
        "conformance_servers"
    ) in outcome.stdout.str()


WRONG = """
import httpx, pytest

def call(transport):
    mock = httpx.MockTransport(lambda request: httpx.Response(200, json={"models": 7}))
    with httpx.Client(transport=transport.around(mock), base_url="https://api.cohere.com") as client:
        return client.get("/v1/models").json()
"""
DEVIATES = "the response deviates from the Cohere API: 1 finding"


def outcome_of(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(f"{WRONG}\n{textwrap.dedent(test)}")
    return run(pytester, "-rA")


def test_a_deviation_fails_the_test_and_only_this_one(pytester: pytest.Pytester) -> None:
    outcome = outcome_of(
        pytester,
        """
        def test_wrong(conformance_transport): call(conformance_transport)
        def test_right(conformance_transport): pass
        def test_without(): pass
        """,
    )
    outcome.assert_outcomes(failed=1, passed=2)
    outcome.stdout.fnmatch_lines([DEVIATES, "FAILED *::test_wrong - *"])


def test_a_test_that_fails_by_itself_shows_the_deviation_as_a_note(pytester: pytest.Pytester) -> None:
    """What it asserts is often a consequence of the deviation."""
    outcome = outcome_of(
        pytester,
        """
        def test_wrong(conformance_transport): assert call(conformance_transport)["models"] == []
        """,
    )
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["E *assert 7 == []*", f"E *{DEVIATES}", "FAILED *"])


def test_an_expected_failure_and_a_skipped_test_stay_what_they_are(pytester: pytest.Pytester) -> None:
    outcome = outcome_of(
        pytester,
        """
        @pytest.mark.xfail(strict=True)
        def test_known(conformance_transport): call(conformance_transport)

        def test_none(conformance_transport): pytest.skip("not today")
        """,
    )
    outcome.assert_outcomes(xfailed=1, skipped=1)


def test_what_is_called_after_the_test_is_an_error_at_teardown(pytester: pytest.Pytester) -> None:
    outcome = outcome_of(
        pytester,
        """
        @pytest.fixture
        def late(conformance_transport):
            yield
            call(conformance_transport)

        def test_late(late): pass
        def test_dynamic(request): call(request.getfixturevalue("conformance_transport"))
        def test_after(): pass
        """,
    )
    outcome.assert_outcomes(passed=3, errors=2)
    assert outcome.stdout.str().count(f"\n{DEVIATES}") == 2


def test_the_hook_is_gone_after_the_test(pytester: pytest.Pytester) -> None:
    outcome = outcome_of(
        pytester,
        """
        def names(config):
            return [type(one).__name__ for one in config.pluginmanager.get_plugins()]

        def test_with(conformance_transport, pytestconfig): assert "CallPhase" in names(pytestconfig)
        def test_without(pytestconfig): assert "CallPhase" not in names(pytestconfig)
        """,
    )
    outcome.assert_outcomes(passed=2)
