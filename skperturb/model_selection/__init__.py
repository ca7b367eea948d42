"""Splitters and negative samplers that keep evaluation free of leakage."""

from skperturb.model_selection._context_split import LeaveContextOut
from skperturb.model_selection._interaction_folds import InteractionKFold
from skperturb.model_selection._link_split import LinkSplit, link_prediction_split
from skperturb.model_selection._negatives import sample_negative_pairs
from skperturb.model_selection._perturbation_splits import CombinationSplit, UnseenPerturbationSplit

__all__ = [
    "CombinationSplit",
    "InteractionKFold",
    "LeaveContextOut",
    "LinkSplit",
    "UnseenPerturbationSplit",
    "link_prediction_split",
    "sample_negative_pairs",
]
