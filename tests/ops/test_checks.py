"""Words for a CUDA tensor in a build without CUDA; a fake tensor stands for one where there is no GPU."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from completion import ops
from completion.ops import checks


def test_a_cuda_tensor_in_a_cpu_build_names_the_command_that_helps(monkeypatch):
    monkeypatch.setattr(checks, "has_cuda", lambda: False)
    with FakeTensorMode():
        keys = torch.empty(3, dtype=torch.int64, device="cuda")
        coords = torch.empty(3, 4, dtype=torch.int32, device="cuda")
    for call in (lambda: ops.coordinate_set(keys), lambda: ops.encode(coords)):
        with pytest.raises(
            ValueError, match=r"must be on cpu in this CPU-only build, got cuda.*completion build cuda=true"
        ):
            call()
