#!/usr/bin/env python
"""Writes the tables of the pages in benchmarks/ from the records there; the words around them are by hand.

    scripts/bench_page.py [--check]

With --check nothing is written, and a page that would change is an error. Every table stands between a line
`<!-- table: NAME -->` and a line `<!-- end -->`.
"""

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import cpu_page, gpu_page

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
PAGES = {"cpu.md": cpu_page.TABLES, "gpu.md": gpu_page.TABLES}


def main() -> None:
    """Rewrites the pages, or checks that there is nothing to write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    for name, tables in PAGES.items():
        page = BENCHMARKS / name
        before = text = page.read_text()
        for table, rows in tables.items():
            block = re.compile(rf"(<!-- table: {table} -->\n).*?(<!-- end -->)", re.DOTALL)
            if not block.search(text):
                raise SystemExit(f"bench_page: {name} must have the table {table}, got none")
            text = block.sub(lambda found, rows=rows: found[1] + "\n".join(rows()) + "\n" + found[2], text)
        if not check:
            page.write_text(text)
        elif text != before:
            raise SystemExit(
                f"bench_page: {name} must be as its records say, got other figures; run it again"
            )


if __name__ == "__main__":
    main()
