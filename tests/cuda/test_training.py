"""The command line on a GPU: a network is trained in each precision, continued, measured and used there."""

from pathlib import Path

import numpy as np
import pytest

from completion.cli.main import main
from completion.training.fit import PRECISIONS

# Pairs of points: a machine for measurements need not have Open3D, which simulates scans.
SMALL = (
    *("data=pairs", "data.source.root=pairs", "data.preparation.resolution=16", "data.batch_size=2"),
    *("trainer=gpu", "trainer.max_epochs=1", "run_dir=run"),
)
NETWORKS = {
    "completion": ["model.channels=[4,8,8]", "model.thresholds=[0.3,0.4,0.5]", "model.dense_blocks=1"],
    "minkowski": ["model.channels=[4,8,8]", "callbacks=ema"],
}


def write_pairs(root: Path) -> None:
    """Spheres of several sizes, of each of which the lower half was seen."""
    points = np.random.default_rng(0).normal(size=(600, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for kind, kept in (("partial", points[points[:, 1] < 0]), ("complete", points)):
            folder = root / split / kind
            folder.mkdir(parents=True)
            for item in range(count):
                np.savetxt(folder / f"{split}{item}.xyz", (1 + item / 4) * kept)


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_trains_and_goes_on_and_completes(tmp_path: Path, monkeypatch, precision: str, model: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["completion"])
    write_pairs(tmp_path / "pairs")
    chosen = [f"model={model}", *NETWORKS[model], f"trainer.precision={precision}"]
    assert main(["train", *SMALL, *chosen]) == 0
    assert main(["train", "run_dir=run", "ckpt=last", "trainer.max_epochs=2"]) == 0
    assert main(["evaluate", "run=run", "device=cuda", "baselines=false"]) == 0
    assert main(["complete", "run=run", "input=pairs/test/partial", "device=cuda"]) == 0
    assert len(list((tmp_path / "run" / "completed").glob("*.npz"))) == 2
