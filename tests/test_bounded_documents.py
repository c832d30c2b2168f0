"""Documents that are read at once (cassettes, contracts, cases) are bounded as recordings are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hostile_yaml import HOSTILE

from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.errors import CassetteError, ContractError
from cohere_conformance.golden.cassette import parse
from cohere_conformance.golden.store import load
from cohere_conformance.inputs.bounds import LARGEST_DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", HOSTILE)
def test_a_contract_document_above_a_limit_is_rejected(tmp_path: Path, name: str) -> None:
    """What `contract lint` reads is looked at before it is built."""
    text, reason = HOSTILE[name]
    path = tmp_path / "chat.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=reason):
        load_yaml(path)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_golden_cassette_above_a_limit_is_rejected(name: str) -> None:
    """What `replay`, `verify` and `cassettes status` read is never built beyond the bounds."""
    text, reason = HOSTILE[name]
    with pytest.raises(CassetteError, match=r"expected a cassette as `record` writes it.*record it again"):
        parse(text.encode(), "there.yaml")
    if name != "loop":
        with pytest.raises(CassetteError, match=reason):
            parse(text.encode(), "there.yaml")


@pytest.mark.parametrize("scalar", ["9" * 10_000, "!!int abc", "!!timestamp 2026-99-99", "!!float x"])
def test_a_scalar_that_cannot_be_converted_is_an_error_without_traceback(tmp_path: Path, scalar: str) -> None:
    """Numbers beyond Python's limit, dates that are none: one line says what is wrong."""
    path = tmp_path / "x.yaml"
    path.write_text(f"a: {scalar}\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"\A[^\n]*\Z"):
        load_yaml(path)
    with pytest.raises(CassetteError, match=r"\A[^\n]*\Z"):
        parse(path.read_bytes(), "x.yaml")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Neither a contract nor a cassette is read from what may never end."""
    path = tmp_path / "x.yaml"
    os.mkfifo(path)
    with pytest.raises(ContractError, match="expected a regular file, found a named pipe"):
        load_yaml(path)
    with pytest.raises(CassetteError, match="expected a regular file, found a named pipe"):
        load(path)


def test_a_document_has_a_largest_size(tmp_path: Path) -> None:
    """A file of gigabytes is no contract."""
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(LARGEST_DOCUMENT + 1)
    with pytest.raises(ContractError, match="larger than 16,777,216 bytes"):
        load_yaml(path)
