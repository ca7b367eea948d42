"""Names and shapes that all response estimators share."""

import copy
import pickle

import anndata
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Checkpoint, EarlyStopping

from skperturb.metrics import l2_scorer
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    PerturbationEncoder,
)


def test_names_in_names_out(additive_screen):
    X, y, _ = additive_screen()
    X.index = [f"condition{k}" for k in range(len(X))]
    for model in (AdditiveRegressor(), LinearPerturbationRegressor(), KernelPerturbationRegressor(max_iter=2)):
        predicted = model.fit(X, y.set_axis(X.index)).predict(X)
        pd.testing.assert_index_equal(predicted.index, X.index)
        pd.testing.assert_index_equal(predicted.columns, y.columns)
        assert list(model.feature_names_in_) == list(X.columns)


CONDITIONS = ["A", "B", "C", "A+B", "B+C", "A+C"]
DOSES = pd.DataFrame(np.asarray(PerturbationEncoder().fit_transform(CONDITIONS)), CONDITIONS, list("ABC"))
RESPONSES = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 4)), CONDITIONS, list("wxyz"))
MODELS = [
    AdditiveRegressor(),
    LinearPerturbationRegressor(n_components=2),
    KernelPerturbationRegressor(max_iter=2),
    APPRegressor(max_epochs=1, n_models=1, hidden_dim=2, random_state=0),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@each_model
@pytest.mark.parametrize(
    ("X", "error"),
    [
        (pd.DataFrame({"perturbation": CONDITIONS}), "a DataFrame with text in its column 'perturbation'"),
        (pd.DataFrame({"n": range(6), "label": pd.Categorical(CONDITIONS)}), "with text in its column 'label'"),
        (CONDITIONS, "a list of texts, such as 'A'"),
        (pd.Series(CONDITIONS), "a Series of texts, such as 'A'"),
        (np.array(CONDITIONS), "a ndarray of texts, such as 'A'"),
        ("A+B", "the text 'A\\+B'"),
        (anndata.AnnData(np.eye(6), obs=pd.DataFrame({"p": CONDITIONS}, index=list("abcdef"))), "an AnnData"),
    ],
    ids=["table", "categories", "list", "Series", "array", "text", "AnnData"],
)
def test_labels_where_doses_are_expected(model, X, error):
    advice = r".*PerturbationEncoder\(\)\.fit_transform\(X\).*make_pipeline"
    with pytest.raises(TypeError, match=error + advice):
        clone(model).fit(X, RESPONSES)
    with pytest.raises(TypeError, match=error + advice):
        clone(model).fit(DOSES, RESPONSES).predict(X)


@each_model
def test_rows_in_another_order_are_refused_with_the_first_mismatch(model):
    with pytest.raises(
        ValueError, match=r"row 0 is 'A' in X and 'A\+C' in y\..*another order; pass y\.loc\[X\.index\]"
    ):
        clone(model).fit(DOSES, RESPONSES.iloc[::-1])
    swapped = RESPONSES.iloc[[0, 1, 3, 2, 4, 5]]
    with pytest.raises(ValueError, match=r"row 2 is 'C' in X and 'A\+B' in y"):
        clone(model).fit(DOSES, swapped)
    with pytest.raises(ValueError, match=r"no name in common\..*y\.set_axis\(X\.index\)"):
        clone(model).fit(DOSES, RESPONSES.add_prefix("cond ", axis=0))
    with pytest.raises(ValueError, match=r"y lacks \['A\+C'\] \(of 1\)"):
        clone(model).fit(DOSES, RESPONSES.rename(index={"A+C": "A+D"}))
    # The advice of the first message works.
    fitted = clone(model).fit(DOSES, RESPONSES.iloc[::-1].loc[DOSES.index])
    pd.testing.assert_frame_equal(fitted.predict(DOSES), clone(model).fit(DOSES, RESPONSES).predict(DOSES))
    with pytest.raises(ValueError, match="row 0 is 'A' in X"):
        fitted.score(DOSES, RESPONSES.iloc[::-1])


def test_a_flat_target_with_names():
    with pytest.raises(ValueError, match=r"row 0 is 'A' in X and 'A\+C' in y"):
        AdditiveRegressor().fit(DOSES, RESPONSES["w"].iloc[::-1])
    assert AdditiveRegressor().fit(DOSES, RESPONSES["w"]).predict(DOSES).shape == (6,)


@each_model
def test_score_is_that_of_aligned_columns(model):
    fitted = clone(model).fit(DOSES, RESPONSES)
    expected = r2_score(RESPONSES, fitted.predict(DOSES))
    assert fitted.score(DOSES, RESPONSES) == pytest.approx(expected)
    assert fitted.score(DOSES, RESPONSES[["z", "x", "y", "w"]]) == pytest.approx(expected)
    assert fitted.score(DOSES, RESPONSES.to_numpy()) == pytest.approx(expected)
    with pytest.raises(ValueError, match="names"):
        fitted.score(DOSES, RESPONSES.rename(columns={"w": "v"}))


SOURCES = {
    "list": lambda: CONDITIONS,
    "array": lambda: np.array(CONDITIONS, dtype=object),
    "Series": lambda: pd.Series(CONDITIONS),
    "named Series": lambda: pd.Series(CONDITIONS, index=CONDITIONS),
    "table": lambda: pd.DataFrame({"perturbation": CONDITIONS}),
    "named table": lambda: pd.DataFrame({"perturbation": CONDITIONS}, index=CONDITIONS),
}


@pytest.mark.parametrize("source", SOURCES)
@each_model
def test_predictions_of_a_pipeline_keep_the_conditions(model, source):
    pipeline = make_pipeline(PerturbationEncoder(), clone(model))
    predicted = pipeline.fit(SOURCES[source](), RESPONSES).predict(SOURCES[source]())
    pd.testing.assert_index_equal(predicted.index, RESPONSES.index, exact=False)
    if isinstance(model, APPRegressor | KernelPerturbationRegressor):
        for table in pipeline.predict(SOURCES[source](), return_std=True):
            pd.testing.assert_index_equal(table.index, RESPONSES.index, exact=False)
    expected = clone(model).fit(DOSES.to_numpy(), RESPONSES.to_numpy()).predict(DOSES.to_numpy())
    np.testing.assert_allclose(predicted, expected)
    with pytest.raises(ValueError, match=r"row 0 is 'A' in X and 'A\+C' in y"):
        pipeline.fit(SOURCES[source](), RESPONSES.iloc[::-1])


def test_labels_in_another_spelling_pair_by_position():
    """They are no names of the responses, and so a score must not look for them."""
    labels = ["ctrl+A", "ctrl+B", "ctrl+C", "B+A", "C+B", "C+A"]
    pipeline = make_pipeline(PerturbationEncoder(), AdditiveRegressor())
    scores = cross_val_score(pipeline, labels, RESPONSES, cv=KFold(2), scoring=l2_scorer, error_score="raise")
    expected = cross_val_score(AdditiveRegressor(), DOSES, RESPONSES, cv=KFold(2), scoring=l2_scorer)
    np.testing.assert_allclose(scores, expected)
    assert pipeline.fit(labels, RESPONSES).predict(labels).index.equals(pd.RangeIndex(6))


def test_replicates_and_covariates_keep_their_names():
    data = pd.DataFrame({"perturbation": ["A", "A", "B", "B"], "batch": list("xyxy")})
    data.index = pd.MultiIndex.from_frame(data, names=[None, None])
    target = RESPONSES.iloc[:4].set_axis(pd.MultiIndex.from_frame(data))
    pipeline = make_pipeline(PerturbationEncoder(column="perturbation"), AdditiveRegressor())
    assert pipeline.fit(data, target).predict(data).index.names == ["perturbation", "batch"]
    repeated = make_pipeline(PerturbationEncoder(), AdditiveRegressor()).fit(["A", "A", "B"], RESPONSES[:3])
    assert repeated.predict(["A", "A", "B"]).shape == (3, 4)


def test_named_doses_are_an_array_like_any_other():
    doses = PerturbationEncoder().fit_transform(CONDITIONS)
    assert doses.condition_names.tolist() == CONDITIONS
    assert repr(doses) == repr(np.asarray(doses))
    for derived in (doses[::-1], doses + 1, doses.copy(), doses.sum(axis=1)):
        assert getattr(derived, "condition_names", None) is None
    # Rows that were selected are other rows: nothing is refused.
    AdditiveRegressor().fit(doses[::-1], RESPONSES.iloc[::-1])
    with pytest.raises(ValueError, match="row 0 is 'A' in X"):
        AdditiveRegressor().fit(doses, RESPONSES.iloc[::-1])


@pytest.mark.parametrize("callback", [EarlyStopping, Checkpoint])
@pytest.mark.parametrize("named", [False, True])
def test_callbacks_that_watch_what_is_not_measured(callback, named, tmp_path):
    """skorch would say "Key 'valid_loss' was not found in history", after the first epoch."""
    options = {"dirname": tmp_path} if callback is Checkpoint else {}
    wrong, right = callback(**options), callback(monitor=callback().monitor.replace("valid", "train"), **options)
    model = clone(MODELS[-1]).set_params(callbacks=[("watch", wrong) if named else wrong], baseline=Unusable())
    with pytest.raises(
        ValueError, match=rf"{callback.__name__}\(monitor='valid_loss.*APPRegressor.*monitor='train_loss"
    ):
        model.fit(DOSES, RESPONSES)
    model.set_params(callbacks=[("watch", right) if named else right], baseline=None).fit(DOSES, RESPONSES)


class Unusable(AdditiveRegressor):
    """A baseline that shows that the callbacks were looked at before it was fitted."""

    def fit(self, X, y):
        raise AssertionError


def test_contexts_survive_a_cache_a_copy_and_another_process(tmp_path):
    """Contexts that were lost on the way would count as genes, and results depend on memory= and n_jobs."""
    labels = ["A", "B", "C", "A+B", "B+C", "control"]
    table = pd.DataFrame({"label": labels * 2, "line": ["x"] * 6 + ["y"] * 6})
    y = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), columns=list("uvw"))
    encoder = PerturbationEncoder(contexts="line", column="label")
    doses = encoder.fit_transform(table)
    expected = AdditiveRegressor().fit(doses, y).predict(doses)
    copies = (pickle.loads(pickle.dumps(doses)), copy.deepcopy(doses), copy.copy(doses), doses.astype(float))
    for other in (*copies, np.take(doses, np.arange(12), axis=0)):
        model = AdditiveRegressor().fit(other, y)
        assert model.contexts_ == ["x", "y", "unknown"]
        pd.testing.assert_frame_equal(model.predict(doses), expected)
    assert type(doses.astype(float, subok=False)) is np.ndarray
    assert np.take(doses, [0, 1], axis=1).context_columns is None
    transported = pickle.loads(pickle.dumps(doses[:]))
    np.testing.assert_array_equal(transported, doses)
    pd.testing.assert_index_equal(pickle.loads(pickle.dumps(doses)).condition_names, doses.condition_names)
    for _ in range(2):
        # The second fit reads what the first has cached.
        cached = make_pipeline(clone(encoder), AdditiveRegressor(), memory=str(tmp_path)).fit(table, y)
        pd.testing.assert_frame_equal(cached.predict(table), expected)
