"""Whole training steps: forward, loss, backward, SGD; coordinates begin unsorted in each.

The input is the half of each shape with x < R / 2, the truth the whole shape; only the truth is kept,
as late in training, so that the work does not depend on what the network has learned.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bench.inputs import Surfaces
from completion.models import CompletionModel, CompletionNet, MinkowskiNet, TruthOnly, completion_loss
from completion.sparse import CoordMap, SparseTensor

MODELS: dict[str, Callable[[int], CompletionModel]] = {
    "minkowski": lambda resolution: MinkowskiNet(resolution, policy=TruthOnly()),
    "default": lambda resolution: CompletionNet(resolution, policy=TruthOnly()),
}
HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass
class Loss:
    """Forward pass of a model and its loss on one batch.

    Attributes:
        model: one of `MODELS`.
        data: the whole shapes.
        half_type: of autocast; None for float32.
        candidates: rows of each level, coarse to fine, of the last pass.
    """

    model: CompletionModel
    data: Surfaces
    half_type: torch.dtype | None = None
    candidates: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.partial = half(self.data)

    def __call__(self) -> Tensor:
        """Loss of the batch, coordinates and all."""
        device = self.data.device
        with torch.autocast(device.type, self.half_type, enabled=self.half_type is not None):
            partial = CoordMap.from_coords(self.partial, batch_size=self.data.batch_size)
            truth = CoordMap.from_coords(self.data.coords, batch_size=self.data.batch_size)
            ones = torch.ones(partial.num_rows, 1, device=device)
            result = self.model(SparseTensor(ones, partial), truth)
        loss, _ = completion_loss(result.levels, partial, missing_weight=1.0)
        self.candidates[:] = [level.coord_map.num_rows for level in result.levels]
        return loss


def half(data: Surfaces) -> Tensor:
    """int32 [M, 4]: the half of each shape that was seen."""
    return data.coords[data.coords[:, 1] < data.resolution // 2]


def training_step(
    loss: Callable[[], Tensor], parameters: Iterable[nn.Parameter], scaled: bool = False
) -> Callable[[], None]:
    """One step of SGD down a loss; `scaled` as float16 needs it."""
    optimiser = torch.optim.SGD(parameters, lr=1e-2, momentum=0.9, weight_decay=1e-4, fused=True)
    scaler = torch.amp.GradScaler("cuda", enabled=scaled)

    def step() -> None:
        value = loss()
        optimiser.zero_grad()
        scaler.scale(value).backward()
        scaler.step(optimiser)
        scaler.update()

    return step
