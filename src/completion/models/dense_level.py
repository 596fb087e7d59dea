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
        num_blocks: residual blocks of attention over all cells.
        num_heads: of the attention.
    """

    def __init__(self, channels: int, size: int, num_blocks: int, num_heads: int = 4) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Linear(channels + 1, channels)
        self.position = nn.Parameter(0.02 * torch.randn(size**3, channels))
        self.blocks = nn.ModuleList(DenseBlock(channels, num_heads) for _ in range(num_blocks))

    def forward(self, x: SparseTensor) -> SparseTensor:
        """float[B·size³, C] at the stride of `x`: every cell of the grid of every item.

        Args:
            x: float[N, C], coordinates inside [0, size · stride)³.
        """
        shape = (self.size,) * 3
        occupied = x.replace(torch.cat([x.features, torch.ones_like(x.features[:, :1])], dim=1))
        cells = occupied.dense(ORIGIN, shape).flatten(2).transpose(1, 2)
        cells = self.enter(cells) + self.position
        for block in self.blocks:
            cells = block(cells)
        grid = cells.transpose(1, 2).unflatten(2, shape)
        return from_dense(grid, ORIGIN, x.stride)


class DenseBlock(nn.Module):
    """Residual self-attention over all cells, then a residual product per cell.

    A 3³ convolution here would cost more than all else together and adds nothing that attention cannot learn.

    Args:
        channels: C in and out, a multiple of `num_heads`.
        num_heads: of the attention.
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(channels)
        self.attention = Attention(channels, num_heads)
        self.product_norm = nn.LayerNorm(channels)
        self.product = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.SiLU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, cells: Tensor) -> Tensor:
        """float[B, T, C] → the same shape."""
        cells = cells + self.attention(self.attention_norm(cells))
        return cells + self.product(self.product_norm(cells))


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
