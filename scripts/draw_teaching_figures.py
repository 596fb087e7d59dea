#!/usr/bin/env python3
"""Draws the figures of docs/how-sparse-convolution-works.md from the variables of the page's own code.

Usage: python scripts/draw_teaching_figures.py [--folder docs/figures]
"""

import argparse
import os
from pathlib import Path

from teaching.decoder import decoder_level
from teaching.growth import growth
from teaching.keys import keys
from teaching.maps import coordinate_maps, down_and_back
from teaching.page import PAGE, run_page
from teaching.products import gather_multiply_scatter
from teaching.pruning import unite_and_prune
from teaching.sparse_matrix import sparse_matrix
from teaching.unrolled import transposed_matrix, unrolled_matrix

FIGURES = (
    unrolled_matrix,
    transposed_matrix,
    sparse_matrix,
    gather_multiply_scatter,
    keys,
    coordinate_maps,
    down_and_back,
    growth,
    unite_and_prune,
    decoder_level,
)


def main() -> None:
    """Runs the page, draws every figure and says where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=PAGE.parent / "figures")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    page = run_page(PAGE.read_text(encoding="utf-8"))
    for draw in FIGURES:
        target = folder / f"{draw.__name__.replace('_', '-')}.svg"
        write(target, draw(page).svg())
        print(target)


def write(target: Path, text: str) -> None:
    """Writes aside and renames: a broken run leaves the old figure."""
    aside = target.with_suffix(".new")
    aside.write_text(text, encoding="utf-8", newline="\n")
    os.replace(aside, target)


if __name__ == "__main__":
    main()
