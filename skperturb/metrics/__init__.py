"""Score functions, and ready scorers for scikit-learn's model selection."""

from skperturb.metrics._auroc import auroc
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._link import degree_matched_auroc, precision_at_k
from skperturb.metrics._ranks import rank_data
from skperturb.metrics._scorers import auroc_scorer, l2_scorer, spearman_scorer
from skperturb.metrics._spearman import spearman_correlation

__all__ = [
    "auroc",
    "auroc_scorer",
    "degree_matched_auroc",
    "l2_distance",
    "l2_scorer",
    "precision_at_k",
    "rank_data",
    "spearman_correlation",
    "spearman_scorer",
]
