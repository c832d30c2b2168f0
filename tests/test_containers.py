"""The image and the job of GitLab in containers: built, installed by pip, and run against a server."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from containers import MISSING, Containers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples" / "ci"
PYTHON = "docker.io/library/python:3.12-slim"
IMAGE = "cohere-conformance"
SETTINGS = 'declares = ["check-api-key"]\n'
"""The settings of a repository whose server has one operation only."""

pytestmark = pytest.mark.skipif(
    MISSING and os.environ.get("CI") != "true", reason="podman is not here, or the user is not root"
)


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    # podman takes short paths only, which those of pytest are not if it has several workers.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        home = Path(name)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", name, str(ROOT)]
        subprocess.run(command, check=True, capture_output=True)
        containers = Containers(home)
        try:
            containers.base(PYTHON, next(home.glob("*.whl")))
            printed = containers.build(EXAMPLES, IMAGE)
            assert "Successfully installed cohere-conformance" in printed
            yield containers
        finally:
            containers.close()


@pytest.fixture(scope="module")
def server(containers: Containers) -> str:
    """A server of the name `server` on port 4000, in a network of its own that other containers join."""
    serve = ("serve", "--host", "0.0.0.0", "--port", "4000")
    container = containers.start(IMAGE, *serve)
    containers.wait_for(container, "http://")
    return container


def _report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def test_the_image_runs_as_documented(containers: Containers, server: str, tmp_path: Path) -> None:
    """As the user who owns the mounted folder, who is unknown in the image."""
    (tmp_path / "conformance.toml").write_text(SETTINGS, encoding="utf-8")
    os.chown(tmp_path, 1234, 1234)
    [documented] = re.findall(r"docker run --rm (.*)", (EXAMPLES / "Dockerfile").read_text(encoding="utf-8"))
    values = {"$(id -u):$(id -g)": "1234:1234", "$PWD:/work": f"{tmp_path}:/work"}
    words = [values.get(word, word) for word in shlex.split(documented)]
    place = words.index(IMAGE)
    done = containers.run((f"--network=container:{server}", *words[:place]), IMAGE, *words[place + 1 :])
    assert done.returncode == 0, done.stdout + done.stderr
    report = _report(tmp_path / "conformance-report")
    assert report["header"]["target"]["url"] == "http://server:4000"
    assert report["footer"]["verdict"].startswith("CONFORMS: ")
    assert (tmp_path / "conformance-report" / "report.html").stat().st_uid == 1234


def test_the_image_needs_no_rights(containers: Containers) -> None:
    """Without capabilities, and with a file system that nobody can write to."""
    script = "id -u; touch /x /work/x; cohere-conformance --version"
    options = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--entrypoint=sh")
    done = containers.run(options, IMAGE, "-c", script)
    assert done.stdout.startswith("10001\ncohere-conformance"), done.stdout + done.stderr
    assert done.stderr.count("Read-only file system") == 2


HOSTILE = """it's "$(touch /builds/esc)" `touch /builds/esc`; touch /builds/esc
--live ${CO_API_KEY} \\ *"""
"""What a branch, a commit and a folder can be called."""


def test_the_job_of_gitlab_runs_step_by_step(containers: Containers, server: str, tmp_path: Path) -> None:
    """In the image that it names, with an environment and a shell like those of a runner of GitLab."""
    job = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text(encoding="utf-8"))["conformance"]
    assert PYTHON.endswith(job["image"])
    builds = tmp_path / "builds"
    project = builds / "it's $(touch esc)" / "a b"
    project.mkdir(parents=True)
    (project / "conformance.toml").write_text(SETTINGS, encoding="utf-8")
    inside = f"/builds/{project.relative_to(builds)}"
    variables = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PROJECT_DIR": inside,
        "PIP_NO_COMPILE": "1",  # saves time
        **dict.fromkeys(("CI_COMMIT_REF_NAME", "CI_COMMIT_MESSAGE", "CI_COMMIT_AUTHOR"), HOSTILE),
    }
    for name, value in job["variables"].items():
        variables[name] = value.replace("$CI_PROJECT_DIR", inside)
    scripts = {name: "\n".join(job[name]) for name in ("script", "after_script")}
    # Each has a shell of its own, and `after_script` runs however the script ends.
    steps = 'sh -ec "$SCRIPT"; code=$?; sh -ec "$AFTER_SCRIPT" && exit $code'
    variables |= {name.upper(): script for name, script in scripts.items()}
    given = [f"--env={name}={value}" for name, value in variables.items()]
    options = (f"--network=container:{server}", f"--volume={builds}:/builds", f"--workdir={inside}", *given)
    done = containers.run(options, PYTHON, "sh", "-c", steps)
    assert done.returncode == 0, done.stdout + done.stderr
    assert _report(project / "conformance-report")["footer"]["verdict"].startswith("CONFORMS: ")
    kept = {*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"], *job["cache"]["paths"]}
    # Nothing is downloaded here, so that pip has nothing to keep.
    kept.remove(job["variables"]["PIP_CACHE_DIR"].removeprefix("$CI_PROJECT_DIR/"))
    assert {path for path in kept if not (project / path).exists()} == set()
    assert ET.parse(project / "junit.xml").getroot().tag == "testsuites"
    assert {path.name for path in (project / ".cohere-conformance").iterdir()} >= {"history.sqlite"}
    assert not list(builds.rglob("esc"))
