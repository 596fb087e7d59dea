"""A drawing of fixed width that writes itself as SVG text: rectangles, text, lines, arrows; knows no voxels.

Coordinates are pixels, y down, written with at most two decimals, so that equal drawings are equal bytes.
"""

from collections.abc import Sequence
from html import escape

from teaching.colours import GROUND, INK

WIDTH = 800
SANS = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace"

Point = tuple[float, float]


class Drawing:
    """SVG elements in the order in which they were added, on an opaque light ground."""

    def __init__(self, title: str, height: float) -> None:
        self.title = title
        self.height = height
        self.elements: list[str] = []

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str = "none",
        stroke: str = "none",
        stroke_width: float = 1,
        radius: float = 0,
        dash: str = "",
    ) -> None:
        """A rectangle by its upper left corner."""
        box = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        round_ = f' rx="{number(radius)}"' if radius else ""
        self._add(f"<rect {box}{round_} {_paint(fill, stroke, stroke_width, dash)}/>")

    def text(
        self,
        x: float,
        y: float,
        words: object,
        size: float = 13,
        anchor: str = "middle",
        colour: str = INK,
        bold: bool = False,
        mono: bool = False,
    ) -> None:
        """One line of text, centred on y; anchor is start, middle or end."""
        style = f'font-size="{number(size)}" text-anchor="{anchor}" fill="{colour}"'
        style += ' font-weight="bold"' if bold else ""
        style += f' font-family="{MONO}"' if mono else ""
        baseline = number(y + 0.35 * size)
        self._add(f'<text x="{number(x)}" y="{baseline}" {style}>{escape(str(words))}</text>')

    def line(self, points: Sequence[Point], colour: str = INK, width: float = 1.5, dash: str = "") -> None:
        """A line through the points."""
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._add(
            f'<polyline points="{path}" {_paint("none", colour, width, dash)} stroke-linejoin="round"/>'
        )

    def arrow(self, start: Point, end: Point, colour: str = INK, width: float = 1.5) -> None:
        """A straight arrow."""
        (x0, y0), (x1, y1) = start, end
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - 8 * ux, y1 - 8 * uy)
        self.line([start, back], colour, width)
        wings = [(back[0] - 4 * uy, back[1] + 4 * ux), (back[0] + 4 * uy, back[1] - 4 * ux)]
        path = " ".join(f"{number(x)},{number(y)}" for x, y in [end, *wings])
        self._add(f'<polygon points="{path}" fill="{colour}"/>')

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """A filled circle."""
        self._add(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}"/>')

    def svg(self) -> str:
        """The whole file."""
        size = f'width="{WIDTH}" height="{number(self.height)}" viewBox="0 0 {WIDTH} {number(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{SANS}" role="img">'
        ground = f'<rect width="{WIDTH}" height="{number(self.height)}" rx="10" fill="{GROUND}"/>'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", ground, *self.elements, "</svg>", ""])

    def _add(self, element: str) -> None:
        self.elements.append(element)


def number(value: float) -> str:
    """A coordinate with at most two decimals, without trailing zeros."""
    words = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if words == "-0" else words


def _paint(fill: str, stroke: str, width: float, dash: str) -> str:
    paint = f'fill="{fill}"'
    if stroke != "none":
        paint += f' stroke="{stroke}" stroke-width="{number(width)}"'
    return paint + (f' stroke-dasharray="{dash}"' if dash else "")
