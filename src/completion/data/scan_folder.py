"""A folder of scans without truth, to be completed; simulates nothing and prepares nothing."""

from collections.abc import Sequence
from pathlib import Path

from completion.data.folders import find_files, item_name, require_folder, stamp
from completion.data.orientation import Y_UP, rotation_to_y_up
from completion.data.readers import SUFFIXES, read_points
from completion.data.shape import Item, Points
from completion.data.transform import transformed


class ScanFolder:
    """All point files below a folder; all in the split "test", because there is nothing to learn from.

    Args:
        root: the folder.
        up: the scans' up direction; they are turned to y up.
        results: files below this folder are no scans, if it lies below `root`.
    """

    def __init__(
        self, root: str | Path, up: Sequence[float] = Y_UP, results: str | Path | None = None
    ) -> None:
        self.root = Path(root)
        self.up = tuple(float(value) for value in up)
        self.rotation = rotation_to_y_up(up)
        self.results = None if results is None else _apart(self.root, Path(results))
        self.name = self.root.resolve().name

    def items(self) -> list[Item]:
        """Returns the scans in the order of their paths.

        Raises:
            FileNotFoundError: if the folder is missing.
            ValueError: if there is no scan, saying what was looked for.
        """
        require_folder(self.root, "ScanFolder")
        paths = [path for path in find_files(self.root, SUFFIXES) if self._is_scan(path)]
        if not paths:
            raise ValueError(
                f"ScanFolder: root must hold files {' '.join(SUFFIXES)}, got none in {self.root}"
            )
        relative = [path.relative_to(self.root) for path in paths]
        return [
            Item(
                item_name(name),
                name.parts[0] if len(name.parts) > 1 else "scan",
                name.as_posix(),
                "test",
                path,
            )
            for name, path in zip(relative, paths, strict=True)
        ]

    def _is_scan(self, path: Path) -> bool:
        """Returns whether a file of a known suffix is a scan."""
        # Real paths: a link may lead to the results too.
        is_result = self.results is not None and path.parent.resolve().is_relative_to(self.results)
        return path.name != "manifest.csv" and not is_result

    def load(self, item: Item) -> Points:
        """Returns the points, y up."""
        assert item.path is not None
        return transformed(read_points(item.path), self.rotation)

    def fingerprint(self) -> str:
        """Returns parameters and the state of every file."""
        paths = [item.path for item in self.items() if item.path is not None]
        return f"scans {self.root.resolve()} {self.up} {stamp(paths)}"


def _apart(root: Path, folder: Path) -> Path | None:
    """Returns the folder's real path, or None if the root lies in it: then all that is asked for would."""
    whole, top = folder.resolve(), root.resolve()
    return whole if whole == top or not top.is_relative_to(whole) else None
