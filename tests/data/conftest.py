"""Small shapes and samples that the tests of the data floor share."""

import numpy as np
import pytest

from completion.data.frame import Frame
from completion.data.sample import Sample
from completion.data.shape import Mesh
from completion.data.toy.parts import box, ellipsoid, joined


@pytest.fixture
def sphere() -> Mesh:
    """A closed sphere of radius 2 about the origin."""
    return ellipsoid((0.0, 0.0, 0.0), (2.0, 2.0, 2.0), sides=32, rings=17)


@pytest.fixture
def table() -> Mesh:
    """A top on four legs, 1 × 0.8 × 0.6 metres, standing on y = 0."""
    legs = [box((x, 0, z), (x + 0.06, 0.7, z + 0.06)) for x in (-0.5, 0.44) for z in (-0.3, 0.24)]
    return joined([box((-0.5, 0.7, -0.3), (0.5, 0.8, 0.3)), *legs])


@pytest.fixture
def sample() -> Sample:
    """A sample of random voxels with a point in each."""
    rng = np.random.default_rng(0)
    complete = np.unique(rng.integers(0, 32, (200, 3)), axis=0).astype(np.int32)
    partial = complete[::3]
    frame = Frame((1.0, -2.0, 3e5), 0.01, 32)
    inside = rng.uniform(0.1, 0.9, complete.shape).astype(np.float32)
    return Sample(
        name="chair/0",
        category="Stühle",
        group="g",
        source="chair.ply",
        view=1,
        frame=frame,
        partial_coords=partial,
        complete_coords=complete,
        partial_points=(partial + inside[::3]).astype(np.float32),
        complete_points=(complete + inside).astype(np.float32),
        num_clipped=7,
    )
