"""A folder of scans with their whole shapes (partial/ and complete/) as pairs; simulates nothing."""

from collections.abc import Sequence
from pathlib import Path

from completion.data.folders import find_files, item_name, require_folder, stamp
from completion.data.orientation import Y_UP, rotation_to_y_up
from completion.data.readers import SUFFIXES, read_points, read_shape
from completion.data.shape import Item, Pair
from completion.data.splits import check_fractions, split_groups
from completion.data.transform import transformed

_SPLIT_FOLDERS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


class PairFolder:
    """Scans under partial/ and whole shapes under complete/, in the same frame, matched by path.

    partial/a.ply belongs to complete/a.ply (suffixes may differ); several scans of one shape lie in a
    folder of its name, as in PCN: partial/chair/a/00.pcd belongs to complete/chair/a.pcd. The first
    folder, if any, is the category. `root` may instead hold train/, val/ and test/ with partial/ and
    complete/ in each; then those are the splits. Scans without a whole shape are reported as skipped.

    Args:
        root: the folder.
        split_fractions: shares of train, validation, test, where the folders do not say.
        seed: of the division.
        up: the data's up direction; everything is turned to y up.
    """

    def __init__(
        self,
        root: str | Path,
        split_fractions: Sequence[float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        up: Sequence[float] = Y_UP,
    ) -> None:
        check_fractions(split_fractions)
        self.root = Path(root)
        self.split_fractions = tuple(float(share) for share in split_fractions)
        self.seed = seed
        self.up = tuple(float(value) for value in up)
        self.rotation = rotation_to_y_up(up)
        self.name = self.root.resolve().name

    def items(self) -> list[Item]:
        """Returns the scans in the order of their paths.

        Raises:
            FileNotFoundError: if the folder is missing.
            ValueError: if there are no scans, saying what was looked for.
        """
        require_folder(self.root, "PairFolder")
        divided = [
            (folder, split) for folder, split in _SPLIT_FOLDERS.items() if self._partial(folder).is_dir()
        ]
        items = []
        for folder, split in divided or [("", "")]:
            items += self._items_of(folder, split)
        if not items:
            raise ValueError(
                f"PairFolder: root must hold partial/ and complete/ with files {' '.join(SUFFIXES)}, "
                f"got none in {self.root}"
            )
        return items

    def load(self, item: Item) -> Pair:
        """Returns scan and whole shape, y up.

        Raises:
            ValueError: if the whole shape is missing or there are several.
        """
        assert item.path is not None
        found = self._complete(item.path)
        if len(found) != 1:
            raise ValueError(
                f"PairFolder: {item.path} must have one file of the same name in complete/, got {len(found)}"
            )
        return Pair(
            transformed(read_points(item.path), self.rotation),
            transformed(read_shape(found[0]), self.rotation),
        )

    def fingerprint(self) -> str:
        """Returns parameters and the state of every file."""
        fixed = (str(self.root.resolve()), self.split_fractions, self.seed, self.up)
        return f"pairs {fixed} {stamp(find_files(self.root, SUFFIXES))}"

    def _partial(self, folder: str) -> Path:
        return self.root / folder / "partial"

    def _items_of(self, folder: str, split: str) -> list[Item]:
        """Returns the items of one pair of folders; an empty `split` divides by group."""
        base = self._partial(folder)
        if not base.is_dir():
            return []
        entries = []
        for path in find_files(base, SUFFIXES):
            relative = path.relative_to(base)
            found = self._complete(path)
            whole = found[0].relative_to(found[0].parents[self._depth(found[0])]) if found else relative
            entries.append((path, relative, whole.with_suffix("").as_posix()))
        splits = split_groups([group for _, _, group in entries], self.split_fractions, self.seed)
        items = []
        for path, relative, group in entries:
            category = relative.parts[0] if len(Path(group).parts) > 1 else "shape"
            items.append(
                Item(item_name(Path(folder) / relative), category, group, split or splits[group], path)
            )
        return items

    def _complete(self, partial: Path) -> list[Path]:
        """Returns the whole shapes of a scan: of the same relative path, else of its folder's."""
        parts = list(partial.with_suffix("").parts)
        at = len(self.root.parts) + parts[len(self.root.parts) :].index("partial")
        for candidate in (parts, parts[:-1]):
            if len(candidate) <= at + 1:
                continue
            stem = Path(*candidate[:at], "complete", *candidate[at + 1 :])
            found = [
                p
                for p in sorted(stem.parent.glob("*"))
                if p.stem == stem.name and p.suffix.lower() in SUFFIXES
            ]
            if found:
                return found
        return []

    def _depth(self, complete: Path) -> int:
        """Returns how many folders below complete/ a file lies."""
        parts = complete.relative_to(self.root).parts
        return len(parts) - parts.index("complete") - 2
