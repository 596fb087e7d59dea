"""What the operators are to reach on a CPU, one thread unless a table says otherwise."""

from dataclasses import dataclass

FORWARD = "sub-manifold 3³ forward, map cached"
BACKWARD = "sub-manifold 3³ forward+backward, map cached"
COLD = "sub-manifold 3³ forward, cold"
DOWN_UP = "k2 s2 down"
K4, K3 = "generative k4", "generative k3"


@dataclass(frozen=True)
class Goal:
    """Ratios to the fastest baseline, or percent of the multiply-add rate, that a case is to reach.

    Attributes:
        operation: beginning of the case's name in the records.
        resolution: of the surfaces.
        values: by channels; None is the case without features.
        of_limit: percent of the limit instead of ratios.
    """

    operation: str
    resolution: int
    values: dict[int | None, float]
    of_limit: bool = False


def _by_channels(*values: float) -> dict[int | None, float]:
    return dict(zip((16, 32, 64, 128), values, strict=False))


GOALS = (
    Goal(FORWARD, 64, _by_channels(2, 2.2, 3, 2)),
    Goal(FORWARD, 128, _by_channels(4, 4, 4, 2.6)),
    Goal(BACKWARD, 64, _by_channels(2, 2, 2.5, 1.5)),
    Goal(BACKWARD, 128, _by_channels(3.5, 3.5, 3.2, 2)),
    Goal(COLD, 64, _by_channels(3, 3, 3, 2)),
    Goal(COLD, 128, _by_channels(3, 3, 3, 2)),
    Goal(FORWARD, 64, _by_channels(30, 60, 75, 80), of_limit=True),
    Goal(FORWARD, 128, _by_channels(30, 60, 75, 80), of_limit=True),
    Goal(BACKWARD, 64, {64: 60, 128: 60}, of_limit=True),
    Goal(BACKWARD, 128, {64: 60, 128: 60}, of_limit=True),
    Goal("coordinates + map", 64, {None: 5}),
    Goal("coordinates + map", 128, {None: 5}),
    Goal(DOWN_UP, 64, _by_channels(3, 2.5, 2)),
    Goal(DOWN_UP, 128, _by_channels(5, 4, 3)),
    Goal(K4, 64, _by_channels(5, 4, 3)),
    Goal(K4, 128, _by_channels(5, 4, 3)),
    Goal(K3, 64, _by_channels(5, 4, 3)),
    Goal(K3, 128, _by_channels(5, 4, 3)),
    Goal("prune", 64, _by_channels(3, 3, 3)),
    Goal("prune", 128, _by_channels(3, 3, 3)),
)
MINKOWSKI_GOALS = ("prune",)  # measured against MinkowskiEngine's table alone
STEP_GOALS = {64: 2.5, 128: 4.0}  # a training step of me_completion to MinkowskiEngine's
BFLOAT16_GOAL = 1.8  # to our own float32
THREADS_GOAL = 1.7  # two threads to one
