"""Boards of cells on a drawing: voxels of the plane z = 0, matrices and tables with numbers in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from completion.sparse import CoordMap
from teaching.colours import EMPTY, INK, RULE
from teaching.svg import Drawing, Point

Cell = tuple[int, int]
Paint = str | Callable[[int], str]


@dataclass(frozen=True)
class Board:
    """A board of columns × rows cells with its upper left corner at (x, y).

    Attributes:
        size: width of a cell in pixels.
        height: of a cell; 0 makes it square.
    """

    drawing: Drawing
    x: float
    y: float
    columns: int
    rows: int
    size: float
    height: float = 0

    @property
    def step(self) -> float:
        """Height of a cell."""
        return self.height or self.size

    @property
    def right(self) -> float:
        """x of the right edge."""
        return self.x + self.columns * self.size

    @property
    def bottom(self) -> float:
        """y of the lower edge."""
        return self.y + self.rows * self.step

    def centre(self, column: float, row: float) -> Point:
        """Middle of a cell."""
        return self.x + (column + 0.5) * self.size, self.y + (row + 0.5) * self.step

    def lattice(self, fill: str = EMPTY) -> "Board":
        """Draws all cells empty."""
        width, height = self.columns * self.size, self.rows * self.step
        self.drawing.rect(self.x, self.y, width, height, fill)
        for column in range(self.columns + 1):
            x = self.x + column * self.size
            self.drawing.line([(x, self.y), (x, self.bottom)], RULE, 0.75)
        for row in range(self.rows + 1):
            y = self.y + row * self.step
            self.drawing.line([(self.x, y), (self.right, y)], RULE, 0.75)
        return self

    def fill(self, cell: Cell, colour: str, words: object = "", size: float = 0, ink: str = INK) -> None:
        """Paints one cell and writes into it."""
        x, y = self.x + cell[0] * self.size, self.y + cell[1] * self.step
        self.drawing.rect(x, y, self.size, self.step, colour, RULE, 0.75)
        if words != "":
            self.write(cell, words, size, ink)

    def write(self, cell: Cell, words: object, size: float = 0, ink: str = INK) -> None:
        """Writes into one cell."""
        self.drawing.text(*self.centre(*cell), words, size or min(0.5 * self.size, 13), colour=ink)

    def frame(
        self, cell: Cell, width: int = 1, height: int = 1, colour: str = INK, stroke: float = 2
    ) -> None:
        """Outlines a block of cells."""
        x, y = self.x + cell[0] * self.size, self.y + cell[1] * self.step
        self.drawing.rect(
            x, y, width * self.size, height * self.step, stroke=colour, stroke_width=stroke, radius=2
        )

    def title(self, words: str, note: str = "") -> None:
        """A heading above the board, with an optional quieter second line."""
        middle = self.x + self.columns * self.size / 2
        self.drawing.text(middle, self.y - (32 if note else 15), words, 13, bold=True)
        if note:
            self.drawing.text(middle, self.y - 14, note, 12)


def sites(coord_map: CoordMap) -> list[Cell]:
    """(x, y) of each row of a set in the plane z = 0."""
    assert not coord_map.coords[:, 3].any(), "the figures draw the plane z = 0"
    return [(x, y) for _, x, y, _ in coord_map.coords.tolist()]


def draw_set(
    board: Board,
    coord_map: CoordMap,
    colour: Paint,
    words: Sequence[object] | Mapping[int, object] = (),
    size: float = 0,
) -> None:
    """Paints the voxels of a set, each as large as its stride; words[row] is written into a voxel."""
    sx, sy, _ = coord_map.stride
    for row, (x, y) in enumerate(sites(coord_map)):
        paint = colour if isinstance(colour, str) else colour(row)
        left, top = board.x + x * board.size, board.y + y * board.step
        board.drawing.rect(left, top, sx * board.size, sy * board.step, paint, INK, 0.75)
        if words:
            centre = board.centre(x + (sx - 1) / 2, y + (sy - 1) / 2)
            board.drawing.text(*centre, words[row], size or min(0.5 * sx * board.size, 13))


def whole(value: float) -> str:
    """A whole number without decimals; a figure that would round is refused."""
    assert value == round(value), value
    return str(round(value))
