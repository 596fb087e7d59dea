"""The page on measures and files: its code runs, its arrays are those of the archive."""

import re
from pathlib import Path

import numpy as np

from completion.training.complete import save_completed

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "measures-and-files.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_its_code_completes_a_scan_whose_archive_has_its_arrays(run_folder, tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert "runs/demo/TIME" in block
    monkeypatch.chdir(ROOT)
    names: dict = {}
    exec(block.replace("runs/demo/TIME", str(run_folder)), names)
    archive, *_ = save_completed(names["scan"], tmp_path / "scan")
    with np.load(archive, allow_pickle=False) as found:
        section = TEXT[TEXT.index("## What `completion complete`") : TEXT.index("## A run in Python")]
        told = [
            name
            for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)
        ]
        assert sorted(told) == sorted(found.files)
        placed = (found["coords"] + 0.5) * found["voxel_size"] + found["origin"]
        np.testing.assert_allclose(placed @ found["rotation"], found["points"])


def test_every_measure_of_the_tables_is_told():
    from completion.training.item_scores import METRICS

    section = TEXT[: TEXT.index("## What `completion complete`")]
    assert [name for name in METRICS if f"`{name}`" not in section] == []
