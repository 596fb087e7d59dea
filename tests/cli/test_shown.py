"""Which items of an evaluation are shown as its best, median and worst."""

import pytest

from completion.cli.shown import ranked_places


@pytest.mark.parametrize(
    ("count", "best", "median", "worst"),
    [
        (0, [], [], []),
        (1, [0], [], []),
        (2, [0], [], [1]),
        (3, [0], [1], [2]),
        (4, [0], [1, 2], [3]),
        (5, [0, 1], [2], [3, 4]),
        (6, [0, 1], [2, 3], [4, 5]),
        (9, [0, 1], [4], [7, 8]),
        (10, [0, 1], [4, 5], [8, 9]),
    ],
)
def test_best_and_worst_come_first_and_the_median_is_the_middle(count, best, median, worst):
    assert ranked_places(count) == {"best": best, "median": median, "worst": worst}
