"""Ready scorers for model selection."""

from sklearn.metrics import make_scorer

from skperturb.metrics._auroc import auroc
from skperturb.metrics._l2 import l2_distance
from skperturb.metrics._spearman import spearman_correlation

__all__ = ["auroc_scorer", "l2_scorer", "spearman_scorer"]

spearman_scorer = make_scorer(spearman_correlation)
# Classifiers are judged by their scores, network predictors by what they predict.
auroc_scorer = make_scorer(auroc, response_method=("decision_function", "predict_proba", "predict"))
l2_scorer = make_scorer(l2_distance, greater_is_better=False)
