"""Sections 6 and 7: a set and the sets made from it; counts down and back up on recorded voxels."""

from types import SimpleNamespace

import torch
from torch import Tensor

from completion.sparse import CoordMap
from teaching.boards import Board, Paint, draw_set, whole
from teaching.colours import BLUE_PALE, GREEN_PALE, GREY_PALE, ORANGE_PALE, QUIET
from teaching.svg import Drawing


def coordinate_maps(page: SimpleNamespace) -> Drawing:
    """scan → cells → upper → grown → both, with the links of their rows."""
    known = set(page.scan.keys.tolist()) | set(page.grown.keys.tolist())
    assert set(page.both.keys.tolist()) == known

    drawing = Drawing("Coordinate maps and the row links between them", 580)
    scan = draw_map(drawing, 40, 74, page.scan, BLUE_PALE, "scan", "stride 1")
    cells = draw_map(drawing, 312, 74, page.cells, GREY_PALE, "cells", "stride 2")
    upper = draw_map(drawing, 584, 74, page.upper, GREY_PALE, "upper", "stride 2")
    grown = draw_map(drawing, 584, 352, page.grown, ORANGE_PALE, "grown", "stride 1")
    origin = origin_of(page)
    both = draw_map(drawing, 312, 352, page.both, lambda row: origin[row], "both", "stride 1")
    draw_arrow_right(drawing, scan, cells, "strided")
    draw_arrow_right(drawing, cells, upper, "pruned")
    x = upper.x + 88
    drawing.arrow((x, upper.bottom + 8), (x, grown.y - 48))
    drawing.text(x + 10, upper.bottom + 24, "generated", 12.5, "start")
    y = both.y + 88
    drawing.arrow((grown.x - 8, y), (both.right + 8, y))
    drawing.text((grown.x + both.right) / 2, y - 14, "union", 12.5)
    corner = [(scan.x + 12, scan.bottom + 10), (scan.x + 12, y), (both.x - 30, y)]
    drawing.line(corner, width=1.5)
    drawing.arrow((both.x - 30, y), (both.x - 8, y))
    drawing.text(scan.x + 96, y - 14, "union", 12.5, "start")
    draw_links(drawing, page)
    return drawing


def origin_of(page: SimpleNamespace) -> list[str]:
    """Colour of each row of the union: of the scan, of the grown set, or of both."""
    in_scan = page.scan.contains(page.both).tolist()
    in_grown = page.grown.contains(page.both).tolist()
    colours = {(True, False): BLUE_PALE, (False, True): ORANGE_PALE, (True, True): GREEN_PALE}
    return [colours[pair] for pair in zip(in_scan, in_grown, strict=True)]


def draw_map(
    drawing: Drawing, x: float, y: float, coord_map: CoordMap, colour: Paint, name: str, note: str
) -> Board:
    """A set with its row numbers, name and size."""
    board = Board(drawing, x, y, 8, 8, 22).lattice()
    board.title(name, f"{coord_map.num_rows} rows, {note}")
    draw_set(board, coord_map, colour, range(coord_map.num_rows), 11 if coord_map.stride[0] == 1 else 13)
    return board


def draw_arrow_right(drawing: Drawing, left: Board, right: Board, name: str) -> None:
    """An arrow between two boards side by side."""
    y = left.y + 88
    drawing.arrow((left.right + 8, y), (right.x - 8, y))
    drawing.text((left.right + right.x) / 2, y - 14, name, 12.5)


def draw_links(drawing: Drawing, page: SimpleNamespace) -> None:
    """Two of the recorded row links, as the program prints them."""
    parents = page.scan.parent_rows(page.cells).tolist()
    in_union = page.both.rows_of(page.scan).tolist()
    y = 552
    drawing.text(68, 298, "scan.parent_rows(cells)", 12, "start", QUIET, mono=True)
    drawing.text(68, 318, " ".join(map(str, parents)), 12, "start")
    drawing.text(312, y, "both.rows_of(scan)", 12, "start", QUIET, mono=True)
    drawing.text(456, y, " ".join(map(str, in_union)), 12, "start")
    for i, (colour, words) in enumerate(
        ((BLUE_PALE, "scan only"), (ORANGE_PALE, "grown only"), (GREEN_PALE, "in both sets"))
    ):
        drawing.rect(40, 470 + 24 * i, 15, 15, colour, QUIET, 0.75)
        drawing.text(64, 478 + 24 * i, words, 12, "start")


def down_and_back(page: SimpleNamespace) -> Drawing:
    """Two rows, kernel sizes 2 and 3: ones, counts of the cells, and what comes back up."""
    check_against_dense(page)
    drawing = Drawing("Strided convolution and the transposed one back", 564)
    draw_way(drawing, 76, 2, page.ones, page.two, page.up_two)
    draw_way(drawing, 340, 3, page.ones, page.three, page.up_three)
    drawing.text(400, 542, busiest_sum(page), 12.5)
    return drawing


def check_against_dense(page: SimpleNamespace) -> None:
    """The counts of both layers, brute force over voxels and offsets."""
    voxels = {tuple(site) for site in page.scan.coords[:, 1:3].tolist()}
    for layer, back, reach in ((page.two, page.up_two, (0, 1)), (page.three, page.up_three, (-1, 0, 1))):
        counts = {}
        for (_, x, y, _), count in zip(layer.coords.tolist(), layer.features[:, 0].tolist(), strict=True):
            assert count == sum((x + dx, y + dy) in voxels for dx in reach for dy in reach)
            counts[x, y] = count
        for (_, x, y, _), value in zip(back.coords.tolist(), back.features[:, 0].tolist(), strict=True):
            assert value == sum(counts.get((x - dx, y - dy), 0) for dx in reach for dy in reach)


def busiest_sum(page: SimpleNamespace) -> str:
    """How the largest value of the lower right board comes about."""
    values = words(page.up_three.features)
    row = max(range(len(values)), key=lambda i: int(values[i]))
    pairs = page.kernel_map(page.cells, page.scan, page.K3, transposed=True)
    cells = [cell for cell in pairs.table[row].tolist() if cell >= 0]
    counts = [words(page.three.features)[cell] for cell in cells]
    assert sum(map(int, counts)) == int(values[row])
    x, y = page.scan.coords[row, 1:3].tolist()
    summed = f"{' + '.join(counts)} = {values[row]}"
    return f"k3 reaches −1…1 about a cell's first voxel. Voxel ({x}, {y}): {summed}."


def draw_way(drawing: Drawing, y: float, size: int, ones, coarse, back) -> None:
    """One line of three boards."""
    boards = (
        ("scan", "11 voxels of value 1", ones, BLUE_PALE),
        ("down", f"kernel {size}×{size}, stride 2: 9 cells", coarse, GREY_PALE),
        ("back up", "onto the same 11 voxels", back, GREEN_PALE),
    )
    for i, (name, note, tensor, colour) in enumerate(boards):
        board = Board(drawing, 44 + 268 * i, y, 8, 8, 22).lattice()
        board.title(name, note)
        draw_set(board, tensor.coord_map, colour, words(tensor.features), 11 if i != 1 else 14)
        if i:
            drawing.arrow((board.x - 84, y + 88), (board.x - 8, y + 88))
            drawing.text(board.x - 48, y + 72, "conv" if i == 1 else "transposed", 12)
            drawing.text(board.x - 48, y + 106, f"k{size} s2", 12, colour=QUIET)


def words(features: Tensor) -> list[str]:
    """Whole numbers of one channel."""
    assert torch.equal(features, features.round())
    return [whole(value) for value in features[:, 0].tolist()]
