"""Sections 1 and 2: the unrolled matrix of a dense convolution, and its transpose."""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor

from teaching.boards import Board, whole
from teaching.colours import BLUE_PALE, FAINT, GREEN_PALE, INK, OFFSETS, QUIET
from teaching.svg import Drawing


def unrolled_matrix(page: SimpleNamespace) -> Drawing:
    """The 4×16 matrix between the image and the result."""
    product = page.matrix @ page.pixels.flatten()
    grid = page.CoordMap.from_coords(page.grid.coords)
    engine = page.F.conv(
        page.on(grid, page.pixels), page.kernel.view(9, 1, 1), kernel_size=page.K3, target=page.inner
    )
    assert torch.equal(page.image_of(engine, 3, 3)[1:, 1:].flatten(), product)

    drawing = Drawing("The matrix of a 3×3 convolution of a 4×4 image", 430)
    image = board_of(drawing, 60, 50, page.pixels, 28, lambda *_: BLUE_PALE)
    image.title("image")
    kernel = board_of(drawing, 262, 64, page.kernel, 28, lambda row, column: OFFSETS[3 * row + column])
    kernel.title("kernel")
    result = board_of(drawing, 436, 78, product.view(2, 2), 28, lambda *_: GREEN_PALE)
    result.title("result")
    drawing.text(217, 106, "∗", 20)
    drawing.text(391, 106, "=", 20)
    frame_first_window(image)
    window = (page.pixels[:3, :3] * page.kernel).int().tolist()
    assert sum(map(sum, window)) == product[0]
    drawing.text(545, 70, "The framed window, times the kernel:", 12, "start", QUIET)
    for i, line in enumerate(window):
        end = "  +" if i < 2 else f"  =  {whole(float(product[0]))}"
        drawing.text(545, 94 + 22 * i, "  +  ".join(map(str, line)) + end, 12.5, "start")

    draw_equation(drawing, page, product)
    return drawing


def frame_first_window(image: Board) -> None:
    """Outlines the pixels under the kernel's first position."""
    image.frame((0, 0), 3, 3)


def draw_equation(drawing: Drawing, page: SimpleNamespace, product: Tensor) -> None:
    """The image as a row above the matrix, the result beside it."""
    kernel_index = offset_of_entries(page)
    columns = Board(drawing, 84, 228, 16, 1, 36, 28).lattice()
    for j, value in enumerate(page.pixels.flatten().tolist()):
        columns.fill((j, 0), BLUE_PALE, whole(value))
        drawing.text(columns.centre(j, 0)[0], 214, f"{j % 4},{j // 4}", 11, colour=QUIET)
    drawing.text(44, 214, "x,y", 11, colour=QUIET)
    drawing.text(44, 242, "image", 12)
    matrix = Board(drawing, 84, 272, 16, 4, 36, 28).lattice()
    result = Board(drawing, 696, 272, 1, 4, 44, 28).lattice()
    for i in range(4):
        for j in range(16):
            k = int(kernel_index[i, j])
            if k >= 0:
                matrix.fill((j, i), OFFSETS[k], whole(float(page.matrix[i, j])))
            else:
                matrix.write((j, i), "0", 11, FAINT)
        result.fill((0, i), GREEN_PALE, whole(float(product[i])))
        drawing.text(44, result.centre(0, i)[1], f"row {i}", 12)
    for j in range(0, 17, 4):
        drawing.line([(84 + 36 * j, 228), (84 + 36 * j, 384)], INK, 1.25)
    drawing.text(678, 328, "=", 18)
    drawing.text(718, 242, "result", 12)
    note = "Each entry stands under its pixel. A row times the image, summed, is one number of the result."
    drawing.text(400, 409, note, 12.5)


def offset_of_entries(page: SimpleNamespace) -> Tensor:
    """Which of the nine weights each entry of the matrix is, −1 for none: int64 [4, 16]."""
    index = page.matrix.long() - 1  # the weights are 1…9
    assert torch.equal(page.matrix, torch.where(index >= 0, index + 1, 0).double())
    return index


def transposed_matrix(page: SimpleNamespace) -> Drawing:
    """Each row of the matrix as an image, times one value; the sum is the transposed convolution."""
    stamps = page.matrix.view(4, 4, 4) * page.errors.flatten()[:, None, None]
    assert torch.equal(stamps.sum(0), page.spread)
    assert torch.equal(page.image_of(page.z, 4, 4), page.spread)

    drawing = Drawing("The transposed convolution: four stamps and their sum", 292)
    drawing.text(
        400, 26, "Each value times the kernel, at its own place; the sum is the product", 13, bold=True
    )
    kernel_index = offset_of_entries(page).view(4, 4, 4)
    for i in range(4):
        x = 32 + 150 * i
        board = Board(drawing, x, 92, 4, 4, 29).lattice()
        for row in range(4):
            for column in range(4):
                k = int(kernel_index[i, row, column])
                if k >= 0:
                    board.fill((column, row), OFFSETS[k], whole(float(stamps[i, row, column])), 12)
        draw_value(drawing, x, i, page.errors)
        drawing.text(board.right + 17, 150, "+" if i < 3 else "=", 18)
    board = board_of(drawing, 650, 92, page.spread, 29, lambda *_: GREEN_PALE)
    drawing.text(708, 62, "result", 13, bold=True)
    drawing.text(90, 230, "row 0 of the matrix", 12, colour=QUIET)
    for i in range(1, 4):
        drawing.text(90 + 150 * i, 230, f"row {i}", 12, colour=QUIET)
    corner, centre = whole(float(page.spread[0, 0])), whole(float(page.spread[1, 1]))
    terms = " + ".join(whole(float(value)) for value in stamps[:, 1, 1])
    note = f"A corner is reached by one stamp ({corner}), a middle pixel by all four: {terms} = {centre}."
    drawing.text(400, 264, note, 12.5)
    board.frame((1, 1))
    return drawing


def draw_value(drawing: Drawing, x: float, i: int, errors: Tensor) -> None:
    """The 2×2 values with the i-th one marked, above its stamp."""
    board = Board(drawing, x + 14, 46, 2, 2, 18).lattice()
    for j, value in enumerate(errors.flatten().tolist()):
        board.fill((j % 2, j // 2), GREEN_PALE if j == i else "#ffffff", whole(value), 11)
    drawing.text(x + 92, 64, f"{whole(float(errors.flatten()[i]))} × kernel", 12.5)


def board_of(
    drawing: Drawing, x: float, y: float, values: Tensor, size: float, colour: Callable[[int, int], str]
) -> Board:
    """A matrix of whole numbers; colour(row, column) paints each cell."""
    rows, columns = values.shape
    board = Board(drawing, x, y, columns, rows, size).lattice()
    for row in range(rows):
        for column in range(columns):
            board.fill((column, row), colour(row, column), whole(float(values[row, column])), 12.5)
    return board
