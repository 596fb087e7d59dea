"""Features at arbitrary points as a module; definition in nn.functional."""

from torch import Tensor, nn

from completion.nn import functional as F
from completion.sparse import SparseTensor


class Interpolate(nn.Module):
    """Trilinear features [P, C] at points [P, 4] (batch, x, y, z in finest voxels).

    Args:
        renormalise: divide by the weight of the sites that exist.
    """

    def __init__(self, renormalise: bool = False) -> None:
        super().__init__()
        self.renormalise = renormalise

    def forward(self, x: SparseTensor, points: Tensor) -> Tensor:
        return F.interpolate(x, points, self.renormalise)
