"""Our meshes as Open3D's; the only conversion between the two."""

import numpy as np

from completion.viz.cubes import CubeMesh


def open3d_mesh(mesh: CubeMesh):
    """The same triangles and vertex colours as an `open3d.geometry.TriangleMesh`."""
    import open3d as o3d

    made = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices), o3d.utility.Vector3iVector(mesh.triangles)
    )
    made.vertex_colors = o3d.utility.Vector3dVector(mesh.colours)
    # Without coordinates of its own the renderer reads undefined ones for the (white) texture it always
    # samples, and a software rasteriser then filters that texture for minutes.
    made.triangle_uvs = o3d.utility.Vector2dVector(np.zeros((3 * len(mesh.triangles), 2)))
    return made
