"""Genes that no column stands for get the mean response, and never that of a control."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skperturb.metrics import l2_scorer
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    ContextMean,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    OtherContextsMean,
    PerturbationEncoder,
)

pytestmark = pytest.mark.filterwarnings(r"ignore:X\[\d+\] names the gene:UserWarning")
MODELS = [
    AdditiveRegressor(),
    APPRegressor(random_state=0),
    ContextMean(),
    KernelPerturbationRegressor(),
    LinearPerturbationRegressor(1),
    OtherContextsMean(),
]
LABELS, RESPONSES = ["A", "B", "ctrl", "A+B"], np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [1.0, 1.5]])


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_unknown_gene_has_the_mean_response(model, output):
    encoder = PerturbationEncoder().set_output(transform=output)
    pipeline = make_pipeline(encoder, model).fit(LABELS, RESPONSES)
    with pytest.warns(UserWarning, match=r"doses of X\[1\] are all NaN.*\(2 of 4 rows\).*mean response"):
        predicted = np.asarray(pipeline.predict(["A", "C", "C+D", "ctrl"]))
    np.testing.assert_allclose(predicted[1:3], [[0.5, 1.0], [0.5, 1.0]])
    np.testing.assert_array_equal(predicted[[0, 3]], np.asarray(pipeline.predict(["A", "ctrl"])))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_mean_is_that_of_the_context(model):
    """Each gene counts once, however many replicates it has, as its weights say."""
    table = pd.DataFrame({"gene": ["A", "A", "B", "A", "B"], "line": ["K562"] * 3 + ["Jurkat"] * 2})
    encoder = PerturbationEncoder(contexts="line").fit(table)
    y, weight = np.array([[1.0], [3.0], [6.0], [8.0], [9.0]]), np.array([3.0, 1.0, 1.0, 1.0, 1.0])
    model.fit(encoder.transform(table), y, sample_weight=weight)
    new = pd.DataFrame({"gene": ["C", "C", "C"], "line": ["K562", "Jurkat", "HepG2"]})
    with pytest.warns(UserWarning, match="HepG2"):
        X = encoder.transform(new)
    with pytest.warns(UserWarning, match="3 of 3 rows"):
        predicted = model.predict(X)
    # In the third line nothing was measured: the mean over the two genes, of all lines.
    np.testing.assert_allclose(predicted, [[(1.5 + 6.0) / 2], [8.5], [(2.8 + 7.5) / 2]])


@pytest.mark.parametrize("model", [KernelPerturbationRegressor(), APPRegressor(random_state=0)], ids=["kernel", "app"])
def test_deviation_is_that_of_genes_around_their_mean(model):
    rng = np.random.default_rng(0)
    y = 1.0 + 2.0 * rng.normal(size=(6, 200))
    model.fit(np.eye(6), y)
    with pytest.warns(UserWarning, match="1 of 2 rows"):
        predicted, deviation = model.predict(np.vstack([np.full(6, np.nan), np.eye(6)[0]]), return_std=True)
    np.testing.assert_allclose(predicted[0], y.mean(axis=0))
    np.testing.assert_allclose(deviation[0], y.std(axis=0, ddof=1) * np.sqrt(7 / 6))
    assert (deviation[1] == 0).all()


def test_search_scores_folds_of_unknown_genes():
    """Neither refused nor scored as if nothing changed: as the mean, which is what is known about them."""
    labels = [f"gene{chr(65 + k)}" for k in range(12)]
    y = np.random.default_rng(0).normal(size=(12, 8)) + 3.0
    folds = KFold(3, shuffle=True, random_state=0)
    with pytest.warns(UserWarning, match="4 of 4 rows"):
        found = cross_val_score(
            make_pipeline(PerturbationEncoder(), KernelPerturbationRegressor()), labels, y, cv=folds, scoring=l2_scorer
        )
    expected = [-np.linalg.norm(y[test] - y[train].mean(axis=0), axis=1).mean() for train, test in folds.split(y)]
    np.testing.assert_allclose(found, expected)


def test_other_missing_doses_are_refused():
    """By models of this package, in training and where only some doses of a row are missing; and by others, always."""
    model = AdditiveRegressor().fit(np.eye(3), np.eye(3))
    for X in ([[np.nan, 0.0, 1.0]], [[np.inf, 0.0, 1.0]], [[np.nan] * 3, [np.nan, 0.0, 0.0]]):
        with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
            model.predict(X)
    with pytest.raises(ValueError, match="X contains NaN"):
        AdditiveRegressor().fit([[np.nan, np.nan], [1.0, 0.0]], np.eye(2))
    with pytest.raises(ValueError, match="X contains NaN"):
        make_pipeline(PerturbationEncoder(), Ridge()).fit(LABELS, RESPONSES).predict(["C"])
    ignoring = make_pipeline(PerturbationEncoder(handle_unknown="ignore"), AdditiveRegressor()).fit(LABELS, RESPONSES)
    np.testing.assert_array_equal(ignoring.predict(["C"]), [[0.0, 0.0]])


def test_warnings_point_at_the_line_of_the_user():
    """Also through the frames that scikit-learn puts around `transform` and `fit`."""
    table = pd.DataFrame({"gene": ["A", "B"], "line": ["K562", "Jurkat"]})
    encoder = PerturbationEncoder(contexts="line").fit(table)
    doses, features = pd.DataFrame(np.eye(2), columns=["A", "B"]), pd.DataFrame([[1.0]], ["A"])
    linear = LinearPerturbationRegressor(gene_embedding=pd.DataFrame([[1.0]], ["x"]))
    responses = pd.DataFrame(np.eye(2, 3), columns=["x", "y", "z"])
    calls = [
        (partial(encoder.transform, pd.DataFrame({"gene": ["C"], "line": ["Jurkat"]})), "names the gene 'C'"),
        (partial(encoder.transform, pd.DataFrame({"gene": ["A"], "line": ["HepG2"]})), "has the line 'HepG2'"),
        (partial(KernelPerturbationRegressor(gene_features=features).fit, doses, responses), "1 of 2 perturbed genes"),
        (partial(linear.fit, doses, responses), "a row for 1 of the 3 genes"),
    ]
    for call, message in calls:
        with pytest.warns(UserWarning, match=message) as caught:
            call()
        assert [one.filename for one in caught] == [__file__]
