"""keep_freed_memory: large blocks are reused; an allocator that the environment sets is left alone."""

import os
import platform
import subprocess
import sys

import pytest

from completion.ops.host_memory import ENVIRONMENT

PROGRAM = """
import resource
import torch
from completion.ops.host_memory import keep_freed_memory

kept = keep_freed_memory()
block = torch.ones(2**24)  # 64 MiB
for _ in range(16):  # until the heap has a place of that size, with room to align it
    block.clone()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    block.clone()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(**variables: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    command = [sys.executable, "-c", PROGRAM]
    output = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=True)
    return output.stdout.split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator has these settings")
def test_freed_blocks_are_reused():
    kept, faults = run()
    pages = 4 * 2**26 // os.sysconf("SC_PAGE_SIZE")
    assert kept == "True"
    assert int(faults) < pages / 100


def test_an_allocator_that_the_environment_sets_is_left_alone():
    assert run(MALLOC_TOP_PAD_="131072")[0] == "False"
