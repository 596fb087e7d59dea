"""MovingAverage lies where the training is and averages as its decay says; lines tell what time is left."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import Timer

from completion.training.callbacks import MovingAverage, ProgressLines


class Small(LightningModule):
    """A weight, a running mean and a count, as a network with batch norm has."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 4))
        self.register_buffer("mean", torch.randn(4))
        self.register_buffer("count", torch.tensor(5))


def average_of(device: str, decay: float = 0.9) -> tuple[MovingAverage, Small, Any]:
    """The callback after its setup for a training on `device`, and the module, which is still on the CPU."""
    callback, module = MovingAverage(decay), Small()
    trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device(device)), global_step=0)
    callback.setup(cast(Any, trainer), module, "fit")
    return callback, module, trainer


def test_lies_on_the_device_of_the_training():
    """Lightning sets callbacks up before it moves the module there."""
    callback, module, _ = average_of("meta")
    assert module.weight.device.type == "cpu"
    assert callback._average_model is not None
    assert {tensor.device.type for tensor in callback._average_model.state_dict().values()} == {"meta"}


def test_is_the_average_of_all_steps():
    callback, module, trainer = average_of("cpu", decay=0.9)
    expected = None
    for step in range(1, 6):
        with torch.no_grad():
            module.weight.copy_(torch.randn(3, 4))
            module.mean.copy_(torch.randn(4))
        now = {name: value.double() for name, value in module.state_dict().items() if name != "count"}
        expected = now if expected is None else {k: 0.9 * expected[k] + 0.1 * now[k] for k in now}
        trainer.global_step = step
        callback.on_train_batch_end(trainer, module, None, None, step)
    assert expected is not None
    weights = module.weight.detach().clone()
    callback.on_validation_epoch_start(trainer, module)
    for name, value in expected.items():
        torch.testing.assert_close(module.state_dict()[name].double(), value, rtol=1e-6, atol=1e-6)
    callback.on_validation_epoch_end(trainer, module)
    assert torch.equal(module.weight, weights)


@pytest.mark.parametrize(("max_seconds", "left"), [(None, 15), (60, 15), (7, 2), (4, 0)])
def test_the_time_that_is_left_ends_with_the_training(monkeypatch, capsys, max_seconds, left):
    """Five of twenty steps took 5 s."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    timer = Timer(None if max_seconds is None else {"seconds": max_seconds}, verbose=False)
    shared: dict[str, Any] = {
        "is_global_zero": True,
        "estimated_stepping_batches": 20,
        "callback_metrics": {},
    }
    trainer = cast(Any, SimpleNamespace(callbacks=[timer], global_step=0, **shared))
    lines, module = ProgressLines(every_seconds=0), Small()
    timer.on_train_start(trainer, module)
    lines.on_train_start(trainer, module)
    now[0], trainer.global_step = 105.0, 5
    lines.on_train_batch_end(trainer, module)
    assert capsys.readouterr().out.splitlines()[-1] == f"step 5/20  5 s, {left} s left"


@pytest.mark.parametrize("decay", [-0.1, 1.5, "much"])
def test_refuses_a_decay_that_is_no_share(decay: Any):
    with pytest.raises(ValueError, match="MovingAverage: decay must be a number in 0…1, got"):
        MovingAverage(decay)
