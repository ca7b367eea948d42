"""What scikit-learn promises of every estimator beyond its own checks, over the registry."""

import inspect
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from estimator_registry import REGISTRY, need_optional
from sklearn.base import clone, is_classifier
from sklearn.exceptions import SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skperturb.responses import AdditiveRegressor

RNG = np.random.default_rng(0)
# The singles, a control and all pairs of four genes, and their responses.
DOSES = np.vstack([np.eye(4), np.zeros((1, 4)), [np.eye(4)[i] + np.eye(4)[j] for i in range(4) for j in range(i)]])
RESPONSES = DOSES @ RNG.normal(size=(4, 3)) + 0.1 * RNG.normal(size=(len(DOSES), 3))


def each(accepts: Any = lambda estimator: True) -> Any:
    """Parametrize a test with the positions of the estimators that it is for."""
    chosen = [k for k, (estimator, _) in enumerate(REGISTRY) if accepts(estimator)]
    return pytest.mark.parametrize("k", chosen, ids=[f"{k:02d}-{type(REGISTRY[k][0]).__name__}" for k in chosen])


def takes_weights(estimator: Any) -> bool:
    return "sample_weight" in inspect.signature(estimator.fit).parameters


def case(k: int) -> tuple[Any, Any, Any]:
    estimator, inputs = REGISTRY[k]
    need_optional(estimator)
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return (estimator, DOSES, RESPONSES) if inputs.X is None else (estimator, inputs.X, inputs.y)


def results(estimator: Any, X: Any) -> np.ndarray:
    """Return all numbers of the first method that gives numbers rather than labels."""
    method = next(name for name in ("decision_function", "predict", "transform") if hasattr(estimator, name))
    found = getattr(estimator, method)(X)
    parts = [np.ravel(part.toarray() if sp.issparse(part) else np.asarray(part)) for part in np.asarray(found)]
    return np.concatenate(parts)


@each()
def test_the_configuration_of_scikit_learn_changes_no_result(k):
    estimator, X, y = case(k)
    weights = {"sample_weight": np.linspace(0.5, 2.0, len(X))} if takes_weights(estimator) else {}
    expected = results(clone(estimator).fit(X, y, **weights), X)
    with sklearn.config_context(enable_metadata_routing=True, transform_output="pandas", assume_finite=True):
        found = results(clone(estimator).fit(X, y, **weights), X)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@each()
def test_tags_say_what_the_samples_are(k):
    estimator, inputs = REGISTRY[k]
    assert get_tags(estimator).input_tags.two_d_array == (inputs.X is None)
    # Of such as take other samples, scikit-learn checks what needs no data.
    if inputs.X is not None:
        with pytest.warns(SkipTestWarning):
            check_estimator(clone(estimator))


@each(takes_weights)
def test_a_sample_of_weight_zero_is_as_if_it_were_not_there(k):
    estimator, X, y = case(k)
    weights = np.where(np.arange(len(X)) % 7 == 1, 0.0, 1.0)
    kept = np.flatnonzero(weights)
    few = [np.asarray(part)[kept] for part in (X, y)]
    found = clone(estimator).fit(X, y, sample_weight=weights)
    expected = clone(estimator).fit(*few, sample_weight=weights[kept])
    np.testing.assert_allclose(results(found, few[0]), results(expected, few[0]), rtol=1e-6, atol=1e-9)


@each(is_classifier)
def test_classifiers_have_the_logarithms_of_their_probabilities(k):
    estimator, X, y = case(k)
    model = estimator.fit(X, y)
    for prevalence in (None, 1e-3):
        expected = np.log(model.predict_proba(X, prevalence=prevalence))
        np.testing.assert_allclose(model.predict_log_proba(X, prevalence=prevalence), expected, rtol=1e-9)
    model.decision_function = lambda X: np.array([-1e4, 1e4])
    np.testing.assert_array_equal(model.predict_log_proba(X), [[0.0, -1e4], [-1e4, 0.0]])


def test_one_hot_genes_of_scikit_learn_are_doses():
    genes = [["KLF1"], ["CEBPA"], ["SPI1"]]
    for encoder in (OneHotEncoder(), OneHotEncoder(sparse_output=False)):
        model = make_pipeline(encoder, FunctionTransformer(), AdditiveRegressor()).fit(genes, RESPONSES[:3])
        np.testing.assert_allclose(model.predict(genes), RESPONSES[:3])
    for sparse in (sp.csr_array(DOSES), sp.coo_matrix(DOSES)):
        np.testing.assert_array_equal(
            AdditiveRegressor().fit(sparse, RESPONSES).predict(sparse),
            AdditiveRegressor().fit(DOSES, RESPONSES).predict(DOSES),
        )


def test_sparse_targets_are_refused_by_name():
    sparse = sp.csr_array(RESPONSES)
    for call in (AdditiveRegressor().fit, AdditiveRegressor().fit(DOSES, RESPONSES).score):
        with pytest.raises(TypeError, match=r"y is a csr_array of shape \(11, 3\); .* Pass y\.toarray\(\)"):
            call(DOSES, sparse)
    pairs, _ = next((inputs.X, inputs.y) for estimator, inputs in REGISTRY if is_classifier(estimator))
    model = next(clone(estimator) for estimator, _ in REGISTRY if is_classifier(estimator))
    with pytest.raises(TypeError, match=r"y is a csr_array .* Pass y\.toarray\(\)\.ravel\(\)"):
        model.fit(pairs, sp.csr_array(np.ones((len(pairs), 1))))
