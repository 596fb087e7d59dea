"""Checks of what all networks are made from and are given, and their sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from completion.nn.functional.checks import check_sparse
from completion.ops.checks import check_count
from completion.sparse.checks import check_set


def check_channels(function: str, channels: Any, least: int) -> None:
    """Checks a sequence of at least so many counts of channels.

    Raises:
        ValueError: it is none.
    """
    if not _is_sequence(channels) or len(channels) < least:
        raise ValueError(
            f"{function}: channels must be {least} or more counts, finest first, got {channels!r}; "
            "give one for each level"
        )
    for number in channels:
        check_count(function, "channels", number, least=1)


def check_per_level(function: str, name: str, values: Any, num_levels: int) -> None:
    """Checks a sequence of one value for each level.

    Raises:
        ValueError: it is none.
    """
    if not _is_sequence(values) or len(values) != num_levels:
        raise ValueError(
            f"{function}: {name} must be {num_levels} values, one for each prune layer, got {values!r}; "
            "give them coarse to fine"
        )


def check_batch(function: str, partial: Any, truth: Any) -> None:
    """Checks what a network is called with: voxels of stride 1, and a set of them or none as truth.

    Raises:
        TypeError: other classes.
        ValueError: another stride, or truth on another device.
    """
    check_sparse(function, partial, "partial")
    if partial.stride != (1, 1, 1):
        raise ValueError(
            f"{function}: partial must be of stride 1, got {partial.stride}; give the finest voxels"
        )
    if truth is not None:
        check_set(function, "truth", truth, partial.coord_map)


def check_policy(function: str, policy: Any) -> None:
    """Checks that a prune policy can be called.

    Raises:
        TypeError: it cannot.
    """
    if policy is not None and not callable(policy):
        raise TypeError(
            f"{function}: policy must be a function of candidates, got {type(policy).__name__}; "
            "take one of completion.models.policies"
        )


def _is_sequence(values: Any) -> bool:
    return isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
