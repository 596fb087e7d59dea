"""What convolution reads of torch's TF32 switch, which has an older and a newer form; no GPU needed."""

import subprocess
import sys

import pytest

READ = """
from types import SimpleNamespace
import torch
from completion.ops.convolution import _allow_tf32, _tf32_is_on
{setting}
compiled = torch.compile(lambda x: x + int(_tf32_is_on()), fullgraph=True, backend="eager")
assert bool(compiled(torch.zeros(()))) == _tf32_is_on()
for is_cuda, dtype in ((True, torch.float32), (False, torch.float32), (True, torch.float16)):
    print(_allow_tf32(SimpleNamespace(is_cuda=is_cuda, dtype=dtype)))
"""


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("", False),
        ("torch.backends.cuda.matmul.allow_tf32 = True", True),
        ("torch.set_float32_matmul_precision('high')", True),
        ("torch.set_float32_matmul_precision('highest')", False),
        ("torch.backends.cuda.matmul.fp32_precision = 'tf32'", True),
        ("torch.backends.cuda.matmul.fp32_precision = 'ieee'", False),
        ("torch.backends.fp32_precision = 'tf32'", True),
    ],
)
def test_either_form_is_followed_in_float32_on_cuda(setting: str, allowed: bool):
    """In a process of its own: torch never forgets which form was used."""
    done = subprocess.run(
        [sys.executable, "-c", READ.format(setting=setting)], capture_output=True, text=True
    )
    assert done.stdout.split() == [str(allowed), "False", "False"], done.stderr
