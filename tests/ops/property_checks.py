"""What the property tests compare: rows in their order, values, refusals at the range's end, gradients."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import pytest
import torch
from tests.ops import dense_oracle as oracle
from tests.ops.dense_oracle import Site, Sites
from tests.ops.property_cases import HIGH, LOW, REFUSED, normal
from tests.tolerances import assert_near
from torch import Tensor

from completion.sparse import SparseTensor


def answer(call: Callable[[], SparseTensor], sites: Iterable[Site]) -> SparseTensor | None:
    """What the call gives; None where a site leaves the range and the call says which value does."""
    outside = {c for site in sites for c in site[1:] if not LOW <= c <= HIGH}
    if not outside:
        return call()
    with pytest.raises(ValueError, match=rf"must (lie|have \w) in {LOW}…{HIGH}, got (-?\d+); ") as caught:
        call()
    named = re.search(r"got (-?\d+);", str(caught.value))
    assert named and int(named[1]) in outside
    REFUSED[str(caught.value).split(":")[0]] += 1
    return None


def check(y: SparseTensor, expected: Sites) -> None:
    """Exactly the expected sites in canonical order, and their values."""
    rows = [tuple(row) for row in y.coords.tolist()]
    assert rows == oracle.canonical(expected)
    if rows:
        assert_near(y.features, torch.from_numpy(np.stack([expected[row] for row in rows])))
    assert y.features.shape[0] == len(rows)


def check_layer(
    call: Callable[..., SparseTensor], leaves: tuple[Tensor, ...], expected: Sites
) -> SparseTensor:
    """Values in float64 and float32, and gradients, of a call that is linear in each leaf."""
    y = call(*leaves)
    check(y, expected)
    check(call(*(leaf.float() for leaf in leaves)), expected)
    check_adjoint(lambda *values: call(*values).features, leaves)
    return y


def check_adjoint(call: Callable[..., Tensor], leaves: tuple[Tensor, ...]) -> None:
    """⟨A v, g⟩ = ⟨v, Aᵀ g⟩ for each leaf, v and g unlike the values at which the gradient was taken."""
    leaves = tuple(leaf.detach().requires_grad_() for leaf in leaves)
    out = call(*leaves)
    g = normal(1, tuple(out.shape), out.device)
    gradients = torch.autograd.grad(out, leaves, g)
    for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        v = normal(2 + i, tuple(leaf.shape), leaf.device)
        moved = call(*leaves[:i], v, *leaves[i + 1 :])
        assert_near((moved * g).sum(), (v * gradient).sum(), f"adjoint in argument {i}")
