"""A GPU that is not there is refused in words, also by its number; one that is left alone is told."""

import pytest
import torch
from tests.refusals import SENTENCE

from completion.training.devices import better_device, check_device, check_processes


@pytest.mark.parametrize(
    ("device", "count"), [("cuda", 0), ("gpu", 0), ("cuda:0", 0), ("cuda:1", 1), ("cuda:7", 2)]
)
def test_a_gpu_that_is_not_there(device, count, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(ValueError) as caught:
        check_device("load_run: device", device)
    assert SENTENCE.match(str(caught.value))


@pytest.mark.parametrize(("device", "count"), [("cpu", 0), ("auto", 0), ("cuda", 1), ("cuda:1", 2)])
def test_a_device_that_is_there(device, count, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    check_device("load_run: device", device)


def test_a_gpu_that_is_left_alone_is_told(monkeypatch):
    assert better_device("cpu") == "" or torch.cuda.is_available()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "NVIDIA H200")
    assert "trainer=gpu would take the NVIDIA H200" in better_device("cpu")
    assert better_device("cuda") == better_device("auto") == ""


@pytest.mark.parametrize("count", [None, "auto", [0, 1], -1, 0, 64, "64"])
def test_processes_that_every_machine_may_be_asked_for(count, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    check_processes("fit: trainer.devices", count)


@pytest.mark.parametrize("count", [65, "65", 10**9])
def test_processes_that_no_machine_has_room_for(count, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with pytest.raises(ValueError, match=r"devices must be at most 64 on this machine, got \d+; give fewer"):
        check_processes("fit: trainer.devices", count)
