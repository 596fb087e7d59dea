"""Accessors of glTF: typed, strided and sparse views of its buffers as arrays; knows no meshes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from completion.data.readers.faults import fault

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_MOST_ZEROS = 1_000_000  # rows of an accessor that no buffer backs; the file's size does not bound them


@dataclass
class Accessors:
    """The accessors of a document over its buffers."""

    path: Path
    document: dict[str, Any]
    buffers: list[bytes]

    def read(self, number: int) -> np.ndarray:
        """Returns [count, width] of one accessor; normalised integers become floats in −1…1."""
        entry = self.document["accessors"][number]
        dtype, width = np.dtype(_COMPONENTS[entry["componentType"]]), _WIDTHS[entry["type"]]
        count = int(entry["count"])
        if "bufferView" in entry:
            values = self._view(entry["bufferView"], entry.get("byteOffset", 0), dtype, width, count, number)
        elif 0 <= count <= _MOST_ZEROS:
            values = np.zeros((count, width), dtype)
        else:
            expected = f"a bufferView, or a count of at most {_MOST_ZEROS}"
            raise fault(self.path, f"accessor {number}", expected, f"none and {count}")
        if "sparse" in entry:
            values = self._sparse(entry["sparse"], values, dtype, width, number)
        if entry.get("normalized") and dtype.kind in "iu":
            return np.maximum(values / np.iinfo(dtype).max, -1.0)
        return values

    def _view(
        self, view: int, offset: int, dtype: np.dtype, width: int, count: int, number: int
    ) -> np.ndarray:
        """Returns [count, width] from a buffer view, rows `byteStride` apart."""
        entry = self.document["bufferViews"][view]
        data = self.buffers[entry["buffer"]]
        start = entry.get("byteOffset", 0) + offset
        row = dtype.itemsize * width
        stride = entry.get("byteStride", row)
        end = start + stride * (count - 1) + row if count else start
        if min(start, count, stride - row) < 0 or end > len(data):
            raise fault(
                self.path, f"accessor {number}", f"bytes {start}…{end}", f"a buffer of {len(data)} bytes"
            )
        return np.ndarray((count, width), dtype, data, start, (stride, dtype.itemsize))

    def _sparse(
        self, entry: dict[str, Any], values: np.ndarray, dtype: np.dtype, width: int, number: int
    ) -> np.ndarray:
        """Returns `values` with some rows replaced."""
        count, rows, new = entry["count"], entry["indices"], entry["values"]
        kind = np.dtype(_COMPONENTS[rows["componentType"]])
        at = self._view(rows["bufferView"], rows.get("byteOffset", 0), kind, 1, count, number)[:, 0]
        values = values.copy()
        values[at] = self._view(new["bufferView"], new.get("byteOffset", 0), dtype, width, count, number)
        return values
