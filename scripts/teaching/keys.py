"""Section 5: Morton order, the bits of one key, bisection in sorted keys, a brick of the CPU's look-up."""

from types import SimpleNamespace

import torch

from completion import ops
from teaching.boards import Board, draw_set, sites
from teaching.colours import BLUE_PALE, EMPTY, FAINT, GREEN_PALE, GREY, INK, ORANGE_PALE, QUIET, RED_PALE
from teaching.svg import Drawing

AXES = (("x", RED_PALE), ("y", GREEN_PALE), ("z", BLUE_PALE))
VOXEL = (3, 2)


def keys(page: SimpleNamespace) -> Drawing:
    """Four panels, all on the shape of section 3."""
    codes = (page.shape.keys - page.origin).tolist()
    assert codes == [morton(x, y) for x, y in sites(page.shape)] == sorted(codes)

    drawing = Drawing("Keys: Morton order, interleaved bits, bisection, bricks", 628)
    draw_order(drawing, page, codes)
    draw_bits(drawing, page)
    drawing.line([(28, 346), (772, 346)], GREY, 1)
    draw_bisection(drawing, page, codes)
    draw_brick(drawing, page, codes)
    return drawing


def morton(x: int, y: int) -> int:
    """Interleaved bits of a voxel in the plane z = 0, x lowest."""
    return sum(((x >> bit) & 1) << 3 * bit | ((y >> bit) & 1) << 3 * bit + 1 for bit in range(16))


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


def draw_bisection(drawing: Drawing, page: SimpleNamespace, codes: list[int]) -> None:
    """The search for the right neighbour of row 2, step by step, in the sorted keys."""
    query = morton(VOXEL[0] + 1, VOXEL[1])
    found = int(ops.lookup(page.shape.keys, torch.tensor([query + page.origin])))
    drawing.text(208, 372, "CUDA: bisection in the sorted keys", 13, bold=True)
    drawing.text(208, 391, f"right neighbour of row 2: which row has {query}?", 12)
    first, length, step = 0, len(codes), 0
    while length > 0:
        half = length // 2
        middle = first + half
        draw_step(drawing, codes, step, range(first, first + length), middle, codes[middle] < query)
        first, length = (middle + 1, length - half - 1) if codes[middle] < query else (first, half)
        step += 1
    assert first == found and codes[first] == query
    board = Board(drawing, 58, 440 + 38 * step, 8, 1, 39, 26).lattice()
    for row, code in enumerate(codes):
        board.fill((row, 0), GREEN_PALE if row == first else EMPTY, code, 12)
    drawing.text(208, board.bottom + 17, f"found: row {first}", 13, bold=True)


def draw_step(drawing: Drawing, codes: list[int], step: int, span: range, middle: int, below: bool) -> None:
    """One line: the keys still in question, and the one that is compared."""
    board = Board(drawing, 58, 440 + 38 * step, 8, 1, 39, 26).lattice()
    for row, code in enumerate(codes):
        if row in span:
            board.fill((row, 0), ORANGE_PALE if row == middle else BLUE_PALE, code, 12)
        else:
            board.write((row, 0), code, 12, FAINT)
        if step == 0:
            drawing.text(board.centre(row, 0)[0], 424, f"row {row}", 10.5, colour=QUIET)
    drawing.text(board.right + 8, board.y + 13, "<" if below else "≥", 14, "start")


def draw_brick(drawing: Drawing, page: SimpleNamespace, codes: list[int]) -> None:
    """The brick of the first 64 codes: its occupancy word, and a row by counting bits."""
    inside = [code for code in codes if code < 64]
    word = sum(1 << code for code in inside)
    target = morton(3, 3)
    row = bin(word & ((1 << target) - 1)).count("1")
    assert codes.index(target) == row

    drawing.text(602, 372, "CPU: the framed brick as one 64-bit word", 13, bold=True)
    drawing.text(602, 391, "a bit for each of its 4×4×4 voxels; here z = 0", 12)
    board = Board(drawing, 470, 424, 4, 4, 34).lattice()
    for x in range(4):
        for y in range(4):
            code = morton(x, y)
            occupied = code in inside
            board.fill((x, y), BLUE_PALE if occupied else EMPTY, code, 12, INK if occupied else FAINT)
    board.frame((3, 3))
    drawing.text(538, 574, "number: bit", 12, colour=QUIET)
    lines = (
        ("bits that are set", ", ".join(map(str, inside))),
        ("word", f"0x{word:x}"),
        ("rows before this brick", "0"),
        ("row of the framed voxel", f"0 + {row} = {row}"),
    )
    for i, (name, value) in enumerate(lines):
        drawing.text(622, 430 + 42 * i, name, 12, "start", QUIET)
        drawing.text(622, 448 + 42 * i, value, 12.5, "start", bold=i == 3)
    drawing.text(602, 604, f"set bits below bit {target}: {row}, so its row is 0 + {row}", 12.5)
