"""Predictions become an AnnData that another tool, and the next pseudobulk, can read."""

import anndata
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from skperturb.responses import AdditiveRegressor, PerturbationEncoder, pseudobulk, to_anndata

INDEX = pd.MultiIndex.from_product([["A", "A+B"], ["x", "y"]], names=["condition", "line"])
LFC = pd.DataFrame(np.arange(12.0).reshape(4, 3), index=INDEX, columns=["g1", "g2", "g3"])


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {"perturbation": ["ctrl", "A", "B", "A+B", "B+A"] * 16, "line": ["x"] * 40 + ["y"] * 40},
        index=[f"cell{k}" for k in range(80)],
    )
    return anndata.AnnData(rng.gamma(2.0, size=(80, 3)), obs=obs, var=pd.DataFrame(index=["g1", "g2", "g3"]))


def test_conditions_and_covariates_come_back(cells, tmp_path):
    bulk = pseudobulk(cells, "perturbation", "ctrl", covariates="line")
    model = make_pipeline(PerturbationEncoder(column="perturbation"), AdditiveRegressor())
    predicted = model.fit(bulk.data, bulk.target).predict(bulk.data)
    pd.testing.assert_index_equal(predicted.index, bulk.target.index)
    written = to_anndata(predicted)
    assert written.obs_names.tolist() == ["A_x", "A_y", "A+B_x", "A+B_y", "B_x", "B_y"]
    pd.testing.assert_frame_equal(written.obs.reset_index(drop=True), bulk.data.reset_index(drop=True))
    assert written.var_names.tolist() == ["g1", "g2", "g3"]
    np.testing.assert_array_equal(written.X, predicted)
    written.write_h5ad(tmp_path / "predicted.h5ad")
    again = anndata.read_h5ad(tmp_path / "predicted.h5ad")
    assert again.obs["perturbation"].tolist() == bulk.data["perturbation"].tolist()
    # What was written is what the model reads.
    pd.testing.assert_frame_equal(model.predict(again.obs).reset_index(drop=True), predicted.reset_index(drop=True))


def test_columns_of_obs_are_aligned_by_name():
    obs = pd.DataFrame({"condition": ["A+B", "A+B", "A", "A"], "line": list("yxyx"), "n": [3, 2, 1, 0]})
    shuffled = obs.set_axis(pd.MultiIndex.from_frame(obs[["condition", "line"]]))
    written = to_anndata(LFC, shuffled)
    assert written.obs.columns.tolist() == ["condition", "line", "n"]
    assert written.obs["n"].tolist() == [0, 1, 2, 3]
    # The levels of an index without names are recognized by their values.
    unnamed = LFC.set_axis(INDEX.set_names([None, None]))
    assert to_anndata(unnamed, shuffled).obs.columns.tolist() == ["condition", "line", "n"]
    assert to_anndata(unnamed, shuffled[["n"]]).obs.columns.tolist() == ["condition", "condition_1", "n"]


def test_expression_is_the_control_mean_and_the_change(cells):
    bulk = pseudobulk(cells, "perturbation", "ctrl", covariates="line")
    written = to_anndata(bulk.target, control_mean=bulk.control_mean[["g3", "g1", "g2"]], layers={"var": bulk.variance})
    for row, (condition, line) in enumerate(bulk.target.index):
        names = cells.obs["perturbation"].isin([condition, "+".join(reversed(condition.split("+")))])
        mean = cells.X[(names & (cells.obs["line"] == line)).to_numpy()].mean(axis=0)
        np.testing.assert_allclose(written.layers["expression"][row], mean)
    np.testing.assert_array_equal(written.layers["var"], bulk.variance)
    plain = pseudobulk(cells, "perturbation", "ctrl")
    one = to_anndata(plain.target, control_mean=plain.control_mean[::-1])
    np.testing.assert_allclose(one.layers["expression"], plain.target + plain.control_mean)


def test_repeated_conditions_are_numbered():
    replicates = LFC.set_axis(["A", "B", "A", "A"])
    written = to_anndata(replicates, condition="perturbation")
    assert written.obs_names.tolist() == ["A", "B", "A-1", "A-2"]
    assert written.obs["perturbation"].tolist() == ["A", "B", "A", "A"]


def test_rows_without_names():
    rows = LFC.reset_index(drop=True)
    assert to_anndata(rows).obs.shape == (4, 0)
    named = to_anndata(rows, pd.DataFrame({"condition": list("abcd"), "line": list("xxyy")}))
    assert named.obs_names.tolist() == ["a_x", "b_x", "c_y", "d_y"]


@pytest.mark.parametrize(
    ("predicted", "options", "error", "message"),
    [
        (LFC.to_numpy(), {}, TypeError, "predicted is a ndarray; expected a DataFrame"),
        (LFC, {"obs": ["a", "b", "c", "d"]}, TypeError, "obs is a list"),
        (LFC, {"obs": pd.DataFrame({"n": [1, 2]})}, ValueError, "obs has 2 rows and predicted 4"),
        (LFC, {"layers": {"std": LFC.iloc[:2]}}, ValueError, r"layers\['std'\] has shape \(2, 3\)"),
        (LFC, {"control_mean": [1.0, 2.0, 3.0]}, TypeError, "control_mean is a list"),
        (
            LFC,
            {"control_mean": pd.DataFrame(np.zeros((1, 3)), pd.Index(["x"], name="line"), LFC.columns)},
            ValueError,
            "control_mean lacks 'y'",
        ),
        (
            LFC,
            {"control_mean": pd.DataFrame(np.zeros((1, 3)), pd.Index(["x"], name="batch"), LFC.columns)},
            ValueError,
            r"predicted and obs lack \['batch'\]",
        ),
    ],
)
def test_bad_arguments(predicted, options, error, message):
    with pytest.raises(error, match=message):
        to_anndata(predicted, **options)
