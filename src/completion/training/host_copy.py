"""A number on its way from the GPU, which the host reads when it has queued other work."""

import torch
from torch import Tensor


class HostCopy:
    """Copies a tensor to the CPU behind what is queued; `value` waits for it and for nothing after it."""

    def __init__(self, tensor: Tensor) -> None:
        self._copy = tensor.detach().to("cpu", non_blocking=True)
        self._done = torch.cuda.current_stream(tensor.device).record_event() if tensor.is_cuda else None

    def value(self) -> Tensor:
        """The tensor on the CPU."""
        if self._done is not None:
            self._done.synchronize()
        return self._copy
