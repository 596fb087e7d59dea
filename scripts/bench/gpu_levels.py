"""Layers and levels whose kernels, host reads and memory are counted on a GPU; no times."""

from collections.abc import Callable, Iterator

import torch

from bench.gpu_counts import counted, peak_bytes
from bench.inputs import Surfaces
from completion.nn import Conv3d, GenerativeConvTranspose3d
from completion.sparse import CoordMap, SparseTensor, kernel_map

CHANNELS = 64
PER_VOXEL = 16  # bytes of a voxel's coordinates and what goes with them


def fresh(one: CoordMap) -> CoordMap:
    """The same voxels as a set that knows no other."""
    return CoordMap(one.keys, one.stride, one.batch_size)


def launches(data: Surfaces) -> Iterator[dict[str, object]]:
    """Kernels of layers on few rows, their map cached or fresh: forward, as in inference."""
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    parents = coord_map.strided(2)
    same, wide, down, up = (
        Conv3d(CHANNELS, CHANNELS, 3, bias=False),
        GenerativeConvTranspose3d(CHANNELS, CHANNELS, 4, 2, bias=False),
        Conv3d(CHANNELS, CHANNELS, 2, 2, bias=False),
        GenerativeConvTranspose3d(CHANNELS, CHANNELS, 2, 2, bias=False),
    )
    for layer in (same, wide, down, up):
        layer.to(data.device, torch.float16)
    for name, layer, where in (
        ("sub-manifold 3³", same, coord_map),
        ("k2 s2 down", down, coord_map),
        ("generative k2 s2", up, parents),
        ("generative k4 s2", wide, parents),
    ):
        features = torch.randn(where.num_rows, CHANNELS, dtype=torch.float16, device=data.device)
        cached = SparseTensor(features, fresh(where))
        for kind, run in (
            ("fresh", lambda f=features, w=where, m=layer: m(SparseTensor(f, fresh(w)))),
            ("cached", lambda x=cached, m=layer: m(x)),
        ):
            yield _row(f"{name}, map {kind}", where.num_rows, run)


def reads(data: Surfaces) -> Iterator[dict[str, object]]:
    """Host reads of everything that makes coordinates."""
    coord_map = CoordMap.from_coords(data.coords, batch_size=data.batch_size)
    parents = coord_map.strided(2)
    mask = torch.rand(coord_map.num_rows, device=data.device) > 0.3
    other = coord_map.pruned(mask)
    makers: dict[str, Callable[[], object]] = {
        "from_coords": lambda: CoordMap.from_coords(data.coords, batch_size=data.batch_size),
        "strided 2": lambda: fresh(coord_map).strided(2),
        "pyramid of 6 levels": lambda: fresh(coord_map).pyramid(6),
        "generated k2 s2": lambda: fresh(parents).generated(2, 2),
        "generated k3 s2": lambda: fresh(parents).generated(3, 2),
        "generated k4 s2": lambda: fresh(parents).generated(4, 2),
        "pruned": lambda: fresh(coord_map).pruned(mask),
        "union": lambda: fresh(coord_map).union(fresh(other)),
    }
    for name, make in makers.items():
        yield _row(f"coordinates: {name}", coord_map.num_rows, make)


def _row(name: str, rows: int, run: Callable[[], object]) -> dict[str, object]:
    with torch.no_grad():
        counts = counted(run)
    return {"operation": name, "rows": rows, **vars(counts)}


def memory(data: Surfaces, channels: int = CHANNELS) -> Iterator[dict[str, object]]:
    """Peak bytes of generative layers forward beside features + 16 bytes a voxel + map."""
    parents = CoordMap.from_coords(data.coords, batch_size=data.batch_size).strided(2)
    features = torch.randn(parents.num_rows, channels, dtype=torch.float16, device=data.device)
    for size in (2, 3, 4):
        layer = GenerativeConvTranspose3d(channels, channels, size, 2, bias=False)
        layer.to(data.device, torch.float16)

        def run(layer: GenerativeConvTranspose3d = layer) -> SparseTensor:
            return layer(SparseTensor(features, fresh(parents)))

        with torch.no_grad():
            run()
            peak = peak_bytes(run)
            x = SparseTensor(features, fresh(parents))
            y = layer(x)
        needed = y.features.nbytes + PER_VOXEL * y.num_rows
        yield {
            "operation": f"generative k{size} s2",
            "parents": parents.num_rows,
            "voxels": y.num_rows,
            "channels": channels,
            "peak_bytes": peak,
            "allowed_bytes": needed + (0 if size == 2 else map_bytes(x, y, size)),
        }


def map_bytes(x: SparseTensor, y: SparseTensor, size: int) -> int:
    """Bytes of the map that a generative layer from x to y leaves with their sets, without a gradient."""
    pairs = kernel_map(x.coord_map, y.coord_map, size, transposed=True)
    with torch.no_grad():
        held = [*pairs.sides, *pairs.pairs, *pairs.orders]
    return sum(one.nbytes for one in held if one is not None)
