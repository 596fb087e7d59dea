"""A picture's layout: rendered panels, captions and legend pasted onto one sheet of pixels."""

import numpy as np

from completion.viz.lettering import letters
from completion.viz.palette import Colour
from completion.viz.picture import Picture

HEADING, CAPTION = 1.6, 1.15
INK, PALE = (0.12, 0.13, 0.15), (0.42, 0.44, 0.48)
MARGIN = 14


def composed(picture: Picture, views: list[np.ndarray]) -> np.ndarray:
    """The whole sheet, uint8 `[H, W, 3]`.

    Args:
        picture: what is shown.
        views: rendered panels, uint8 `[S, S, 3]` each, in the order of the panels.
    """
    size = views[0].shape[0]
    top, foot = (48 if picture.heading else MARGIN), (52 if picture.legend else MARGIN)
    sheet = np.full((top + 26 + size + 28 + foot, size * len(views), 3), 255, dtype=np.uint8)
    write(sheet, picture.heading, MARGIN, 14, HEADING, INK)
    for column, (panel, view) in enumerate(zip(picture.panels, views, strict=True)):
        left = column * size
        sheet[top + 26 : top + 26 + size, left : left + size] = view
        write_centred(sheet, panel.title, left + size // 2, top, HEADING, INK)
        write_centred(sheet, panel.caption, left + size // 2, top + 26 + size + 4, CAPTION, PALE)
    draw_legend(sheet, picture.legend, top + 26 + size + 38)
    return sheet


def draw_legend(sheet: np.ndarray, legend: list[tuple[str, Colour]], top: int) -> None:
    """Squares of colour, each followed by its meaning, from the left margin on."""
    left = MARGIN
    for meaning, colour in legend:
        sheet[top : top + 18, left : left + 18] = np.rint(255 * np.array(colour))
        left = write(sheet, meaning, left + 26, top + 1, CAPTION, INK) + 22


def write_centred(sheet: np.ndarray, text: str, middle: int, top: int, scale: float, colour: Colour) -> None:
    """Writes a line of text about a column."""
    width = letters(text, scale).shape[1] if text else 0
    write(sheet, text, middle - width // 2, top, scale, colour)


def write(sheet: np.ndarray, text: str, left: int, top: int, scale: float, colour: Colour) -> int:
    """Writes a line of text onto the sheet, cut at its right edge; returns the column after it."""
    if not text:
        return left
    cover = letters(text, scale)[: sheet.shape[0] - top, : max(0, sheet.shape[1] - left), None]
    place = sheet[top : top + cover.shape[0], left : left + cover.shape[1]]
    place[:] = np.rint(place * (1 - cover) + 255 * np.array(colour) * cover).astype(np.uint8)
    return left + cover.shape[1]
