"""Section 9: children and encoder voxels unite; each row has a logit, a target and a decision."""

from types import SimpleNamespace

import torch

from teaching.boards import Board, draw_set, sites
from teaching.colours import (
    BLUE_PALE,
    FAINT,
    GREEN_PALE,
    GREY,
    GREY_PALE,
    INK,
    ORANGE_PALE,
    QUIET,
    RED,
    RED_PALE,
)
from teaching.svg import Drawing

COLUMNS = (
    ("row", 60),
    ("x, y", 118),
    ("comes from", 210),
    ("logit", 314),
    ("probability", 396),
    ("in the truth", 488),
    ("predicted", 576),
    ("kept", 648),
    ("loss", 722),
)


def unite_and_prune(page: SimpleNamespace) -> Drawing:
    """Four sets above, the table of the ten rows below."""
    drawing = Drawing("Union with the encoder and pruning, row by row", 574)
    draw_sets(drawing, page)
    drawing.line([(28, 250), (772, 250)], GREY, 1)
    losses = row_losses(page)
    draw_table(drawing, page, losses)
    mean = f"{losses.mean().item():.3f}"
    drawing.text(722, 542, mean, 12.5, bold=True)
    drawing.text(676, 542, "mean", 12.5, "end")
    drawing.text(
        42, 542, "shaded: predicted wrongly. Kept in training: predicted or true.", 12, "start", QUIET
    )
    return drawing


def row_losses(page: SimpleNamespace) -> torch.Tensor:
    """Cross-entropy of each row; its mean is the loss of the level."""
    target, probability = page.decision.target, torch.sigmoid(page.decision.logits.detach())
    losses = -torch.log(torch.where(target, probability, 1 - probability))
    assert torch.isclose(losses.mean(), page.decision_loss)
    return losses


def draw_sets(drawing: Drawing, page: SimpleNamespace) -> None:
    """children, encoder, union, kept."""
    boards = [Board(drawing, x, 76, 6, 6, 24) for x in (32, 228, 424, 620)]
    for board in boards:
        board.lattice()
    children, encoder, union, kept = boards
    draw_set(children, page.offspring.coord_map, ORANGE_PALE)
    for site in sites(page.kept_cells):
        children.frame(site, 2, 2)
    children.title("grown children", "8, of two cells")
    draw_set(encoder, page.skip.coord_map, BLUE_PALE)
    encoder.title("encoder", "3 voxels of the scan")
    colours = row_colours(page)
    draw_set(union, page.joined.coord_map, lambda row: colours[row], range(10), 12)
    union.title("union", "10 rows")
    draw_kept(kept, page)
    for left, sign in zip(boards[:3], ("∪", "=", "→"), strict=True):
        drawing.text(left.right + 26, 148, sign, 20)


def row_colours(page: SimpleNamespace) -> list[str]:
    """Orange for children, blue for voxels of the encoder alone, green for both."""
    of_child = page.offspring.coord_map.contains(page.joined.coord_map).tolist()
    of_scan = page.skip.coord_map.contains(page.joined.coord_map).tolist()
    return [
        GREEN_PALE if child and scan else ORANGE_PALE if child else BLUE_PALE
        for child, scan in zip(of_child, of_scan, strict=True)
    ]


def draw_kept(board: Board, page: SimpleNamespace) -> None:
    """What stays: true rows, a wrong one, and the true voxel that no candidate reaches."""
    kept = page.pruned.coord_map
    true = page.whole_shape.contains(kept).tolist()
    draw_set(board, kept, lambda row: GREY_PALE if true[row] else ORANGE_PALE)
    missed = page.whole_shape.pruned(~kept.contains(page.whole_shape))
    draw_set(board, missed, RED_PALE)
    board.title("kept", "7 rows")
    legend = (
        (GREY_PALE, f"true: {sum(true)}"),
        (ORANGE_PALE, f"wrong: {len(true) - sum(true)}"),
        (RED_PALE, f"never reached: {missed.num_rows}"),
    )
    for i, (colour, name) in enumerate(legend):
        x = 462 + (0, 84, 172)[i]
        board.drawing.rect(x, 228, 12, 12, colour, QUIET, 0.75)
        board.drawing.text(x + 18, 234, name, 12, "start")


def draw_table(drawing: Drawing, page: SimpleNamespace, losses: torch.Tensor) -> None:
    """One line for each row of the union."""
    level = page.decision
    colours = row_colours(page)
    origin = {ORANGE_PALE: "children", BLUE_PALE: "encoder", GREEN_PALE: "both, added"}
    for name, x in COLUMNS:
        drawing.text(x, 274, name, 12, bold=True)
    logits, target, kept = level.logits.tolist(), level.target.tolist(), level.kept.tolist()
    for row, (x, y) in enumerate(sites(level.coord_map)):
        top = 302 + 23 * row
        predicted = logits[row] > 0
        wrong = predicted != target[row]
        if wrong:
            drawing.rect(28, top - 11, 744, 22, "#fbeee0")
        drawing.rect(42, top - 9, 36, 18, colours[row], QUIET, 0.75)
        values = (
            row,
            f"{x}, {y}",
            origin[colours[row]],
            f"{logits[row]:.1f}".replace("-", "−"),
            f"{torch.sigmoid(level.logits[row]).item():.2f}",
            *map(mark, (target[row], predicted, kept[row])),
            f"{losses[row].item():.3f}",
        )
        for (name, column), value in zip(COLUMNS, values, strict=True):
            colour = RED if wrong and name == "predicted" else FAINT if value == "no" else INK
            drawing.text(column, top, value, 12.5, colour=colour)
    assert page.predicted.tolist() == [logit > 0 for logit in logits]


def mark(value: bool) -> str:
    """yes or no."""
    return "yes" if value else "no"
