"""The coarse level as a full grid: every cell can see every other, so that any missing part is in reach."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from completion.sparse import SparseTensor, from_dense

ORIGIN = (0, 0, 0)


class DenseLevel(nn.Module):
    """Scatters to the grid of `size`³ cells, adds a learned position, mixes, gathers all cells.

    A cell without input has zero features; one more channel tells whether it has input.

    Args:
        channels: C in and out.
        size: cells per edge.
        num_blocks: residual blocks, each with a local convolution and an attention over all cells.
        num_heads: of the attention.
    """

    def __init__(self, channels: int, size: int, num_blocks: int, num_heads: int = 4) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Conv3d(channels + 1, channels, 1)
        self.position = nn.Parameter(0.02 * torch.randn(1, channels, size, size, size))
        self.blocks = nn.ModuleList(DenseBlock(channels, num_heads) for _ in range(num_blocks))

    def forward(self, x: SparseTensor) -> SparseTensor:
        """float[B·size³, C] at the stride of `x`: every cell of the grid of every item.

        Args:
            x: float[N, C], coordinates inside [0, size · stride)³.
        """
        shape = (self.size,) * 3
        occupied = x.replace(torch.cat([x.features, torch.ones_like(x.features[:, :1])], dim=1))
        grid = self.enter(occupied.dense(ORIGIN, shape)) + self.position
        for block in self.blocks:
            grid = block(grid)
        return from_dense(grid, ORIGIN, x.stride)


class DenseBlock(nn.Module):
    """Residual convolution k3, residual self-attention, residual product per cell.

    Args:
        channels: C in and out, a multiple of `num_heads`.
        num_heads: of the attention.
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.local = nn.Sequential(
            nn.GroupNorm(1, channels),
            nn.Conv3d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv3d(channels, channels, 1),
        )
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, num_heads)
        self.product_norm = nn.LayerNorm(channels)
        self.product = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.SiLU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, grid: Tensor) -> Tensor:
        """float[B, C, X, Y, Z] → the same shape."""
        grid = grid + self.local(grid)
        cells = grid.flatten(2).transpose(1, 2)
        cells = cells + self.attention(self.attention_norm(cells))
        cells = cells + self.product(self.product_norm(cells))
        return cells.transpose(1, 2).reshape(grid.shape)


class Attention(nn.Module):
    """Self-attention over the cells of an item."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.enter = nn.Linear(channels, 3 * channels)
        self.leave = nn.Linear(channels, channels)

    def forward(self, cells: Tensor) -> Tensor:
        """float[B, T, C] → the same shape."""
        shape = (*cells.shape[:2], self.num_heads, cells.shape[2] // self.num_heads)
        parts = self.enter(cells).chunk(3, dim=2)
        query, key, value = (part.reshape(shape).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.leave(mixed.transpose(1, 2).reshape(cells.shape))
