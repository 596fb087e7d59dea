"""Prune policies: which rows each keeps, and the schedule's course."""

import pytest
import torch

from completion.models.policies import PredictedOnly, ScheduledTruth, TruthOnly, UnionWithTruth
from completion.nn.prune import Candidates
from completion.sparse import CoordMap

PREDICTED = torch.tensor([True, True, False, False])
TARGET = torch.tensor([True, False, True, False])
ROWS = CoordMap.from_coords(torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]]).int())
CANDIDATES = Candidates(PREDICTED, TARGET, ROWS)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (PredictedOnly(), [True, True, False, False]),
        (TruthOnly(), [True, False, True, False]),
        (UnionWithTruth(), [True, True, True, False]),
    ],
)
def test_what_each_policy_keeps(policy, kept):
    assert policy(CANDIDATES).tolist() == kept


def test_schedule_goes_from_truth_for_all_to_free_running():
    policy = ScheduledTruth(start=0.2, end=0.6)
    shares = []
    for progress in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0):
        policy.set_progress(progress)
        shares.append(policy.share())
    assert shares[:2] == [1, 1]
    assert shares[3] == pytest.approx(0.5)
    assert shares[5:] == [0, 0]
    assert shares == sorted(shares, reverse=True)


def test_schedule_gives_the_truth_to_the_first_items():
    policy = ScheduledTruth(start=0.0, end=1.0)
    for progress, kept in ((0.0, [True, True, True, False]), (0.5, [True, True, False, False]), (1.0, None)):
        policy.set_progress(progress)
        expected = PREDICTED.tolist() if kept is None else kept
        assert policy(CANDIDATES).tolist() == expected


def test_schedule_refuses_an_end_before_its_start():
    with pytest.raises(ValueError, match="start < end"):
        ScheduledTruth(start=0.5, end=0.5)
