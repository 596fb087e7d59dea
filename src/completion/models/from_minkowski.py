"""Weights of MinkowskiEngine's completion network → a MinkowskiNet; owns the names, touches no files."""

import re
from collections.abc import Mapping

from torch import Tensor

from completion.models.minkowski_net import MinkowskiNet

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
PARALLEL_PREFIX = "module."


def without_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the network itself, from one of torch's `DataParallel` around it too."""
    wrapped = all(name.startswith(PARALLEL_PREFIX) for name in state)
    return {name.removeprefix(PARALLEL_PREFIX) if wrapped else name: value for name, value in state.items()}


def channels_of(state: Mapping[str, Tensor]) -> list[int]:
    """C per level, finest first, as the encoder's kernels [K, Cin, Cout] have it.

    Args:
        state: of the original, names as it gives them.

    Raises:
        ValueError: a kernel is missing or has other than three axes.
    """
    strides = [int(found[1]) for name in state if (found := re.match(r"enc_block_s\d+s(\d+)\.", name))]
    finer = [2**level for level in range(max(strides, default=1).bit_length() - 1)]
    kernels = ["enc_block_s1.0.kernel", *(f"enc_block_s{s}s{2 * s}.0.kernel" for s in finer)]
    missing = [name for name in kernels if name not in state]
    if missing:
        raise ValueError(
            f"channels_of: state must be that of MinkowskiEngine's CompletionNet with {missing[0]}, "
            f"got {_some(list(state))}; save its state_dict()"
        )
    for name in kernels:
        if state[name].ndim != 3:
            raise ValueError(f"channels_of: {name} must be [K, Cin, Cout], got {list(state[name].shape)}")
    return [state[name].shape[2] for name in kernels]


def load_minkowski(net: MinkowskiNet, state: Mapping[str, Tensor]) -> None:
    """Fills every weight and running statistic of `net`; thresholds, which the original lacks, stay.

    Args:
        net: of the channels of `state`; keeps its dtype.
        state: of the original, each entry used exactly once.

    Raises:
        ValueError: an entry is missing, unknown or of another shape.
    """
    own = net.state_dict()
    names = weight_names(len(net.prunes) + 1)
    assert set(own) == {*names.values(), *(name for name in own if name.endswith(".threshold"))}
    _check_names(names, state)
    for theirs, ours in names.items():
        own[ours] = _as_ours(theirs, state[theirs], own[ours])
    net.load_state_dict(own)


def weight_names(num_levels: int) -> dict[str, str]:
    """Name in the original → name in a MinkowskiNet of so many levels."""
    names = _conv_norm("enc_block_s1", 0, "encoder.stem")
    for level in range(num_levels - 1):
        fine, coarse, up = 2**level, 2 ** (level + 1), f"decoder.{num_levels - 2 - level}"
        for block, ours in (
            (f"enc_block_s{fine}s{coarse}", f"encoder.levels.{level}"),
            (f"dec_block_s{coarse}s{fine}", f"{up}.up"),
        ):
            names |= _conv_norm(block, 0, f"{ours}.0") | _conv_norm(block, 3, f"{ours}.1")
        names[f"dec_s{fine}_cls.kernel"] = f"{up}.prune.classifier.weight"
        names[f"dec_s{fine}_cls.bias"] = f"{up}.prune.classifier.bias"
    return names


def _conv_norm(block: str, index: int, ours: str) -> dict[str, str]:
    """Names of a convolution at `index` of a block, and of the norm after it."""
    norms = {f"{block}.{index + 1}.bn.{value}": f"{ours}.1.norm.{value}" for value in NORM}
    return {f"{block}.{index}.kernel": f"{ours}.0.weight"} | norms


def _check_names(names: Mapping[str, str], state: Mapping[str, Tensor]) -> None:
    missing, unknown = sorted(names.keys() - state.keys()), sorted(state.keys() - names.keys())
    if missing or unknown:
        raise ValueError(
            "load_minkowski: state must have exactly the entries of MinkowskiEngine's CompletionNet, "
            f"got missing: {_some(missing)}; unknown: {_some(unknown)}; save its state_dict()"
        )


def _as_ours(theirs: str, value: Tensor, own: Tensor) -> Tensor:
    """A value in the shape of our own: heads are [C, 1] and [1, 1] there, all else is the same in both."""
    expected = [own.numel(), 1] if "_cls." in theirs else list(own.shape)
    if list(value.shape) != expected:
        raise ValueError(
            f"load_minkowski: {theirs} must be {expected}, got {list(value.shape)}; "
            "encoder and decoder must have the same channels, and the input one"
        )
    if not (value.is_floating_point() or theirs.endswith("num_batches_tracked")):
        raise ValueError(f"load_minkowski: {theirs} must be of floating point, got {value.dtype}; convert it")
    if not value.isfinite().all():
        raise ValueError(f"load_minkowski: {theirs} must be finite, got NaN or infinity; the training failed")
    return value.reshape(own.shape)


def _some(names: list[str]) -> str:
    """Two of the names, and how many more there are."""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return (", ".join(names[:2]) or "none") + more
