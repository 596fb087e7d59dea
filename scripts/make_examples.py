#!/usr/bin/env python
"""Chooses the data that travel with the repository from a developer's larger collection; kept for the record.

scripts/make_examples.py ../shared/data examples
"""

import argparse
import csv
import hashlib
import json
import shutil
from pathlib import Path

PER_CATEGORY = 4
MAX_BYTES = 70_000
MIN_FACES = 60
# fmt: off
CATEGORIES = (
    "airplane", "animal", "appliance", "barrel", "bathroom", "bed", "bench", "boat", "bottle",
    "bowl", "box_crate", "building", "cabinet", "cactus", "can", "car", "chair", "chest", "cup_mug",
    "electronics", "fish", "food", "fruit_veg", "lamp", "mushroom", "plant", "pot_pan",
    "potted_plant", "robot", "shelf", "sofa", "spaceship", "stool", "table", "train", "trashcan",
    "tree", "truck_bus", "vase",
)
# fmt: on
SCANS = ("000003_bowl", "000004_mustard_bottle")
SCAN_LICENCES = ("yuxng_PoseCNN.MIT.txt", "ChenEating716_pybullet-URDF-models.MIT.txt")
SHAPE_LICENCES = ("kaykit.CC0.txt", "kenney.CC0.txt", "quaternius.CC0.txt")
SHAPE_COLUMNS = ("path", "category", "group", "licence", "author", "source", "sha256")

Row = dict[str, str]


def main() -> None:
    """Writes examples/shapes and examples/scans."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("examples", type=Path)
    arguments = parser.parse_args()
    make_shapes(arguments.collection, arguments.examples / "shapes")
    make_scans(arguments.collection, arguments.examples / "scans")


def make_shapes(collection: Path, target: Path) -> None:
    """Copies the chosen meshes as they are, with a manifest and the licences."""
    chosen = choose(collection, read_rows(collection / "shapes" / "manifest.csv"))
    rows = []
    for row in chosen:
        path = Path(row["path"]).relative_to("shapes")
        copy(collection / row["path"], target / path)
        source = f"{row['source_repo']} @ {row['source_commit'][:12]}: {row['source_path']}"
        rows.append(row | {"path": path.as_posix(), "source": source})
    write_rows(target / "manifest.csv", SHAPE_COLUMNS, rows)
    for name in SHAPE_LICENCES:
        copy(collection / "licence_texts" / name, target / "licences" / name)
    authors = sorted({row["author"] for row in chosen})
    (target / "LICENSES.md").write_text(shape_licences(authors, len(chosen)), encoding="utf-8")


def choose(collection: Path, rows: list[Row]) -> list[Row]:
    """Returns CC0 meshes, not mere sheets: at most four per category, one per group of near-duplicates.

    Within a category the order is that of a hash of the path: arbitrary, but always the same.
    """
    usable = [
        row
        for row in rows
        if row["licence"] == "CC0-1.0"
        and row["category"] in CATEGORIES
        and row["thin"] == "0"
        and int(row["faces"]) >= MIN_FACES
        and (collection / row["path"]).stat().st_size <= MAX_BYTES
    ]
    usable.sort(key=lambda row: hashlib.sha256(row["path"].encode()).hexdigest())
    counts: dict[str, int] = {}
    groups: set[str] = set()
    chosen = []
    for row in usable:
        if counts.get(row["category"], 0) < PER_CATEGORY and row["group"] not in groups:
            chosen.append(row)
            groups.add(row["group"])
            counts[row["category"]] = counts.get(row["category"], 0) + 1
    return sorted(chosen, key=lambda row: row["path"])


def make_scans(collection: Path, target: Path) -> None:
    """Copies two real depth-camera scans with their ground truth and pose, in the layout of RealScans."""
    rows = {Path(row["path"]).stem: row for row in read_rows(collection / "scans" / "manifest.csv")}
    poses = json.loads((collection / "scans" / "ycbv_rgbd" / "poses.json").read_text(encoding="utf-8"))[
        "poses"
    ]
    kept, written = {}, []
    for name in SCANS:
        row = rows[name]
        truth = f"gt/{Path(row['gt']).name}"
        copy(collection / row["path"], target / f"{name}.ply")
        copy(collection / row["gt"], target / truth)
        kept[name] = {key: value for key, value in poses[name].items() if key not in ("gt", "mask")}
        written.append(row | {"path": f"{name}.ply", "gt": truth, "pose": f"poses.json#{name}"})
    (target / "poses.json").write_text(json.dumps({"poses": kept}, indent=1) + "\n", encoding="utf-8")
    columns = (
        "path",
        "object",
        "sensor",
        "points",
        "gt",
        "pose",
        "median_residual_to_gt",
        "licence",
        "author",
    )
    write_rows(target / "manifest.csv", columns, written)
    for name in SCAN_LICENCES:
        copy(collection / "licence_texts" / name, target / "licences" / name)


def shape_licences(authors: list[str], count: int) -> str:
    """Returns the text of LICENSES.md."""
    lines = "\n".join(f"- {author}" for author in authors)
    return f"""# Licences and credits of these {count} meshes

All are CC0-1.0 (public domain dedication): anything is allowed, credit is not demanded. Credit all the same:

{lines}

`manifest.csv` names the source file of each mesh. Changes made to the originals: textures, materials and
normals dropped, vertices merged by position, degenerate and duplicate faces removed, face winding made
consistent, z-up models turned to y-up, overlapping closed parts united where possible. The texts of the
dedications are in `licences/`.

The set was chosen by `scripts/make_examples.py` from a larger collection: at most {PER_CATEGORY} per
category, one per group of near-duplicates, at most {MAX_BYTES // 1000} kB each, no mere sheets.
"""


def read_rows(path: Path) -> list[Row]:
    """Returns the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Writes the chosen columns as CSV."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def copy(source: Path, target: Path) -> None:
    """Copies the contents of a file, not its permissions."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    main()
