"""What the data floor works on: meshes, points, pairs and sources of them; reads no files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from completion.data.arrays import FloatArray, IntArray


@dataclass
class Mesh:
    """Triangles: vertices float64[V, 3] in world units, faces int64[F, 3]; `note`: what reading changed."""

    vertices: FloatArray
    faces: IntArray
    note: str = ""

    @property
    def triangles(self) -> FloatArray:
        """float64[F, 3, 3]: the corners of each face."""
        return self.vertices[self.faces]

    @property
    def areas(self) -> FloatArray:
        """float64[F], world units squared."""
        a, b, c = np.moveaxis(self.triangles, 1, 0)
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


@dataclass
class Points:
    """Points float64[N, 3] in world units, normals float64[N, 3] or None; `note`: what reading changed."""

    points: FloatArray
    normals: FloatArray | None = None
    note: str = ""


@dataclass
class Pair:
    """A scan and its whole shape in the same frame: nothing needs to be simulated."""

    partial: Points
    complete: "Mesh | Points"

    @property
    def note(self) -> str:
        """What reading changed in either, and in which."""
        notes = {"scan": self.partial.note, "whole shape": self.complete.note}
        return "; ".join(f"{name}: {note}" for name, note in notes.items() if note)


Shape = Mesh | Points | Pair


@dataclass(frozen=True)
class Item:
    """One entry of a source, not loaded yet.

    Attributes:
        name: unique in its source; usable as a file name.
        category: class name.
        group: near-duplicates share one; a group never crosses a split.
        split: train | validation | test.
        path: the file, or None for made shapes.
    """

    name: str
    category: str
    group: str
    split: str
    path: Path | None = None


class Source(Protocol):
    """A collection of shapes; `name` labels its cache folder."""

    name: str

    def items(self) -> list[Item]:
        """Lists everything, in the same order on every call."""
        ...

    def load(self, item: Item) -> Shape:
        """Returns the shape of one item; raises ValueError or OSError if it cannot be used."""
        ...

    def fingerprint(self) -> str:
        """Returns text that changes with the contents: a recipe's parameters; files' paths, sizes, times."""
        ...
