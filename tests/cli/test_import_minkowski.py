"""completion import-minkowski: a run folder that the other verbs open; bad files leave nothing."""

import json
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.minkowski_state import random_state

from completion.cli.main import main
from completion.models.from_minkowski import weight_names
from completion.training.run import load_run

WIDTHS = [3, 4, 5]
TOY = (
    *("data=toy", "data.preparation.resolution=16", "data.preparation.views=1", "data.batch_size=2"),
    *("data.source.num_train=2", "data.source.num_validation=1", "data.source.num_test=1"),
    *("data.preparation.num_points=256", "data.preparation.camera.resolution=64"),
)


pytestmark = pytest.mark.usefixtures("in_empty_folder")


def write_scan() -> None:
    """A bent sheet of 400 points."""
    u, v = np.meshgrid(np.linspace(0, 1, 20), np.linspace(0, 1, 20))
    np.savetxt("scan.xyz", np.stack([u.ravel(), v.ravel(), (u * v).ravel()], axis=1))


def check_weights(run: str, state: dict[str, torch.Tensor], num_levels: int) -> None:
    """Every weight of the file is in the run, bit for bit in its float32."""
    own = load_run(run).model.state_dict()
    for theirs, ours in weight_names(num_levels).items():
        assert torch.equal(own[ours].flatten(), state[theirs].to(own[ours].dtype).flatten()), theirs


@pytest.mark.parametrize("words", [["weights.pth"], ["weights=weights.pth"]])
def test_imported_weights_complete_evaluate_and_train_on(capsys, words):
    state = random_state(WIDTHS)
    torch.save({"state_dict": OrderedDict(state), "optimizer": {"lr": 0.1}, "curr_iter": 9}, "weights.pth")
    assert main(["import-minkowski", *words, "run_dir=run", *TOY]) == 0
    assert "run folder: run" in capsys.readouterr().out
    files = sorted(str(path) for path in Path("run").rglob("*") if path.is_file())
    assert files == ["run/checkpoints/best.ckpt", "run/config.yaml"]
    check_weights("run", state, len(WIDTHS))
    write_scan()
    assert main(["complete", "run=run", "input=scan.xyz", "output=done"]) == 0
    assert main(["evaluate", "run=run", "baselines=false"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["thresholds"] == [0.5, 0.5]
    assert main(["train", "run_dir=run", "ckpt=best", "trainer.max_epochs=1", "calibrate=false"]) == 0
    assert torch.load("run/checkpoints/last.ckpt", weights_only=True)["global_step"] == 1


def test_the_golden_weights_complete_a_scan(shared_dir):
    with np.load(shared_dir / "golden" / "completion_net.npz", allow_pickle=False) as case:
        names = [name for name in case.files if name.startswith("param/")]
        state = {name.removeprefix("param/"): torch.from_numpy(case[name]) for name in names}
    torch.save({f"module.{name}": value for name, value in state.items()}, "golden.pth")
    assert main(["import-minkowski", "golden.pth", "run_dir=run", "data.preparation.resolution=64"]) == 0
    check_weights("run", state, 7)
    write_scan()
    assert main(["complete", "run=run", "input=scan.xyz", "output=done"]) == 0
    with np.load("done/scan.npz", allow_pickle=False) as made:
        assert int(made["resolution"]) == 64 and len(made["coords"]) == len(made["probability"])
        assert (made["probability"] > 0.5).all()


def test_a_run_folder_in_use_is_refused(capfd):
    torch.save(random_state(WIDTHS), "weights.pth")
    Path("run").mkdir()
    Path("run/notes.txt").write_text("mine")
    assert main(["import-minkowski", "weights.pth", "run_dir=run"]) == 2
    assert "run must be a new or empty folder" in capfd.readouterr().err
    assert [path.name for path in Path("run").iterdir()] == ["notes.txt"]


class Code:
    """Pickles to a call."""

    def __reduce__(self):
        return Path.touch, (Path("touched"),)


def write_bad(kind: str, path: Path) -> None:
    """A file, or not, that is no state dict of the network."""
    state = random_state(WIDTHS)
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no weights")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "text")
    elif kind == "code":
        torch.save({"state_dict": state, "code": Code()}, path)
    elif kind == "truncated":
        torch.save(state, path)
        path.write_bytes(path.read_bytes()[:-2000])
    elif kind != "missing":
        torch.save(
            {
                "tensor": torch.ones(3),
                "numbers": {"lr": 0.1},
                "nothing": {},
                "other": {"fc.weight": torch.ones(2, 2)},
                "lacks": {name: value for name, value in state.items() if name != "dec_s2_cls.kernel"},
                "more": state | {"extra.bias": torch.ones(1)},
                "shape": state | {"dec_s1_cls.bias": torch.ones(1)},
                "integers": state | {"dec_s1_cls.bias": torch.ones(1, 1, dtype=torch.int64)},
                "nan": state | {"dec_s1_cls.bias": torch.full((1, 1), torch.nan)},
                "sparse": state | {"dec_s1_cls.bias": torch.ones(1, 1).to_sparse()},
            }[kind],
            path,
        )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "No such file or directory: weights.pth"),
        ("folder", "Is a directory: weights.pth"),
        ("text", "weights.pth must be a file of torch.save"),
        ("empty", "weights.pth must be a file of torch.save"),
        ("zip", "weights.pth must be a file of torch.save"),
        ("code", "with nothing but tensors and plain values"),
        ("tensor", "weights.pth must hold a state dict, names with their tensors, got a Tensor"),
        ("numbers", "got a float named lr"),
        ("nothing", "with enc_block_s1.0.kernel, got none"),
        ("other", "with enc_block_s1.0.kernel, got fc.weight"),
        ("lacks", "got missing: dec_s2_cls.kernel; unknown: none"),
        ("more", "got missing: none; unknown: extra.bias"),
        ("shape", "dec_s1_cls.bias must be [1, 1], got [1]"),
        ("truncated", "weights.pth must be a file of torch.save"),
        ("integers", "dec_s1_cls.bias must be of floating point, got torch.int64"),
        ("nan", "dec_s1_cls.bias must be finite, got NaN or infinity"),
        (
            "sparse",
            "dec_s1_cls.bias in weights.pth must be a dense tensor with values, got a torch.sparse_coo",
        ),
    ],
)
def test_what_is_no_state_dict_is_one_sentence_and_leaves_nothing(tmp_path, capfd, kind, words):
    write_bad(kind, tmp_path / "weights.pth")
    before = sorted(tmp_path.iterdir())
    assert main(["import-minkowski", "weights.pth", "run_dir=runs/new"]) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert words in line and line.startswith("completion import-minkowski: ")
    assert sorted(tmp_path.iterdir()) == before


def test_weights_must_be_named(capfd):
    assert main(["import-minkowski"]) == 2
    assert "weights= must be given on the command line" in capfd.readouterr().err


def test_only_the_network_of_the_original_takes_them(capfd):
    torch.save(random_state(WIDTHS), "weights.pth")
    words = ["model=completion", "model.thresholds=[0.3,0.4,0.5]", "data.preparation.resolution=16"]
    assert main(["import-minkowski", "weights.pth", "run_dir=run", *words]) == 2
    assert "model must be minkowski, got CompletionNet" in capfd.readouterr().err
