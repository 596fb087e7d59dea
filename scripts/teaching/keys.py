"""Section 5: Morton order and the bits of one key; search.py draws the two look-ups below them."""

from types import SimpleNamespace

from teaching.boards import Board, draw_set, sites
from teaching.colours import BLUE_PALE, FAINT, GREEN_PALE, GREY, INK, QUIET, RED_PALE
from teaching.search import VOXEL, draw_bisection, draw_brick, morton
from teaching.svg import Drawing

AXES = (("x", RED_PALE), ("y", GREEN_PALE), ("z", BLUE_PALE))


def keys(page: SimpleNamespace) -> Drawing:
    """Four panels, all on the shape of section 3."""
    codes = (page.shape.keys - page.origin).tolist()
    assert codes == [morton(x, y) for x, y in sites(page.shape)] == sorted(codes)

    drawing = Drawing("Keys: Morton order, interleaved bits, bisection, bricks", 642)
    draw_order(drawing, page, codes)
    draw_bits(drawing, page)
    drawing.line([(28, 346), (772, 346)], GREY, 1)
    draw_bisection(drawing, page, codes)
    draw_brick(drawing, page, codes)
    return drawing


def draw_order(drawing: Drawing, page: SimpleNamespace, codes: list[int]) -> None:
    """The z-curve through 8×8 pixels; the voxels of the shape carry their codes."""
    board = Board(drawing, 40, 74, 8, 8, 31).lattice()
    board.title("Morton order in the plane z = 0", "the set's voxels carry their low key bits")
    curve = sorted(((x, y) for x in range(8) for y in range(8)), key=lambda site: morton(*site))
    draw_set(board, page.shape, BLUE_PALE)
    drawing.line([board.centre(*site) for site in curve], FAINT, 1)
    for (x, y), code in zip(sites(page.shape), codes, strict=True):
        middle, height = board.centre(x, y)
        drawing.rect(middle - 12, height - 8, 24, 16, BLUE_PALE)
        drawing.text(middle, height, code, 12, bold=True)
    board.frame((0, 0), 4, 4, INK, 1.5)


def draw_bits(drawing: Drawing, page: SimpleNamespace) -> None:
    """The bits of one voxel's coordinates, interleaved, and the whole key."""
    x, y = VOXEL
    left, top = 366, 104
    drawing.text(570, 42, f"one voxel: x = {x}, y = {y}, z = 0", 13, bold=True)
    drawing.text(570, 61, "low three bits of each axis, interleaved", 12)
    for axis, (name, colour) in enumerate(AXES):
        board = Board(drawing, left + 142 * axis, top, 3, 1, 32, 28)
        drawing.text(board.centre(1, 0)[0], top - 14, f"{name} = {(x, y, 0)[axis]}", 12)
        for bit in range(3):
            board.fill((2 - bit, 0), colour, ((x, y, 0)[axis] >> bit) & 1, 13)
    code = morton(x, y)
    woven = Board(drawing, 399, 212, 9, 1, 38, 30)
    for place in range(9):
        axis, bit = place % 3, place // 3
        name, colour = AXES[axis]
        cell = 8 - place
        woven.fill((cell, 0), colour, (code >> place) & 1, 13)
        drawing.text(woven.centre(cell, 0)[0], 254, f"{name}{'₀₁₂'[bit]}", 12, colour=QUIET)
        source = (left + 142 * axis + 32 * (2 - bit) + 16, top + 30)
        drawing.line([source, (woven.centre(cell, 0)[0], 210)], QUIET, 0.9)
    value = page.key - page.origin
    assert value == code
    drawing.text(570, 280, f"= {code}, the low bits of the 64-bit key", 13)
    drawing.text(570, 306, f"0x{page.key % 2**64:016x}", 14, mono=True, bold=True)
    drawing.text(570, 327, "above: the shift by 32,768, and 16 bits of batch", 12, colour=QUIET)
