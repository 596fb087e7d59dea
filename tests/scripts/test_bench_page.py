"""The page of the CPU benchmarks says what its records say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_page_is_as_its_records_write_it():
    page = ROOT / "benchmarks" / "cpu.md"
    before = page.read_text()
    command = [sys.executable, str(ROOT / "scripts" / "bench_page.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert page.read_text() == before and before.count("<!-- table: ") == 8
