"""Section 4: the table of neighbours, and gather, multiply, scatter for one offset."""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor

from completion.sparse import kernel_offsets
from teaching.boards import Board, draw_set, whole
from teaching.colours import BLUE_PALE, EMPTY, FAINT, GREEN_PALE, GREY, INK, OFFSETS, QUIET
from teaching.svg import Drawing

OFFSET = 5


def gather_multiply_scatter(page: SimpleNamespace) -> Drawing:
    """Shape and table above; below, the pairs of offset 5 through one product."""
    table = page.pairs.table
    targets = (table[:, OFFSET] >= 0).nonzero()[:, 0]
    sources = table[targets, OFFSET].long()
    gathered = page.features[sources]
    products = gathered @ page.weights[OFFSET]
    assert torch.equal(page.total, page.result.features)

    drawing = Drawing("Kernel map table; gather, multiply, scatter", 640)
    canvas = Board(drawing, 36, 86, 6, 6, 30).lattice()
    canvas.title("voxels and their rows")
    draw_set(canvas, page.shape, BLUE_PALE, range(8), 13)
    draw_table(drawing, table)
    drawing.line([(28, 338), (772, 338)], GREY, 1)
    drawing.text(400, 362, f"offset k = {OFFSET}, the neighbour to the right", 14, bold=True)
    draw_steps(drawing, page, targets, sources, gathered, products)
    return drawing


def draw_table(drawing: Drawing, table: Tensor) -> None:
    """The table [M, K] with its offsets above."""
    board = Board(drawing, 318, 86, 9, 8, 48, 27).lattice()
    offsets = kernel_offsets((3, 3, 1))
    for k in range(9):
        x, _ = board.centre(k, 0)
        drawing.text(x, 34, f"k = {k}", 12)
        drawing.rect(x - 23, 44, 46, 38, OFFSETS[k], radius=3)
        drawing.text(x, 56, f"x {sign(offsets[3 * k])}", 11.5)
        drawing.text(x, 72, f"y {sign(offsets[3 * k + 1])}", 11.5)
        for m in range(8):
            row = int(table[m, k])
            if row >= 0:
                board.fill((k, m), OFFSETS[k], row)
            else:
                board.write((k, m), "−1", 11, FAINT)
    for m in range(8):
        drawing.text(302, board.centre(0, m)[1], m, 12)
    drawing.text(302, 72, "m", 12)
    board.frame((OFFSET, 0), 1, 8)
    drawing.text(
        534, 320, "kernel map table T [M, K]: the row of the neighbour, −1 for none", 12, colour=QUIET
    )


def draw_steps(
    drawing: Drawing,
    page: SimpleNamespace,
    targets: Tensor,
    sources: Tensor,
    gathered: Tensor,
    products: Tensor,
) -> None:
    """features → gathered × W = products → their place in the output, and the finished output."""
    top = 424
    features = numbers(
        drawing, 52, top, page.features, lambda m: BLUE_PALE if m in sources.tolist() else EMPTY
    )
    features.title("features", "[8, C_in = 2]")
    left = numbers(drawing, 214, top + 46, gathered, lambda _: BLUE_PALE)
    left.title("gather", f"[{len(sources)}, 2]")
    weight = numbers(drawing, 318, top + 69, page.weights[OFFSET], lambda _: OFFSETS[OFFSET])
    weight.title("W₅", "[2, C_out = 3]")
    right = numbers(drawing, 450, top + 46, products, lambda _: GREEN_PALE)
    right.title("multiply", f"[{len(targets)}, 3]")
    drawing.text(298, top + 92, "×", 18)
    drawing.text(432, top + 92, "=", 18)
    contribution = torch.zeros_like(page.total)
    contribution[targets] = products
    scattered = Board(drawing, 590, top, 3, 8, 28, 23).lattice()
    for n, m in enumerate(targets.tolist()):
        for c in range(3):
            scattered.fill((c, m), GREEN_PALE, signed(float(products[n, c])), 12)
        drawing.line([(right.right + 2, right.centre(0, n)[1]), (568, scattered.centre(0, m)[1])], QUIET, 1)
        source = features.centre(0, int(sources[n]))[1]
        drawing.line([(features.right + 2, source), (left.x - 2, left.centre(0, n)[1])], QUIET, 1)
    scattered.title("scatter: +=", "[8, 3]")
    total = numbers(drawing, 692, top, page.total, lambda _: EMPTY)
    total.title("after all k", "[8, 3]")
    for m in range(8):
        drawing.text(features.x - 14, features.centre(0, m)[1], m, 12, colour=QUIET)
        drawing.text(
            scattered.x - 8, scattered.centre(0, m)[1], m, 12, "end", QUIET if m not in targets else INK
        )


def numbers(drawing: Drawing, x: float, y: float, values: Tensor, colour: Callable[[int], str]) -> Board:
    """A matrix of whole numbers; colour(row) paints a row."""
    board = Board(drawing, x, y, values.shape[1], values.shape[0], 28, 23).lattice()
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            board.fill((column, row), colour(row), signed(float(values[row, column])), 12)
    return board


def signed(value: float) -> str:
    """A whole number with a proper minus sign."""
    return whole(value).replace("-", "−")


def sign(step: int) -> str:
    """−1, 0 or +1."""
    return "0" if step == 0 else f"{step:+d}".replace("-", "−")
