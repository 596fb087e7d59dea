"""Precisions that are timed apart: the type of the features, and whether float32 may round to TF32."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """A type of features and what its products may do.

    Attributes:
        dtype: of features and weights.
        tf32: products of float32 may round their factors to TF32.
        tolerance: relative error against float64 that its own rounding explains.
    """

    dtype: torch.dtype
    tf32: bool
    tolerance: float


PRECISIONS = {
    "float16": Precision(torch.float16, False, 4e-3),
    "bfloat16": Precision(torch.bfloat16, False, 2e-2),
    "float32": Precision(torch.float32, False, 5e-5),
    "tf32": Precision(torch.float32, True, 2e-3),
}


@contextmanager
def switched_to(precision: Precision) -> Iterator[None]:
    """torch's switch, which this engine follows, and spconv's own where it is loaded, set for a while."""
    matmul = torch.backends.cuda.matmul
    constants = sys.modules.get("spconv.constants")
    before = matmul.allow_tf32, getattr(constants, "SPCONV_ALLOW_TF32", False)
    matmul.allow_tf32 = precision.tf32
    if constants is not None:
        constants.SPCONV_ALLOW_TF32 = precision.tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = before[0]
        if constants is not None:
            constants.SPCONV_ALLOW_TF32 = before[1]
