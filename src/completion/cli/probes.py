"""What `completion doctor` tries in a process of its own, because it may fail, hang or crash the interpreter.

`python -m completion.cli.probes NAME FILE` writes one JSON object to FILE, because renderers print on stdout when
they like. Judges nothing: cli/diagnosis.py does.
"""

import json
import sys
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
    """Version of Open3D and the spread of grey values in a picture of a box that it rendered off screen."""
    import numpy as np
    import open3d as o3d

    renderer = o3d.visualization.rendering.OffscreenRenderer(64, 64)
    box = o3d.geometry.TriangleMesh.create_box().compute_vertex_normals()
    renderer.scene.add_geometry("box", box, o3d.visualization.rendering.MaterialRecord())
    renderer.setup_camera(60.0, box.get_center(), box.get_center() + 2.0, [0.0, 1.0, 0.0])
    picture = np.asarray(renderer.render_to_image())
    return {"version": o3d.__version__, "spread": float(picture.std())}


PROBES = {probe.__name__: probe for probe in (torch_build, native_library, off_screen_picture)}

if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(PROBES[sys.argv[1]]()))
