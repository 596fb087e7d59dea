"""What travels with the repository: listed, licensed, small, readable, and of many kinds."""

import csv
import hashlib
from pathlib import Path

import pytest

from completion.data.mesh_folder import MeshFolder

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def rows_of(folder: str) -> list[dict[str, str]]:
    """The manifest's rows."""
    with (EXAMPLES / folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_shape_is_listed_licensed_and_unchanged():
    rows = rows_of("shapes")
    assert {row["licence"] for row in rows} == {"CC0-1.0"}
    assert all(row["author"] and row["source"] for row in rows)
    files = {
        path.relative_to(EXAMPLES / "shapes").as_posix() for path in (EXAMPLES / "shapes").rglob("*.ply")
    }
    assert files == {row["path"] for row in rows}
    for row in rows:
        data = (EXAMPLES / "shapes" / row["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
    credits = (EXAMPLES / "shapes" / "LICENSES.md").read_text(encoding="utf-8")
    assert all(row["author"] in credits for row in rows)


def test_the_shapes_are_small_varied_and_readable():
    source = MeshFolder(EXAMPLES / "shapes")
    items = source.items()
    assert 100 <= len(items) <= 150
    assert len({item.category for item in items}) >= 30
    assert len({item.group for item in items}) == len(items)
    assert {item.split for item in items} == {"train", "validation", "test"}
    assert all(len(source.load(item).faces) >= 60 for item in items)
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 8e6


@pytest.mark.parametrize("row", rows_of("scans"), ids=lambda row: row["object"])
def test_every_scan_has_truth_and_a_licence_that_lets_it_travel(row):
    assert row["licence"].startswith("MIT")
    assert "CC-BY-4.0" in row["licence"]
    assert (EXAMPLES / "scans" / row["path"]).is_file()
    assert (EXAMPLES / "scans" / row["gt"]).is_file()
    text = (EXAMPLES / "scans" / "LICENSES.md").read_text(encoding="utf-8")
    assert row["path"] in text
    assert "creativecommons.org/licenses/by/4.0" in text
