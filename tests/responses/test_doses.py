"""Doses that saturate."""

import numpy as np
import pandas as pd
import pytest

from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor, PerturbationEncoder
from skperturb.responses._doses import DoseCurves

DOSES = np.array([0.01, 0.03, 0.1, 0.3, 1.0])


def _screen(seed=0, noise=0.0, half=(0.01, 0.1, 1.0, np.inf), lines=1):
    """Compounds at five doses each; y = E d / (d + k), or E d."""
    rng = np.random.default_rng(seed)
    half = np.array(half)
    X, y, line = [], [], []
    for k in range(lines):
        effects = rng.normal(size=(len(half), 30))
        for compound in range(len(half)):
            for dose in DOSES:
                X.append(dose * np.eye(len(half))[compound])
                size = dose if np.isinf(half[compound]) else dose * (1 + half[compound]) / (dose + half[compound])
                y.append(size * effects[compound])
                line.append(k)
    y = np.array(y)
    return np.array(X), y + noise * rng.normal(size=y.shape), np.array(line)


def test_half_doses_are_found():
    X, y, line = _screen()
    curves = DoseCurves.learn(X, y, line, np.ones(len(X)))
    np.testing.assert_allclose(curves.half_doses, [0.01, 0.1, 1.0, np.inf])
    effective = curves.apply(X)
    np.testing.assert_allclose(effective.max(axis=0), 1.0)
    rebuilt = effective @ y[X.sum(axis=1) == 1.0]
    np.testing.assert_allclose(rebuilt, y)


def test_half_doses_are_those_of_a_compound_in_all_lines():
    X, y, line = _screen(lines=3, noise=0.05)
    assert DoseCurves.learn(X, y, line, np.ones(len(X))).half_doses[:2].tolist() == [0.01, 0.1]


def test_a_compound_of_one_dose_has_the_usual_curve():
    X, y, line = _screen(half=(0.1, 0.1, 0.1))
    kept = (X[:, 2] == 0) | (X[:, 2] == 1)
    assert DoseCurves.learn(X[kept], y[kept], line[kept], np.ones(kept.sum())).half_doses.tolist() == [0.1, 0.1, 0.1]
    one = X.sum(axis=1) == 1
    assert np.isinf(DoseCurves.learn(X[one], y[one], line[one], np.ones(one.sum())).half_doses).all()


@pytest.mark.parametrize("model", [AdditiveRegressor, KernelPerturbationRegressor])
def test_doses_inform_each_other(model):
    X, y, _ = _screen(noise=0.05)
    errors = {"linear": [], "saturating": []}
    for dose in DOSES:
        test = X.sum(axis=1) == dose
        for name, found in errors.items():
            fitted = model(dose_response=name).fit(X[~test], y[~test])
            found.append(np.linalg.norm(fitted.predict(X[test]) - y[test], axis=1).mean())
    assert np.mean(errors["saturating"]) < 0.5 * np.mean(errors["linear"])


def test_pairs_of_compounds_add_effective_doses():
    X, y, _ = _screen(half=(0.1, 0.1))
    model = AdditiveRegressor(dose_response="saturating").fit(X, y)
    at = [np.flatnonzero(X[:, 0] == 0.3)[0], np.flatnonzero(X[:, 1] == 0.01)[0]]
    np.testing.assert_allclose(model.predict(X[at].sum(axis=0, keepdims=True))[0], y[at].sum(axis=0))
    np.testing.assert_allclose(model.half_doses_, 0.1)
    assert np.isinf(AdditiveRegressor().fit(X, y).half_doses_).all()


def test_with_contexts():
    X, y, line = _screen(lines=2, noise=0.02)
    table = pd.DataFrame({"drug": [dict(zip("abcd", row, strict=True)) for row in X], "line": line})
    table["drug"] = [{name: dose for name, dose in row.items() if dose} for row in table["drug"]]
    doses = PerturbationEncoder(contexts="line").set_output(transform="pandas").fit_transform(table)
    test = (X.sum(axis=1) == 0.1) & (line == 1)
    errors = [
        np.linalg.norm(model.fit(doses[~test], y[~test]).predict(doses[test]) - y[test], axis=1).mean()
        for model in (KernelPerturbationRegressor(dose_response=name) for name in ("saturating", "linear"))
    ]
    assert errors[0] < 0.5 * errors[1]


def test_genes_without_doses_are_as_they_were():
    X, y = np.eye(4)[[0, 1, 2, 3, 0]] + np.eye(4)[[0, 1, 2, 3, 1]] * [[0], [0], [0], [0], [1]], np.ones((5, 3))
    plain, curved = (AdditiveRegressor(dose_response=name).fit(X, y).predict(X) for name in ("linear", "saturating"))
    np.testing.assert_array_equal(plain, curved)


def test_a_weight_is_a_repetition():
    X, y, _ = _screen(noise=0.5, seed=3)
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    repeated = np.repeat(np.arange(len(X)), weight)
    once = AdditiveRegressor(dose_response="saturating").fit(X, y, sample_weight=weight)
    again = AdditiveRegressor(dose_response="saturating").fit(X[repeated], y[repeated])
    np.testing.assert_allclose(once.predict(X), again.predict(X))
