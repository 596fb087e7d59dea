"""Networks as plain modules: encoder, dense coarse level, decoder, losses and prune policies."""

from completion.models.completion_model import Completion, CompletionModel
from completion.models.completion_net import CompletionNet
from completion.models.losses import completion_loss
from completion.models.minkowski_net import MinkowskiNet
from completion.models.policies import PredictedOnly, ScheduledTruth, TruthOnly, UnionWithTruth
from completion.models.support import support_recall
from completion.nn.prune import Level

__all__ = [
    "Completion",
    "CompletionModel",
    "CompletionNet",
    "Level",
    "MinkowskiNet",
    "PredictedOnly",
    "ScheduledTruth",
    "TruthOnly",
    "UnionWithTruth",
    "completion_loss",
    "support_recall",
]
