"""Which split a group of near-duplicates belongs to: by a hash of its name, not by what else is there."""

from collections.abc import Iterable, Sequence

from completion.data.folders import hash_of_name

SPLITS = ("train", "validation", "test")


def split_groups(groups: Iterable[str], fractions: Sequence[float], seed: int) -> dict[str, str]:
    """Returns the split of each group.

    A group's split follows from its name and the seed alone, so it stays when other files come or go. One
    exception, for folders of a few files: a split that should not be empty but is takes the group whose
    hash is nearest to its share from the largest split.

    Args:
        groups: names; repeats are one group.
        fractions: shares of train, validation, test; they must add up to 1.
        seed: another seed gives another division.
    """
    check_fractions(fractions)
    hashes = {group: _share(f"{seed}:{group}") for group in sorted(set(groups))}
    bounds = (0.0, fractions[0], fractions[0] + fractions[1], 1.0)
    splits = {group: _split_at(value, bounds) for group, value in hashes.items()}
    for number, name in enumerate(SPLITS):
        if fractions[number] <= 0 or name in splits.values():
            continue
        counts = {other: list(splits.values()).count(other) for other in SPLITS}
        largest = max(counts, key=lambda other: counts[other])
        if counts[largest] < 2:
            continue
        middle = (bounds[number] + bounds[number + 1]) / 2
        donors = [group for group, split in splits.items() if split == largest]
        splits[min(donors, key=lambda group: abs(hashes[group] - middle))] = name
    return splits


def check_fractions(fractions: Sequence[float]) -> None:
    """Raises ValueError unless there are three shares ≥ 0 that add up to 1."""
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(
            "split_groups: split_fractions must be three shares (train, validation, test) with the sum 1, "
            f"got {list(fractions)}"
        )


def _split_at(value: float, bounds: Sequence[float]) -> str:
    """Returns the split whose part of 0…1 holds the value."""
    if value < bounds[1]:
        return SPLITS[0]
    return SPLITS[1] if value < bounds[2] else SPLITS[2]


def _share(text: str) -> float:
    """Returns a number in 0…1 that is always the same for the text."""
    return int.from_bytes(hash_of_name(text)[:8], "big") / 2**64
