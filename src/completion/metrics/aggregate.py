"""Averages of per-item scores over a data set, and their bootstrap interval; computes no score itself."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Aggregate:
    """One score over a data set.

    Attributes:
        micro: mean over the items.
        macro: mean over the categories of each category's mean.
        per_category: mean of each category, by name, sorted.
    """

    micro: float
    macro: float
    per_category: Mapping[str, float]


def aggregate(values: Sequence[float], categories: Sequence[str]) -> Aggregate:
    """Micro and macro mean of one score; every item counts, also those scored as failures.

    Args:
        values: score of each item.
        categories: category of each item, same length.
    """
    if len(values) != len(categories) or not len(values):
        raise ValueError(
            f"aggregate: values and categories must be as many and at least one, got {len(values)} and "
            f"{len(categories)}; evaluate a split that has items"
        )
    members = defaultdict(list)
    for value, category in zip(values, categories, strict=True):
        members[category].append(value)
    per_category = {name: float(np.mean(members[name])) for name in sorted(members)}
    return Aggregate(float(np.mean(values)), float(np.mean(list(per_category.values()))), per_category)


def bootstrap_interval(
    values: Sequence[float],
    groups: Sequence[str] | None = None,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over items.

    Whole groups are drawn with replacement, since views of one shape (or near-duplicates of it) are not
    independent; drawing single items would give too narrow an interval.

    Args:
        values: score of each item, at least one.
        groups: group of each item; each item is its own group if not given.
        confidence: share of the resampled means inside the interval.
        num_resamples: number of resampled data sets.
        seed: of the draws.

    Returns:
        Lower and upper end. A single group gives its mean twice.
    """
    if not len(values):
        raise ValueError(
            "bootstrap_interval: values must hold at least one item, got none; evaluate more items"
        )
    if groups is not None and len(groups) != len(values):
        raise ValueError(
            f"bootstrap_interval: groups must be {len(values)}, one for each value, got {len(groups)}; "
            "leave them out where each item is a group"
        )
    members = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)[1]
    totals = np.bincount(members, weights=np.asarray(values, dtype=np.float64))
    sizes = np.bincount(members)
    draws = np.random.default_rng(seed).integers(len(totals), size=(num_resamples, len(totals)))
    means = totals[draws].sum(1) / sizes[draws].sum(1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
