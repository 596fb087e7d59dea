"""The one table of numeric tolerances, with its reasons, and the comparison that uses it."""

import torch
from torch import Tensor

# Largest error allowed, relative to the largest expected magnitude (at least 1): sums of signed terms round
# in proportion to their terms, not to their result. Sums here have at most a few thousand terms of size ~1.
RELATIVE = {
    torch.float64: 1e-10,  # eps 2e-16; the golden vectors agree with brute force to 1e-10
    torch.float32: 1e-5,  # eps 1e-7 times the square root of the terms, with room for another order of sums
    torch.bfloat16: 2e-2,  # eps 8e-3: one rounding of inputs, one of the result, sums in float32
    torch.float16: 2e-3,  # eps 1e-3, as bfloat16
}


def assert_near(actual: Tensor, expected: Tensor, what: str = "result") -> None:
    """Asserts equal shapes and errors within the table's bound for the dtype of `actual`."""
    assert actual.shape == expected.shape, f"{what}: shape {list(actual.shape)}, not {list(expected.shape)}"
    if actual.numel() == 0:
        return
    assert actual.isfinite().all(), f"{what}: not finite"
    reference = expected.to(actual.device, torch.float64)
    error = (actual.double() - reference).abs().max().item()
    bound = RELATIVE[actual.dtype] * max(1.0, reference.abs().max().item())
    assert error <= bound, f"{what}: largest error {error:.3e} is above {bound:.3e}"
