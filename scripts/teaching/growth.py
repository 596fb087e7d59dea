"""Section 8: the sites that generative kernels of several sizes reach from the same three cells."""

from types import SimpleNamespace

from completion.sparse import SparseTensor
from teaching.boards import Board, draw_set, sites, whole
from teaching.colours import INK, ORANGE_PALE, QUIET
from teaching.svg import Drawing

BY_COUNT = {1: "#fde9cb", 2: ORANGE_PALE, 3: "#f2a33c"}
LOWEST = {"corner": 0, "centered": 1}


def growth(page: SimpleNamespace) -> Drawing:
    """Four boards; numbers say how many cells reached a site, frames are the cells."""
    drawing = Drawing("Sites reached by generative transposed convolutions", 316)
    for i, ((size, phase), grown) in enumerate(page.growth.items()):
        check_counts(page, size, phase, grown)
        board = Board(drawing, 28 + 190 * i, 78, 9, 9, 19)
        draw_grown(board, page, size, phase, grown)
    drawing.text(400, 276, "number: cells that reached the site, thick frame: a cell of stride 2", 12.5)
    drawing.text(
        400, 297, "k3 and the centered k4 also reach one voxel back, to lower x and y", 12.5, colour=QUIET
    )
    return drawing


def check_counts(page: SimpleNamespace, size: int, phase: str, grown: SparseTensor) -> None:
    """Brute force over cells and offsets."""
    low = -(size // 2) if size % 2 else -LOWEST[phase] * (size // 2 - 1)
    counts: dict[tuple[int, int], int] = {}
    for x, y in sites(page.parents.coord_map):
        for dx in range(low, low + size):
            for dy in range(low, low + size):
                counts[x + dx, y + dy] = counts.get((x + dx, y + dy), 0) + 1
    reached = zip(sites(grown.coord_map), grown.features[:, 0].tolist(), strict=True)
    assert dict(reached) == counts


def draw_grown(board: Board, page: SimpleNamespace, size: int, phase: str, grown: SparseTensor) -> None:
    """One set with its counts."""
    board.lattice()
    counts = [whole(value) for value in grown.features[:, 0].tolist()]
    draw_set(board, grown.coord_map, lambda row: BY_COUNT[int(counts[row])], counts, 11)
    for site in sites(page.parents.coord_map):
        board.frame(site, 2, 2, INK, 2.25)
    kind = ", centered" if phase == "centered" else ""
    overlap = "disjoint" if size == 2 else "overlapping"
    board.title(f"k{size} s2{kind}", f"{grown.num_rows} sites, {overlap}")
