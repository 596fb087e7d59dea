"""Splits of groups: stable against other files, near the wanted shares, never empty for want of luck."""

from collections import Counter

import pytest

from completion.data.splits import split_groups

SHARES = (0.8, 0.1, 0.1)


def test_does_not_depend_on_order_or_on_other_groups():
    groups = [f"g{i}" for i in range(300)]
    whole = split_groups(groups, SHARES, seed=0)
    assert split_groups(groups[::-1] + groups, SHARES, seed=0) == whole
    part = split_groups(groups[:200], SHARES, seed=0)
    assert part == {group: whole[group] for group in groups[:200]}


def test_shares_and_seeds():
    groups = [f"g{i}" for i in range(4000)]
    counts = Counter(split_groups(groups, SHARES, seed=1).values())
    assert abs(counts["train"] / 4000 - 0.8) < 0.03
    assert abs(counts["test"] / 4000 - 0.1) < 0.02
    assert split_groups(groups, SHARES, seed=1) != split_groups(groups, SHARES, seed=2)


@pytest.mark.parametrize("count", [3, 4, 10])
def test_a_small_folder_has_something_in_every_split(count):
    for seed in range(20):
        splits = split_groups([f"g{i}" for i in range(count)], SHARES, seed)
        assert set(splits.values()) == {"train", "validation", "test"}
        assert len(splits) == count


def test_a_share_of_nothing_stays_empty():
    assert set(split_groups([f"g{i}" for i in range(50)], (1.0, 0.0, 0.0), 0).values()) == {"train"}
    assert split_groups(["only"], SHARES, 0).keys() == {"only"}
    assert split_groups([], SHARES, 0) == {}


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_refuses_shares_that_do_not_add_up(shares):
    with pytest.raises(ValueError, match="split_fractions must be three shares"):
        split_groups(["a"], shares, 0)
