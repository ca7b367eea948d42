"""Score functions, and ready scorers for scikit-learn's model selection."""

from skperturb.metrics._auroc import auroc
from skperturb.metrics._e_distance import e_distance
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._link_prediction import degree_matched_auroc, precision_at_k
from skperturb.metrics._ranks import rank_data
from skperturb.metrics._response import (
    interaction_r2,
    pearson_delta,
    perturbation_discrimination_score,
    top_de_error,
    win_rate,
)
from skperturb.metrics._scorers import (
    auroc_scorer,
    discrimination_scorer,
    interaction_scorer,
    l2_scorer,
    pearson_delta_scorer,
    spearman_scorer,
    top_de_scorer,
    win_rate_scorer,
)
from skperturb.metrics._spearman import spearman_correlation

__all__ = [
    "auroc",
    "auroc_scorer",
    "degree_matched_auroc",
    "discrimination_scorer",
    "e_distance",
    "interaction_r2",
    "interaction_scorer",
    "l2_distance",
    "l2_scorer",
    "pearson_delta",
    "pearson_delta_scorer",
    "perturbation_discrimination_score",
    "precision_at_k",
    "rank_data",
    "spearman_correlation",
    "spearman_scorer",
    "top_de_error",
    "top_de_scorer",
    "win_rate",
    "win_rate_scorer",
]
