"""Section 10: the stages of one decoder level with their voxels, and what it keeps while it learns."""

from types import SimpleNamespace

from completion.sparse import CoordMap
from teaching.boards import Board, draw_set
from teaching.colours import (
    BLUE,
    BLUE_PALE,
    GREEN_PALE,
    GREY,
    GREY_PALE,
    INK,
    ORANGE,
    ORANGE_PALE,
    QUIET,
    RED_PALE,
)
from teaching.svg import Drawing

CELL = 8.25
STEPS = (0, 10, 20, 30, 40)


def decoder_level(page: SimpleNamespace) -> Drawing:
    """Stages above, the kept sets of five steps in the middle, the loss below."""
    assert page.kept.coord_map.keys.equal(page.truth.keys)
    drawing = Drawing("One decoder level: stages, kept sets, loss", 664)
    draw_stages(drawing, page)
    drawing.line([(28, 240), (772, 240)], GREY, 1)
    for i, step in enumerate(STEPS):
        draw_kept(drawing, 28 + 153 * i, step, page.history[step][2], page.truth)
    draw_legend(drawing)
    draw_loss(drawing, [loss for _, loss, _ in page.history])
    return drawing


def draw_stages(drawing: Drawing, page: SimpleNamespace) -> None:
    """Scan, cells, children, union, truth."""
    skip, coarse, children, joined = (stage.coord_map for stage in page.stages)
    added = (~children.contains(joined)).tolist()
    stages = (
        ("scan", skip, lambda _: BLUE_PALE),
        ("down: cells", coarse, lambda _: GREY_PALE),
        ("grow", children, lambda _: ORANGE_PALE),
        ("unite", joined, lambda row: BLUE if added[row] else ORANGE_PALE),
        ("truth", page.truth, lambda _: GREEN_PALE),
    )
    for i, (name, coord_map, colour) in enumerate(stages):
        board = Board(drawing, 28 + 153 * i, 76, 16, 16, CELL).lattice()
        board.title(name, f"{coord_map.num_rows} {'cells' if i == 1 else 'voxels'}")
        draw_set(board, coord_map, colour)
    note = f"dark blue: {sum(added)} voxels of the lost cell, back from the encoder"
    drawing.text(772, 224, note, 12, "end", QUIET)


def draw_kept(drawing: Drawing, x: float, step: int, kept: CoordMap, truth: CoordMap) -> None:
    """The kept set after some steps against the truth."""
    board = Board(drawing, x, 300, 16, 16, CELL).lattice()
    true = truth.contains(kept).tolist()
    missing = truth.pruned(~kept.contains(truth))
    draw_set(board, missing, RED_PALE)
    draw_set(board, kept, lambda row: GREEN_PALE if true[row] else ORANGE)
    board.title(f"step {step}", f"kept {kept.num_rows}, true {sum(true)}")


def draw_legend(drawing: Drawing) -> None:
    """Colours of the middle row."""
    legend = ((GREEN_PALE, "kept and true"), (ORANGE, "kept, not true"), (RED_PALE, "true, not kept"))
    for i, (colour, name) in enumerate(legend):
        x = 200 + 150 * i
        drawing.rect(x, 446, 12, 12, colour, QUIET, 0.75)
        drawing.text(x + 18, 452, name, 12, "start")


def draw_loss(drawing: Drawing, losses: list[float]) -> None:
    """Loss over the steps, with a dot at each step that is drawn above."""
    left, top, width, height = 84, 496, 660, 112
    drawing.text(left, 480, "loss of the level (cross-entropy)", 13, "start", bold=True)
    for value in (0.0, 0.4, 0.8):
        y = top + height * (1 - value / 0.8)
        drawing.line([(left, y), (left + width, y)], GREY, 0.75)
        drawing.text(left - 10, y, f"{value:.1f}", 12, "end", QUIET)
    places = [
        (left + width * i / (len(losses) - 1), top + height * (1 - v / 0.8)) for i, v in enumerate(losses)
    ]
    drawing.line([(round(x, 1), round(y, 1)) for x, y in places], BLUE, 2.25)
    for step in STEPS:
        x, y = places[step]
        drawing.dot(round(x, 1), round(y, 1), 4, BLUE)
        drawing.text(x, top + height + 16, step, 12, colour=QUIET)
        above = y - 14 if y > top + 20 else y + 18
        drawing.text(x + (16 if step == 0 else 0), above, f"{losses[step]:.2f}", 12, colour=INK)
    drawing.text(left + width / 2, top + height + 36, "step", 12, colour=QUIET)
