"""Golden vectors of whole networks: a chain of layers, and a complete completion network with pruning."""

import pytest
import torch
from tests.ops.golden import Golden, sorted_rows
from tests.tolerances import assert_near
from torch import Tensor, nn

from completion.models import completion_loss
from completion.models.from_minkowski import channels_of, load_minkowski, weight_names
from completion.models.minkowski_net import MinkowskiNet
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


class Recorded:
    """MinkowskiNet with the golden weights; keeps every intermediate by the name that the file gives it."""

    def __init__(self, case: Golden) -> None:
        stored = [name for name in case.arrays if name.startswith("param/")]
        state = {name.removeprefix("param/"): torch.from_numpy(case.arrays[name]) for name in stored}
        self.net = MinkowskiNet(64, channels=channels_of(state), bounded=False).to(case.device, case.dtype)
        load_minkowski(self.net, state)
        self.seen: dict[str, SparseTensor] = {}
        self.keep("enc_block_s1", self.net.encoder.stem)
        for level, fine in enumerate(reversed(LEVELS)):
            self.keep(f"enc_block_s{fine}s{2 * fine}", self.net.encoder.levels[level])
        for level, block in zip(LEVELS, self.net.decoder, strict=True):
            self.keep(f"dec{level}_up", block.up)
            self.keep_input(f"dec{level}_sum", block.prune)
        self.keep("final", block.prune)

    def keep(self, name: str, module: nn.Module) -> None:
        """Keeps what a module gives; of a prune the rows that stay."""

        def hook(module: nn.Module, given: tuple, result: SparseTensor | tuple) -> None:
            self.seen[name] = result[0] if isinstance(result, tuple) else result

        module.register_forward_hook(hook)

    def keep_input(self, name: str, module: nn.Module) -> None:
        """Keeps what a module takes."""
        module.register_forward_pre_hook(lambda module, given: self.seen.update({name: given[0]}))

    def forward(self, x: SparseTensor, target: CoordMap) -> Tensor:
        """The loss, once everything is in `seen`."""
        completion = self.net(x, target)
        for level in completion.levels:
            on = SparseTensor(level.logits[:, None], level.coord_map)
            self.seen[f"dec{level.stride}_logits"] = on
            self.seen[f"dec{level.stride}_target"] = on.replace(level.target[:, None].to(on.dtype))
        assert completion.coord_map is self.seen["final"].coord_map
        return completion_loss(completion.levels, x.coord_map, missing_weight=1.0)[0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_completion_network(shared_dir, device: torch.device, dtype: torch.dtype) -> None:
    case = Golden(shared_dir / "golden" / "completion_net.npz", dtype, device)
    network = Recorded(case)
    coords, target = case.coords("in_coords"), CoordMap.from_coords(case.coords("target_coords"))
    x = SparseTensor.from_coords(torch.ones(len(coords), 1, dtype=dtype, device=device), coords)
    loss = network.forward(x, target)
    assert check_intermediates(case, "train", network.seen) == 7 + 4 * len(LEVELS) + 1
    assert_near(loss, case.values("loss").reshape(()))
    loss.backward()
    names = weight_names(len(LEVELS) + 1)
    parameters, buffers = dict(network.net.named_parameters()), dict(network.net.named_buffers())
    for name, ours in names.items():
        if ours in parameters:
            grad = parameters[ours].grad.reshape(case.values(f"param/{name}").shape)
            assert_near(grad, case.values(f"grad/{name}"), f"gradient of {name}")
        else:
            assert_near(buffers[ours].to(dtype), case.values(f"after/{name}"), f"{name} after the step")
    assert len(names) == sum(name.startswith("param/") for name in case.arrays)
    check_evaluation(case, network, x, target)


def check_evaluation(case: Golden, network: Recorded, x: SparseTensor, target: CoordMap) -> None:
    """The second, free-running forward, with the buffers of the first and other head biases."""
    network.net.eval()
    for level, prune in zip(LEVELS, network.net.prunes, strict=True):
        prune.classifier.bias.data.fill_(case.meta["eval"]["cls_bias"][str(level)])
    with torch.no_grad():
        loss = network.forward(x, target)
    sizes = [network.seen[f"dec{level}_sum"].num_rows for level in LEVELS]
    assert sizes == case.meta["eval"]["sizes"]
    assert check_intermediates(case, "eval", network.seen) == 2 * len(LEVELS) + 1
    assert_near(loss, torch.tensor(case.meta["eval"]["loss"], dtype=torch.float64))


def check_intermediates(case: Golden, phase: str, seen: dict[str, SparseTensor]) -> int:
    """Compares every intermediate that the file holds for the phase; returns how many there were."""
    number = 0
    for name, value in seen.items():
        coords, features = sorted_rows(value)
        if f"{phase}/{name}_coords" in case:
            assert torch.equal(coords, case.coords(f"{phase}/{name}_coords")), name
        stored = next((n for n in (f"{phase}/{name}_feats", f"{phase}/{name}") if n in case), None)
        if stored is not None:
            assert_near(features, case.values(stored).reshape(features.shape), f"{phase} {name}")
        number += stored is not None
    return number
