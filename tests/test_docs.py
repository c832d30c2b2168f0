"""README and documentation: short, with links that resolve, commands that exist and examples that run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from commands import parse
from running import called

from cohere_conformance.cli import run

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
SITE = "https://cohere-conformance.github.io/cohere-conformance/"
FILES = "https://github.com/cohere-conformance/cohere-conformance/"
RAW = "https://raw.githubusercontent.com/cohere-conformance/cohere-conformance/main/"
README_LINES = 150
TEXTS = [README, *PAGES]


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)


def console_commands(page: Path) -> list[str]:
    """Return the commands of a page: in console blocks, in tables and in running text."""
    shown = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line[:2] == "$ "]
    prose = re.sub(r"^```.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)
    return shown + re.findall(r"`((?:CO_API_KEY=\S+ )?cohere-conformance [^`]+)`", prose)


def test_the_readme_is_short() -> None:
    assert len(text(README).splitlines()) <= README_LINES


def test_the_links_of_the_readme_work_on_the_package_index_too() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text(README))
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_links_to_this_project_resolve(page: Path) -> None:
    for link in re.findall(r"\]\((https://[^)\s]+)\)", text(page)):
        if link.startswith(SITE):
            name = urlsplit(link.removeprefix(SITE)).path.strip("/") or "index"
            assert (ROOT / "docs" / f"{name}.md").is_file(), link
        elif link.startswith((FILES, RAW)):
            path = re.sub(r"^(blob|tree)/main/", "", link.removeprefix(FILES).removeprefix(RAW))
            assert (ROOT / path).exists(), link


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for line in console_commands(page):
        if "cohere-conformance" in line and "COMMAND" not in line and not line.startswith("pip"):
            parse(line)
    targets = re.findall(r"^([\w-]+):", text(ROOT / "Makefile"), re.MULTILINE)
    assert set(re.findall(r"\$ make (\w+)", text(page))) <= set(targets)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "examples" / "ci").iterdir()), ids=lambda page: page.name
)
def test_commands_of_examples_to_paste_exist(page: Path) -> None:
    joined = text(page).replace("\\\n", " ")
    folded = re.sub(r"\n +(?=--)", " ", joined)
    for line in re.findall(r"cohere-conformance\"? ((?:run|report|gate|check) [^\n|]+)", folded):
        parse(f"cohere-conformance {line}")


def test_pages_name_commands_at_all() -> None:
    assert sum(len(console_commands(page)) for page in TEXTS) > 40


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page are one program, which runs beside the file that they read."""
    shutil.copy(ROOT / "docs" / "examples" / "chat.har", tmp_path)
    monkeypatch.chdir(tmp_path)
    program = "\n".join(blocks(page, "python"))
    exec(compile(program, str(page), "exec"), {"__name__": page.stem})


@pytest.mark.parametrize(
    ("page", "command"),
    [
        (README, "check chat.har"),
        (ROOT / "docs" / "traffic.md", "check chat.har"),
        (ROOT / "docs" / "findings.md", "check chat.har --sdk-effect"),
        (ROOT / "docs" / "getting-started.md", "run --only rerank --fault rerank.unsorted"),
        (ROOT / "docs" / "golden.md", "verify --only rerank --fault rerank.one-missing"),
    ],
)
def test_shown_output_is_real(page: Path, command: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "examples" / "chat.har", tmp_path)
    shown = next(
        block for block in blocks(page, "console") if block.startswith(f"$ cohere-conformance {command}\n")
    )
    actual = called(tmp_path, *command.split()).output.splitlines()
    for line in shown.splitlines()[1:]:
        assert line == "..." or line in actual
    assert actual[-1].startswith("DEVIATES: ")


def test_the_shown_plan_of_a_night_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = next(
        block for block in blocks(ROOT / "docs" / "live.md", "console") if "--plan" in block.splitlines()[0]
    ).splitlines()
    assert run(shown[0].removeprefix("$ cohere-conformance ").split()) == 0
    actual = capfd.readouterr().out.splitlines()
    assert [line for line in shown[1:] if line != "..." and line not in actual] == []
    assert actual[-1] == shown[-1] == "nothing was sent"


def test_every_page_is_in_the_navigation() -> None:
    navigation = re.findall(r"([\w-]+\.md)$", text(ROOT / "mkdocs.yml"), re.MULTILINE)
    assert sorted(navigation) == [page.name for page in PAGES]
