"""The comparison of fuzzers counts what it says it does, with contestants that anybody can see through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OURS = """
import json, sys, urllib.error, urllib.request
from pathlib import Path

options = dict(word[2:].split("=", 1) for word in sys.argv[2:])
headers = {"authorization": "Bearer reference-key", "content-type": "application/json"}
finding = {"severity": "breaking", "requirement": None, "amendment": None, "location": ""}
known = finding | {"kind": "body-malformed", "status": 200, "operation": "GET /v1/models"}
findings = [known, known | {"operation": "POST /v1/tokenize", "amendment": "tokenize.known"}]
for text in ("a", "\\U0001f34e"):
    body = json.dumps({"model": "command-r-08-2024", "text": text}).encode()
    request = urllib.request.Request(options["url"] + "/v1/tokenize", body, headers)
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        error.close()
        crash = {"kind": "server-error", "status": error.code, "operation": "POST /v1/tokenize"}
        findings.append(finding | crash)
folder = Path(options["report-dir"])
folder.mkdir()
(folder / "report.json").write_text(json.dumps({"findings": findings}))
sys.exit(1)
"""
"""Sends a text and an emoji; has something to say of another group, and what an amendment explains."""
THEIRS = """
import json, sys, urllib.request

options = dict(word[2:].split("=", 1) for word in sys.argv[1:] if "=" in word)
headers = {"authorization": "Bearer reference-key"}
urllib.request.urlopen(urllib.request.Request(options["url"] + "/v1/models", headers=headers)).close()
failure = {"type": "RejectedPositiveData", "operation": "POST /v1/tokenize", "message": "Rejected"}
checks = [{"status": "success"}, {"status": "failure", "failure_info": {"failure": failure}}]
recorder = {"checks": {"a": checks}, "interactions": {"a": {"response": {"status_code": 400}}}}
with open(options["report-ndjson-path"], "w") as file:
    for event in ({"LoadingFinished": {}}, {"ScenarioFinished": {"recorder": recorder}}):
        print(json.dumps(event), file=file)
    file.write('{"ScenarioFinished": {"rec')
sys.exit(1)
"""
"""Says the same of every server and is killed in the middle of a line; it asks nothing of the group."""


def _page(folder: Path, *options: str) -> tuple[dict[str, list[str]], list[str], str]:
    """Run the comparison with both stand-ins; return the rows by their first cell, what it said, the page."""
    commands = []
    for name, text in (("ours", OURS), ("schemathesis", THEIRS)):
        script = folder / f"{name}.py"
        script.write_text(text, encoding="utf-8")
        commands.append(f"--{name}={sys.executable} {script}")
    page = folder / "page.md"
    command = [sys.executable, str(BENCHMARKS / "fuzz.py"), *commands, f"--output={page}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 1, done.stderr
    text = page.read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in rows}, done.stdout.splitlines(), text


def test_only_new_findings_about_a_faulty_server_count(tmp_path: Path) -> None:
    rows, said, text = _page(tmp_path, "--faults=input.astral-crash", "--faultless=1", "--jobs=2")

    assert rows["input.astral-crash"] == ["tokenize", "1: 500 server-error", "no", "no"]
    assert rows["found of all"] == ["1 of 1", "0 of 1", "0 of 1"]
    assert rows["false alarms, distinct"] == ["0", "1", "1"]
    # Two runs each; requests to another group than that of the fault are counted separately.
    assert rows["requests, all runs"] == ["4", "0", "0"]
    assert rows["requests to other operations"] == ["0", "2", "2"]
    assert rows["answered 2xx"] == ["75%", "0%", "0%"]
    assert "- only ours: `input.astral-crash`" in text
    assert "  - 400 RejectedPositiveData: POST /v1/tokenize (1)" in text
    assert "schemathesis, configured sends at least as many requests as ours: 0 to 4 MISSED" in said
    assert "no false alarm of ours: 0" in said


def test_the_informed_document_allows_null_and_shows_bodies_and_is_else_the_same() -> None:
    code = (
        "import json, fuzzers; document = fuzzers.load_contract().document; "
        "print(json.dumps([document, fuzzers.with_examples(fuzzers.with_nulls(document))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BENCHMARKS, timeout=900
    )
    before, after = json.loads(done.stdout)

    media = after["paths"]["/v1/classify"]["post"]["requestBody"]["content"]["application/json"]
    asked = after["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
    plain = before["components"]["schemas"]["ClassifyRequest"]
    # `examples` is a property here, not the word of that name.
    for name in ("inputs", "examples"):
        null = {"type": "null"} in asked["properties"][name].get("anyOf", ())
        assert null is (name not in plain["required"]), name
    assert all(example["value"]["inputs"] for example in media["examples"].values())
    for name, schema in before["components"]["schemas"].items():
        assert after["components"]["schemas"][name] == schema, name


def test_every_fault_that_the_script_names_is_known() -> None:
    code = (
        "import fuzz; named = {*fuzz.ORDINARY, *fuzz.QUICK}.union(*fuzz.REACH.values()); "
        "print(sorted(named - fuzz.catalogue().keys()), sorted(fuzz.REACH.keys() - fuzz.sizes().keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=BENCHMARKS, timeout=900
    )
    assert done.stdout == "[] []\n"
