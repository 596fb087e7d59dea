"""Pictures of voxels: off-screen renders, the window, curves and the report page.

Open3D is imported only when something is drawn, so that everything else runs without it.
"""
