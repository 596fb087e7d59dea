"""The page on sparse convolution: its code prints what it states, its figures are drawn from it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from pydoc import locate

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-sparse-convolution-works.md"
FIGURES = ROOT / "docs" / "figures"
TEXT = PAGE.read_text(encoding="utf-8")


def drawn_by(num_threads: int, folder: Path) -> dict[str, bytes]:
    """Every figure drawn anew; the script runs the page first and stops where a block prints otherwise."""
    script = ROOT / "scripts" / "draw_teaching_figures.py"
    command = [sys.executable, str(script), "--folder", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(num_threads), "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_committed_figures_are_what_the_code_draws(num_threads, tmp_path):
    drawn = drawn_by(num_threads, tmp_path)
    committed = {path.name: path.read_bytes() for path in FIGURES.iterdir()}
    assert set(drawn) == set(committed)
    assert [name for name in sorted(drawn) if drawn[name] != committed[name]] == []


def test_the_page_shows_each_figure_once():
    shown = re.findall(r"^!\[[^\]]+\]\(figures/([^)]+)\)$", TEXT, re.MULTILINE)
    assert sorted(shown) == sorted(path.name for path in FIGURES.iterdir())


def test_a_block_that_prints_something_else_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from teaching.page import run_page

    assert run_page("```python\na = 1\nprint(a)  # → 1\n```\n\n```python\na += 1\n```\n").a == 2
    for block in ("print(1)  # → 2", "print(1)", "a = 1  # → 1"):
        with pytest.raises(AssertionError, match="block at line 1"):
            run_page(f"```python\n{block}\n```\n")


def test_every_code_block_of_the_page_is_run():
    fences = re.findall(r"^```(\w*)$", TEXT, re.MULTILINE)
    opened = [language for language in fences if language]
    assert len(fences) == 2 * len(opened)
    assert set(opened) == {"python", "math"}


def test_links_of_the_page_lead_somewhere():
    links = re.findall(r"\]\(([^)#\s]+)\)", TEXT)
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "DESIGN.md"])
def test_the_front_pages_lead_here(name):
    assert "](docs/how-sparse-convolution-works.md)" in (ROOT / name).read_text(encoding="utf-8")


def names_in_the_repository() -> list[str]:
    """What the last lines of the sections name, without arguments."""
    paragraphs = re.findall(r"^In this repository: .*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\(.*\)", "", name) for text in paragraphs for name in re.findall(r"`([^`]+)`", text)]


def exists(name: str) -> bool:
    """Whether a source file, or something in the package, has this name."""
    if "/" in name:
        return any((folder / name).is_file() for folder in (ROOT, ROOT / "src" / "completion"))
    if name.startswith("."):
        name = f"CoordMap{name}"
    return locate(f"completion.sparse.{name}" if name[0].isupper() else f"completion.{name}") is not None


def test_each_section_names_code_that_exists():
    sections = re.findall(r"^## \d+\. ", TEXT, re.MULTILINE)
    assert TEXT.count("\nIn this repository: ") == len(sections) == 10
    names = names_in_the_repository()
    assert len(names) > 30
    assert [name for name in names if not exists(name)] == []
