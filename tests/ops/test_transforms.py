"""torch.func: gradients of all operators that have one equal those of torch.autograd, alone and batched."""

from collections.abc import Callable

import pytest
import torch
from tests.ops.neighbour_tables import tables
from torch.func import grad, jacrev, vmap

from completion import ops

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")
TABLE, REVERSE = tables("two sets", torch.device("cpu"))
ROWS = torch.arange(REVERSE.shape[0], dtype=torch.int32).flip(0)
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(REVERSE.shape[0], 3, dtype=torch.float64, generator=GENERATOR)
G = torch.randn(TABLE.shape[0], 4, dtype=torch.float64, generator=GENERATOR)
W = torch.randn(TABLE.shape[1], 3, 4, dtype=torch.float64, generator=GENERATOR)

COLUMNS = [torch.rand(3, dtype=torch.float64, generator=GENERATOR) + 0.5 for _ in range(4)]


def normalised(x: torch.Tensor, activation: str) -> torch.Tensor:
    """By the statistics of the batch, which no transform has to look into."""
    centred = x - x.mean(dim=0)
    statistics = x.mean(dim=0).detach(), centred.square().mean(dim=0).detach()
    return ops.batch_norm(x, *COLUMNS[:2], *statistics, 1e-5, activation, True)


LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "convolution": lambda x: ops.convolution(x, W, TABLE, REVERSE).pow(2).sum(),
    "convolution, of the weight": lambda x: ops.convolution(X, x.sum() * W, TABLE, REVERSE).pow(2).sum(),
    "convolution_grad_weight": lambda x: ops.convolution_grad_weight(x, G, TABLE, REVERSE).pow(2).sum(),
    "pool_sum": lambda x: ops.pool_sum(x, TABLE, REVERSE).pow(3).sum(),
    "pool_max": lambda x: ops.pool_max(x, TABLE)[0].pow(3).sum(),
    "batch_norm": lambda x: ops.batch_norm(x, *COLUMNS, 1e-5, "silu").pow(3).sum(),
    "batch_norm, of the weight": lambda x: (
        ops.batch_norm(X, x[0], x[1], *COLUMNS[2:], 0.1, "elu").pow(2).sum()
    ),
    "batch_norm, of the batch": lambda x: normalised(x, "elu").pow(3).sum(),
    "layer_norm": lambda x: ops.layer_norm(x, *COLUMNS[:2], 1e-5).pow(3).sum(),
    "layer_norm, of the weight": lambda x: ops.layer_norm(X, x[0], x[1], 0.1).pow(2).sum(),
    "take_rows": lambda x: ops.take_rows(x, ROWS, ROWS).pow(3).sum(),
    "add_rows": lambda x: ops.add_rows(x, ROWS, ROWS, x.square(), ROWS, ROWS).pow(2).sum(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_of_both_orders(loss: Callable[[torch.Tensor], torch.Tensor]):
    leaf = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.pow(2).sum(), leaf)
    torch.testing.assert_close(grad(loss)(X), first.detach())
    torch.testing.assert_close(grad(lambda x: grad(loss)(x).pow(2).sum())(X), second)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_of_a_batch(loss: Callable[[torch.Tensor], torch.Tensor]):
    batch = torch.stack([X, 2 * X, -X])
    torch.testing.assert_close(vmap(grad(loss))(batch), torch.stack([grad(loss)(x) for x in batch]))


def test_jacobian():
    pooled = lambda x: ops.pool_sum(x, TABLE, REVERSE)[:5]  # noqa: E731
    torch.testing.assert_close(jacrev(pooled)(X), torch.autograd.functional.jacobian(pooled, X))
