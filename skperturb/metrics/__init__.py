"""Score functions, and ready scorers for scikit-learn's model selection."""

from skperturb.metrics._auroc import auroc
from skperturb.metrics._de_agreement import (
    de_direction_match,
    de_direction_reach,
    de_direction_yield,
    de_jaccard,
    de_lfc_error,
    de_overlap_at_k,
    de_pr_auc,
    de_precision_at_k,
    de_recall,
    de_roc_auc,
    de_spearman_lfc,
)
from skperturb.metrics._delta_errors import de_weights, mae_delta, mse_delta, weighted_mse_delta, weighted_r2_delta
from skperturb.metrics._differential_expression import differential_expression
from skperturb.metrics._discrimination import centroid_accuracy, perturbation_discrimination_score
from skperturb.metrics._e_distance import e_distance
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._link_prediction import degree_matched_auroc
from skperturb.metrics._ranking import hits_at_k, mean_reciprocal_rank, ndcg_at_k, precision_at_k, recall_at_k
from skperturb.metrics._ranks import rank_data
from skperturb.metrics._response import (
    interaction_r2,
    pearson_delta,
    top_de_error,
    win_rate,
)
from skperturb.metrics._scaled_score import replicate_distance, scaled_score, split_half_distance
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
    "centroid_accuracy",
    "de_direction_match",
    "de_direction_reach",
    "de_direction_yield",
    "de_jaccard",
    "de_lfc_error",
    "de_overlap_at_k",
    "de_pr_auc",
    "de_precision_at_k",
    "de_recall",
    "de_roc_auc",
    "de_spearman_lfc",
    "de_weights",
    "degree_matched_auroc",
    "differential_expression",
    "discrimination_scorer",
    "e_distance",
    "hits_at_k",
    "interaction_r2",
    "interaction_scorer",
    "l2_distance",
    "l2_scorer",
    "mae_delta",
    "mean_reciprocal_rank",
    "mse_delta",
    "ndcg_at_k",
    "pearson_delta",
    "pearson_delta_scorer",
    "perturbation_discrimination_score",
    "precision_at_k",
    "rank_data",
    "recall_at_k",
    "replicate_distance",
    "scaled_score",
    "spearman_correlation",
    "spearman_scorer",
    "split_half_distance",
    "top_de_error",
    "top_de_scorer",
    "weighted_mse_delta",
    "weighted_r2_delta",
    "win_rate",
    "win_rate_scorer",
]
