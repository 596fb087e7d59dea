"""Section 3: the matrix of a padded convolution and the part of it that belongs to the voxels that exist."""

from types import SimpleNamespace

import torch

from teaching.boards import Board, draw_set, whole
from teaching.colours import BLUE_PALE, GREY, OFFSETS, QUIET
from teaching.svg import Drawing

BAND = "#dce8f7"


def sparse_matrix(page: SimpleNamespace) -> Drawing:
    """The shape, the 36×36 matrix with the rows and columns of the shape marked, and the 8×8 part."""
    sparse = page.F.conv(
        page.on(page.shape, torch.ones(6, 6).double()), page.kernel.view(9, 1, 1), None, page.K3
    )
    assert torch.equal(sparse.features.flatten(), page.small.sum(1))

    drawing = Drawing("From the dense matrix to the part of the existing voxels", 372)
    canvas = Board(drawing, 28, 76, 6, 6, 25).lattice()
    canvas.title("8 of 36 pixels exist", "numbers: their rows")
    draw_set(canvas, page.shape, BLUE_PALE, range(8), 12.5)
    draw_dense(drawing, page)
    draw_small(drawing, page)
    drawing.arrow((185, 190), (214, 190), QUIET)
    drawing.arrow((496, 190), (525, 190), QUIET)
    return drawing


def draw_dense(drawing: Drawing, page: SimpleNamespace) -> None:
    """The 36×36 matrix as coloured dots; bands mark the rows and columns that stay."""
    board = Board(drawing, 226, 76, 36, 36, 7)
    drawing.rect(board.x, board.y, 252, 252, "#ffffff", GREY)
    here = page.here.tolist()
    for pixel in here:
        drawing.rect(board.x + 7 * pixel, board.y, 7, 252, BAND)
        drawing.rect(board.x, board.y + 7 * pixel, 252, 7, BAND)
    for i, j in page.padded.nonzero().tolist():
        stays = i in here and j in here
        x, y = board.x + 7 * j, board.y + 7 * i
        if stays:
            drawing.rect(x, y, 7, 7, OFFSETS[int(page.padded[i, j]) - 1], "#22262e", 0.9)
        else:
            drawing.rect(x + 1.5, y + 1.5, 4, 4, "#c3c7cf")
    count = int((page.padded != 0).sum())
    board.title("dense, padded: 36×36", f"{count} entries that are not zero")
    drawing.text(352, 345, "bands: rows and columns of the 8 pixels", 12, colour=QUIET)


def draw_small(drawing: Drawing, page: SimpleNamespace) -> None:
    """The 8×8 matrix with its weights."""
    board = Board(drawing, 552, 76, 8, 8, 27).lattice()
    for i, j in page.small.nonzero().tolist():
        weight = float(page.small[i, j])
        board.fill((j, i), OFFSETS[int(weight) - 1], whole(weight))
    for row in range(8):
        drawing.text(541, board.centre(0, row)[1], row, 11, colour=QUIET)
        drawing.text(board.centre(row, 0)[0], board.bottom + 10, row, 11, colour=QUIET)
    count = int((page.small != 0).sum())
    board.title("what is left: 8×8", f"{count} entries, one colour per offset")
    drawing.text(660, 322, "row: output voxel, column: input voxel", 12, colour=QUIET)
    drawing.text(660, 345, "in the order of the set's rows", 12, colour=QUIET)
