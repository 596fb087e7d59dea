"""What `completion doctor` tries in a process of its own, because it may fail, hang or crash the interpreter.

`python -m completion.cli.probes NAME FILE` writes one JSON object to FILE; stdout is left to the renderers.
Judges nothing: cli/diagnosis.py does.
"""

import importlib.metadata
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path


def torch_build() -> dict[str, object]:
    """Torch's version, threads, vector instructions and the CUDA devices that it sees."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda,
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
    }


def native_library() -> dict[str, object]:
    """The native library after one operator has run: where it lies and which backends are in it."""
    import torch

    from completion import ops
    from completion.ops import build

    coords = torch.tensor([[0, 1, 2, 3]], dtype=torch.int32)
    if not torch.equal(ops.decode(ops.encode(coords)), coords):
        raise RuntimeError(
            "native_library: decode(encode(coords)) must be coords, got something else; build it again"
        )
    return {
        key: str(value) if isinstance(value, Path) else value
        for key, value in asdict(build.describe()).items()
    }


def off_screen_picture() -> dict[str, object]:
    """Bytes of a small picture of a block that the program's own renderer wrote, and Open3D's version."""
    import numpy as np

    from completion.viz.picture import completion_picture
    from completion.viz.render import save_pictures

    block = np.argwhere(np.ones((4, 4, 4))).astype(np.int32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.png"
        save_pictures([(completion_picture("a block", block, block), path)], panel_edge=160)
        return {"version": importlib.metadata.version("open3d"), "bytes": path.stat().st_size}


PROBES = {probe.__name__: probe for probe in (torch_build, native_library, off_screen_picture)}

if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(PROBES[sys.argv[1]]()))
