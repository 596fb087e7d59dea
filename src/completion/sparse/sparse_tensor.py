"""SparseTensor: one feature row per voxel of a CoordMap; owns no operations beyond entry and conversion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from completion.ops.checks import check_dense, check_type
from completion.sparse.coord_map import CoordMap
from completion.sparse.dense import dense_grid
from completion.sparse.duplicates import reduce_duplicates
from completion.sparse.entry import enter
from completion.sparse.strides import Size, Triple

Duplicates = Literal["error", "mean", "sum", "max", "first"]


@dataclass(init=False, eq=False, repr=False)
class SparseTensor:
    """Features on a set of voxels, in the set's row order. Not to be changed: operations give new tensors.

    A dataclass, so that DistributedDataParallel finds the features in what a network returns.

    Attributes:
        features: [N, C], floating point.
        coord_map: the voxels.
    """

    __slots__ = ("coord_map", "features")

    features: Tensor
    coord_map: CoordMap

    def __init__(self, features: Tensor, coord_map: CoordMap) -> None:
        """Pairs features [N, C] with the N rows of a set.

        Raises:
            TypeError: features are not a floating-point tensor, or the set is no CoordMap.
            ValueError: features are not one row per voxel, or lie on another device.
        """
        check_type("SparseTensor", "features", features, Tensor, "wrap it with torch.as_tensor")
        check_type("SparseTensor", "coord_map", coord_map, CoordMap, "make one with CoordMap.from_coords")
        _check_features("SparseTensor", features)
        if features.ndim != 2 or features.shape[0] != coord_map.num_rows:
            raise ValueError(
                f"SparseTensor: features must be [{coord_map.num_rows}, C], got {list(features.shape)}; "
                "give one row for each voxel, in the order of the CoordMap"
            )
        if features.device != coord_map.device:
            raise ValueError(
                f"SparseTensor: features must be on {coord_map.device}, got {features.device}; "
                "move features and coordinates to one device"
            )
        self.features = features
        self.coord_map = coord_map

    @staticmethod
    def from_coords(
        features: Tensor,
        coords: Tensor,
        stride: Size = 1,
        batch_size: int | None = None,
        duplicates: Duplicates = "error",
    ) -> "SparseTensor":
        """Tensor of the given voxels, rows brought into canonical order.

        Args:
            features: [N, C], one row for each coordinate.
            coords: int32 [N, 4], columns batch, x, y, z in finest voxels, multiples of stride.
            stride: of the set.
            batch_size: number of batch items; without it the largest batch index + 1.
            duplicates: refuse repeated coordinates, or reduce their features.

        Raises:
            TypeError: coords are not int32, or features not floating point.
            ValueError: shapes, range, stride, batch size or duplicates are not as stated.
        """
        if duplicates not in ("error", "mean", "sum", "max", "first"):
            raise ValueError(
                'SparseTensor.from_coords: duplicates must be "error", "mean", "sum", "max" or "first", '
                f"got {duplicates!r}; choose one"
            )
        entry = enter("SparseTensor.from_coords", coords, stride, batch_size, merge=duplicates != "error")
        check_type("SparseTensor.from_coords", "features", features, Tensor, "wrap it with torch.as_tensor")
        _check_features("SparseTensor.from_coords", features)
        if features.ndim != 2 or features.shape[0] != coords.shape[0]:
            raise ValueError(
                f"SparseTensor.from_coords: features must be [{coords.shape[0]}, C], "
                f"got {list(features.shape)}; give one row for each coordinate"
            )
        rule = "first" if entry.keys.shape[0] == coords.shape[0] else duplicates
        values = reduce_duplicates(features, entry.rows, entry.first, rule)
        return SparseTensor(values, CoordMap(entry.keys, entry.stride, entry.batch_size))

    @property
    def coords(self) -> Tensor:
        """int32 [N, 4]: batch, x, y, z in finest voxels."""
        return self.coord_map.coords

    @property
    def stride(self) -> Triple:
        """Distance of neighbours per axis, finest voxels."""
        return self.coord_map.stride

    @property
    def batch_size(self) -> int:
        """Number of batch items, empty ones included."""
        return self.coord_map.batch_size

    @property
    def num_rows(self) -> int:
        """Number of voxels N."""
        return self.coord_map.num_rows

    @property
    def num_channels(self) -> int:
        """Number of channels C."""
        return self.features.shape[1]

    @property
    def device(self) -> torch.device:
        """Where features and coordinates live."""
        return self.features.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the features."""
        return self.features.dtype

    def replace(self, features: Tensor) -> "SparseTensor":
        """Other features on the same voxels (the same CoordMap object)."""
        return SparseTensor(features, self.coord_map)

    def detach(self) -> "SparseTensor":
        """A new tensor cut from the graph; this one is left as it is."""
        return self.replace(self.features.detach())

    def to(self, *args: Any, **kwargs: Any) -> "SparseTensor":
        """Features converted as by `torch.Tensor.to` (device, dtype), the set moved along."""
        features = self.features.to(*args, **kwargs)
        return SparseTensor(features, self.coord_map.to(features.device))

    def dense(self, origin: Sequence[int], shape: Sequence[int]) -> Tensor:
        """Dense grid [B, C, X, Y, Z], zero where no voxel is; see `dense_grid`."""
        return dense_grid(self.features, self.coord_map, origin, shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseTensor, (self.features, self.coord_map)

    def __repr__(self) -> str:
        return (
            f"SparseTensor(num_rows={self.num_rows}, num_channels={self.num_channels}, stride={self.stride}, "
            f"batch_size={self.batch_size}, dtype={self.dtype}, device={self.device})"
        )


def _check_features(function: str, features: Tensor) -> None:
    if not features.is_floating_point():
        raise TypeError(
            f"{function}: features must be floating point, got {features.dtype}; convert them first"
        )
    check_dense(function, "features", features)
