"""Settings that a user may have on change no number: output containers, metadata routing, workers, read-only input."""

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from estimator_registry import CONDITIONS, PAIRS, REGISTRY, need_optional
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from skperturb.interactions import DegreeProduct, ExpressionCorrelation, GNEEmbedder, L3Paths, SpectralGeneEmbedder
from skperturb.metrics import l2_scorer
from skperturb.model_selection import CombinationSplit, UnseenPerturbationSplit, link_prediction_split
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    PerturbationEncoder,
)
from skperturb.testing import assert_equal_values

SETTINGS = {
    "pandas": {"transform_output": "pandas"},
    "polars": {"transform_output": "polars"},
    "routing": {"enable_metadata_routing": True},
}
# What a registry entry of arrays is fitted to: doses of four genes, alone and in pairs, with replicates.
_RNG = np.random.RandomState(0)
_DOSES = np.concatenate([np.eye(4), np.eye(4)[[0, 1, 2]] + np.eye(4)[[1, 2, 3]], np.eye(4)[:2], np.zeros((1, 4))])
_RESPONSES = _DOSES @ _RNG.normal(size=(4, 3)) + 0.1 * _RNG.normal(size=(len(_DOSES), 3))
each_estimator = pytest.mark.parametrize(
    ("estimator", "inputs"),
    REGISTRY,
    ids=[f"{k:02d}-{type(estimator).__name__}" for k, (estimator, _) in enumerate(REGISTRY)],
)


def samples(inputs):
    return (_DOSES, _RESPONSES) if inputs.X is None else (inputs.X, inputs.y)


def results(estimator, X, y):
    """Fit a copy and return, as plain values, what each of its methods makes of the same samples."""
    model = clone(estimator).fit(X, y)
    methods = [name for name in ("predict", "predict_proba", "decision_function", "transform") if hasattr(model, name)]
    found = {name: plain(getattr(model, name)(X)) for name in methods}
    if hasattr(model, "transform"):
        found["fit_transform"] = plain(clone(estimator).fit_transform(X, y))
    if hasattr(model, "embed"):
        found["embed"] = plain(model.embed([X[0][0], X[1][0]]))
    if hasattr(model, "score") and y is not None:
        found["score"] = plain(model.score(X, y))
    assert methods
    return found


def plain(value):
    value = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    if value.dtype != object:
        return value
    return [(one.toarray() if sp.issparse(one) else np.asarray(one, dtype=float)) for one in value]


def rows(X, keep):
    return X[keep] if hasattr(X, "shape") else [X[k] for k in keep]


def locked(value):
    """Return a copy whose arrays cannot be written to, inside lists, DataFrames, networks and sparse arrays as well."""
    value = copy.deepcopy(value)
    for array in arrays_in(value):
        array.flags.writeable = False
    return value


def arrays_in(value):
    if isinstance(value, list | tuple):
        for one in value:
            yield from arrays_in(one)
    elif isinstance(value, np.ndarray):
        yield value
    elif sp.issparse(value):
        yield from (value.data, value.indices, value.indptr)
    elif hasattr(value, "jacobian"):
        yield from arrays_in(value.jacobian.to_numpy())


@pytest.fixture(scope="module")
def expected():
    """Results without any setting, computed once for each estimator."""
    known = {}

    def of(estimator, inputs):
        if id(estimator) not in known:
            known[id(estimator)] = results(estimator, *samples(inputs))
        return known[id(estimator)]

    return of


@pytest.mark.parametrize("setting", SETTINGS)
@each_estimator
def test_setting_changes_no_number(estimator, inputs, setting, expected):
    need_optional(estimator)
    reference = expected(estimator, inputs)
    with sklearn.config_context(**SETTINGS[setting]):
        found = results(estimator, *samples(inputs))
    assert found.keys() == reference.keys()
    for name, values in reference.items():
        assert_equal_values(found[name], values, rtol=0)


@each_estimator
def test_transform_follows_the_setting(estimator, inputs):
    need_optional(estimator)
    if not hasattr(estimator, "get_feature_names_out"):
        # Estimators of matrices return one matrix for each sample, of whatever size: no table.
        assert not hasattr(estimator, "transform") or inputs.X is not None
        return
    X, y = samples(inputs)
    for setting, module in (("pandas", "pandas"), ("polars", "polars")):
        with sklearn.config_context(transform_output=setting):
            model = clone(estimator).fit(X, y)
            table = model.transform(X)
        assert type(table).__module__.startswith(module)
        assert list(table.columns) == [str(name) for name in model.get_feature_names_out()]


@each_estimator
def test_read_only_input(estimator, inputs, expected):
    need_optional(estimator)
    reference = expected(estimator, inputs)
    X, y = samples(inputs)
    X, y = [np.array(one) if inputs in (PAIRS, CONDITIONS) else one for one in (X, y)]
    found = results(estimator, locked(X), locked(y))
    for name, values in reference.items():
        assert_equal_values(found[name], values, rtol=0)


def test_arrays_are_locked():
    for inputs in {id(inputs): inputs for _, inputs in REGISTRY}.values():
        X, _ = samples(inputs)
        X = locked(np.array(X) if inputs in (PAIRS, CONDITIONS) else X)
        if isinstance(X, list) and isinstance(X[0], str):
            continue  # texts cannot be written to
        assert all(not array.flags.writeable for array in arrays_in(X))
        assert list(arrays_in(X))


@each_estimator
def test_two_workers(estimator, inputs, expected):
    if "n_jobs" not in estimator.get_params():
        assert "n_jobs" not in type(estimator).__init__.__code__.co_varnames
        return
    found = results(clone(estimator).set_params(n_jobs=2), *samples(inputs))
    for name, values in expected(estimator, inputs).items():
        assert_equal_values(found[name], values, rtol=0)


def test_some_estimator_has_workers():
    assert any("n_jobs" in estimator.get_params() for estimator, _ in REGISTRY)


# Searches of our own parts --------------------------------------------------------------------------------------------

_GENES = [f"gene{k}" for k in range(8)]
_PAIRS_OF_GENES = [(a, b) for k, a in enumerate(_GENES) for b in _GENES[k + 1 :] if (k + _GENES.index(b)) % 2]
LABELS = [*_GENES, *(f"{a}+{b}" for a, b in _PAIRS_OF_GENES)]
_EFFECTS = dict(zip(_GENES, _RNG.normal(size=(8, 6)), strict=True))
Y = pd.DataFrame(
    [np.sum([_EFFECTS[gene] for gene in label.split("+")], axis=0) for label in LABELS],
    index=LABELS,
    columns=[f"readout{k}" for k in range(6)],
)
Y += 0.1 * _RNG.normal(size=Y.shape)
_NETWORK = {"max_epochs": 2, "n_models": 1, "hidden_dim": 4, "device": "cpu", "random_state": 0}
REGRESSORS = {
    "app": (APPRegressor(**_NETWORK), {"lr": [1e-3, 1e-2]}),
    "kernel": (KernelPerturbationRegressor(max_iter=3), {"robust": [False, True]}),
    "additive": (AdditiveRegressor(), {"shrinkage": [0.0, "auto"]}),
    "linear": (LinearPerturbationRegressor(), {"alpha": [0.1, 1.0]}),
}
SPLITTERS = {
    "combinations": CombinationSplit(2, random_state=0),
    "combinations of unseen genes": CombinationSplit(2, unseen_genes=0.2, random_state=0),
    "unseen genes": UnseenPerturbationSplit(2, random_state=0),
}
CONTAINERS = {
    "list": (LABELS, Y.to_numpy()),
    "array": (np.array(LABELS, dtype=object), Y),
    "series": (pd.Series(LABELS, index=LABELS), Y),
    "table": (pd.DataFrame({"condition": LABELS}, index=LABELS), Y),
}


@pytest.mark.parametrize("setting", [None, *SETTINGS])
@pytest.mark.parametrize("splitter", SPLITTERS.values(), ids=SPLITTERS)
@pytest.mark.parametrize("name", REGRESSORS)
def test_search_over_labels_gives_numbers(name, splitter, setting):
    regressor, grid = REGRESSORS[name]
    model = make_pipeline(PerturbationEncoder(genes=_GENES), regressor)
    step = model.steps[-1][0]
    with sklearn.config_context(**SETTINGS.get(setting, {})):
        search = GridSearchCV(
            model,
            {f"{step}__{key}": values for key, values in grid.items()},
            cv=splitter,
            scoring={"l2": l2_scorer, "r2": "r2"},
            refit="l2",
            error_score="raise",
        ).fit(LABELS, Y)
        predicted = search.predict(LABELS)
    for key in ("mean_test_l2", "mean_test_r2"):
        assert np.isfinite(search.cv_results_[key]).all()
    assert np.isfinite(predicted.to_numpy()).all()
    assert list(predicted.columns) == list(Y.columns)


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("splitter", SPLITTERS.values(), ids=SPLITTERS)
@pytest.mark.filterwarnings("ignore:X.* names the gene:UserWarning", "ignore:The doses of X.* are all NaN:UserWarning")
def test_defaults_of_every_part_give_no_nan(splitter, kind):
    """Also where a fold holds genes that its encoder has not seen, which scikit-learn would turn into NaN."""
    X, y = CONTAINERS[kind]
    model = make_pipeline(PerturbationEncoder(), AdditiveRegressor())
    search = GridSearchCV(model, {"additiveregressor__shrinkage": [0.0, "auto"]}, cv=splitter).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_default_encoder_warns_of_genes_that_a_fold_lacks():
    model = make_pipeline(PerturbationEncoder(), AdditiveRegressor())
    unknown, predicted = (pytest.warns(UserWarning, match=text) for text in ("names the gene", "are all NaN"))
    with unknown, predicted:
        cross_validate(model, LABELS, Y, cv=UnseenPerturbationSplit(2, random_state=0), error_score="raise")


@pytest.mark.parametrize("splitter", SPLITTERS.values(), ids=SPLITTERS)
def test_pipeline_scores_as_encoded_doses(splitter):
    """With the genes given, a search over labels is the search over the matrix: no fold loses a column."""
    doses = PerturbationEncoder(genes=_GENES).fit_transform(LABELS)
    model = KernelPerturbationRegressor(max_iter=3)
    scores = [
        cross_validate(candidate, X, Y, cv=splitter, scoring=l2_scorer, error_score="raise")["test_score"]
        for candidate, X in ((make_pipeline(PerturbationEncoder(genes=_GENES), model), LABELS), (model, doses))
    ]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-12)


@pytest.mark.parametrize("setting", [None, *SETTINGS])
@pytest.mark.parametrize(
    "embedder",
    [
        GNEEmbedder(n_components=3, n_folds=2, max_epochs=2, device="cpu", random_state=0),
        SpectralGeneEmbedder(n_components=2, random_state=0),
        L3Paths(random_state=0),
        DegreeProduct(random_state=0),
    ],
    ids=lambda embedder: type(embedder).__name__,
)
def test_link_split_gives_numbers(embedder, setting):
    split = link_prediction_split(
        [pair for pair, label in zip(PAIRS.X, PAIRS.y, strict=True) if label], connected=True, random_state=0
    )
    with sklearn.config_context(**SETTINGS.get(setting, {})):
        model = make_pipeline(clone(embedder), LogisticRegression())
        X, y = np.concatenate([split.X_train, split.X_test]), np.concatenate([split.y_train, split.y_test])
        fold = [(np.arange(len(split.X_train)), np.arange(len(split.X_train), len(X)))]
        search = GridSearchCV(
            model,
            {"logisticregression__C": [0.1, 1.0]},
            cv=fold,
            scoring=["roc_auc", "average_precision"],
            refit="roc_auc",
            error_score="raise",
        ).fit(X, y)
        scores = cross_validate(clone(embedder), X, y, cv=fold, scoring="roc_auc", error_score="raise")
    assert np.isfinite(search.cv_results_["mean_test_roc_auc"]).all()
    assert np.isfinite(search.cv_results_["mean_test_average_precision"]).all()
    assert np.isfinite(scores["test_score"]).all()


def unwritable(values):
    """Return a table on memory that cannot be written to, as one that is mapped from a file."""
    values.flags.writeable = False
    table = pd.DataFrame(values, index=[f"g{k}" for k in range(len(values))], copy=False)
    assert not table.to_numpy().flags.writeable
    return table


def test_read_only_parameters():
    """Tables and graphs of genes are parameters, and no data: they are read, never written to."""
    rng = np.random.default_rng(0)
    genes = [f"g{k}" for k in range(14)]
    values, adjacency = rng.normal(size=(14, 5)), np.triu(rng.random((14, 14)) < 0.4, 1).astype(float)
    pairs = [(genes[a], genes[b]) for a, b in zip(*np.nonzero(adjacency), strict=True)]
    doses, responses = pd.DataFrame(np.eye(14), columns=genes), rng.normal(size=(14, 3))
    graph = locked(sp.csr_array(adjacency * rng.random((14, 14))))
    weighted = pd.DataFrame({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    for given in (weighted, locked(np.array(pairs, dtype=object)), locked(np.array(pairs))):
        model = KernelPerturbationRegressor(gene_features=unwritable(values.copy()), graph=given)
        assert np.isfinite(model.fit(doses[:12], responses[:12]).predict(doses[12:])).all()
    unnamed = doses.to_numpy()
    KernelPerturbationRegressor(gene_features=locked(values), graph=graph, edge_weights=0.1).fit(unnamed, responses)
    APPRegressor(
        gene_features=unwritable(values.copy()), graph=weighted, n_models=1, max_epochs=1, device="cpu", random_state=0
    ).fit(doses, responses)
    LinearPerturbationRegressor(
        perturbation_embedding=unwritable(values.copy()), gene_embedding=locked(rng.normal(size=(3, 2)))
    ).fit(doses, responses)
    for model in (
        GNEEmbedder(unwritable(values.copy()), n_components=2, max_epochs=1, device="cpu", random_state=0),
        ExpressionCorrelation(unwritable(values.copy()), random_state=0),
    ):
        assert np.isfinite(model.fit(pairs).decision_function(pairs)).all()
