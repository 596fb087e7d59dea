"""Line charts: well-formed SVG, every point drawn inside the chart, the higher value the higher up."""

import math
from xml.etree import ElementTree

import pytest

from completion.viz.curves import HEIGHT, WIDTH, line_chart


def polylines(svg: str) -> list[list[tuple[float, float]]]:
    lines = [element for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("polyline")]
    return [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()] for line in lines
    ]


def test_points_keep_their_order_and_lie_inside():
    svg = line_chart("a < b", {"x": [(1, 0.5), (2, 0.75), (10, 0.25)], "y": [(1, 4.0)], "none": []})
    first, second = polylines(svg)
    assert len(first) == 3 and len(second) == 1
    assert first[0][0] < first[1][0] < first[2][0]
    assert first[1][1] < first[0][1] < first[2][1], "y grows downwards"
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in first + second)
    assert "a &lt; b" in svg


@pytest.mark.parametrize("values", [[0.0, 0.0], [-1.0, -2.0], [1e-6, 1e6], [3.0]])
def test_flat_negative_vast_and_single_values(values):
    ((*points,),) = polylines(line_chart("t", {"x": list(enumerate(values))}))
    assert len(points) == len(values)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_nothing_to_draw_is_nothing():
    assert line_chart("t", {}) == line_chart("t", {"x": []}) == ""


def test_what_is_not_finite_is_left_out():
    whole = line_chart("loss", {"a": [(0, 1.0), (2, 0.5)]})
    assert (
        line_chart("loss", {"a": [(0, 1.0), (1, math.nan), (1, math.inf), (2, 0.5)], "b": [(0, math.nan)]})
        == whole
    )
