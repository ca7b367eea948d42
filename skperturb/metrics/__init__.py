"""Score functions, and ready scorers for scikit-learn's model selection."""

from skperturb.metrics._auroc import auroc
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._ranks import rank_data
from skperturb.metrics._scorers import auroc_scorer, l2_scorer, spearman_scorer
from skperturb.metrics._spearman import spearman_correlation

__all__ = [
    "auroc",
    "auroc_scorer",
    "l2_distance",
    "l2_scorer",
    "rank_data",
    "spearman_correlation",
    "spearman_scorer",
]
