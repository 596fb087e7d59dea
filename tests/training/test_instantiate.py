"""Objects from config nodes: nesting, and refusals in words that name the key."""

import pytest

from completion.models.policies import ScheduledTruth
from completion.training.instantiate import instantiate


def test_nested_nodes_become_objects_and_the_rest_stays():
    node = {
        "policy": {"_target_": "completion.models.policies.ScheduledTruth", "end": 0.5},
        "numbers": [1, {"a": None}],
    }
    made = instantiate(node)
    assert isinstance(made["policy"], ScheduledTruth)
    assert made["policy"].end == 0.5
    assert made["numbers"] == [1, {"a": None}]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            {"_target_": "os.system", "command": "true"},
            "must begin with one of completion., torch., lightning.",
        ),
        ({"_target_": "completionist.anything"}, "must begin with one of"),
        ({"_target_": "completion.models.Nothing"}, "must exist, got 'completion.models.Nothing'"),
        ({"_target_": "completion.nowhere.Thing"}, "must exist"),
        (
            {"_target_": "completion.models.ScheduledTruth", "begin": 0},
            "got 'begin'; choose among start, end",
        ),
        ({"_target_": "completion.models.CompletionNet"}, "must give resolution"),
        (
            {"_target_": "completion.models.ScheduledTruth", "end": "late"},
            "part.end must be a number, got 'late'",
        ),
        (
            {"_target_": "completion.models.CompletionNet", "resolution": True},
            "part.resolution must be a whole number, got True",
        ),
        (
            {"_target_": "lightning.pytorch.Trainer", "max_epochs": "few"},
            "part.max_epochs must be a whole number or null, got 'few'",
        ),
    ],
)
def test_refuses(node, words):
    with pytest.raises(ValueError, match=words):
        instantiate({"part": node})


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torch.load", "f": "weights.pt", "weights_only": False},
        {"_target_": "torch.utils.collect_env.run", "command": "touch called"},
        {"_target_": "torch.utils.cpp_extension.subprocess.Popen", "args": ["touch", "called"]},
        {"_target_": "torch.utils.data.DataLoader", "dataset": [1]},
        {"_target_": "completion.ops.build.Path", "args": "called"},
        {"_target_": "completion.training.run.write_checkpoint", "checkpoint": {}, "path": "called"},
        {"_target_": "lightning.pytorch.seed_everything", "seed": 1},
    ],
    ids=lambda node: node["_target_"],
)
def test_calls_nothing_but_parts_of_a_training(node, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"model\.x\._target_ must (be a class of completion|exist)"):
        instantiate({"x": node}, "model")
    assert not list(tmp_path.iterdir())


def test_makes_no_part_of_one_that_is_refused(tmp_path):
    made = {"_target_": "completion.training.loggers.wandb_logger", "run_dir": str(tmp_path / "made")}
    made |= {"project": "p", "name": "n", "offline": True}
    net = {"_target_": "completion.models.CompletionNet", "resolution": 16}
    with pytest.raises(ValueError, match="got 'evil'"):
        instantiate(net | {"evil": made}, "logger.x")
    with pytest.raises(ValueError, match=r"model\.policy\._target_ must be a class of completion"):
        instantiate(net | {"policy": made}, "model")
    assert not list(tmp_path.iterdir())
    instantiate(made, "logger.x")
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("torch.nn.SiLU", {}),
        ("lightning.pytorch.callbacks.LearningRateMonitor", {}),
        ("lightning.pytorch.loggers.CSVLogger", {"save_dir": "logs"}),
        ("lightning.pytorch.profilers.SimpleProfiler", {}),
        ("lightning.pytorch.strategies.DDPStrategy", {}),
        ("lightning.fabric.plugins.environments.LightningEnvironment", {}),
        ("lightning.fabric.plugins.TorchCheckpointIO", {}),
        ("lightning.pytorch.callbacks.progress.rich_progress.RichProgressBarTheme", {}),
        ("lightning.pytorch.plugins.MixedPrecision", {"precision": "bf16-mixed", "device": "cpu"}),
    ],
)
def test_makes_parts_of_torch_and_lightning(path, arguments):
    assert type(instantiate({"_target_": path, **arguments})).__name__ == path.rpartition(".")[2]


def test_names_where_the_node_stands():
    node = {"outer": [{"_target_": "completion.models.TruthOnly", "x": 1}]}
    with pytest.raises(ValueError, match=r"model\.outer\[0\]"):
        instantiate(node, "model")
