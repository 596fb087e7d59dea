"""The command line on a GPU: a network is trained in each precision, continued, measured and used there."""

from pathlib import Path

import pytest

from completion.cli.main import main
from completion.training.fit import PRECISIONS

TINY = (
    *("data.preparation.resolution=16", "data.preparation.views=1", "data.preparation.num_points=256"),
    *("data.source.num_train=4", "data.source.num_validation=2", "data.source.num_test=2"),
    *("data.batch_size=2", "trainer.max_epochs=1", "run_dir=run"),
)


@pytest.mark.parametrize("model", ["completion", "minkowski"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_trains_and_goes_on_and_completes(tmp_path: Path, monkeypatch, precision: str, model: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["completion"])
    network = ["model.channels=[4,8,8]"]
    if model == "completion":
        network += ["model.thresholds=[0.3,0.4,0.5]", "model.dense_blocks=1"]
    chosen = [f"model={model}", *network, "trainer=gpu", f"trainer.precision={precision}"]
    assert main(["train", *TINY, *chosen]) == 0
    assert main(["train", "run_dir=run", "ckpt=last", "trainer.max_epochs=2"]) == 0
    assert main(["evaluate", "run=run", "device=cuda", "baselines=false"]) == 0
    (tmp_path / "scan.xyz").write_text("\n".join(f"{i % 7} {i % 5} {i % 3}" for i in range(105)))
    assert main(["complete", "run=run", "input=scan.xyz", "device=cuda"]) == 0
