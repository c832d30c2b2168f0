"""The folder of cassettes: what lies there is always whole, whatever happens while it is written."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from recorded import cassette, provenance

from cohere_conformance.errors import CassetteError, LeakError
from cohere_conformance.golden import Origin, clear_begun, counts, find, load, save
from cohere_conformance.privacy.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY = "co-test-3f9c1e77d2b84a50-not-a-real-key"
NAMES = [f"tokenize.case-{number}" for number in range(20)]


def test_a_cassette_is_in_the_folder_of_its_group(tmp_path: Path) -> None:
    path = save(tmp_path, cassette("tokenize.plain"))
    assert path == tmp_path / "tokenize" / "tokenize.plain.yaml"
    assert find(tmp_path) == {"tokenize.plain": path}
    assert load(path).provenance == cassette().provenance
    assert list(path.parent.iterdir()) == [path]


def test_other_files_are_ignored(tmp_path: Path) -> None:
    save(tmp_path, cassette())
    for name in ("policy.yaml", "examples/conforming.yaml", "tokenize/.hidden.yaml", "tokenize/README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert list(find(tmp_path)) == ["tokenize.plain"]


def test_a_cassette_under_another_name_is_invalid(tmp_path: Path) -> None:
    path = save(tmp_path, cassette())
    with pytest.raises(
        CassetteError, match=r"expected the cassette that its name says, got that of tokenize\.plain"
    ):
        load(path.rename(path.with_name("tokenize.other.yaml")))


def test_two_files_of_one_name_are_an_error(tmp_path: Path) -> None:
    path = save(tmp_path, cassette())
    (tmp_path / "rerank").mkdir()
    (tmp_path / "rerank" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CassetteError, match="expected one file for each id"):
        find(tmp_path)


def test_a_cassette_with_a_key_is_not_written(tmp_path: Path) -> None:
    path = save(tmp_path, cassette())
    old = path.read_bytes()
    with pytest.raises(LeakError) as error:
        save(tmp_path, cassette(body=f'{{"tokens": "{KEY}"}}'.encode()), [Secret(KEY)])
    assert KEY not in str(error.value)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "tokenize").write_text("a file where a folder should be")
    with pytest.raises(CassetteError, match="expected to write it, got: "):
        save(tmp_path, cassette())


def test_cassettes_are_counted_by_origin(tmp_path: Path) -> None:
    for name, origin in zip(
        NAMES, (Origin.REFERENCE, Origin.REFERENCE, Origin.LIVE, Origin.OTHER), strict=False
    ):
        save(tmp_path, type(cassette())(provenance(name, origin=origin), cassette().exchange))
    broken = tmp_path / "tokenize" / "tokenize.broken.yaml"
    broken.write_text("interactions: [")
    found = counts(find(tmp_path).values())
    assert (found.interactions, found.reference, found.live, found.other, found.broken) == (4, 2, 1, 1, 1)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cassette of each name, which is copied, never changed."""
    made = tmp_path_factory.mktemp("old")
    for name in NAMES:
        save(made, cassette(name))
    return made


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process that shares this one's memory")
@pytest.mark.parametrize("seed", range(50))
def test_a_writer_that_is_killed_leaves_the_old_one_or_the_new_one(
    seed: int, old: Path, tmp_path: Path
) -> None:
    before = {name: path.read_bytes() for name, path in find(shutil.copytree(old, tmp_path / "new")).items()}
    new = {name: cassette(name, body=b'{"tokens": [%d]}' % number) for number, name in enumerate(NAMES)}
    steps = random.Random(seed).randrange(1, STEPS)
    child = os.fork()
    if child == 0:
        killed_after(steps)
        for made in new.values():
            save(tmp_path / "new", made)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself: it was not killed at any step"
    found = find(tmp_path / "new")
    assert set(found) == set(NAMES)
    renewed = [name for name, path in found.items() if path.read_bytes() != before[name]]
    assert len(renewed) < len(NAMES)
    for name in renewed:
        assert load(found[name]).exchange.response.body == new[name].exchange.response.body
    clear_begun(tmp_path / "new")
    assert sorted((tmp_path / "new" / "tokenize").iterdir()) == sorted(found.values())


STEPS = 100
"""Fewer than a writer of all these cassettes takes: each makes, opens and renames a file at least."""


def killed_after(steps: int) -> None:
    """Have this process killed at a step of its dealings with files, without any chance to tidy up."""
    left = [steps]

    def counted(event: str, _: object) -> None:
        if event in {"open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "tempfile.mkstemp"}:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(counted)
