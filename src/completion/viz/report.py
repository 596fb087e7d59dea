"""Numbers, curves and pictures of a run → one HTML page that needs nothing else; computes nothing."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; }
body { padding: 0 1em; }
h1 { font-size: 1.6em; margin-bottom: 0; } h2 { font-size: 1.2em; margin-top: 2em; }
.note { color: #666; } table { border-collapse: collapse; }
td small { display: block; color: #777; font-weight: 400; font-size: .75em; white-space: nowrap; }
td, th { padding: .25em .8em; text-align: right; }
th:first-child, td:first-child { text-align: left; } thead { border-bottom: 2px solid #444; }
tbody tr { border-bottom: 1px solid #ddd; } tr.model { font-weight: 600; background: #eef4fb; }
img { max-width: 100%; display: block; margin: .6em 0 1.6em; border: 1px solid #e4e4e4; }
svg text { font: 11px system-ui, sans-serif; }
svg text.title { font-weight: 600; font-size: 13px; }
.charts { display: flex; flex-wrap: wrap; gap: 1em; }
pre { background: #f6f6f6; padding: 1em; overflow: auto; }
"""


@dataclass(frozen=True)
class Figure:
    """A picture of the page: its heading and the bytes of a PNG file."""

    heading: str
    png: bytes


@dataclass(frozen=True)
class Section:
    """A part of the page: heading and HTML."""

    heading: str
    html: str


@dataclass(frozen=True)
class Interval:
    """A number of a table with the ends of its interval."""

    value: float
    low: float
    high: float


def page(title: str, note: str, sections: Sequence[Section]) -> str:
    """Returns the whole page; sections without contents are left out."""
    parts = [f"<h2>{escape(part.heading)}</h2>\n{part.html}" for part in sections if part.html]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        f'<p class="note">{escape(note)}</p>\n' + "\n".join(parts) + "\n</body></html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], marked: str | None = None) -> str:
    """Returns an HTML table; the row whose first cell is `marked` stands out.

    Numbers get three digits behind the point below 1, two below 100, else one.
    """
    body = []
    for row in rows:
        css = ' class="model"' if row[0] == marked else ""
        body.append(f"<tr{css}>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>")
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def pictures(figures: Sequence[Figure]) -> str:
    """Returns the figures with their bytes inside the page."""
    return "\n".join(
        f'<h3>{escape(figure.heading)}</h3><img alt="{escape(figure.heading)}" '
        f'src="data:image/png;base64,{base64.b64encode(figure.png).decode()}">'
        for figure in figures
    )


def paragraph(text: str) -> str:
    """Returns text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def preformatted(text: str) -> str:
    """Returns text as it is."""
    return f"<pre>{escape(text)}</pre>"


def _cell(cell: Any) -> str:
    """HTML of a cell: an interval in small figures beneath its value."""
    if isinstance(cell, Interval):
        ends = f"{_text(cell.low)} – {_text(cell.high)}"
        return f"{_text(cell.value)}<small>{ends}</small>"
    return escape(_text(cell))


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 1 else f"{cell:.2f}" if abs(cell) < 100 else f"{cell:.1f}"
    return "" if cell is None else str(cell)
