"""What the scores refuse, and that each text says what was got and what to do."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from skperturb.metrics import (
    de_jaccard,
    differential_expression,
    l2_distance,
    mae_delta,
    precision_at_k,
    rank_data,
    replicate_distance,
    scaled_score,
)

TABLE = pd.DataFrame(np.eye(3), index=list("xyz"), columns=list("abc"))
CELLS = ad.AnnData(
    np.ones((4, 2)),
    obs=pd.DataFrame({"gene": ["ctrl", "ctrl", "A", "B"]}, index=list("wxyz")),
    layers={"z": -np.ones((4, 2))},
)
TESTED = pd.DataFrame(
    {"condition": ["A", "A"], "gene": ["a", "b"], "log2_fold_change": 1.0, "p_value": 0.1, "p_adjusted": 0.1}
)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mae_delta(TABLE, TABLE.where(TABLE < 1)), ValueError, "y_pred holds nan in row 0, column 0; .* Leave"),
        (
            lambda: mae_delta(TABLE, TABLE[["a", "b"]]),
            ValueError,
            r"y_pred and y_true have different columns, 2 and 3, such as \['c'\]; .* Select the common ones",
        ),
        (lambda: precision_at_k([0, 2, 1], [0.1, 0.2, 0.3], k=1), ValueError, r"y_true\[1\] is 2.0; expected 1 for"),
        (lambda: precision_at_k([0, 1], [0.1, np.inf], k=1), ValueError, r"y_score\[1\] is inf; expected finite"),
        (
            lambda: scaled_score([1.0, np.inf], 2.0, 0.5),
            ValueError,
            r"error is infinite \(inf\); expected finite numbers, or NaN",
        ),
        (lambda: replicate_distance([[1.0, 2.0], [0.5, -3.0]]), ValueError, r"holds -3.0 in row 1; .* Leave out"),
        (lambda: replicate_distance([1.0, np.nan]), ValueError, "holds nan in row 1"),
        (lambda: l2_distance(TABLE, TABLE, genes=["a"], top=2), ValueError, "genes and top=2 are both given"),
        (lambda: l2_distance([np.eye(2)], [np.eye(2)], genes=[0]), ValueError, "y_true is a list, but genes and top"),
        (lambda: l2_distance(np.eye(2), np.eye(2), genes=["a"]), ValueError, "lacks, such as .'a'.; .* are numbered"),
        (lambda: rank_data(["b", "a"]), TypeError, "values has dtype <U1; expected real numbers. Convert it"),
        (
            lambda: differential_expression(CELLS, "gene", "ctrl", min_cells=5),
            ValueError,
            "min_cells=5: none of 2 conditions has that many cells, the largest has 1; .* Lower min_cells",
        ),
        (
            lambda: differential_expression(CELLS, "gene", "ctrl", min_cells=1, layer="z"),
            ValueError,
            "negative values; expected log-normalised expression, .* layer=",
        ),
        (
            lambda: de_jaccard(TESTED, TESTED.replace({"gene": {"b": "c"}})),
            ValueError,
            r"de_pred has 1 names of genes that de_true lacks, such as \['c'\]; .* Leave these rows out",
        ),
        (
            lambda: de_jaccard(TESTED, TESTED, targets=[["a"], ["b"]]),
            ValueError,
            "targets has 2 entries for 1 conditions; expected one list of genes for each",
        ),
    ],
)
def test_what_is_refused_says_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call()
