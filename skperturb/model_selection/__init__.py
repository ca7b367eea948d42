"""Splitters and negative samplers that keep evaluation free of leakage."""

from skperturb.model_selection._link import LinkSplit, link_prediction_split
from skperturb.model_selection._negatives import sample_negative_pairs

__all__ = ["LinkSplit", "link_prediction_split", "sample_negative_pairs"]
