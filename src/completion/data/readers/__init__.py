"""Readers of the files that users bring: meshes and point clouds by suffix, checked at the edge."""

from completion.data.readers.read import SUFFIXES, read_mesh, read_points, read_shape

__all__ = ["SUFFIXES", "read_mesh", "read_points", "read_shape"]
