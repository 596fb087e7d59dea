"""The pages of the benchmarks say what their records say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
NAMES = ("cpu.md", "gpu.md")


@pytest.fixture
def pages(monkeypatch):
    """The tables of each page by its name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import bench_page

    return bench_page.PAGES


def test_pages_are_as_their_records_write_them():
    before = {name: (ROOT / "benchmarks" / name).read_text() for name in NAMES}
    command = [sys.executable, str(SCRIPTS / "bench_page.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert {name: (ROOT / "benchmarks" / name).read_text() for name in NAMES} == before


@pytest.mark.parametrize("name", NAMES)
def test_every_table_of_a_page_is_written_from_a_record(name, pages):
    tables = re.findall(r"^<!-- table: (.+) -->$", (ROOT / "benchmarks" / name).read_text(), re.MULTILINE)
    assert sorted(tables) == sorted(pages[name])


def test_other_figures_are_refused(pages, monkeypatch, tmp_path):
    import bench_page

    for name in NAMES:
        (tmp_path / name).write_text((ROOT / "benchmarks" / name).read_text().replace("| yes |", "| no |", 1))
    monkeypatch.setattr(bench_page, "BENCHMARKS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench_page.py", "--check"])
    for name in NAMES:
        monkeypatch.setattr(bench_page, "PAGES", {name: pages[name]})
        with pytest.raises(SystemExit, match=name):
            bench_page.main()


@pytest.mark.parametrize("name", NAMES)
def test_links_of_a_page_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / "benchmarks" / name).read_text())
    assert [link for link in links if not (ROOT / "benchmarks" / link).exists()] == []


def test_a_record_with_failed_cases_and_without_spconv_makes_a_page(monkeypatch, tmp_path):
    """What a cut off run, or one without peers, leaves."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from bench import gpu_page

    for path in gpu_page.RESULTS.glob("*_gpu*.json"):
        record = json.loads(path.read_text())
        for rows in filter(None, (record.get("cases"), record.get("steps"))):
            rows[0] = {key: rows[0].get(key) for key in ("operation", "model")} | {"failed": "out of memory"}
            for row in rows[1:]:
                row["peers"].pop("spconv", None)
        (tmp_path / path.name).write_text(json.dumps(record))
    monkeypatch.setattr(gpu_page, "RESULTS", tmp_path)
    for name, table in gpu_page.TABLES.items():
        assert len(list(table())) > 2, name
