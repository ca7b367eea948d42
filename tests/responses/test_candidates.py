"""What nobody tested, and which of it to test next."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline

from skperturb.datasets import make_perturbation_screen
from skperturb.responses import (
    AdditiveRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    rank_candidates,
    untested_combinations,
)


def test_untested_combinations():
    tested = ["A", "B+ctrl", "C", "B+A", "D+A", "ctrl"]
    assert untested_combinations(tested).tolist() == ["A+C", "B+C"]  # D was never perturbed alone
    assert untested_combinations(tested, genes=["A", "B", "D"]).tolist() == ["B+D"]
    assert untested_combinations(tested, order=3).tolist() == ["A+B+C"]
    assert untested_combinations(["A_g1", "A_g2", "B_g1"], guide_suffix=r"_g\d").tolist() == ["A+B"]
    assert untested_combinations(["A;B", "A", "B", "C"], sep=";").tolist() == ["A;C", "B;C"]
    assert untested_combinations(pd.DataFrame({"p": ["A", "B"], "q": [1, 2]}), column="p").tolist() == ["A+B"]
    # Any dose.
    assert untested_combinations([{"A": 0.5, "B": 1.0}, "A", "B"]).tolist() == []
    with pytest.raises(ValueError, match="only 1 genes were perturbed alone"):
        untested_combinations(["A", "A+B"])


@pytest.fixture(scope="module")
def fitted():
    cells = make_perturbation_screen(20, n_perturbed=8, n_doubles=16, n_cells=20, random_state=0)
    bulk = pseudobulk(cells, "perturbation", "control")
    encoder = PerturbationEncoder().set_output(transform="pandas")
    X = encoder.fit_transform(bulk.data).set_axis(bulk.target.index)
    model = KernelPerturbationRegressor().fit(X, bulk.target)
    new = untested_combinations(bulk.data["perturbation"])
    candidates = encoder.transform(list(new)).set_axis(new)
    return model, AdditiveRegressor().fit(X, bulk.target), candidates, bulk


@pytest.mark.parametrize("by", ["surprise", "effect", "interaction", "uncertainty"])
def test_ranking(fitted, by):
    model, additive, candidates, _ = fitted
    table = rank_candidates(model, additive, candidates, by=by)
    assert table[by].is_monotonic_decreasing
    assert sorted(table["condition"]) == sorted(candidates.index)
    table = table.set_index("condition").loc[candidates.index]
    mean, deviation = (np.asarray(part) for part in model.predict(candidates, return_std=True))
    expected = additive.predict(candidates).to_numpy()
    np.testing.assert_allclose(table["effect"], np.linalg.norm(mean, axis=1))
    np.testing.assert_allclose(table["interaction"], np.linalg.norm(mean - expected, axis=1))
    squares = ((mean - expected) ** 2 + deviation**2).sum(axis=1)
    np.testing.assert_allclose(table["surprise"], np.sqrt(squares))
    assert len(rank_candidates(model, additive, candidates, by=by, top=3)) == 3


def test_surprise_is_the_expected_distance(fitted):
    """Draws from the predicted distribution lie as far from addition as said."""
    model, additive, candidates, _ = fitted
    first = candidates.iloc[:1]
    mean, deviation = (np.asarray(part) for part in model.predict(first, return_std=True))
    rng = np.random.default_rng(0)
    draws = mean + deviation * rng.normal(size=(20_000, mean.shape[1]))
    squared = ((draws - additive.predict(first).to_numpy()) ** 2).sum(axis=1)
    surprise = rank_candidates(model, additive, first)["surprise"][0]
    # Five standard errors of the mean of the draws.
    assert abs(squared.mean() - surprise**2) < 5 * squared.std() / np.sqrt(len(draws))


def test_labels_and_models_without_deviations(fitted):
    *_, bulk = fitted
    labels = bulk.data["perturbation"].astype(str)
    pipeline = make_pipeline(PerturbationEncoder(), AdditiveRegressor(shrinkage=0.5)).fit(labels, bulk.target)
    mean = make_pipeline(PerturbationEncoder(), DummyRegressor()).fit(labels, bulk.target)
    table = rank_candidates(pipeline, mean, ["gene0+gene1", "gene0"], by="effect")
    assert table["uncertainty"].isna().all()
    assert set(table["condition"]) == {"gene0+gene1", "gene0"}
    with pytest.raises(ValueError, match="predicts no standard deviations"):
        rank_candidates(pipeline, mean, ["gene0+gene1"])
    with pytest.raises(ValueError, match="X is empty"):
        rank_candidates(pipeline, mean, [])


@pytest.mark.parametrize("as_iterator", [False, True])
def test_blocks_are_ranked_as_the_whole(fitted, as_iterator):
    model, additive, candidates, _ = fitted
    # The same candidates twice.
    doubled = pd.concat([candidates, candidates.set_axis(candidates.index + " again")])
    whole = rank_candidates(model, additive, doubled)
    if as_iterator:
        given, options = (doubled.iloc[k : k + 5] for k in range(0, len(doubled), 5)), {}
    else:
        given, options = doubled, {"block_size": 7}
    with joblib.parallel_config(backend="threading", n_jobs=2):
        best = rank_candidates(model, additive, given, top=9, **options)
    # Products of other shapes are rounded otherwise, so twins may change places.
    assert [name.removesuffix(" again") for name in best["condition"]] == [
        name.removesuffix(" again") for name in whole["condition"].head(9)
    ]
    pd.testing.assert_frame_equal(best.drop(columns="condition"), whole.drop(columns="condition").head(9), rtol=1e-9)
    with pytest.raises(ValueError, match="X is empty"):
        rank_candidates(model, additive, iter([doubled.iloc[:0]]))
