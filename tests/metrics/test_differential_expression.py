"""Tests of cells against the control, and scores of two tables of them, on cases worked out by hand."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from reference_cells import CONTROL, GENES, make_pair
from scipy.stats import mannwhitneyu

from skperturb.metrics import (
    _differential_expression as module,
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
    differential_expression,
)


def table(changes, adjusted, condition="A"):
    return pd.DataFrame(
        {
            "condition": condition,
            "gene": [f"g{k}" for k in range(len(changes))],
            "log2_fold_change": np.asarray(changes, dtype=float),
            "p_value": np.asarray(adjusted) / 10,
            "p_adjusted": adjusted,
        }
    )


TRUE = table([3.0, -2.0, 1.0, 0.5], [0.01, 0.01, 0.01, 0.9])
PREDICTED = table([1.0, -3.0, -2.0, 4.0], [0.03, 0.01, 0.2, 0.001])
NOTHING = table([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0])


def test_scores_by_hand():
    # Significant: g0, g1, g2 in the truth; g3, g1, g0 in the prediction, by size of the change.
    assert de_overlap_at_k(TRUE, PREDICTED) == pytest.approx(2 / 3)
    assert de_overlap_at_k(TRUE, PREDICTED, k=2) == 0.5
    assert de_overlap_at_k(TRUE, PREDICTED, k=1) == 0.0
    assert de_precision_at_k(TRUE, PREDICTED, k=50) == pytest.approx(2 / 3)
    assert de_recall(TRUE, PREDICTED) == pytest.approx(2 / 3)
    assert de_jaccard(TRUE, PREDICTED) == 0.5
    assert de_jaccard(TRUE, PREDICTED, targets=[["g3"]]) == pytest.approx(2 / 3)
    assert de_direction_match(TRUE, PREDICTED) == pytest.approx(2 / 3)
    assert de_direction_yield(TRUE, PREDICTED) == 1.0
    # By p-value: g1, g0, g2, of which the last has the wrong sign.
    assert de_direction_reach(TRUE, PREDICTED) == pytest.approx(2 / 3)
    assert de_direction_reach(TRUE, PREDICTED, purity=0.6) == 1.0
    assert de_spearman_lfc(TRUE, PREDICTED) == pytest.approx(1.0)
    assert de_spearman_lfc(TRUE, table([-2.0, 3.0, -1.0, 9.0], [1.0] * 4)) == pytest.approx(-1.0)
    assert de_lfc_error(TRUE, PREDICTED) == pytest.approx((2 + 1 + 3) / 6)
    assert de_lfc_error(TRUE, PREDICTED, targets=[["g2"]]) == pytest.approx(3 / 5)
    # The surest is wrong, then two hits, then the third.
    assert de_pr_auc(TRUE, PREDICTED) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3)
    assert de_roc_auc(TRUE, PREDICTED) == 0.0


def test_no_significant_gene():
    assert de_overlap_at_k(TRUE, NOTHING) == de_precision_at_k(TRUE, NOTHING) == 0.0
    assert de_recall(TRUE, NOTHING) == 0.0
    assert de_jaccard(NOTHING, NOTHING) == 1.0
    for score in (de_recall, de_direction_match, de_direction_reach, de_lfc_error, de_pr_auc, de_roc_auc):
        assert np.isnan(score(NOTHING, TRUE))
    assert np.isnan(de_spearman_lfc(TRUE, NOTHING))
    assert np.isnan(de_direction_yield(NOTHING, NOTHING))
    # Conditions without a score do not count.
    both, other = (
        pd.concat([first, second.assign(condition="B")]) for first, second in ((TRUE, NOTHING), (PREDICTED, TRUE))
    )
    assert de_recall(both, other) == pytest.approx(2 / 3)


def test_tables_are_aligned_by_name():
    shuffled = PREDICTED.sample(frac=1, random_state=0)
    for score in (de_overlap_at_k, de_spearman_lfc, de_pr_auc):
        assert score(TRUE, shuffled) == score(TRUE, PREDICTED)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (TRUE, PREDICTED.assign(condition="B"), "1 names of conditions that de_true lacks, such as \\['B'\\]"),
        (TRUE, PREDICTED.iloc[:3], "has the names \\['g3'\\]"),
        (TRUE, pd.concat([PREDICTED, PREDICTED]), "gene 'g0' of condition 'A' twice"),
        (TRUE.drop(columns="p_adjusted"), PREDICTED, "lacks the columns \\['p_adjusted'\\]"),
        (pd.concat([TRUE, TRUE.iloc[:2].assign(condition="B")]), PREDICTED, "expected every gene of every condition"),
    ],
)
def test_refusals(first, second, message):
    with pytest.raises(ValueError, match=message):
        de_recall(first, second)


def test_wrong_targets_and_types():
    with pytest.raises(ValueError, match="2 entries for 1 conditions"):
        de_jaccard(TRUE, PREDICTED, targets=[["g0"], ["g1"]])
    with pytest.raises(TypeError, match="de_true is a list"):
        de_recall([1], PREDICTED)
    with pytest.raises(TypeError, match="adata is a DataFrame"):
        differential_expression(TRUE, "condition", "A")


@pytest.mark.parametrize("continuity", [True, False])
def test_differential_expression_is_that_of_scipy(continuity):
    cells, _ = make_pair()
    found = differential_expression(cells, "perturbation", CONTROL, conditions=["g3"], continuity=continuity)
    groups = [cells[cells.obs["perturbation"] == name].X for name in ("g3", CONTROL)]
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = mannwhitneyu(*groups, method="asymptotic", use_continuity=continuity)
    # Where all cells are the same, scipy divides by zero.
    same = np.ptp(np.concatenate(groups), axis=0) == 0
    np.testing.assert_allclose(found["p_value"], np.where(same, 1.0, expected.pvalue))
    np.testing.assert_allclose(found["statistic"], expected.statistic)
    np.testing.assert_allclose(found["mean"] - found["control_mean"], groups[0].mean(0) - groups[1].mean(0))
    assert list(found["gene"]) == GENES
    assert (found["n_cells"] == 40).all()


def test_storage_changes_nothing(tmp_path, monkeypatch):
    cells, _ = make_pair()
    expected = differential_expression(cells, "perturbation", CONTROL)
    # Some genes at a time.
    monkeypatch.setattr(module, "_VALUES_PER_CHUNK", 7 * cells.n_obs)
    sparse = cells.copy()
    sparse.X = sp.csr_matrix(cells.X)
    sparse.write_h5ad(tmp_path / "cells.h5ad")
    backed = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    try:
        for stored in (cells, sparse, backed):
            pd.testing.assert_frame_equal(differential_expression(stored, "perturbation", CONTROL), expected)
    finally:
        backed.file.close()


def test_constant_genes_and_refused_cells():
    obs = pd.DataFrame({"perturbation": [CONTROL] * 3 + ["A"] * 3 + ["B"]}, index=list("abcdefg"))
    cells = anndata.AnnData(np.array([[0.0, 1.0]] * 7), obs=obs)
    found = differential_expression(cells, "perturbation", CONTROL)
    assert list(found["condition"].unique()) == ["A"]  # B has one cell
    assert (found["p_value"] == 1.0).all()
    assert (found["log2_fold_change"] == 0.0).all()
    with pytest.raises(ValueError, match="none of 2 conditions has that many cells"):
        differential_expression(cells, "perturbation", CONTROL, min_cells=9)
    with pytest.raises(ValueError, match="control names \\['NT'\\]"):
        differential_expression(cells, "perturbation", "NT")
    with pytest.raises(ValueError, match="conditions names \\['C'\\]"):
        differential_expression(cells, "perturbation", CONTROL, conditions=["C"])
    with pytest.raises(ValueError, match="groupby='guide'"):
        differential_expression(cells, "guide", CONTROL)
    with pytest.raises(ValueError, match="layer='counts'"):
        differential_expression(cells, "perturbation", CONTROL, layer="counts")
    cells.X[0, 0] = -1.0
    with pytest.raises(ValueError, match="negative values"):
        differential_expression(cells, "perturbation", CONTROL)
