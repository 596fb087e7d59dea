"""Section 5, lower half: bisection in the sorted keys as in ops.lookup, and a brick as in ops.kernel_map."""

from types import SimpleNamespace

import torch

from completion import ops
from teaching.boards import Board
from teaching.colours import BLUE_PALE, EMPTY, FAINT, GREEN_PALE, INK, ORANGE_PALE, QUIET
from teaching.svg import Drawing

VOXEL = (3, 2)


def morton(x: int, y: int) -> int:
    """Interleaved bits of a voxel in the plane z = 0, x lowest."""
    return sum(((x >> bit) & 1) << 3 * bit | ((y >> bit) & 1) << 3 * bit + 1 for bit in range(16))


def draw_bisection(drawing: Drawing, page: SimpleNamespace, codes: list[int]) -> None:
    """The search for the right neighbour of row 2, step by step, in the sorted keys."""
    query = morton(VOXEL[0] + 1, VOXEL[1])
    found = int(ops.lookup(page.shape.keys, torch.tensor([query + page.origin])))
    drawing.text(208, 372, "ops.lookup: bisection in the sorted keys", 13, bold=True)
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
    draw_search_legend(drawing, board.bottom + 40)


def draw_search_legend(drawing: Drawing, y: float) -> None:
    """Colours of the search."""
    legend = ((40, BLUE_PALE, "may still hold it"), (178, ORANGE_PALE, "compared: < right, ≥ left"))
    for x, colour, words in legend:
        drawing.rect(x, y - 6, 12, 12, colour, QUIET, 0.75)
        drawing.text(x + 18, y, words, 12, "start")


def draw_step(drawing: Drawing, codes: list[int], step: int, span: range, middle: int, below: bool) -> None:
    """One line: the keys still in question, and the one that is compared."""
    board = Board(drawing, 58, 440 + 38 * step, 8, 1, 39, 26).lattice()
    for row, code in enumerate(codes):
        if row in span:
            board.fill((row, 0), ORANGE_PALE if row == middle else BLUE_PALE, code, 12)
        else:
            board.write((row, 0), code, 12, FAINT)
        if step == 0:
            drawing.text(board.centre(row, 0)[0], 424, f"row {row}", 11, colour=QUIET)
    drawing.text(board.right + 8, board.y + 13, "<" if below else "≥", 14, "start")


def draw_brick(drawing: Drawing, page: SimpleNamespace, codes: list[int]) -> None:
    """The brick of the first 64 codes: its occupancy word, and a row by counting bits."""
    inside = [code for code in codes if code < 64]
    word = sum(1 << code for code in inside)
    target = morton(3, 3)
    row = bin(word & ((1 << target) - 1)).count("1")
    assert codes.index(target) == row

    drawing.text(602, 372, "ops.kernel_map: the framed brick as one word", 13, bold=True)
    drawing.text(602, 391, "64 bits, one for each of its 4×4×4 voxels; here z = 0", 12)
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
    drawing.text(602, 606, f"below bit {target}, {row} bits are set: {row} rows come before", 12.5)
