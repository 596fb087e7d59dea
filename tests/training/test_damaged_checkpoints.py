"""Checkpoints that are not as they were written, or hold no usable weights, are refused by name."""

from pathlib import Path

import pytest
import torch

from completion.training.archive import damage
from completion.training.import_minkowski import read_state
from completion.training.run import first_misfit, model_state, read_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path, net) -> Path:
    """A checkpoint of a small network."""
    place = tmp_path / "best.ckpt"
    state = {f"model.{name}": value for name, value in net.state_dict().items()}
    torch.save({"state_dict": state}, place)
    return place


def flip(file: Path, place: int) -> None:
    """Changes one bit of a file."""
    contents = bytearray(file.read_bytes())
    contents[place] ^= 4
    file.write_bytes(contents)


def place_of(file: Path, value: torch.Tensor) -> int:
    """Where the bytes of a tensor lie in a file."""
    return file.read_bytes().index(value.detach().contiguous().numpy().tobytes())


def test_a_bit_that_flipped_in_a_weight_is_noticed(checkpoint, net):
    weight = max(net.state_dict().values(), key=torch.numel)
    read_checkpoint(checkpoint)
    flip(checkpoint, place_of(checkpoint, weight))
    with pytest.raises(
        ValueError, match=r"best\.ckpt must be a checkpoint of this program, got a damaged one .*checksum of"
    ):
        read_checkpoint(checkpoint)


def test_a_bit_that_flipped_in_weights_to_import_is_noticed(tmp_path):
    weight = torch.rand(100)
    torch.save({"a": weight}, tmp_path / "weights.pth")
    assert torch.equal(read_state(tmp_path / "weights.pth")["a"], weight)
    flip(tmp_path / "weights.pth", place_of(tmp_path / "weights.pth", weight))
    with pytest.raises(ValueError, match=r"weights\.pth must be as torch\.save wrote it, got a damaged one"):
        read_state(tmp_path / "weights.pth")


def test_weights_of_an_older_torch_have_no_checksums(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert read_state(tmp_path / "old.pth")["a"].tolist() == [1, 1]


@pytest.mark.parametrize("length", [0, 3, 2000, 20000, -1])
def test_a_file_that_ends_early_is_named(checkpoint, length):
    checkpoint.write_bytes(checkpoint.read_bytes()[:length])
    with pytest.raises(
        ValueError, match=r"best\.ckpt must be a checkpoint of this program, got a damaged one"
    ):
        read_checkpoint(checkpoint)


def test_a_missing_file_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        damage(tmp_path / "best.ckpt")


def changed(weights: dict[str, torch.Tensor], kind: str) -> dict[str, torch.Tensor]:
    """Weights in which one is spoilt: the first, or the last threshold."""
    first = next(iter(weights))
    threshold = [name for name in weights if name.endswith(".threshold")][-1]
    value = weights[first]
    return (
        weights
        | {
            "nan": {first: value * torch.nan},
            "infinity": {first: value + torch.inf},
            "integers": {first: value.int()},
            "complex": {first: value.to(torch.complex64)},
            "sparse": {first: value.to_sparse()},
            "meta": {first: value.to("meta")},
            "above": {threshold: torch.tensor(2.0)},
            "below": {threshold: torch.tensor(-1.0)},
            "no threshold": {threshold: torch.tensor(torch.nan)},
            "more": {"extra": torch.ones(1)},
        }[kind]
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", "with NaN or infinity, not finite"),
        ("infinity", "with NaN or infinity, not finite"),
        ("integers", "of torch.int32, not torch.float32"),
        ("complex", "of torch.complex64, not torch.float32"),
        ("sparse", "without plain values, not a dense tensor"),
        ("meta", "without plain values, not a dense tensor"),
        ("above", "threshold 2.0, not in 0…1"),
        ("below", "threshold -1.0, not in 0…1"),
        ("no threshold", "with NaN or infinity, not finite"),
        ("more", "extra that is not in the network"),
    ],
)
def test_weights_that_no_network_can_have_are_told(checkpoint, net, kind, words):
    weights = model_state(read_checkpoint(checkpoint))
    assert first_misfit(net, weights) == ""
    assert words in first_misfit(net, changed(weights, kind))


def test_weights_in_half_the_bits_are_taken(checkpoint, net):
    weights = model_state(read_checkpoint(checkpoint))
    assert first_misfit(net, {name: value.half() for name, value in weights.items()}) == ""


def test_infinity_that_the_network_itself_has_is_taken(checkpoint, net):
    weights = model_state(read_checkpoint(checkpoint))
    net.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    assert first_misfit(net, weights | {"mask": torch.tensor([0.0, -torch.inf])}) == ""
