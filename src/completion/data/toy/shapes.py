"""The source of toy shapes: which recipe, which seed, which split; the recipes themselves live beside it."""

from collections.abc import Callable

import numpy as np

from completion.data.shape import Item, Mesh
from completion.data.splits import SPLITS
from completion.data.toy.boats import boat
from completion.data.toy.cars import car
from completion.data.toy.furniture import lamp, laptop, shelf, table
from completion.data.toy.parts import rotated
from completion.data.toy.planes import plane
from completion.data.toy.seating import bed, chair, sofa
from completion.data.toy.vessels import bottle, mug, teapot, vase

RECIPES: dict[str, Callable[[np.random.Generator], Mesh]] = {
    "chair": chair,
    "car": car,
    "mug": mug,
    "table": table,
    "plane": plane,
    "lamp": lamp,
    "bottle": bottle,
    "sofa": sofa,
    "teapot": teapot,
    "bed": bed,
    "boat": boat,
    "shelf": shelf,
    "vase": vase,
    "laptop": laptop,
}
CATEGORIES = tuple(RECIPES)
VERSION = 1  # raise it when a recipe changes, so that prepared data are made anew
MAX_YAW = 15.0  # degrees; larger turns come from the augmentation, by quarters


class ToyShapes:
    """Made-up everyday things in upright pose, metres, y up.

    Each item has its own generator, seeded by (seed, split, index): a split never repeats another's shapes,
    and asking for more items keeps the first ones as they were. Categories take turns. The heading is the
    recipe's (front towards +z) turned by a random yaw of at most ±15°.

    Args:
        seed: of all shapes.
        num_train, num_validation, num_test: shapes per split.
    """

    name = "toy"

    def __init__(
        self, seed: int = 0, num_train: int = 420, num_validation: int = 70, num_test: int = 70
    ) -> None:
        counts = (num_train, num_validation, num_test)
        if min(counts) < 0 or sum(counts) == 0:
            raise ValueError(
                f"ToyShapes: num_train, num_validation, num_test must be counts, not all 0, got {counts}"
            )
        if seed < 0:
            raise ValueError(f"ToyShapes: seed must be at least 0, got {seed}")
        self.seed = seed
        self.counts = counts

    def items(self) -> list[Item]:
        """Returns all items, split after split."""
        items = []
        for split, count in zip(SPLITS, self.counts, strict=True):
            for index in range(count):
                category = CATEGORIES[index % len(CATEGORIES)]
                name = f"{category}_{split}_{index:05d}"
                items.append(Item(name, category, name, split))
        return items

    def load(self, item: Item) -> Mesh:
        """Returns the mesh of one item."""
        index = int(item.name.rsplit("_", 1)[1])
        rng = np.random.default_rng([self.seed, SPLITS.index(item.split), index])
        mesh = RECIPES[item.category](rng)
        return rotated(mesh, "y", rng.uniform(-MAX_YAW, MAX_YAW))

    def fingerprint(self) -> str:
        """Returns the recipe's version and parameters."""
        return f"toy {VERSION} seed {self.seed} counts {self.counts}"
