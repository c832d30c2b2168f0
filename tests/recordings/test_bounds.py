"""Small inputs that expand to more than the memory are rejected, with the limit that they exceed."""

from __future__ import annotations

import base64
import functools
import gzip
import json
import os
from typing import TYPE_CHECKING

import pytest
from peak import peaked

from cohere_conformance.errors import TrafficError
from cohere_conformance.inputs.bounds import DEEPEST, LONGEST, LONGEST_NUMBER, MOST_VALUES
from cohere_conformance.model import Exchange
from cohere_conformance.recordings import SkippedFile, discover, parse_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "https://api.cohere.com/v2/rerank"
MOST_MEMORY = 300
MEBI = 2**20


def entry(content: str, more: str = "") -> str:
    request = json.dumps({"method": "POST", "url": URL, "headers": []})
    return f'{{"request":{request},"response":{{"status":200,"headers":[],"content":{content}}}{more}}}'


def archive(*entries: str, before: str = "") -> bytes:
    return f'{{"log":{{"version":"1.2",{before}"entries":[{",".join(entries)}]}}}}'.encode()


def cassette(response: str, *, head: str = "", fields: str = "") -> bytes:
    request = f"{{method: POST, uri: '{URL}', headers: {{}}, body: null}}"
    return (
        f"interactions:\n- request: {request}\n  response:\n    headers: {{{fields}}}\n"
        f"    status: {{code: 200}}\n    {response}\n{head}"
    ).encode()


def row(body: str) -> bytes:
    return f'{{"method":"POST","url":"{URL}","status":200,"response_body":{body}}}\n'.encode()


@functools.cache
def bomb() -> bytes:
    """Return seventy megabytes of one letter, compressed: more than any limit."""
    return gzip.compress(b"x" * MEBI * 70, 1)


def packed(start: bytes, n: int) -> bytes:
    """Return a compressed file that begins so and goes on with so many bombs."""
    return gzip.compress(start, 1) + bomb() * n


def laughs(levels: int) -> str:
    lines = ["&a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return f"[{', '.join(lines)}]"


def binary(body: bytes) -> str:
    return f"body: {{string: !!binary {base64.b64encode(body).decode()}}}"


GOOD = entry('{"text":"{}"}')
HOSTILE: dict[str, tuple[Callable[[int], bytes], str]] = {
    "deep-lists.har": (
        lambda n: archive(GOOD, entry('{"text":"x"}', ',"z":' + "[" * 10_000 * n + "]" * 10_000 * n)),
        "entry 2: reading ends here: nested more than 500 levels deep",
    ),
    "deep-objects.har": (
        lambda n: archive(entry('{"text":"x"}', ',"z":' + '{"a":' * 10_000 * n)),
        "nested more than 500 levels deep",
    ),
    "deep-pages.har": (
        lambda n: archive(GOOD, before='"pages":' + "[" * 10_000 * n + "]" * 10_000 * n + ","),
        "nested more than 500 levels deep",
    ),
    "deep-flow.yaml": (
        lambda n: b"interactions:\n- " + b"[" * 10_000 * n,
        "nested more than 500 levels deep",
    ),
    "deep-block.yaml": (
        lambda n: b"interactions:\n- " + b"- " * 10_000 * n,
        "nested more than 500 levels deep",
    ),
    "deep.jsonl": (lambda n: row("[" * 10_000 * n + "]" * 10_000 * n), "nested too deeply"),
    "alias-body.yaml": (
        lambda n: cassette(f"parsed_body: {laughs(10 * n)}"),
        "more than 500,000 values in one exchange or document, with what aliases repeat",
    ),
    "alias-header.yaml": (
        lambda n: cassette("body: {string: x}", fields=f"x-a: {laughs(10 * n)}"),
        "with what aliases repeat",
    ),
    "alias-merge.yaml": (
        lambda n: cassette(f"parsed_body: {{<<: {laughs(10 * n)}}}"),
        "with what aliases repeat",
    ),
    "alias-text.yaml": (
        lambda n: cassette(f"parsed_body: [&t {'x' * MEBI}, {', '.join(['*t'] * 100 * n)}]"),
        "more than 48 MiB of text",
    ),
    "alias-loop.yaml": (lambda n: cassette("parsed_body: &a [*a]"), "an alias without its anchor before it"),
    "scalar.yaml.gz": (lambda n: packed(cassette("body: '")[:-1], n), "more than 48 MiB"),
    "comment.yaml.gz": (lambda n: packed(b"interactions:\n#", n), "more than 48 MiB"),
    "text.har.gz": (
        lambda n: packed(archive(GOOD, entry('{"text":"'))[:-20], n),
        "more than 48 MiB",
    ),
    "line.jsonl.gz": (
        lambda n: packed(row('{"id":"x"}') + row('"@')[:-3], n),
        "line 2: a line of more than 48 MiB",
    ),
    "gzip-body.yaml": (
        lambda n: cassette(binary(bomb() * n), fields="content-encoding: gzip"),
        "the body unpacks to more than 50,331,648 bytes",
    ),
    "gzip-three-times.yaml": (
        lambda n: cassette(
            binary(gzip.compress(gzip.compress(bomb() * n))),
            fields="content-encoding: ['gzip, gzip', gzip]",
        ),
        "the body unpacks to more than 50,331,648 bytes",
    ),
    "codings.yaml": (
        lambda n: cassette("body: {string: x}", fields=f"content-encoding: [{', '.join(['gzip'] * 10 * n)}]"),
        "at most 5 are undone",
    ),
    "empties.har": (
        lambda n: archive(entry('{"text":"x"}', f',"z":[{",".join(["[]"] * MEBI * n)}]')),
        "more than 500,000 values",
    ),
    "empties-in-body.har": (
        lambda n: archive(entry(f'{{"text":"[{",".join(["[]"] * 1_500_000 * n)}]"}}')),
        "more than 1,000,000 arrays and objects in one body",
    ),
    "empties.jsonl": (
        lambda n: row(f"[{','.join(['{}'] * 1_500_000 * n)}]"),
        "more than 1,000,000 arrays and objects in one body",
    ),
    "zeros.jsonl": (lambda n: row(f"[{'0,' * 6 * MEBI * min(n, 3)}0]"), "values in one body"),
    "number.har": (
        lambda n: archive(GOOD, entry('{"text":"x"}', f',"z":{"9" * 100_000 * n}')),
        "entry 2: reading ends here: a number of more than 4,000 characters",
    ),
    "number-in-status.jsonl": (
        lambda n: f'{{"method":"GET","url":"{URL}","status":{"9" * 100_000 * n}}}'.encode(),
        "expected the fields of an exchange",
    ),
    "events.har": (
        lambda n: archive(entry(json.dumps({"text": "data: {}\n\n" * 300_000 * n}))),
        "more than 200,000 events in one stream",
    ),
    "lines.har": (
        lambda n: archive(entry(json.dumps({"text": ":\n" * MEBI * n}))),
        "more than 1,000,000 lines in a body that is not JSON",
    ),
    "unhashable.yaml": (lambda n: b"interactions:\n- ? [a, b]\n  : 1\n", "expected a word as key"),
    "cut.yaml.gz": (lambda n: gzip.compress(cassette("body: x"))[:-9], "the compressed file ends too early"),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scale", [1, 5])
def test_each_oversized_input_is_rejected_by_its_limit_in_little_memory(tmp_path: Path, scale: int) -> None:
    """All of them in one folder, and each so large that it would not fit: memory stays low."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, (make, _) in HOSTILE.items():
        (folder / name).write_bytes(make(scale))
    code, peak, output = peaked(tmp_path, "check", "hostile", "--report-dir", "report")
    assert code == 3, output
    assert peak < MOST_MEMORY
    report = json.loads((tmp_path / "report" / "report.json").read_bytes())
    refused: dict[str, str] = {}
    for one in report["coverage"]["unreadable"]:
        refused[one["file"]] = f"{refused.get(one['file'], '')}{one['where']}: {one['reason']}; "
    reasons = {name: refused.get(f"hostile/{name}", "") for name in HOSTILE}
    assert {name: text for name, text in reasons.items() if HOSTILE[name][1] not in text} == {}


def test_exchanges_before_the_limit_are_parsed(tmp_path: Path) -> None:
    """An entry that is too deep costs itself and what follows it, but nothing before it."""
    path = tmp_path / "x.har"
    path.write_bytes(archive(*[GOOD] * 50, entry('{"text":"x"}', ',"z":' + "[" * 10_000)))
    *found, error = parse_recording(str(path))
    assert [type(one) for one in found] == [Exchange] * 50
    assert isinstance(error, TrafficError)
    assert (error.where, error.reason) == ("entry 51", "reading ends here: nested more than 500 levels deep")


@pytest.mark.parametrize(
    "escape", ["\\\\", '\\"', '\\\\\\\\\\"', "[", "]"], ids="slash quote mixed open close".split()
)
def test_brackets_and_quotes_in_strings_are_not_counted(tmp_path: Path, escape: str) -> None:
    """Bodies are JSON inside of JSON: what is escaped there has nothing to do with the depth of the file."""
    path = tmp_path / "x.har"
    for shift in range(4):
        text = "x" * (65_000 + shift) + escape * 3_000
        path.write_bytes(archive(entry(f'{{"text":"{text}"}}'), GOOD))
        assert [type(one) for one in parse_recording(str(path))] == [Exchange] * 2


def test_input_just_within_the_limits_is_parsed(tmp_path: Path) -> None:
    """The bounds themselves are allowed."""
    depth = DEEPEST - 10
    inner = f'{{"text":"x","deep":{"[" * depth}{"]" * depth},"n":{"9" * LONGEST_NUMBER}}}'
    path = tmp_path / "x.har"
    path.write_bytes(archive(entry(inner, f',"many":[{",".join("0" * (MOST_VALUES - 1000))}]'), GOOD))
    assert [type(one) for one in parse_recording(str(path))] == [Exchange] * 2


def test_a_body_of_many_megabytes_is_read(tmp_path: Path) -> None:
    """26 MB in one body is a lot, and legitimate."""
    vector = json.dumps([0.015625] * 1024)
    body = f'{{"id": "x", "embeddings": [{", ".join([vector] * 2600)}]}}'
    assert 26_000_000 < len(body) < LONGEST
    path = tmp_path / "x.har"
    path.write_bytes(archive(entry(json.dumps({"text": body}))))
    (found,) = parse_recording(str(path))
    assert isinstance(found, Exchange)
    assert found.response.body == body.encode()


@pytest.mark.parametrize("digits", [3_999, 4_001, 70_000])
@pytest.mark.parametrize("shift", [0, 1, 61_000, 63_000, 65_500])
def test_a_number_has_a_maximum_length_everywhere(tmp_path: Path, digits: int, shift: int) -> None:
    """In a text digits are only text; outside they are counted across the pieces in which a file is read."""
    path = tmp_path / "x.har"
    path.write_bytes(archive(entry(json.dumps({"text": "7" * (shift + digits)})), GOOD))
    assert [type(one) for one in parse_recording(str(path))] == [Exchange] * 2
    path.write_bytes(archive(entry(f'{{"text":"{"x" * shift}","n":{"7" * digits}}}'), GOOD))
    expected = [Exchange] * 2 if digits <= LONGEST_NUMBER else [TrafficError]
    assert [type(one) for one in parse_recording(str(path))] == expected


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    """A pipe would wait for ever, a device would never end: neither is opened, whatever its name."""
    path = tmp_path / "x.har"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    (error,) = parse_recording(str(path))
    assert isinstance(error, TrafficError)
    assert "expected a regular file, found a" in error.reason


def test_loops_of_links_end(tmp_path: Path) -> None:
    """A link to itself, and a folder that holds a link to its parent."""
    (tmp_path / "self.har").symlink_to("self.har")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "up").symlink_to(tmp_path)
    (folder / "x.jsonl").write_bytes(row("{}"))
    link, found = discover([tmp_path])
    assert link == SkippedFile(str(tmp_path / "self.har"), "no regular file, or a link to none")
    assert found == str(folder / "x.jsonl")
    (error,) = discover([tmp_path / "self.har"])
    assert isinstance(error, TrafficError)


def test_a_growing_file_ends_at_its_size_when_opened(tmp_path: Path) -> None:
    """The log of a server that goes on: what was there when reading began is read."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(row("{}") * 3)
    count = 0
    for one in parse_recording(str(path)):
        assert isinstance(one, Exchange)
        count += 1
        with path.open("ab") as file:
            file.write(row("{}") * 1000)
    assert count == 3
