"""State dicts of MinkowskiEngine's completion network, from its list of layers; knows none of our names."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def conv_norm(block: str, index: int, num_offsets: int, in_channels: int, out_channels: int) -> Shapes:
    """A convolution without bias at `index` of a block, and the batch norm after it."""
    norm = f"{block}.{index + 1}.bn"
    return {
        f"{block}.{index}.kernel": (num_offsets, in_channels, out_channels),
        **{f"{norm}.{name}": (out_channels,) for name in ("weight", "bias", *STATISTICS[:2])},
        f"{norm}.{STATISTICS[2]}": (),
    }


def shapes(channels: Sequence[int]) -> Shapes:
    """Every entry of the network of these widths, finest first."""
    found = conv_norm("enc_block_s1", 0, 27, 1, channels[0])
    for level, (fine, coarse) in enumerate(pairwise(channels)):
        stride = 2**level
        down, up = f"enc_block_s{stride}s{2 * stride}", f"dec_block_s{2 * stride}s{stride}"
        found |= conv_norm(down, 0, 8, fine, coarse) | conv_norm(down, 3, 27, coarse, coarse)
        found |= conv_norm(up, 0, 64 if level == len(channels) - 2 else 8, coarse, fine)
        found |= conv_norm(up, 3, 27, fine, fine)
        found |= {f"dec_s{stride}_cls.kernel": (fine, 1), f"dec_s{stride}_cls.bias": (1, 1)}
    return found


def num_parameters(channels: Sequence[int]) -> int:
    """How many numbers the network learns."""
    return sum(math.prod(shape) for name, shape in shapes(channels).items() if not name.endswith(STATISTICS))


def random_state(channels: Sequence[int]) -> dict[str, Tensor]:
    """A state dict of small random weights, with variances that are positive."""
    generator = torch.Generator().manual_seed(0)
    state = {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes(channels).items()}
    for name, value in state.items():
        if name.endswith("running_var"):
            state[name] = value.abs() + 0.5
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
    return state
