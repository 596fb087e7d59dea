"""Any supported file → checked Mesh or Points: chooses the reader by suffix, drops bad rows."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from completion.data.readers.arrays import read_npy, read_npz
from completion.data.readers.faults import FileFault, fault
from completion.data.readers.gltf import read_glb, read_gltf
from completion.data.readers.kitti import read_kitti
from completion.data.readers.obj import read_obj
from completion.data.readers.off import read_off
from completion.data.readers.pcd import read_pcd
from completion.data.readers.ply import read_ply
from completion.data.readers.stl import read_stl
from completion.data.readers.text import read_text
from completion.data.shape import Mesh, Points

READERS: dict[str, Callable[[Path], Mesh | Points]] = {
    ".ply": read_ply,
    ".obj": read_obj,
    ".stl": read_stl,
    ".off": read_off,
    ".glb": read_glb,
    ".gltf": read_gltf,
    ".pcd": read_pcd,
    ".xyz": read_text,
    ".txt": read_text,
    ".csv": read_text,
    ".pts": read_text,
    ".asc": read_text,
    ".npy": read_npy,
    ".npz": read_npz,
    ".bin": read_kitti,
}
SUFFIXES = tuple(READERS)
FARTHEST = 1e30  # no unit of length needs more; an area is made of fourth powers, which must fit a float64
BAD = f"NaN, infinity or numbers beyond {FARTHEST}"
ADVICE = {
    ".las": "convert it first, for example with `pdal translate in.las out.ply` or CloudCompare",
    ".laz": "convert it first, for example with `pdal translate in.laz out.ply` or CloudCompare",
    ".e57": "convert it first, for example with CloudCompare",
    ".fbx": "export it as glb or obj, for example with Blender",
    ".dae": "export it as glb or obj, for example with Blender",
    ".blend": "export it as glb or obj with Blender",
    ".step": "export it as stl from the CAD program",
    ".stp": "export it as stl from the CAD program",
    ".zip": "unpack it first",
    ".gz": "unpack it first",
}


def read_shape(path: str | os.PathLike[str]) -> Mesh | Points:
    """Returns what a file holds: a Mesh if it has faces, else Points.

    Rows with NaN, infinity or numbers beyond `FARTHEST` are dropped, with the faces that use them; the
    result's `note` says so. Points stay float64, so that map coordinates (UTM) keep their millimetres.

    Args:
        path: a file with one of `SUFFIXES`, in upper or lower case.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file, the byte or line, and what was expected there.
        OSError, MemoryError: if the system refuses; that is no fault of the file.
    """
    path = Path(path)
    if not path.is_file():
        kind = "the folder " if path.is_dir() else ""
        raise FileNotFoundError(f"read_shape: path must be an existing file, got {kind}{path}")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        advice = ADVICE.get(suffix, "convert it to one of these")
        raise ValueError(f"read_shape: path must end in {' '.join(SUFFIXES)}, got {path}; {advice}")
    try:
        # What overflows on its way to float64 becomes infinite, and its row is dropped as any such row.
        with np.errstate(over="ignore", invalid="ignore"):
            shape = READERS[suffix](path)
        return _checked(shape, path)
    except (FileFault, OSError, MemoryError):
        raise
    except Exception as error:
        # What no reader foresaw in a damaged file; still one sentence with the file's name.
        got = f"{type(error).__name__}: {error}"
        raise fault(path, "a place unknown", f"a well-formed {suffix} file", got) from error


def read_mesh(path: str | os.PathLike[str]) -> Mesh:
    """Returns the mesh of a file; see `read_shape`.

    Raises:
        ValueError: also if the file holds points alone.
    """
    shape = read_shape(path)
    if isinstance(shape, Points):
        raise ValueError(f"read_mesh: {path} must have faces, got {len(shape.points)} points alone")
    return shape


def read_points(path: str | os.PathLike[str]) -> Points:
    """Returns the points of a file, of a mesh its vertices (noted); see `read_shape`."""
    shape = read_shape(path)
    if isinstance(shape, Points):
        return shape
    note = "; ".join(filter(None, [shape.note, "took the vertices of a mesh"]))
    return Points(shape.vertices[np.unique(shape.faces)], note=note)


def _checked(shape: Mesh | Points, path: Path) -> Mesh | Points:
    """Returns the shape without its bad rows, in the floor's dtypes; refuses an empty one."""
    if isinstance(shape, Points):
        return _checked_points(shape, path)
    vertices = np.ascontiguousarray(shape.vertices, dtype=np.float64)
    faces = np.ascontiguousarray(shape.faces, dtype=np.int64)
    wrong = ((faces < 0) | (faces >= len(vertices))).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise fault(
            path, f"triangle {row}", f"vertex numbers in 0…{len(vertices) - 1}", str(faces[row].tolist())
        )
    good = _good_rows(vertices)
    if good.all():
        return Mesh(vertices, faces, shape.note)
    kept = good[faces].all(axis=1)
    if not kept.any():
        raise fault(path, "the vertices", "finite numbers", f"{BAD} in every face")
    # Vertices keep their numbers; the bad ones are no longer used and become zero.
    note = f"dropped {int((~kept).sum())} faces with {BAD}"
    return Mesh(
        np.where(good[:, None], vertices, 0.0), faces[kept], "; ".join(filter(None, [shape.note, note]))
    )


def _checked_points(shape: Points, path: Path) -> Points:
    """Returns points without bad rows; refuses none at all."""
    points = np.ascontiguousarray(shape.points, dtype=np.float64)
    if len(points) == 0:
        raise fault(path, "its whole length", "at least one point", "none")
    good = _good_rows(points)
    if good.all():
        return Points(points, shape.normals, shape.note)
    if not good.any():
        raise fault(path, "its whole length", "finite points", f"{BAD} in all {len(points)} rows")
    note = f"dropped {int((~good).sum())} of {len(points)} rows with {BAD}"
    normals = shape.normals[good] if shape.normals is not None else None
    return Points(points[good], normals, "; ".join(filter(None, [shape.note, note])))


def _good_rows(rows: np.ndarray) -> np.ndarray:
    """Returns bool[N]: which rows of float64[N, 3] can be measured."""
    return np.asarray((np.abs(rows) <= FARTHEST).all(axis=1))
