"""Golden vectors of whole networks: a chain of layers, and a complete completion network with pruning."""

import pytest
import torch
from tests.ops.golden import Golden, sorted_rows
from tests.tolerances import assert_near
from torch import Tensor
from torch.nn import functional as dense

from completion.nn import functional as F
from completion.sparse import CoordMap, SparseTensor

LEVELS = (32, 16, 8, 4, 2, 1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_chain(shared_dir, device: torch.device, dtype: torch.dtype) -> None:
    case = Golden(shared_dir / "golden" / "chain_c3_d2_d2_g2_g2.npz", dtype, device)
    features = case.leaf("in_feats")
    weights = [case.leaf(f"l{i}_weight") for i in range(5)]
    biases = [case.leaf(f"l{i}_bias") for i in range(5)]
    x = SparseTensor.from_coords(features, case.coords("in_coords"))
    for i, layer in enumerate(case.meta["layers"]):
        run = F.conv if layer["mode"] == "conv" else F.generative_conv_transpose
        x = run(x, weights[i], biases[i], layer["kernel_size"], layer["stride"])
        coords, values = sorted_rows(x)
        assert torch.equal(coords, case.coords(f"l{i}_out_coords"))
        assert_near(values, case.values(f"l{i}_out_feats"), f"layer {i}")
    (values * case.values("grad_out")).sum().backward()
    assert_near(features.grad, case.values("grad_in"))
    for i in range(5):
        assert_near(weights[i].grad, case.values(f"l{i}_grad_weight"), f"weight of layer {i}")
        assert_near(biases[i].grad, case.values(f"l{i}_grad_bias"), f"bias of layer {i}")


class Network:
    """The golden completion network, layer by layer as its description reads."""

    def __init__(self, case: Golden) -> None:
        names = [name for name in case.arrays if name.startswith("param/")]
        self.training = True
        self.parameters: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        for name in names:
            short = name.removeprefix("param/")
            if "running" in short:
                self.buffers[short] = case.values(name)
            elif "num_batches" not in short:
                self.parameters[short] = case.leaf(name)

    def forward(self, x: SparseTensor, target: CoordMap) -> dict[str, SparseTensor | Tensor]:
        """Every intermediate by the name that the golden file gives it."""
        seen: dict[str, SparseTensor | Tensor] = {}
        encoded = {1: self.step("enc_block_s1", 0, x, 3, 1)}
        seen["enc_block_s1"] = encoded[1]
        for fine in reversed(LEVELS):
            name = f"enc_block_s{fine}s{2 * fine}"
            y = self.step(name, 0, encoded[fine], 2, 2)
            encoded[2 * fine] = seen[name] = self.step(name, 3, y, 3, 1)
        current, losses = encoded[64], []
        for level in LEVELS:
            current = self.decode(level, current, encoded[level], target, seen, losses)
        seen["final"] = current
        seen["loss"] = torch.stack(losses).mean()
        return seen

    def decode(
        self, level: int, x: SparseTensor, skip: SparseTensor, target: CoordMap, seen: dict, losses: list
    ) -> SparseTensor:
        """One level up: generate, convolve, unite, classify, prune."""
        name = f"dec_block_s{2 * level}s{level}"
        up = self.step(name, 0, x, 4 if level == 32 else 2, 2, generative=True)
        up = self.step(name, 3, up, 3, 1)
        united = F.union_add(up, skip)
        head = self.parameters[f"dec_s{level}_cls.kernel"], self.parameters[f"dec_s{level}_cls.bias"]
        logits = F.conv(united, head[0][None], head[1][0], kernel_size=1)
        truth = F.target_mask(united.coord_map, target)
        keep = logits.features[:, 0] > 0
        if self.training and level != 1:
            keep = keep | truth
        losses.append(dense.binary_cross_entropy_with_logits(logits.features[:, 0], truth.to(logits.dtype)))
        seen |= {f"dec{level}_up": up, f"dec{level}_sum": united, f"dec{level}_logits": logits}
        seen[f"dec{level}_target"] = united.replace(truth[:, None].to(logits.dtype))
        return F.prune(united, keep)

    def step(
        self, block: str, index: int, x: SparseTensor, size: int, stride: int, generative: bool = False
    ) -> SparseTensor:
        """Convolution, batch normalisation, ELU."""
        run = F.generative_conv_transpose if generative else F.conv
        y = run(x, self.parameters[f"{block}.{index}.kernel"], None, size, stride)
        norm = f"{block}.{index + 1}.bn"
        values = dense.batch_norm(
            y.features,
            self.buffers[f"{norm}.running_mean"],
            self.buffers[f"{norm}.running_var"],
            self.parameters[f"{norm}.weight"],
            self.parameters[f"{norm}.bias"],
            self.training,
        )
        return y.replace(dense.elu(values))


def test_completion_network(shared_dir, device: torch.device) -> None:
    case = Golden(shared_dir / "golden" / "completion_net.npz", torch.float64, device)
    network = Network(case)
    coords, target = case.coords("in_coords"), CoordMap.from_coords(case.coords("target_coords"))
    x = SparseTensor.from_coords(torch.ones(len(coords), 1, dtype=torch.float64, device=device), coords)
    seen = network.forward(x, target)
    assert check_intermediates(case, "train", seen) == 7 + 4 * len(LEVELS) + 1
    assert_near(seen["loss"], case.values("loss").reshape(()))
    seen["loss"].backward()
    for name, parameter in network.parameters.items():
        assert_near(parameter.grad, case.values(f"grad/{name}"), f"gradient of {name}")
    for name, buffer in network.buffers.items():
        assert_near(buffer, case.values(f"after/{name}"), f"{name} after the step")
    check_evaluation(case, network, x, target)


def check_evaluation(case: Golden, network: Network, x: SparseTensor, target: CoordMap) -> None:
    """The second, free-running forward, with the buffers of the first and other head biases."""
    network.training = False
    for level, bias in case.meta["eval"]["cls_bias"].items():
        network.parameters[f"dec_s{level}_cls.bias"].data.fill_(bias)
    with torch.no_grad():
        seen = network.forward(x, target)
    sizes = [seen[f"dec{level}_sum"].num_rows for level in LEVELS]
    assert sizes == case.meta["eval"]["sizes"]
    assert check_intermediates(case, "eval", seen) == 2 * len(LEVELS) + 1
    assert_near(seen["loss"], torch.tensor(case.meta["eval"]["loss"], dtype=torch.float64))


def check_intermediates(case: Golden, phase: str, seen: dict) -> int:
    """Compares every intermediate that the file holds for the phase; returns how many there were."""
    number = 0
    for name, value in seen.items():
        if not isinstance(value, SparseTensor):
            continue
        coords, features = sorted_rows(value)
        if f"{phase}/{name}_coords" in case:
            assert torch.equal(coords, case.coords(f"{phase}/{name}_coords")), name
        stored = next((n for n in (f"{phase}/{name}_feats", f"{phase}/{name}") if n in case), None)
        if stored is not None:
            assert_near(features, case.values(stored).reshape(features.shape), f"{phase} {name}")
        number += stored is not None
    return number
