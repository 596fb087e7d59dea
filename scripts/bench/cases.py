"""What is timed: on a CPU everything on every data set, on a GPU the cases that its goals name."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bench.precision import PRECISIONS


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        operation: function of each library, and its arguments in words.
        call: name of that function.
        arguments: its arguments after the data.
    """

    operation: str
    call: str
    arguments: tuple[object, ...]

    @property
    def channels(self) -> int | None:
        """Last of the whole numbers among the arguments; None for coordinates alone."""
        numbers = [value for value in self.arguments if type(value) is int]
        return numbers[-1] if numbers else None


NORM, LAYER_NORM = "batch norm + ELU, forward+backward", "layer norm, forward+backward"


def cpu_cases(channels: list[int], dtype: torch.dtype) -> Iterator[Case]:
    """Everything that is timed on one data set."""
    yield Case("coordinates + map 3³, cold", "map3", ())
    yield Case("target look-up", "target", ())
    for c in channels:
        for backward in (False, True):
            what = "forward+backward" if backward else "forward"
            yield Case(f"sub-manifold 3³ {what}, map cached", "subm3", (c, dtype, backward, False))
        yield Case("sub-manifold 3³ forward, cold", "subm3", (c, dtype, False, True))
        yield Case(NORM, "norm", (c, dtype))
        yield Case(LAYER_NORM, "layer_norm", (c, dtype))
        if c <= 64:
            yield Case("k2 s2 down + generative k2 s2, cold, forward+backward", "down_up", (c, dtype))
            for size in (4, 3):
                operation = f"generative k{size} s2, cold, forward+backward"
                yield Case(operation, "generative", (size, c, dtype))
            yield Case("prune 30 %", "prune", (c, dtype))
            yield Case("union", "union", (c, dtype))


@dataclass(frozen=True)
class GpuCase(Case):
    """A case with its data and precision.

    Attributes:
        rows: voxels, or parents of a generative layer.
        precision: name of one of `PRECISIONS`.
        parents: the rows are cells of stride 2.
        sorted: rows come in canonical order, for all libraries alike.
    """

    rows: int = 0
    precision: str = "float32"
    parents: bool = False
    sorted: bool = True


HALF_CHANNELS = (16, 32, 64, 128, 256)


def gpu_cases() -> Iterator[GpuCase]:
    """The cases of the goals, small ones and those that matter most first: a run may be cut off.

    float16 is what all libraries have; bfloat16 takes the same kernels of ours and is timed at a few sizes.
    Cases of one data set follow one another, so that a peer which tunes itself does so once for it.
    """
    yield GpuCase("coordinates + map 3³, cold", "map3", (), rows=1_000_000, sorted=False)
    yield from (_grown(2, c, 50_000, "float16") for c in (32, 64, 128, 256))
    yield from (_subm3(c, 100_000, "float16", True) for c in HALF_CHANNELS)
    yield from (_grown(size, c, 200_000, "float16") for size in (4, 3) for c in (64, 128, 256))
    yield from (_subm3(c, 1_000_000, "float16", True) for c in HALF_CHANNELS)
    yield from (_grown(2, c, 500_000, "float16") for c in (32, 64, 128, 256))
    yield GpuCase(NORM, "norm", (64, torch.float16), rows=1_000_000, precision="float16")
    yield GpuCase(LAYER_NORM, "layer_norm", (128, torch.float32), rows=100_000)
    yield from (_subm3(c, 1_000_000, "tf32", True) for c in (32, 64, 128))
    yield from (_subm3(c, 1_000_000, "float32", True) for c in (32, 64))
    yield from (_grown(size, c, 200_000, "bfloat16") for size in (4, 3) for c in (64, 256))
    yield from (_subm3(c, 1_000_000, "bfloat16", True) for c in (64, 256))
    yield from (_grown(2, c, 500_000, "bfloat16") for c in (64, 256))
    yield from (_subm3(c, 1_000_000, "float16", False) for c in (64, 256))
    yield from (_subm3(c, 100_000, "float32", True) for c in (16, 64))
    yield from (_subm3(c, 100_000, "tf32", True) for c in (32, 128))
    yield from (_grown(size, 128, 50_000, "float16") for size in (3, 4))
    yield from _others(64, PRECISIONS["float16"].dtype)


def _subm3(channels: int, rows: int, precision: str, backward: bool) -> GpuCase:
    what = "forward+backward" if backward else "forward"
    arguments = (channels, PRECISIONS[precision].dtype, backward, False)
    operation = f"sub-manifold 3³ {what}, map cached"
    return GpuCase(operation, "subm3", arguments, rows=rows, precision=precision)


def _grown(size: int, channels: int, rows: int, precision: str) -> GpuCase:
    arguments = (size, channels, PRECISIONS[precision].dtype)
    operation = f"generative k{size} s2, map fresh, forward+backward"
    return GpuCase(operation, "grown", arguments, rows=rows, precision=precision, parents=True)


def _others(channels: int, dtype: torch.dtype) -> Iterator[GpuCase]:
    """What has no goal on a GPU but belongs to a network."""
    for case in cpu_cases([channels], dtype):
        if case.call in ("target", "down_up", "prune", "union") or case.arguments[3:] == (True,):
            fields = (case.operation, case.call, case.arguments)
            yield GpuCase(*fields, rows=100_000, precision="float16", sorted=False)
