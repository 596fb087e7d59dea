"""The colours of the figures: the project's own for voxels, pale ones for kernel offsets."""

from completion.viz.palette import INPUT, MISSING, SHAPE, WRONG, Colour


def hex_of(colour: Colour, paleness: float = 0.0) -> str:
    """`#rrggbb` of a colour, mixed with white by `paleness` 0…1."""
    mixed = [value + (1 - value) * paleness for value in colour]
    return "#" + "".join(f"{round(255 * value):02x}" for value in mixed)


GROUND = "#fbfaf7"
INK = "#22262e"
QUIET = "#5d6470"
FAINT = "#6c727d"
RULE = "#c9ccd2"
EMPTY = "#ffffff"

BLUE, BLUE_PALE = hex_of(INPUT), hex_of(INPUT, 0.6)
GREY, GREY_PALE = hex_of(SHAPE), hex_of(SHAPE, 0.55)
RED, RED_PALE = hex_of(MISSING), hex_of(MISSING, 0.65)
ORANGE, ORANGE_PALE = hex_of(WRONG), hex_of(WRONG, 0.55)
GREEN, GREEN_PALE = "#2c8a63", "#a9d8c2"

# One per offset of a 3×3 kernel, first axis fastest: rows of the kernel are red, yellow-green, blue.
OFFSETS = (
    "#f2b8b0",
    "#f5cba2",
    "#f3e0a0",
    "#d5e6a3",
    "#c3c7cf",
    "#a8dfc4",
    "#a5d8e6",
    "#b0c4f0",
    "#d6bdee",
)
