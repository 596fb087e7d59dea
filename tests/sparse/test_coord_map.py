"""CoordMap: order, entry checks, derived sets, links, identity, copies."""

import copy
import gc
import multiprocessing
import pickle
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sparse.voxels import empty_map, random_coords, random_map, rows

from completion.sparse import CoordMap, grid_coord_map
from completion.sparse.links import recording


def morton(row: tuple[int, ...]) -> tuple[int, int]:
    """Canonical order in plain Python: batch, then interleaved bits of the shifted coordinate."""
    code = sum(
        ((c + 32768 >> bit) & 1) << (3 * bit + axis) for bit in range(16) for axis, c in enumerate(row[1:])
    )
    return row[0], code


def make(*coords: tuple[int, ...], stride: int = 1) -> CoordMap:
    return CoordMap.from_coords(torch.tensor(coords, dtype=torch.int32).view(-1, 4), stride)


def test_rows_are_in_canonical_order_whatever_the_input_order(device) -> None:
    coords = random_coords(0, 80).to(device)
    one, to_rows = CoordMap.from_coords_with_rows(coords)
    assert rows(one) == sorted([tuple(c) for c in coords.tolist()], key=morton)
    assert torch.equal(one.coords[to_rows.long()], coords)
    assert torch.equal(CoordMap.from_coords(coords.flip(0)).keys, one.keys)


def test_batch_size_counts_empty_items() -> None:
    assert make((2, 0, 0, 0)).batch_size == 3
    assert CoordMap.from_coords(torch.zeros(1, 4, dtype=torch.int32), batch_size=5).batch_size == 5
    assert make().batch_size == 0
    with pytest.raises(ValueError, match=r"batch_size must be at least 3 .* got 2; count empty items too"):
        CoordMap.from_coords(torch.tensor([[2, 0, 0, 0]], dtype=torch.int32), batch_size=2)


def test_entry_refuses_what_is_not_stated() -> None:
    enter = CoordMap.from_coords
    with pytest.raises(ValueError, match=r"CoordMap.from_coords: coords must be \[N, 4\] .* got \[2, 3\]"):
        enter(torch.zeros(2, 3, dtype=torch.int32))
    with pytest.raises(TypeError, match=r"coords must be int32, got torch.int64; convert them"):
        enter(torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(
        ValueError, match=r"coords must be unique, got 1 repeated rows such as \[0, 1, 2, 3\]"
    ):
        enter(torch.tensor([[0, 1, 2, 3], [0, 0, 0, 0], [0, 1, 2, 3]], dtype=torch.int32))
    with pytest.raises(
        ValueError, match=r"multiples of the stride \(2, 2, 2\), got \[0, 0, 3, 0\] and 0 more"
    ):
        enter(torch.tensor([[0, 0, 3, 0], [0, -2, 0, 0]], dtype=torch.int32), stride=2)
    with pytest.raises(ValueError, match=r'duplicates must be "error" or "first", got \'mean\''):
        enter(torch.zeros(2, 4, dtype=torch.int32), duplicates="mean")


@pytest.mark.parametrize("row", [(0, 32768, 0, 0), (0, 0, -32769, 0), (65536, 0, 0, 0), (-1, 0, 0, 0)])
def test_entry_names_a_value_out_of_range(row) -> None:
    wrong = next(c for c in row if c)
    with pytest.raises(ValueError, match=rf"(?s){wrong}.*") as caught:
        make(row)
    assert "32767" in str(caught.value) or "65535" in str(caught.value)


def test_duplicates_merge_on_request() -> None:
    coords = torch.tensor([[0, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=torch.int32)
    merged, to_rows = CoordMap.from_coords_with_rows(coords, duplicates="first")
    assert merged.num_rows == 2 and to_rows.tolist() == [1, 0, 1]


@pytest.mark.parametrize("factor", [2, 3, 4, (1, 2, 3)], ids=str)
def test_strided_floors_toward_minus_infinity(factor, device) -> None:
    fine = random_map(1, device)
    step = (factor,) * 3 if isinstance(factor, int) else factor
    coarse = fine.strided(factor)
    expected = {(b, *(c // s * s for c, s in zip(space, step, strict=True))) for b, *space in rows(fine)}
    assert set(rows(coarse)) == expected and len(rows(coarse)) == len(expected)
    assert rows(coarse) == sorted(rows(coarse), key=morton)
    assert coarse.stride == step
    parents = coarse.coords[fine.parent_rows(coarse).long()]
    assert all(
        p[1 + a] == c[1 + a] // step[a] * step[a]
        for p, c in zip(parents.tolist(), rows(fine), strict=True)
        for a in range(3)
    )


@pytest.mark.parametrize("factor", [1, 4, (1, 2, 2), 3], ids=str)
def test_pyramid_is_level_after_level(factor, device) -> None:
    fine, alone = (random_map(5, device, number=300).strided(factor) for _ in range(2))
    levels = fine.pyramid(4)
    assert levels[0] is fine and len(levels) == 5
    for coarse in levels[1:]:
        below, fine, alone = fine, fine.strided(2), alone.strided(2)
        assert coarse is fine and coarse.stride == alone.stride and coarse.batch_size == alone.batch_size
        assert torch.equal(coarse.keys, alone.keys)
        step = torch.tensor([1, *coarse.stride], device=device)
        floored = below.coords.div(step, rounding_mode="floor") * step
        assert torch.equal(coarse.coords[below.parent_rows(coarse).long()], floored.int())


def test_a_pyramid_is_made_once_and_goes_on_where_there_is_one() -> None:
    fine = random_map(6, torch.device("cpu"))
    first = fine.strided(2)
    levels = fine.pyramid(3)
    assert levels[1] is first and fine.pyramid(3) == levels and fine.pyramid(2) == levels[:3]
    assert fine.pyramid(5)[:4] == levels and fine.pyramid(0) == [fine]
    other = random_map(7, torch.device("cpu"))
    levels = other.pyramid(3)
    assert [other.at_stride(2**level) for level in range(4)] == levels
    other = random_map(8, torch.device("cpu"))
    other.strided(2)
    levels = other.pyramid(3)
    assert [other.at_stride(2**level) for level in range(4)] == levels, "also beyond what was there"
    with pytest.raises(ValueError, match=r"CoordMap.pyramid: num_levels must be an integer in 0…"):
        other.pyramid(-1)


def test_strided_is_made_once_and_relative() -> None:
    fine = make((0, 5, 5, 5))
    assert fine.strided(2) is fine.strided((2, 2, 2))
    assert fine.strided(1) is fine
    assert fine.strided(2).strided(2).stride == (4, 4, 4)
    assert fine.at_stride(4) is fine.strided(4)
    with pytest.raises(
        ValueError, match=r"at_stride: stride must be a multiple of \(2, 2, 2\), got \(3, 3, 3\)"
    ):
        fine.strided(2).at_stride(3)


def test_striding_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="-32768"):
        make((0, -32768, 0, 0)).strided(3)


def test_generated_reaches_every_child_and_box_drops_and_counts(device) -> None:
    coarse = random_map(2, device, number=20, stride=2)
    fine = coarse.generated(2, 2)
    assert fine.num_rows == 8 * coarse.num_rows and fine.stride == (1, 1, 1) and fine.num_dropped == 0
    box = ((-4, -4, -4), (4, 4, 4))
    boxed = coarse.generated(2, 2, box=box)
    inside = [r for r in rows(fine) if all(-4 <= c < 4 for c in r[1:])]
    assert rows(boxed) == inside
    assert boxed.num_dropped == fine.num_rows - len(inside) > 0
    assert fine.boxed(((-100,) * 3, (100,) * 3)) is fine
    assert fine.boxed(((-(2**40),) * 3, (2**40,) * 3)) is fine
    assert fine.boxed(((2**40,) * 3, (2**41,) * 3)).num_rows == 0
    with pytest.raises(ValueError, match=r"box must be two corners of three ints"):
        fine.boxed(((0, 0), (4, 4)))


def test_generated_refuses_a_stride_that_does_not_divide() -> None:
    with pytest.raises(
        ValueError, match=r"stride must divide the tensor's stride \(1, 1, 1\), got \(2, 2, 2\)"
    ):
        make((0, 0, 0, 0)).generated(2, 2)


def test_generated_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="32768"):
        make((0, 32767, 0, 0)).generated(3, 1)


def test_expanded_keeps_multiples_of_the_output_stride(device) -> None:
    fine = random_map(3, device, number=20)
    wide = fine.expanded(3, 3)
    steps = (-1, 0, 1)
    reached = {
        (b, x + i, y + j, z + k) for b, x, y, z in rows(fine) for i in steps for j in steps for k in steps
    }
    assert set(rows(wide)) == {r for r in reached if all(c % 3 == 0 for c in r[1:])}
    assert wide.stride == (3, 3, 3)


def test_pruned_keeps_order_and_links_rows(device) -> None:
    full = random_map(4, device)
    mask = torch.rand(full.num_rows, generator=torch.Generator().manual_seed(0)).to(device) < 0.5
    kept = full.pruned(mask)
    assert rows(kept) == [r for r, m in zip(rows(full), mask.tolist(), strict=True) if m]
    assert torch.equal(full.rows_of(kept).long(), mask.nonzero()[:, 0])
    assert torch.equal(kept.contains(full), mask)
    assert kept.batch_size == full.batch_size
    assert torch.equal(full.pruned(mask, num_kept=int(mask.sum())).keys, kept.keys)
    for wrong in (-1, full.num_rows + 1):
        with pytest.raises(ValueError, match=r"pruned: num_kept must be .*, got -?\d+"):
            full.pruned(mask, num_kept=wrong)
    with pytest.raises(ValueError, match=r"pruned: mask must be bool \[\d+\], got torch.float32 \[3\]"):
        full.pruned(torch.ones(3, device=device))


def test_union_links_both_and_reuses_a_set_that_holds_the_other(device) -> None:
    a, b = random_map(5, device), random_map(6, device)
    union = a.union(b)
    assert set(rows(union)) == set(rows(a)) | set(rows(b))
    assert rows(union) == sorted(rows(union), key=morton)
    for part in (a, b):
        assert torch.equal(union.coords[union.rows_of(part).long()], part.coords)
        assert torch.equal(
            part.contains(union), torch.tensor([r in rows(part) for r in rows(union)], device=device)
        )
    assert union.union(a) is union and a.union(union) is union and a.union(a) is a
    with pytest.raises(ValueError, match=r"union: other must be of stride \(1, 1, 1\), got \(2, 2, 2\)"):
        a.union(a.strided(2))


def test_a_union_that_is_gone_is_made_anew_and_kept(device) -> None:
    a, b = random_map(5, device), random_map(6, device)
    for _ in range(3):
        a.union(b)  # nobody holds it
    union = a.union(b)
    assert a.union(b) is union and b.union(a) is union
    assert len(a.unions) == len(b.unions) == 1


def at_once(work: Callable[[], object], times: int = 4) -> list[object]:
    """What threads get that begin together."""
    start = threading.Barrier(times)

    def begin(_: int) -> object:
        start.wait()
        return work()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(begin, range(times)))


def test_threads_are_given_one_object() -> None:
    for seed in range(50):
        a, b = (random_map(at, torch.device("cpu"), number=300) for at in (seed, seed + 50))
        first, *others = at_once(lambda a=a, b=b: a.union(b))
        assert all(one is first for one in others) and a.union(b) is first
        first, *others = at_once(lambda a=a: a.generated(3, 1, box=((0, 0, 0), (4, 4, 4))))
        assert all(one is first for one in others)
        assert torch.equal(a.rows_of(first), at_once(lambda a=a, first=first: a.rows_of(first))[0])


def test_links_of_many_threads_are_all_kept() -> None:
    centre = make((0, 0, 0, 0))
    others = [make((0, row, 0, 0)) for row in range(400)]
    parts = [others[part::4] for part in range(4)]
    at_once(lambda: [centre.rows_of(one) for one in parts.pop()])
    assert len(centre.row_maps) == 400
    del others
    gc.collect()
    assert len(centre.row_maps) == 0


def test_links_to_sets_that_die_while_another_is_linked_are_forgotten() -> None:
    """Sets in cycles die when the collector runs, which may be in the midst of a `put`."""
    centre = make((0, 0, 0, 0))
    for row in range(3000):
        other = make((0, row, 0, 0))
        centre.rows_of(other)
        cycle: list[object] = [other]
        cycle.append(cycle)
    del other, cycle
    gc.collect()
    assert len(centre.row_maps) == 0


def test_a_forked_process_waits_for_no_thread_of_its_parent() -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with recording:
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(60)
    child = multiprocessing.get_context("fork").Process(target=unite_two)
    child.start()
    child.join(60)
    done.set()
    holder.join()
    assert child.exitcode == 0


def unite_two() -> None:
    make((0, 0, 0, 0)).union(make((0, 1, 0, 0)))


def test_the_set_of_a_box_is_one_while_it_is_held() -> None:
    coarse = make((0, 0, 0, 0), (0, 4, 4, 4), stride=2)
    small, large = ((0, 0, 0), (3, 3, 3)), ((0, 0, 0), (5, 5, 5))
    held = coarse.generated(3, 2, box=small)
    last = weakref.ref(coarse.generated(3, 2, box=large))
    gc.collect()
    assert coarse.generated(3, 2, box=large) is last() and last().num_rows > held.num_rows
    assert coarse.generated(3, 2, box=small) is held
    gc.collect()
    assert last() is None  # the last one is kept, others go when nobody holds them
    for end in range(10, 30):  # which cut nothing
        coarse.generated(3, 2, box=((-9, -9, -9), (end, end, end)))
    assert (
        max(len(kept) for kept in coarse.derived.values() if isinstance(kept, weakref.WeakValueDictionary))
        <= 3
    )


def test_more_items_than_keys_can_tell_apart_are_refused() -> None:
    coords = torch.zeros(1, 4, dtype=torch.int32)
    assert CoordMap.from_coords(coords, batch_size=65536).batch_size == 65536
    with pytest.raises(ValueError, match="batch_size must be at most 65536, got 65537; split the batch"):
        CoordMap.from_coords(coords, batch_size=65537)
    with pytest.raises(ValueError, match="grid_coord_map: batch_size must be at most 65536, got 65537"):
        grid_coord_map(65537, (0, 0, 0), (0, 1, 1), 1)


def test_a_set_finds_its_own_rows(device) -> None:
    one = random_map(14, device)
    assert one.contains(one).all() and one.intersection(one) is one
    assert one.rows_of(one).tolist() == list(range(one.num_rows))


def test_rows_of_is_minus_one_where_absent(device) -> None:
    a, b = random_map(7, device), random_map(8, device)
    index = {r: i for i, r in enumerate(rows(a))}
    assert a.rows_of(b).tolist() == [index.get(r, -1) for r in rows(b)]
    assert b.rows_of(a).tolist() == [{r: i for i, r in enumerate(rows(b))}.get(r, -1) for r in rows(a)]
    assert a.rows_of(b).dtype == torch.int32


def test_parent_rows_of_an_unrelated_coarse_set(device) -> None:
    fine, coarse = random_map(9, device), random_map(10, device, number=15, stride=2)
    index = {r: i for i, r in enumerate(rows(coarse))}
    expected = [index.get((b, *(c // 2 * 2 for c in space)), -1) for b, *space in rows(fine)]
    assert fine.parent_rows(coarse).tolist() == expected


def test_everything_works_on_nothing(device) -> None:
    none, some = empty_map(device), random_map(11, device)
    assert none.coords.shape == (0, 4)
    assert (
        none.strided(2).num_rows == none.pruned(torch.empty(0, dtype=torch.bool, device=device)).num_rows == 0
    )
    assert none.strided(2).generated(2, 2).num_rows == none.strided(2).generated(4, 2).num_rows == 0
    assert none.expanded(3, 2).num_rows == 0
    assert none.boxed(((0, 0, 0), (1, 1, 1))) is none
    assert none.union(some) is some and some.union(none) is some
    assert none.rows_of(some).tolist() == [-1] * some.num_rows and some.rows_of(none).numel() == 0
    assert (
        some.pruned(torch.zeros(some.num_rows, dtype=torch.bool, device=device)).batch_size == some.batch_size
    )


def test_links_and_maps_keep_no_other_set_alive(device) -> None:
    fine = random_map(12, device)
    other = random_map(13, device)
    fine.rows_of(other), other.rows_of(fine), fine.union(other)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None


def test_copies_hold_the_set_and_no_identity() -> None:
    fine = make((0, 1, 2, 3), (1, -1, 0, 0))
    fine.strided(2), fine.coords
    for twin in (copy.deepcopy(fine), pickle.loads(pickle.dumps(fine))):
        assert twin is not fine and twin != fine
        assert torch.equal(twin.keys, fine.keys) and twin.stride == fine.stride
        assert twin.batch_size == fine.batch_size
        assert twin.strided(2) is not fine.strided(2)


def test_sets_are_immutable() -> None:
    with pytest.raises(AttributeError):
        make((0, 0, 0, 0)).stride = (2, 2, 2)


coordinate = st.tuples(st.integers(0, 3), *[st.integers(-40, 40)] * 3)


@settings(max_examples=25, deadline=None)
@given(st.lists(coordinate, unique=True, max_size=30), st.lists(coordinate, unique=True, max_size=30))
def test_set_algebra(first, second) -> None:
    a, b = make(*first), make(*second)
    union = a.union(b)
    assert set(rows(union)) == set(first) | set(second)
    assert torch.equal(union.keys, b.union(a).keys)
    assert torch.equal(a.strided(2).strided(3).keys, a.strided(6).keys)
    assert set(first) <= set(rows(a.strided(4).generated(4, 4)))
    assert set(first) <= set(rows(a.strided(3).generated(5, 3)))
