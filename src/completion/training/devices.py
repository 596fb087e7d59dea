"""Whether this machine has the device that a config asks for, or a better one."""

import os
from typing import Any

import torch

LEAST_LIMIT = 64
"""Processes that every machine may be asked for."""


def check_device(argument: str, device: str) -> None:
    """Refuses a GPU that is not there, in words that say what to do.

    Args:
        argument: who asks and by which key, for the message.
        device: cpu, cuda, cuda:1, gpu, auto …
    """
    if str(device).split(":")[0] in ("cuda", "gpu") and not torch.cuda.is_available():
        raise ValueError(
            f"{argument} must be one this machine has, got '{device}' but no CUDA device; "
            "use the CPU (trainer=cpu, device=cpu), or install a CUDA build of torch"
        )
    index = str(device).partition(":")[2]
    if index.isdecimal() and int(index) >= torch.cuda.device_count():
        raise ValueError(
            f"{argument} must be one this machine has, got '{device}' of {torch.cuda.device_count()} GPUs, "
            "counted from 0; choose another"
        )


def check_processes(argument: str, count: Any) -> None:
    """Refuses so many processes that the machine would be out of memory before it says why.

    Args:
        argument: who asks and by which key, for the message.
        count: of the processes; what is no whole number is left to others.
    """
    most = max(LEAST_LIMIT, 8 * (os.cpu_count() or 1))
    if str(count).isdecimal() and int(count) > most:
        raise ValueError(f"{argument} must be at most {most} on this machine, got {count}; give fewer")


def better_device(accelerator: str) -> str:
    """A line for a training on the CPU of a machine that has a GPU; empty for others."""
    if accelerator != "cpu" or not torch.cuda.is_available():
        return ""
    return f"training on the CPU; trainer=gpu would take the {torch.cuda.get_device_name()} of this machine"
