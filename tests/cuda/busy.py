"""Other work for the GPU, beside what a test launches."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def busy(device: torch.device, products: int = 300) -> Iterator[None]:
    """Products on another stream, a tenth of a second of them: blocks of the body start in another order."""
    stream = torch.cuda.Stream(device)
    with torch.cuda.stream(stream):
        noise = torch.randn(2048, 2048, device=device)
        for _ in range(products):
            noise = (noise @ noise).clamp(-1, 1)
    yield
    stream.synchronize()
