"""Area under the ROC curve, for 0/1 labels and for sensitivity matrices."""

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from skperturb._alignment import align_vectors
from skperturb._interchange import as_pandas
from skperturb._sklearn import validate_params
from skperturb._validation import check_same_length
from skperturb.metrics._matrix_pairs import REDUCE, is_vector, matrix_pairs, reduce_scores
from skperturb.metrics._ranks import rank_data

__all__ = ["auroc"]

# The area of scores that say nothing, which is also what is given where one class is missing: no ranking is possible,
# so none is rewarded or punished, and a mean over networks stays defined.
_CHANCE = 0.5


@validate_params(REDUCE, prefer_skip_nested_validation=True)
def auroc(y_true: Any, y_pred: Any, *, reduce: str | None = "mean") -> Any:
    """Compute the area under the ROC curve: how well scores tell affected from unaffected.

    It is the probability that a random positive scores higher than a random negative, ties counting half.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,), matrix or sequence of matrices
        Labels of two classes, the larger being the positive one; or true sensitivities, of which every
        non-zero entry off the diagonal is a positive (node i is affected by source j).
    y_pred : array-like of shape (n_samples,), matrix or sequence of matrices
        Scores of the positive class; or predicted sensitivities, whose magnitudes are the scores.
        Magnitudes that are equal up to rounding are tied, as in `rank_data`. What has names on both sides, Series
        and DataFrames, is aligned by name.
    reduce : {"mean"} or None, default="mean"
        For matrices: mean over the samples, or one score per sample.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        The area, from 0 to 1. Where it is undefined, because only one class is present, it is 0.5.

    Raises
    ------
    TypeError
        If a matrix is not numeric.
    ValueError
        If the samples differ in number, shape or names, hold NaN or infinity, or labels have more than
        two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.metrics import auroc
    >>> auroc([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8])
    0.75
    >>> truth = np.array([[1.0, 0.0], [-0.5, 1.0]])
    >>> auroc([truth], [[[1.0, 0.1], [0.3, 1.0]] * np.ones((2, 2))])
    1.0
    """
    y_true, y_pred = as_pandas(y_true), as_pandas(y_pred)
    if is_vector(y_true) and is_vector(y_pred):
        return _label_auroc(np.asarray(y_true), align_vectors(y_true, y_pred, ("y_true", "y_pred")))
    scores = []
    for pair in matrix_pairs(y_true, y_pred):
        keep = pair.off_diagonal()
        scores.append(_binary_auroc(pair.truth[keep] != 0, rank_data(np.abs(pair.prediction[keep]))))
    return reduce_scores(scores, reduce)


def _label_auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    check_same_length(labels.tolist(), scores.tolist(), ("y_true", "y_pred"))
    for values, name in ((labels, "y_true"), (scores, "y_pred")):
        if values.dtype.kind in "fc" and not np.isfinite(values).all():
            position = int(np.argmin(np.isfinite(values)))
            raise ValueError(f"{name}[{position}] is {values[position]}; expected finite numbers.")
    classes = np.unique(labels)
    if len(classes) > 2:
        raise ValueError(f"y_true has {len(classes)} classes; expected labels of two classes, such as 0 and 1.")
    return _binary_auroc(labels == classes[-1] if len(classes) == 2 else np.zeros(len(labels), bool), scores)


def _binary_auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    if positive.all() or not positive.any():
        return _CHANCE
    return float(roc_auc_score(positive, scores))
