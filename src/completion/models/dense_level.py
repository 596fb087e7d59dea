"""The coarse level as a full grid: every cell can see every other, so that any missing part is in reach."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from completion.nn.functional.products import linear
from completion.ops import layer_norm
from completion.sparse import SparseTensor, grid_coord_map, grid_rows

ORIGIN = (0, 0, 0)


class CellLinear(nn.Linear):
    """torch's linear layer by the engine's product on the CPU: twice as quick there on skinny matrices."""

    def forward(self, input: Tensor) -> Tensor:
        """[…, C] → […, C']."""
        if not input.is_cpu:
            return super().forward(input)
        rows = linear("CellLinear", input.flatten(0, -2), self.weight, self.bias)
        return rows.unflatten(0, input.shape[:-1])


class CellNorm(nn.LayerNorm):
    """torch's layer norm by the engine's operator, whose backward pass on a GPU is a fraction of torch's."""

    def forward(self, input: Tensor) -> Tensor:
        """[…, C] → the same shape."""
        return layer_norm(input.flatten(0, -2), self.weight, self.bias, self.eps).view_as(input)


class DenseLevel(nn.Module):
    """Scatters to the grid of `size`³ cells, adds a learned position, mixes, gathers all cells.

    A cell without input has zero features; one more channel tells whether it has input.

    Args:
        channels: C in and out.
        size: cells per edge.
        num_blocks: residual blocks, see `DenseBlock`.
    """

    def __init__(self, channels: int, size: int, num_blocks: int) -> None:
        super().__init__()
        self.size = size
        self.enter = CellLinear(channels + 1, channels)
        self.position = nn.Parameter(0.02 * torch.randn(size**3, channels))
        self.blocks = nn.ModuleList(DenseBlock(channels, size) for _ in range(num_blocks))

    def forward(self, x: SparseTensor) -> SparseTensor:
        """float[B·size³, C] at the stride of `x`: every cell of the grid of every item.

        Args:
            x: float[N, C], coordinates inside [0, size · stride)³.
        """
        shape = (self.size,) * 3
        # Coordinates first, see CompletionModel.make_targets.
        every_cell = grid_coord_map(x.batch_size, ORIGIN, shape, x.stride, device=x.device)
        occupied = x.replace(torch.cat([x.features, torch.ones_like(x.features[:, :1])], dim=1))
        cells = occupied.dense(ORIGIN, shape).flatten(2).transpose(1, 2)
        cells = self.enter(cells) + self.position
        for block in self.blocks:
            cells = block(cells)
        grid = cells.transpose(1, 2).unflatten(2, shape)
        return SparseTensor(grid_rows(grid, every_cell, ORIGIN), every_cell)


class DenseBlock(nn.Module):
    """Three residual steps: 3³ convolution, product over all cells (the mixer), product over channels.

    The mixer (MLP-Mixer, Tolstikhin et al. 2021) carries anything anywhere in one step. The grid is small and
    always the same box, so it learns faster than attention: benchmarks/README.md has the comparison.

    Args:
        channels: C in and out.
        size: cells per edge.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.near_norm = CellNorm(channels)
        self.near = nn.Conv3d(channels, channels, 3, padding=1)
        self.mixer_norm = CellNorm(channels)
        self.mixer = nn.Sequential(CellLinear(size**3, size**3), nn.SiLU(), CellLinear(size**3, size**3))
        self.product_norm = CellNorm(channels)
        self.product = nn.Sequential(
            CellLinear(channels, 2 * channels), nn.SiLU(), CellLinear(2 * channels, channels)
        )

    def forward(self, cells: Tensor) -> Tensor:
        """float[B, size³, C] → the same shape."""
        grid = self.near_norm(cells).transpose(1, 2).unflatten(2, (self.size,) * 3)
        cells = cells + functional.silu(self.near(grid)).flatten(2).transpose(1, 2)
        cells = cells + self.mixer(self.mixer_norm(cells).transpose(1, 2)).transpose(1, 2)
        return cells + self.product(self.product_norm(cells))
