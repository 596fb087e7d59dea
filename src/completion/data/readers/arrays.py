"""numpy files: npy [N, 3 or more], npz with points (and faces); nothing pickled is ever loaded."""

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from completion.data.archive import of_system
from completion.data.readers.faults import FileFault, fault
from completion.data.shape import Mesh, Points

MOST_COLUMNS = 32  # of three rows, which else are the coordinates of many points, one axis a row
MOST_BYTES = 2**31  # of one array, unpacked: a small archive can hold one that no memory does
_POINT_KEYS = ("points", "xyz", "pos", "data", "vertices", "pc", "arr_0")


def read_npy(path: Path) -> Points:
    """Returns the first three columns of the array."""
    try:
        with open(path, "rb") as file:
            _check_size(path, "the array", file, path.stat().st_size)
        array = np.load(path, allow_pickle=False)
    except FileFault:
        raise
    except (ValueError, EOFError, OSError) as error:
        if of_system(error):
            raise
        raise fault(path, "byte 0", "a numpy array of numbers (nothing pickled)", _first(path)) from error
    return Points(_columns(path, "the array", array))


def read_npz(path: Path) -> Mesh | Points:
    """Returns `vertices` and `faces` as a mesh, else the first of points, xyz, pos, data, … as points.

    `loc` and `scale` (occupancy networks) are applied, so that points come back in their own units. Other
    arrays of the archive are not unpacked.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            arrays = {key: _unpacked(path, archive, key) for key in _used(names)}
    except FileFault:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        if of_system(error):
            raise
        raise fault(
            path, "byte 0", "an npz archive of number arrays (nothing pickled)", _first(path)
        ) from error
    if {"vertices", "faces"} <= arrays.keys():
        faces = arrays["faces"]
        if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
            raise fault(path, "key faces", "integers [F, 3]", f"{faces.dtype}{list(faces.shape)}")
        return Mesh(_columns(path, "key vertices", arrays["vertices"]), faces)
    key = next((key for key in _POINT_KEYS if key in arrays), None)
    if key is None:
        raise fault(path, "its keys", f"one of {', '.join(_POINT_KEYS)}", str(sorted(names)))
    points = _columns(path, f"key {key}", arrays[key])
    if {"loc", "scale"} <= arrays.keys():
        points = (
            points * float(arrays["scale"].reshape(-1)[0]) + arrays["loc"].astype(np.float64).reshape(-1)[:3]
        )
    normals = arrays.get("normals")
    return Points(points, None if normals is None else _columns(path, "key normals", normals))


def _used(names: Iterable[str]) -> list[str]:
    """Returns the names of the arrays that make the shape, of all in an archive."""
    there = set(names)
    if {"vertices", "faces"} <= there:
        return ["vertices", "faces"]
    points = [key for key in _POINT_KEYS if key in there][:1]
    return points + [key for key in ("loc", "scale", "normals") if points and key in there]


def _unpacked(path: Path, archive: Any, key: str) -> np.ndarray:
    """Returns one array of an archive that numpy opened; refuses one too large before it is unpacked."""
    name = f"{key}.npy"
    if name in archive.zip.namelist():
        size = archive.zip.getinfo(name).file_size
        if size > MOST_BYTES:
            raise fault(path, f"key {key}", f"an array of at most {MOST_BYTES} bytes", f"{size}")
        with archive.zip.open(name) as file:
            _check_size(path, f"key {key}", file, size)
    return archive[key]


def _check_size(path: Path, place: str, file: IO[bytes], size: int) -> None:
    """Refuses an array whose header tells of more bytes than there are, which numpy would make room for."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read_header = np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    told = math.prod(shape) * dtype.itemsize
    if told > size and not dtype.hasobject:
        raise fault(path, place, f"{told} bytes of {dtype}{list(shape)}", f"{size}")


def _first(path: Path) -> str:
    """What the file begins with: numpy's own words speak of pickles and invite to load them."""
    with open(path, "rb") as file:
        return f"a file that cannot be read so and begins with {file.read(8)!r}"


def _columns(path: Path, place: str, array: np.ndarray) -> np.ndarray:
    """Returns float64[N, 3] of an array [N, C ≥ 3] or [1, N, C ≥ 3]."""
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    lies_across = array.ndim == 2 and array.shape[0] == 3 and array.shape[1] > MOST_COLUMNS
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu" or lies_across:
        raise fault(path, place, "numbers of shape [N, 3]", f"{array.dtype}{list(array.shape)}")
    return array[:, :3].astype(np.float64)
