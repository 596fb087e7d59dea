"""A folder of meshes as a source of shapes, with or without a manifest; simulates no scans."""

from collections.abc import Sequence
from pathlib import Path

from completion.data.folders import find_files, hash_of_name, item_name, require_folder, stamp
from completion.data.manifest import Row, first_of_each_path, placed, read_manifest
from completion.data.orientation import Y_UP, rotation_to_y_up
from completion.data.readers import read_mesh
from completion.data.shape import Item, Mesh
from completion.data.splits import check_fractions, split_groups
from completion.data.transform import transformed

MESH_SUFFIXES = (".ply", ".obj", ".stl", ".off", ".glb", ".gltf")


class MeshFolder:
    """All meshes below a folder.

    With `root/manifest.csv` its columns path, category and group say what there is (other columns are
    ignored; a path is below root or below root's parent). Without one, every mesh file counts: its
    category is the first folder below root (root's own name for files right in it), its group the path
    without the suffix. Groups go to splits by a hash of their name, see `split_groups`.

    Args:
        root: the folder.
        split_fractions: shares of train, validation, test.
        seed: of the division.
        limit: at most this many meshes, chosen by hash; None for all.
        up: the meshes' up direction; they are turned to y up.
    """

    def __init__(
        self,
        root: str | Path,
        split_fractions: Sequence[float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        limit: int | None = None,
        up: Sequence[float] = Y_UP,
    ) -> None:
        check_fractions(split_fractions)
        if limit is not None and limit < 1:
            raise ValueError(f"MeshFolder: limit must be at least 1 or null, got {limit}")
        self.root = Path(root)
        self.split_fractions = tuple(float(share) for share in split_fractions)
        self.seed = seed
        self.limit = limit
        self.up = tuple(float(value) for value in up)
        self.rotation = rotation_to_y_up(up)
        self.name = self.root.resolve().name

    def items(self) -> list[Item]:
        """Returns the meshes in the order of their paths.

        Raises:
            FileNotFoundError: if the folder is missing.
            ValueError: if it has no mesh, saying what was looked for.
        """
        require_folder(self.root, "MeshFolder")
        manifest = self.root / "manifest.csv"
        entries = self._listed(manifest) if manifest.is_file() else self._found()
        if not entries and manifest.is_file():
            raise ValueError(
                f"MeshFolder: {manifest} must list meshes ({' '.join(MESH_SUFFIXES)}) under path, got none; "
                "fill it in, or remove it to take all meshes of the folder"
            )
        if not entries:
            raise ValueError(
                f"MeshFolder: root must hold mesh files ({' '.join(MESH_SUFFIXES)}) in it or below it, "
                f"got none in {self.root}"
            )
        if self.limit is not None:
            order = split_order([path.as_posix() for path, _, _ in entries], self.seed)
            entries = [entries[i] for i in sorted(order[: self.limit])]
        splits = split_groups([group for _, _, group in entries], self.split_fractions, self.seed)
        return [
            Item(item_name(path), category, group, splits[group], placed(self.root, path.as_posix()))
            for path, category, group in entries
        ]

    def load(self, item: Item) -> Mesh:
        """Returns the mesh, y up."""
        assert item.path is not None
        mesh = read_mesh(item.path)
        return mesh if self.up == Y_UP else transformed(mesh, self.rotation)

    def fingerprint(self) -> str:
        """Returns parameters and the state of every file."""
        paths = [item.path for item in self.items() if item.path is not None]
        fixed = (str(self.root.resolve()), self.split_fractions, self.seed, self.limit, self.up)
        return f"meshes {fixed} {stamp([self.root / 'manifest.csv', *paths])}"

    def _listed(self, manifest: Path) -> list[tuple[Path, str, str]]:
        """Returns (path, category, group) of the manifest's rows that are meshes; a path counts once."""
        rows: list[Row] = read_manifest(manifest, ("path", "category", "group"))
        rows = [row for row in rows if Path(row["path"]).suffix.lower() in MESH_SUFFIXES]
        rows = first_of_each_path(rows)
        return [(Path(row["path"]), row["category"] or "shape", row["group"] or row["path"]) for row in rows]

    def _found(self) -> list[tuple[Path, str, str]]:
        """Returns (path, category, group) of the files that are there."""
        entries = []
        for path in find_files(self.root, MESH_SUFFIXES):
            relative = path.relative_to(self.root)
            category = relative.parts[0] if len(relative.parts) > 1 else self.name
            entries.append((relative, category, relative.with_suffix("").as_posix()))
        return entries


def split_order(names: Sequence[str], seed: int) -> list[int]:
    """Returns the positions of `names` in an order that follows from each name and the seed."""
    keys = [hash_of_name(f"limit:{seed}:{name}") for name in names]
    return sorted(range(len(names)), key=lambda i: keys[i])
