"""completion evaluate: what metrics.json holds, that its numbers are those of the functions, other data."""

import json
import math

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from completion.cli.evaluate import source_values
from completion.cli.main import main
from completion.data.mesh_folder import MeshFolder
from completion.metrics import dilated_input, point_scores, voxel_scores
from completion.training import item_scores
from completion.training.run import load_run

FEW_TOYS = ("data.source.num_train=1", "data.source.num_validation=1", "data.source.num_test=2")
MESHES = "completion.data.mesh_folder.MeshFolder"
METHODS = {"model", "dilated_input", "mirrored_input_x", "mirrored_input_z", "nearest_training_shape"}


def written(run_folder, name="metrics.json") -> dict:
    return json.loads((run_folder / name).read_text(encoding="utf-8"))


def test_metrics_file_says_all_that_a_table_needs(run_folder, capsys):
    assert main(["evaluate", f"run={run_folder}"]) == 0
    printed = capsys.readouterr().out
    assert "nearest training shape" in printed and "3 items" in printed and "0 failures" in printed
    metrics = written(run_folder)
    assert (metrics["split"], metrics["resolution"], metrics["seed"]) == ("test", 16, 0)
    assert metrics["num_items"] == len(metrics["items"]) == 3 and metrics["num_failures"] == 0
    assert metrics["seconds_per_item"] > 0 and metrics["peak_memory_mib"] > 0 and metrics["skipped"] == []
    assert set(metrics["methods"]) == METHODS | {"voxelisation_floor"}
    assert set(metrics["levels"]) == {"1", "2", "4"}
    # Not sorted: the encoder's cells bring back what a coarser level gave up.
    reach = {stride: metrics["levels"][stride]["support_recall"] for stride in ("4", "2", "1")}
    assert all(0 <= share <= 1 for share in reach.values())
    assert reach["1"] == pytest.approx(metrics["methods"]["model"]["recall"]["micro"])
    assert 0 <= metrics["clipped_share"] < 1
    for method in METHODS:
        assert set(metrics["methods"][method]) == set(item_scores.METRICS)
    # A second look finds the file whole and nothing else beside it.
    assert not [path for path in run_folder.iterdir() if path.name.startswith(".part")]


def test_numbers_are_those_of_the_functions(run_folder):
    assert main(["evaluate", f"run={run_folder}", "split=test"]) == 0
    metrics = written(run_folder)
    dataset = load_run(run_folder).make_data().dataset("test")
    values = []
    for row, item in enumerate(metrics["items"]):
        sample = dataset[row]
        assert item["name"] == sample.name and item["group"] == sample.group
        found = dilated_input(sample.partial_coords, 16)
        scores = voxel_scores(found, sample.complete_coords, sample.partial_coords, 16)
        scores |= point_scores(found + 0.5, sample.complete_points, 16)
        assert item["methods"]["dilated_input"] == pytest.approx(scores)
        assert item["levels"]["1"]["iou"] == pytest.approx(item["methods"]["model"]["iou"])
        values.append(scores["iou"])
    mean = metrics["methods"]["dilated_input"]["iou"]
    assert mean["micro"] == pytest.approx(np.mean(values))
    assert mean["interval_95"][0] <= mean["micro"] <= mean["interval_95"][1]
    assert mean["macro"] == pytest.approx(np.mean(list(mean["per_category"].values())))


def test_a_failure_is_scored_as_empty_and_counted(run_folder, monkeypatch):
    real, calls = item_scores.predict, []

    def second_fails(model, coords):
        calls.append(len(coords))
        if len(calls) == 2:
            raise RuntimeError("out of memory")
        return real(model, coords)

    monkeypatch.setattr(item_scores, "predict", second_fails)
    assert main(["evaluate", f"run={run_folder}", "baselines=false"]) == 0
    metrics = written(run_folder)
    assert metrics["num_failures"] == 1 and metrics["num_items"] == 3
    failed = metrics["items"][1]
    assert failed["failure"] == "RuntimeError: out of memory"
    assert failed["methods"]["model"]["iou"] == 0
    assert failed["methods"]["model"]["cd_l1"] == pytest.approx(1000 * math.sqrt(3))
    assert set(metrics["methods"]) == {"model", "voxelisation_floor"}


def test_other_data_have_a_file_of_their_own(run_folder):
    other = ["data=toy", "data.source.seed=7", "data.source.num_train=1", "data.source.num_test=2"]
    assert main(["evaluate", f"run={run_folder}", *other, "name=other", "baselines=false", "limit=1"]) == 0
    assert not (run_folder / "metrics.json").exists()
    metrics = written(run_folder, "metrics_other.json")
    own = load_run(run_folder).make_data().dataset("test")
    assert metrics["num_items"] == 1 and metrics["data"] != own.folder.name


@pytest.mark.parametrize("words", [["data=folder"], []])
def test_data_that_were_moved_are_divided_as_in_training(run_folder, tmp_path, words):
    """Else shapes that were trained on are tested."""
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    faces = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]
    for name in "abcdefgh":
        lines = [f"v {x} {y} {z}" for x, y, z in corners] + [
            f"f {i + 1} {j + 1} {k + 1}" for i, j, k in faces
        ]
        (tmp_path / "moved").mkdir(exist_ok=True)
        (tmp_path / "moved" / f"{name}.obj").write_text("\n".join(lines))
    source = {"root": str(tmp_path / "gone"), "seed": 3, "split_fractions": [0.5, 0.25, 0.25], "limit": 6}
    config = yaml.safe_load((run_folder / "config.yaml").read_text())
    config["data"]["source"] = {"_target_": "completion.data.mesh_folder.MeshFolder", **source}
    (run_folder / "config.yaml").write_text(yaml.safe_dump(config))
    own = MeshFolder(**source | {"root": tmp_path / "moved"})
    expected = {item.name for item in own.items() if item.split == "test"}
    assert main(["evaluate", "run=run", *words, "data.source.root=moved", "name=moved"]) == 0
    metrics = written(run_folder, "metrics_moved.json")
    assert {item["name"] for item in metrics["items"]} == expected
    assert "nearest_training_shape" in metrics["methods"]


def test_a_run_on_an_options_default_folder_is_divided_as_in_training(run_folder, monkeypatch):
    """data=shapes names the folder, and a seed of its own."""
    monkeypatch.setattr("completion.cli.evaluate.typed_keys", lambda: ["run", "data"])
    config = OmegaConf.create({"data": {"source": {"_target_": MESHES, "root": "meshes", "seed": 0}}})
    own = {"_target_": MESHES, "root": str(run_folder.parent / "meshes"), "seed": 5}
    assert source_values(own, config) == own
    other = own | {"root": str(run_folder.parent / "others")}
    assert source_values(other, config) == {"_target_": MESHES, "root": "meshes", "seed": 0}


def test_another_option_of_the_runs_kind_has_its_own_folder(run_folder, tmp_path, capsys):
    config = yaml.safe_load((run_folder / "config.yaml").read_text())
    gone = {"_target_": "completion.data.mesh_folder.MeshFolder", "root": str(tmp_path / "gone")}
    config["data"]["source"] = gone
    (run_folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert main(["evaluate", "run=run", "data=shapes"]) == 2
    assert "existing folder, got examples/shapes" in capsys.readouterr().err
    assert main(["evaluate", "run=run"]) == 2
    assert "gone (from" in (said := capsys.readouterr().err) and "data.source.root= says where" in said


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["run=run", "data.source.seeds=3"], "must have keys that ToyShapes takes, got 'seeds'"),
        (["run=run", "-m", "limit=1,2"], "-m is for train alone"),
        (["run=nowhere"], "load_run: run must be a folder with a config.yaml, got nowhere"),
        (["run=run", "split=tests"], "split must be one of train, validation, test, got 'tests'"),
        (["run=run", "ckpt=none.ckpt"], "ckpt must be best, last or an existing file, got none.ckpt"),
        (["run=run", "limit=abc"], "limit must be a whole number or null, got abc"),
        (["run=run", "baselines=abc"], "baselines must be true or false, got abc"),
        (["run=run", "device=auto"], "device must be cpu, cuda or cuda:NUMBER, got auto"),
        (["run=run", "limit=0"], "limit must be at least 1, got 0"),
        (["run=run", "name=../out"], "name must be letters, digits, _ . + = or -, got '../out'"),
        (["run=run", "name=.."], "name must be letters"),
        (["run=run", "name="], "name must be letters"),
        (["run=run", "name=[a,b]"], "name must be letters"),
        (["run=run", "limit=true"], "limit must be a whole number or null, got True"),
        (["run=run", "data=toy", "data.preparation.resolution=32"], "data must change its source alone"),
        ([], "run= must be given on the command line"),
    ],
)
def test_mistakes_are_one_sentence(run_folder, capsys, overrides, words):
    assert main(["evaluate", *overrides]) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1


def test_measures_are_shown_before_they_are_written(run_folder, capsys, monkeypatch):
    """A folder that cannot be written loses no measurement."""

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", "metrics.json")

    monkeypatch.setattr("completion.cli.evaluate.write_metrics", refuse)
    assert main(["evaluate", f"run={run_folder}", "baselines=false"]) == 2
    said = capsys.readouterr()
    assert "voxelisation floor" in said.out and "Permission denied: metrics.json" in said.err


def test_without_the_training_shapes_one_baseline_is_left_out(run_folder, tmp_path, capsys):
    config = yaml.safe_load((run_folder / "config.yaml").read_text())
    config["data"]["source"] = {
        "_target_": "completion.data.mesh_folder.MeshFolder",
        "root": str(tmp_path / "gone"),
    }
    (run_folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert main(["evaluate", "run=run", "data=toy", *FEW_TOYS]) == 0
    said = capsys.readouterr().out
    assert "without the baseline of the nearest training shape: MeshFolder: root must be an existing" in said
    methods = json.loads((run_folder / "metrics.json").read_text())["methods"]
    assert "dilated_input" in methods and "nearest_training_shape" not in methods


def test_prepared_data_may_be_kept_elsewhere(run_folder, tmp_path):
    config = yaml.safe_load((run_folder / "config.yaml").read_text())
    config["data"]["preparation"]["cache_dir"] = "/proc/not/here"
    (run_folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert main(["evaluate", "run=run"]) == 2
    assert main(["evaluate", "run=run", "paths.cache=mine"]) == 0
    assert any((tmp_path / "mine").iterdir())
