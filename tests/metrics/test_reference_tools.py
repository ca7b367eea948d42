"""The scores equal those of cell-eval and cell-eval2 on the same predictions.

Their values on the small screen of ``reference_cells`` are stored beside the scripts that compute them. Written by,
with the two files of ``make_pair()`` as real.h5ad and predicted.h5ad,

    python run_cell_eval.py real.h5ad predicted.h5ad cell_eval_0.8.2.csv
    python run_cell_eval2.py real.h5ad predicted.h5ad cell_eval2_0.20.0.csv

in environments with cell-eval 0.8.2 and cell-eval2 0.20.0. With the environment variables CELL_EVAL_PYTHON and
CELL_EVAL2_PYTHON, the interpreters of such environments, the tests also run the tools on another screen.
"""

import os
import subprocess
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from reference_cells import CONDITIONS, CONTROL, make_pair

from skperturb import metrics
from skperturb.responses import pseudobulk

TOOLS = Path(__file__).parent / "reference_tools"
# The tools compute in double precision, as we do; what is left is the order of the additions.
TOLERANCE = 1e-6
EACH = {"reduce": None}


@pytest.fixture(scope="module")
def pair():
    return make_pair()


def deltas(real, predicted, own_control):
    """Changes of both screens, against the control of each or the measured control."""
    truth = pseudobulk(real, "perturbation", CONTROL)
    other = pseudobulk(predicted, "perturbation", CONTROL)
    shift = 0.0 if own_control else other.control_mean - truth.control_mean
    return truth.target.loc[CONDITIONS], (other.target + shift).loc[CONDITIONS]


def e_distances(cells):
    control = cells[cells.obs["perturbation"] == CONTROL].X
    return [
        metrics.e_distance(cells[cells.obs["perturbation"] == name].X, control, correct=False, squared=False)
        for name in CONDITIONS
    ]


def cell_eval_scores(real, predicted):
    """What cell-eval calls each score, and ours."""
    y_true, y_pred = deltas(real, predicted, own_control=True)
    tests = [
        metrics.differential_expression(cells, "perturbation", CONTROL, conditions=CONDITIONS, epsilon=0.0)
        for cells in (real, predicted)
    ]
    own = {"exclude_targets": "own", "denominator": "n", **EACH}
    correlation = np.corrcoef(*(e_distances(cells) for cells in (real, predicted)))[0, 1]
    return {
        "mae_delta": metrics.mae_delta(y_true, y_pred, **EACH),
        "mse_delta": metrics.mse_delta(y_true, y_pred, **EACH),
        "pearson_delta": metrics.pearson_delta(y_true, y_pred, **EACH),
        "discrimination_score_l1": metrics.perturbation_discrimination_score(y_true, y_pred, metric="l1", **own),
        "discrimination_score_l2": metrics.perturbation_discrimination_score(
            y_true, y_pred, metric="l2", denominator="n", **EACH
        ),
        "discrimination_score_cosine": metrics.perturbation_discrimination_score(
            y_true, y_pred, metric="cosine", **own
        ),
        "overlap_at_N": metrics.de_overlap_at_k(*tests, **EACH),
        "overlap_at_50": metrics.de_overlap_at_k(*tests, k=5, **EACH),
        "overlap_at_100": metrics.de_overlap_at_k(*tests, k=100, **EACH),
        "precision_at_N": metrics.de_precision_at_k(*tests, **EACH),
        "precision_at_50": metrics.de_precision_at_k(*tests, k=5, **EACH),
        "precision_at_100": metrics.de_precision_at_k(*tests, k=100, **EACH),
        "de_sig_genes_recall": metrics.de_recall(*tests, **EACH),
        "de_direction_match": metrics.de_direction_match(*tests, **EACH),
        "de_spearman_lfc_sig": metrics.de_spearman_lfc(*tests, **EACH),
        "pr_auc": metrics.de_pr_auc(*tests, floor=1e-10, **EACH),
        "roc_auc": metrics.de_roc_auc(*tests, floor=1e-10, **EACH),
        "pearson_edistance": np.full(len(CONDITIONS), correlation),
    }


def cell_eval2_scores(real, predicted):
    """What cell-eval2 calls each score, and ours; it compares both screens with the measured control."""
    y_true, y_pred = deltas(real, predicted, own_control=False)
    measured = real[real.obs["perturbation"] == CONTROL]
    perturbed = predicted[predicted.obs["perturbation"] != CONTROL]
    both = anndata.concat([measured, perturbed], index_unique="-")
    options = {"continuity": False, "fold_change": "arithmetic", "conditions": CONDITIONS}
    tests = [metrics.differential_expression(cells, "perturbation", CONTROL, **options) for cells in (real, both)]
    panel = {"exclude_targets": "all", **EACH}
    without = {"targets": [[name] for name in CONDITIONS], **EACH}
    de = {
        "overlap": metrics.de_overlap_at_k(*tests, **EACH),
        "precision": metrics.de_precision_at_k(*tests, **EACH),
        "sig_recall": metrics.de_recall(*tests, **EACH),
        "sig_jaccard": metrics.de_jaccard(*tests, **without),
        "direction_match": metrics.de_direction_match(*tests, **EACH),
        "direction_fidelity_yield_raw": metrics.de_direction_yield(*tests, **without),
        "direction_reach_raw": metrics.de_direction_reach(*tests, **without),
        "lfc_spearman": metrics.de_spearman_lfc(*tests, **EACH),
        "lfc_nmae": metrics.de_lfc_error(*tests, **without),
        "pr_auc": metrics.de_pr_auc(*tests, **EACH),
        "roc_auc": metrics.de_roc_auc(*tests, **EACH),
    }
    return {
        "delta_mae": metrics.mae_delta(y_true, y_pred, **EACH),
        "delta_mse": metrics.mse_delta(y_true, y_pred, **EACH),
        "delta_pearson": metrics.pearson_delta(y_true, y_pred, **EACH),
        "pds_l1": metrics.perturbation_discrimination_score(y_true, y_pred, metric="l1", **panel),
        "pds_l2": metrics.perturbation_discrimination_score(y_true, y_pred, metric="l2", **panel),
        "pds_cosine": metrics.perturbation_discrimination_score(y_true, y_pred, metric="cosine", **panel),
        **{f"de_wilcoxon_{name}": values for name, values in de.items()},
    }


SCORES = {"cell_eval": cell_eval_scores, "cell_eval2": cell_eval2_scores}
STORED = {"cell_eval": "cell_eval_0.8.2.csv", "cell_eval2": "cell_eval2_0.20.0.csv"}


def check(ours, theirs):
    assert set(ours) <= set(theirs.columns)
    for name, values in ours.items():
        expected = theirs.loc[CONDITIONS, name].to_numpy(dtype=float)
        np.testing.assert_allclose(values, expected, atol=TOLERANCE, rtol=0, err_msg=name)


@pytest.mark.parametrize("tool", SCORES)
def test_stored_values(tool, pair):
    theirs = pd.read_csv(TOOLS / STORED[tool], index_col=0)
    ours = SCORES[tool](*pair)
    first, second = (metrics.differential_expression(cells, "perturbation", CONTROL, epsilon=0.0) for cells in pair)
    # What makes conventions matter: infinite fold changes, and p-values below the floor of cell-eval.
    assert np.isinf(first["log2_fold_change"]).any()
    assert (second["p_adjusted"] < 1e-10).any()
    # A score that is the same for all conditions would hide a wrong order.
    assert sum(theirs.loc[CONDITIONS, name].nunique() > 1 for name in ours) >= len(ours) - 1
    check(ours, theirs)


@pytest.mark.parametrize("tool", SCORES)
def test_the_tool_itself(tool, tmp_path):
    python = os.environ.get(f"{tool.upper()}_PYTHON")
    if python is None:
        pytest.skip(f"{tool.upper()}_PYTHON does not name the interpreter of an environment with {tool}")
    # Fewer than k = 5 infinite fold changes: among more, the tool's choice of the first five is arbitrary.
    pair = make_pair(seed=1, n_silent=4)
    for cells, name in zip(pair, ("real", "predicted"), strict=True):
        cells.write_h5ad(tmp_path / f"{name}.h5ad")
    files = [str(tmp_path / name) for name in ("real.h5ad", "predicted.h5ad", "out.csv")]
    run = subprocess.run(
        [python, str(TOOLS / f"run_{tool}.py"), *files], capture_output=True, text=True, check=False, timeout=250
    )
    assert run.returncode == 0, run.stderr[-2000:]
    check(SCORES[tool](*pair), pd.read_csv(files[2], index_col=0))
