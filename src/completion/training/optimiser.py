"""AdamW and its learning-rate schedule: linear warm-up, then half a cosine down to a share of the peak."""

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def make_adamw(model: nn.Module, learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW over the parameters of `model`; biases and norms do not decay.

    Args:
        model: its parameters that need gradients are optimised.
        learning_rate: peak value.
        weight_decay: for parameters of two or more dimensions.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    kept = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    optimiser = AdamW(groups, lr=learning_rate, fused=True)
    # It could also undo the scale of a GradScaler in its step, but then gradients would be clipped while they
    # are scaled, which Lightning refuses, under bfloat16 too, where nothing is scaled.
    optimiser._step_supports_amp_scaling = False
    return optimiser


def restart_schedule(optimiser: AdamW, schedule: LambdaLR, learning_rate: float, weight_decay: float) -> None:
    """Goes on with another peak and decay than those that came with the state of a checkpoint.

    With the same ones nothing changes, to the bit.

    Args:
        optimiser: as `make_adamw` made it.
        schedule: of the optimiser.
        learning_rate: peak value.
        weight_decay: for the parameters that decay.
    """
    schedule.base_lrs = [learning_rate] * len(optimiser.param_groups)
    for group, factor in zip(optimiser.param_groups, schedule.lr_lambdas, strict=True):
        group["initial_lr"] = learning_rate
        group["lr"] = learning_rate * factor(schedule.last_epoch)
    optimiser.param_groups[0]["weight_decay"] = weight_decay


def warm_up_cosine(
    optimiser: AdamW, num_steps: int, warm_up_steps: int, last_share: float = 0.01
) -> LambdaLR:
    """Schedule over `num_steps` optimiser steps.

    Args:
        optimiser: its learning rate is the peak.
        num_steps: of the whole training.
        warm_up_steps: steps of the linear rise; cut to a tenth of a training that is too short for it.
        last_share: final learning rate as a share of the peak.
    """
    warm_up = min(warm_up_steps, max(num_steps // 10, 1))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        done = min((step - warm_up) / max(num_steps - warm_up, 1), 1.0)
        return last_share + (1 - last_share) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimiser, factor)
