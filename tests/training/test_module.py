"""The Lightning module under a real trainer: it learns, it logs, and it runs in bfloat16."""

import csv

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from tests.refusals import refusal

from completion.models import CompletionModel, CompletionNet, ScheduledTruth, TruthOnly
from completion.nn import Prune
from completion.training.fit import PRECISIONS
from completion.training.loggers import MetricsCsv
from completion.training.module import CompletionModule, EpochMeans


def trainer(tmp_path, **arguments) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    plain = {"accelerator": "cpu", "logger": False, "num_sanity_val_steps": 0, "default_root_dir": tmp_path}
    return Trainer(**{**plain, **quiet, **arguments})


def test_logs_loss_per_level_and_free_running_scores(tmp_path, data, net):
    fitted = trainer(tmp_path, max_epochs=1)
    fitted.fit(CompletionModule(net, dice_weight=0.5), data)
    metrics = fitted.callback_metrics
    for stage in ("train", "val"):
        for part in ("loss", "loss/stride_4", "loss/stride_2", "loss/stride_1", "loss/dice"):
            assert metrics[f"{stage}/{part}"].isfinite()
    for score in ("iou", "iou_missing", "precision", "recall"):
        assert 0 <= metrics[f"val/{score}"] <= 1
    assert metrics["train/num_dropped_by_budget"] == 0


def test_means_of_an_epoch_are_weighted_by_items():
    means = EpochMeans()
    means.add({"a": torch.tensor(1.0), "b": 2.0}, 3)
    means.add({"a": torch.tensor(5.0), "b": 0.0}, 1)
    assert means.take() == {"a": 2.0, "b": 1.5}
    means.add({"a": torch.tensor(1.0), "b": torch.tensor(4.0)}, 1)
    means.add({"a": torch.tensor(3.0)}, 1)
    means.add({"a": 2.0}, 2)
    assert means.take() == {"a": 2.0, "b": 1.0}, "also where names and kinds change"
    assert means.take() == {}, "what was taken is gone"


def test_an_epoch_that_ends_early_logs_what_there_was(tmp_path, data, net):
    fitted = trainer(tmp_path, max_steps=1)
    fitted.fit(CompletionModule(net), data)
    assert fitted.callback_metrics["train/loss"].isfinite()


def test_means_of_an_epoch_are_written_before_its_checkpoint(tmp_path, data, net):
    path = tmp_path / "metrics.csv"

    class Seen(Checkpoint):
        """What stands in the file when a state is saved is all that a killed run has."""

        def on_train_epoch_end(self, trainer, module):
            seen.append(path.read_text())

    seen: list[str] = []
    fitted = trainer(
        tmp_path, max_epochs=2, enable_checkpointing=True, logger=MetricsCsv(path), callbacks=Seen()
    )
    fitted.fit(CompletionModule(net), data)
    assert len(seen) == 2 and seen[-1] == path.read_text()
    rows = list(csv.DictReader(seen[-1].splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1"], "training and validation share a row"
    assert all(row["train/loss"] and row["val/loss"] for row in rows)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_trains_in_each_precision(tmp_path, data, net, precision):
    """And clips the gradients, as the configs ask for it."""
    before = [parameter.clone() for parameter in net.parameters()]
    options = {"max_epochs": 1, "precision": precision, "gradient_clip_val": 1e-3}
    norms = []

    class Look(Callback):
        """The norm of all gradients as the optimiser gets them."""

        def on_before_zero_grad(self, trainer, module, optimizer):
            grads = [one.grad for one in net.parameters() if one.grad is not None]
            if grads:
                norms.append(float(torch.nn.utils.get_total_norm(grads)))

    trainer(tmp_path, callbacks=[Look()], **options).fit(CompletionModule(net), data)
    assert norms and max(norms) == pytest.approx(1e-3, rel=1e-2)
    assert all(
        parameter.isfinite().all() and parameter.dtype == torch.float32 for parameter in net.parameters()
    )
    assert any(not torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


def test_tells_a_scheduled_policy_how_far_training_is(tmp_path, data):
    policy = ScheduledTruth()
    net = CompletionNet(16, channels=(4, 8), thresholds=(0.4, 0.5), dense_blocks=1, policy=policy)
    trainer(tmp_path, max_epochs=2, limit_val_batches=0).fit(CompletionModule(net), data)
    assert policy.progress == pytest.approx(5 / 6)


def test_the_backward_pass_stays_on_the_calling_thread(tmp_path, data, net):
    """And the switch, which is the thread's, is back when it is done, also where the pass fails."""
    seen = []

    def look(gradient: torch.Tensor) -> None:
        seen.append(torch._C._is_multithreading_enabled())

    next(net.parameters()).register_hook(look)
    trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(CompletionModule(net), data)
    assert seen == [False] and torch._C._is_multithreading_enabled()
    with pytest.raises(RuntimeError, match="does not require grad"):
        CompletionModule(net).backward(torch.zeros(()))
    assert torch._C._is_multithreading_enabled()


class Bare(CompletionModel):
    """A network that lacks what the test names."""

    def __init__(self, **attributes) -> None:
        super().__init__()
        self.prune = Prune(1)
        vars(self).update(attributes)

    @property
    def prunes(self) -> list[Prune]:
        return [self.prune]

    def forward(self, partial, truth=None, policy=None):
        return partial


def test_a_network_without_what_a_training_needs_is_refused(data, net):
    complete = {"resolution": 16, "stride": 1, "policy": TruthOnly()}
    for missing in complete:
        given = {name: value for name, value in complete.items() if name != missing}
        parts = refusal(CompletionModule, Bare(**given))
        assert parts["argument"] == "model" and missing in parts[0]
    assert refusal(CompletionModule, Bare(**complete | {"stride": 4}))["argument"] == "model's stride"
    assert refusal(CompletionModule, torch.nn.Linear(1, 1))["argument"] == "model"
    CompletionModule(Bare(**complete))
    CompletionModule(torch.compile(net))
    batch = next(iter(data.train_dataloader()))
    assert refusal(CompletionModule(Bare(**complete)), batch)["function"] == "Bare.forward"


def test_a_loss_that_is_not_finite_ends_the_step_wherever_it_came_from(tmp_path, data, net):
    class Own(CompletionModule):
        def training_step(self, batch, batch_index):
            completion, _ = self(batch)
            return completion.logits.sum() * float("nan")

    before = {name: value.clone() for name, value in net.state_dict().items() if "running" not in name}
    with pytest.raises(ValueError, match="loss must be finite, got nan"):
        trainer(tmp_path, max_epochs=1).fit(Own(net), data)
    after = net.state_dict()
    kept = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert {name for name, _ in net.named_parameters()} <= kept, "the optimiser has not stepped"
