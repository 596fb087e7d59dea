"""Operations and bytes of each benchmarked case: what no implementation can do without.

At the multiply-add rate and the copy rate of memory they give a limit; data that is still in the caches moves
faster than that.
"""

from dataclasses import dataclass

import torch

from bench.inputs import Surfaces
from completion.sparse import CoordMap, kernel_map


@dataclass(frozen=True)
class Work:
    """What a case must do at least.

    Attributes:
        operations: 2 · pairs that exist · Cin · Cout, three times that with backward; none where rows are
            only moved or scaled.
        bytes: inputs read once, outputs written once, weights and map once; three times that with backward.
    """

    operations: float
    bytes: float

    def floor_ms(self, rate: float, bandwidth: float) -> float:
        """The larger of both times in milliseconds."""
        return 1e3 * max(self.operations / rate, self.bytes / bandwidth)


KEPT = 0.7  # of a grown level, by bench.libraries.ours.prune
COORDS, KEY, ROW, MASK = 16, 8, 4, 1  # bytes of a voxel's coordinates, of its key, of a row number, of a mask


def work_of(call: str, data: Surfaces, arguments: tuple) -> Work:
    """Work of a case."""
    fine = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    coarse = fine.strided(2)
    if call == "subm3":
        channels, dtype, backward, _ = arguments
        return _convolution(
            _pairs(fine, fine, 3), fine.num_rows, fine.num_rows, 27, channels, channels, dtype, backward
        )
    if call == "down_up":
        channels, dtype = arguments
        down = _convolution(
            fine.num_rows, fine.num_rows, coarse.num_rows, 8, channels, 2 * channels, dtype, True
        )
        children = 8 * coarse.num_rows
        up = _convolution(children, coarse.num_rows, children, 8, 2 * channels, channels, dtype, True)
        return Work(down.operations + up.operations, down.bytes + up.bytes)
    if call == "generative":
        size, channels, dtype = arguments
        pairs, rows = size**3 * coarse.num_rows, coarse.generated(size, 2).num_rows
        return _convolution(pairs, coarse.num_rows, rows, size**3, channels, channels, dtype, True)
    if call == "grown":
        return _grown(coarse, *arguments)
    return Work(0.0, _moved(call, fine.num_rows, coarse.generated(2, 2).num_rows, arguments))


def _grown(parents: CoordMap, size: int, channels: int, dtype: torch.dtype, backward: bool = True) -> Work:
    """A generative layer's: keys once, features, the smaller side of the map; k2 s2 needs no map."""
    pairs, rows = size**3 * parents.num_rows, parents.generated(size, 2).num_rows
    shape = (channels, channels, dtype, backward)
    layer = _convolution(pairs, parents.num_rows, rows, size**3, *shape, map_rows=0)
    table = 0 if size == 2 else ROW * pairs * (3 if backward else 1)
    return Work(layer.operations, layer.bytes + KEY * (parents.num_rows + rows) + table)


def _moved(call: str, truth: int, grown: int, arguments: tuple) -> float:
    """Bytes of a case that only moves rows; of a pruning and a union those to be expected."""
    kept = KEPT * grown
    if call == "map3":
        return truth * (COORDS + KEY + 27 * ROW)
    if call == "target":
        return truth * KEY + grown * (KEY + ROW)
    channels, dtype = arguments
    features = channels * torch.finfo(dtype).bits // 8
    if call in ("norm", "layer_norm"):
        return truth * 5 * features  # both ways: what goes in and what comes out
    if call == "prune":
        return grown * (KEY + MASK) + kept * (KEY + 2 * features)
    assert call == "union", call
    both = truth + kept - KEPT * truth  # the truth is part of the grown level
    return (truth + kept + both) * (KEY + features)


def _pairs(source: CoordMap, target: CoordMap, size: int) -> int:
    return int(kernel_map(source, target, size).num_neighbours.sum())


def _convolution(
    pairs: int,
    rows_in: int,
    rows_out: int,
    offsets: int,
    cin: int,
    cout: int,
    dtype: torch.dtype,
    backward: bool,
    map_rows: int | None = None,
) -> Work:
    """Of a convolution whose map has as many rows as the result, unless it is said otherwise."""
    times = 3 if backward else 1
    width = torch.finfo(dtype).bits // 8
    table = ROW * offsets * (rows_out if map_rows is None else map_rows)
    moved = (rows_in * cin + rows_out * cout + offsets * cin * cout) * width + table
    return Work(times * 2.0 * pairs * cin * cout, times * float(moved))
