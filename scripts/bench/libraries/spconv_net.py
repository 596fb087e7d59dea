"""MinkowskiNet of the same layers on spconv: its convolutions; torch sorts where sets are united."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from bench.inputs import Surfaces
from bench.steps import half

CHANNELS = (16, 32, 64, 128, 256, 512, 1024)


class Layer(nn.Module):
    """A convolution, batch norm and ELU."""

    def __init__(self, name: str, cin: int, cout: int, size: int, stride: int = 1) -> None:
        super().__init__()
        import spconv.pytorch as spconv

        self.convolution = getattr(spconv, name)(cin, cout, size, stride, bias=False)
        self.norm, self.activation = nn.BatchNorm1d(cout), nn.ELU()

    def forward(self, x: Any) -> Any:
        """A sparse tensor from one."""
        y = self.convolution(x)
        return y.replace_feature(self.activation(self.norm(y.features)))


class Net(nn.Module):
    """Encoder, then per level: generate, convolve, unite with the encoder, classify, keep the truth."""

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.stem = Layer("SubMConv3d", 1, channels[0], 3)
        self.down = nn.ModuleList(
            nn.Sequential(Layer("SparseConv3d", fine, coarse, 2, 2), Layer("SubMConv3d", coarse, coarse, 3))
            for fine, coarse in pairwise(channels)
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                Layer("SparseConvTranspose3d", coarse, fine, 2 if level else 4, 2),
                Layer("SubMConv3d", fine, fine, 3),
            )
            for level, (coarse, fine) in enumerate(pairwise(channels[::-1]))
        )
        self.classifiers = nn.ModuleList(nn.Linear(c, 1) for c in channels[-2::-1])

    def forward(self, x: Any, truth: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits and targets by level, coarse to fine; truth has the keys of each level, finest first."""
        skips = [self.stem(x)]
        for level in self.down:
            skips.append(level(skips[-1]))
        x, logits, targets = skips.pop(), [], []
        for up, classifier, wanted in zip(
            self.up, self.classifiers, truth[len(skips) - 1 :: -1], strict=True
        ):
            x = united(up(x), skips.pop())
            logits.append(classifier(x.features).squeeze(1))
            targets.append(torch.isin(keys(x.indices), wanted))
            x = _tensor(x.features[targets[-1]], x.indices[targets[-1]], x.spatial_shape, x.batch_size)
        return logits, targets


class Loss:
    """Forward pass and loss on one batch, as `bench.steps.Loss`."""

    def __init__(self, model: Net, data: Surfaces, half_type: torch.dtype | None = None) -> None:
        self.model, self.data, self.half_type = model, data, half_type
        self.partial, self.candidates = half(data), []

    def __call__(self) -> Tensor:
        """Loss of the batch, from coordinates."""
        with torch.autocast(self.data.device.type, self.half_type, enabled=self.half_type is not None):
            ones = torch.ones(len(self.partial), 1, device=self.data.device)
            shape = [self.data.resolution] * 3
            x = _tensor(ones, self.partial.contiguous(), shape, self.data.batch_size)
            logits, targets = self.model(x, truth_keys(self.data.coords, len(self.model.up)))
        self.candidates[:] = [len(level) for level in logits]
        losses = [
            binary_cross_entropy_with_logits(level.float(), target.float())
            for level, target in zip(logits, targets, strict=True)
        ]
        return torch.stack(losses).mean()


def truth_keys(coords: Tensor, levels: int) -> list[Tensor]:
    """Keys of the truth at each level, finest first."""
    found = []
    for level in range(levels):
        cells = torch.cat([coords[:, :1], coords[:, 1:] >> level], dim=1)
        found.append(torch.unique(keys(cells)))
    return found


def keys(coords: Tensor) -> Tensor:
    """int64 key of each coordinate, 12 bits an axis; nothing is negative here."""
    b, x, y, z = coords.long().unbind(1)
    return ((b * 4096 + x) * 4096 + y) * 4096 + z


def united(one: Any, other: Any) -> Any:
    """Sum on the union of two sets."""
    both = torch.cat([keys(one.indices), keys(other.indices)])
    found, rows = torch.unique(both, return_inverse=True)
    features = one.features.new_zeros(len(found), one.features.shape[1])
    features = features.index_add(0, rows[: len(one.indices)], one.features)
    features = features.index_add(0, rows[len(one.indices) :], other.features.to(features.dtype))
    columns = [found >> 36, (found >> 24) & 4095, (found >> 12) & 4095, found & 4095]
    return _tensor(features, torch.stack(columns, dim=1).int(), one.spatial_shape, one.batch_size)


def _tensor(features: Tensor, indices: Tensor, shape: list[int], batch_size: int) -> Any:
    import spconv.pytorch as spconv

    return spconv.SparseConvTensor(features, indices, shape, batch_size)
