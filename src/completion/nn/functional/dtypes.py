"""Agreement of feature and weight dtypes, under autocast and without; the one place that decides it."""

import torch
from torch import Tensor


def matched(function: str, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Features and weight in one dtype: autocast's where it is on, else they must agree already.

    Raises:
        TypeError: the dtypes differ outside autocast.
    """
    device_type = features.device.type
    if torch.is_autocast_enabled(device_type) and features.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device_type)
        return features.to(dtype), weight.to(dtype)
    if features.dtype != weight.dtype:
        raise TypeError(
            f"{function}: features must be of the weight's dtype {weight.dtype}, got {features.dtype}; "
            "convert one of them or use torch.autocast"
        )
    return features, weight
