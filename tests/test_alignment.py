"""What happens when two labelled objects meet: the table of doc/shapes.rst, row by row."""

import importlib
import inspect
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skperturb import interactions, networks, plotting, responses
from skperturb._alignment import align_rows, align_vectors, check_rows, equal_rows, name_positions
from skperturb.metrics import (
    auroc,
    centroid_accuracy,
    degree_matched_auroc,
    e_distance,
    interaction_r2,
    l2_distance,
    mae_delta,
    mse_delta,
    ndcg_at_k,
    pearson_delta,
    perturbation_discrimination_score,
    precision_at_k,
    recall_at_k,
    spearman_correlation,
    split_half_distance,
    top_de_error,
    weighted_mse_delta,
    weighted_r2_delta,
    win_rate,
)

PAGE = Path(__file__).parents[1] / "doc" / "shapes.rst"
rng = np.random.default_rng(0)
CONDITIONS, GENES = ["KLF1", "CEBPA", "SPI1", "GATA1", "KLF1+SPI1"], ["g1", "g2", "g3", "g4", "g5", "g6"]
TRUTH = pd.DataFrame(rng.normal(size=(5, 6)), index=CONDITIONS, columns=GENES)
PREDICTION = TRUTH + rng.normal(size=TRUTH.shape)
OTHER = TRUTH + rng.normal(size=TRUTH.shape)
DOSES = pd.DataFrame(
    [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]], index=CONDITIONS, columns=CONDITIONS[:4]
)
NODES = ["mRNA", "protein", "product"]
CASCADE = pd.DataFrame([[-1.0, 0, 0.5], [2, -1, 0], [0, 3, -1]], index=NODES, columns=NODES)
SENSITIVITY = pd.DataFrame([[1.0, 0.3, 0.1], [0.5, 1, 0.2], [2, 0.8, 1]], index=NODES, columns=NODES)
PAIRS = pd.DataFrame([("a", "b"), ("a", "c"), ("b", "c"), ("c", "d"), ("d", "e"), ("a", "e")], index=list("uvwxyz"))
LABELS = pd.Series([1, 1, 0, 1, 1, 0], index=PAIRS.index)
SCORES = pd.Series([0.9, 0.4, 0.7, 0.1, 0.8, 0.3], index=PAIRS.index)
DEGREES = interactions.DegreeProduct(random_state=0).fit(PAIRS[LABELS == 1])
SINGLES = pd.DataFrame(np.eye(15), index=[f"gene{k}" for k in range(15)], columns=[f"gene{k}" for k in range(15)])
GENE_FEATURES = pd.DataFrame(rng.normal(size=(15, 3)), index=SINGLES.columns)
PROFILES = GENE_FEATURES @ rng.normal(size=(3, 4))
FEATURES = pd.DataFrame(rng.normal(size=(4, 3)), index=CONDITIONS[:4])
EXPRESSION = pd.DataFrame(rng.normal(size=(5, 8)), index=list("abcde"))


@dataclass
class Meeting:
    """Two labelled objects in one call.

    `axes` of the second are named; "aligned" or "refused" is what happens to the same names in another order.
    """

    name: str
    call: Callable[[Any, Any], Any]
    first: Any
    second: Any
    happens: str = "aligned"
    axes: tuple[int, ...] = (0, 1)
    #: Without names the second goes together by position.
    by_position: bool = True


def fitted(model, X, y):
    """Predict with names of genes, whatever the names of the rows."""
    return np.asarray(model.fit(X, y).predict(DOSES), dtype=float)


def scored(model):
    model.fit(DOSES, TRUTH)
    return lambda X, y: model.score(X, y)


def pair_scores(model):
    return lambda X, y: model.fit(X, y).decision_function(PAIRS.to_numpy())


def expressed(pairs, expression):
    return interactions.ExpressionCorrelation(expression, random_state=0).fit(pairs).decision_function(pairs)


def with_state(network, state):
    return networks.InfluenceNetwork(network, state=state).state.loc[NODES].to_numpy()


def embedded(first, table):
    model = responses.LinearPerturbationRegressor(n_components=2, perturbation_embedding=table)
    return model.fit(first, TRUTH).predict(DOSES)


def kernel(first, table):
    model = responses.KernelPerturbationRegressor(gene_features=table, max_iter=2)
    # Three genes are not in the training, and are predicted from their features.
    return model.fit(first.iloc[:12], PROFILES.iloc[:12]).predict(first)


def network_fit(model):
    return lambda network, target: np.asarray(model.fit([network], [target]).predict([network])[0], dtype=float)


def network_score(model):
    return lambda network, target: model.score([network], [target])


def errors_of(truth, prediction):
    return plotting.ResponseErrorDisplay.from_predictions(truth, {"model": prediction}).errors["model"].to_numpy()


def drawn(truth, prediction):
    display = plotting.ResponseScatterDisplay.from_predictions(truth, prediction)
    return display.y_true - display.y_pred


def ratios(truth, prediction):
    return plotting.InteractionDisplay.from_predictions(truth, prediction, OTHER).predicted


def heat(truth, prediction):
    return plotting.SensitivityHeatmapDisplay.from_predictions(truth, prediction).ranks["prediction"]


def colors(places, groups):
    return plotting.EmbeddingMapDisplay(places, groups).groups


def with_obs(predicted, obs):
    return responses.to_anndata(predicted, obs).obs["batch"].astype(str).to_numpy()


def with_layer(predicted, layer):
    return responses.to_anndata(predicted, layers={"std": layer}).layers["std"]


def with_controls(predicted, control_mean):
    return responses.to_anndata(predicted, control_mean=control_mean).layers["expression"]


def per_row(score):
    return lambda truth, prediction: score(truth, prediction, reduce=None)


def with_weights(score):
    return lambda truth, prediction: score(truth, prediction, np.ones(truth.shape), reduce=None)


def with_reference(truth, reference):
    return pearson_delta(truth, PREDICTION, reference=reference, reduce=None)


def top_l2(truth, control_mean):
    return l2_distance(truth, PREDICTION, top=3, control_mean=control_mean, reduce=None)


CONTROL = pd.Series([3.0, 1, 2, 6, 5, 4], index=GENES)
RESPONSE_MODELS = {
    "AdditiveRegressor": responses.AdditiveRegressor(),
    "LinearPerturbationRegressor": responses.LinearPerturbationRegressor(n_components=2),
    "KernelPerturbationRegressor": responses.KernelPerturbationRegressor(max_iter=2),
    "APPRegressor": responses.APPRegressor(max_epochs=1, n_models=1, hidden_dim=2, random_state=0),
}
PAIR_MODELS = {
    name: getattr(interactions, name)
    for name in ("CommonNeighbors", "AdamicAdar", "JaccardIndex", "ResourceAllocation", "DegreeProduct", "L3Paths")
}
MEETINGS = [
    *(
        Meeting(score.__name__, per_row(score), TRUTH, PREDICTION)
        for score in (
            l2_distance,
            mae_delta,
            mse_delta,
            pearson_delta,
            top_de_error,
            perturbation_discrimination_score,
            centroid_accuracy,
            split_half_distance,
        )
    ),
    *(
        Meeting(score.__name__, with_weights(score), TRUTH, PREDICTION)
        for score in (weighted_mse_delta, weighted_r2_delta)
    ),
    Meeting("pearson_delta(reference)", with_reference, TRUTH, CONTROL, axes=(0,)),
    Meeting("l2_distance(control_mean)", top_l2, TRUTH, CONTROL, axes=(0,)),
    Meeting("win_rate", lambda y, p: win_rate(y, p, OTHER), TRUTH, PREDICTION),
    Meeting("win_rate", lambda y, p: win_rate(y.to_numpy(), OTHER, p), TRUTH, PREDICTION, by_position=False),
    Meeting("interaction_r2", lambda y, p: interaction_r2(y, p, OTHER), TRUTH, PREDICTION),
    Meeting("spearman_correlation", spearman_correlation, SENSITIVITY, CASCADE.abs(), by_position=False),
    Meeting(
        "spearman_correlation", lambda y, p: spearman_correlation([y], [p]), SENSITIVITY, CASCADE, by_position=False
    ),
    Meeting("spearman_correlation", spearman_correlation, SCORES**2, SCORES + LABELS, axes=(0,)),
    Meeting("auroc", auroc, CASCADE, SENSITIVITY, by_position=False),
    Meeting("auroc", auroc, LABELS, SCORES, axes=(0,)),
    Meeting("precision_at_k", lambda y, s: precision_at_k(y, s, k=2), LABELS, SCORES, axes=(0,)),
    Meeting("recall_at_k", lambda y, s: recall_at_k(y, s, k=2), LABELS, SCORES, axes=(0,)),
    Meeting("ndcg_at_k", lambda y, s: ndcg_at_k(y, s, k=2), LABELS, SCORES, axes=(0,)),
    Meeting("degree_matched_auroc", lambda X, y: degree_matched_auroc(DEGREES, X, y), PAIRS, LABELS, "refused", (0,)),
    Meeting("e_distance", e_distance, TRUTH, PREDICTION, axes=(1,), by_position=False),
    *(
        Meeting(f"{name}.fit", lambda X, y, model=model: fitted(model, X, y), DOSES, TRUTH, "refused", (0,))
        for name, model in RESPONSE_MODELS.items()
    ),
    *(
        Meeting(f"{name}.score", lambda X, y, model=model: scored(model)(X, y), DOSES, PREDICTION, "refused", (0,))
        for name, model in RESPONSE_MODELS.items()
    ),
    Meeting(
        "AdditiveRegressor.score(columns)",
        scored(RESPONSE_MODELS["AdditiveRegressor"]),
        DOSES,
        PREDICTION,
        axes=(1,),
        by_position=False,
    ),
    Meeting(
        "LinearPerturbationRegressor(perturbation_embedding)", embedded, DOSES, FEATURES, axes=(0,), by_position=False
    ),
    Meeting("KernelPerturbationRegressor(gene_features)", kernel, SINGLES, GENE_FEATURES, axes=(0,), by_position=False),
    *(
        Meeting(
            f"{name}.fit",
            lambda X, y, model=model: pair_scores(model(random_state=0))(X, y),
            PAIRS,
            LABELS,
            "refused",
            (0,),
        )
        for name, model in PAIR_MODELS.items()
    ),
    Meeting("ExpressionCorrelation(expression)", expressed, PAIRS.to_numpy(), EXPRESSION, axes=(0,), by_position=False),
    *(
        Meeting(f"{name}.fit", network_fit(getattr(networks, name)()), CASCADE, SENSITIVITY)
        for name in ("DynamoDistance", "DynamoPropagation", "DynamoFirstNeighbor")
    ),
    *(
        Meeting(
            f"{name}.score",
            network_score(getattr(networks, name)()),
            CASCADE,
            SENSITIVITY,
            by_position=False,
        )
        for name in ("DynamoDistance", "DynamoPropagation", "DynamoFirstNeighbor")
    ),
    Meeting(
        "GCNEnhancer.fit",
        network_fit(networks.GCNEnhancer(max_epochs=1, n_models=1, random_state=0)),
        CASCADE,
        SENSITIVITY,
    ),
    *(
        Meeting(name, lambda A, S, name=name: np.asarray(getattr(networks, name)(A, S)), CASCADE, SENSITIVITY)
        for name in ("bio_impact_matrix", "scaled_impact_matrix", "enhancement_factor")
    ),
    Meeting(
        "InfluenceNetwork(state)",
        with_state,
        CASCADE,
        pd.Series([1.0, 2, 3], index=NODES),
        axes=(0,),
        by_position=False,
    ),
    Meeting("ResponseErrorDisplay.from_predictions", errors_of, TRUTH, PREDICTION),
    Meeting("ResponseScatterDisplay.from_predictions", drawn, TRUTH, PREDICTION),
    Meeting("InteractionDisplay.from_predictions", ratios, TRUTH, PREDICTION),
    Meeting("SensitivityHeatmapDisplay.from_predictions", heat, SENSITIVITY, CASCADE, by_position=False),
    Meeting("EmbeddingMapDisplay", colors, TRUTH.iloc[:, :2], pd.Series(list("pqrst"), index=CONDITIONS), axes=(0,)),
    Meeting("to_anndata(obs)", with_obs, TRUTH, pd.DataFrame({"batch": list("pqrst")}, index=CONDITIONS), axes=(0,)),
    Meeting("to_anndata(layers)", with_layer, TRUTH, PREDICTION),
    Meeting("to_anndata(control_mean)", with_controls, TRUTH, CONTROL, axes=(0,), by_position=False),
]
each_meeting = pytest.mark.parametrize("meeting", MEETINGS, ids=[f"{k}-{m.name}" for k, m in enumerate(MEETINGS)])


def relabel(meeting, change):
    """Return the second object with other labels on its named axes."""
    second = meeting.second
    for axis in meeting.axes:
        labels = second.index if axis == 0 else second.columns
        second = change(second, axis, labels)
    return second


def reversed_axis(table, axis, labels):
    return table.loc[labels[::-1]] if axis == 0 else table[labels[::-1]]


@each_meeting
def test_same_labels_in_another_order(meeting):
    shuffled = relabel(meeting, reversed_axis)
    if meeting.happens == "aligned":
        _assert_same(meeting, shuffled)
    else:
        with pytest.raises(ValueError, match=re.escape(repr(meeting.second.index[0]))):
            meeting.call(meeting.first, shuffled)


def _assert_same(meeting, shuffled):
    found, expected = (meeting.call(meeting.first, second) for second in (shuffled, meeting.second))
    if np.asarray(expected).dtype.kind == "f":
        # Sums over genes in another order round otherwise.
        np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(expected, dtype=float), rtol=1e-12)
    else:
        np.testing.assert_array_equal(found, expected)


@each_meeting
def test_order_matters_here(meeting):
    """The values under other names give another result, so that an alignment that did nothing would be noticed."""
    if not meeting.name.endswith(".fit") or meeting.happens == "refused":
        moved = relabel(
            meeting, lambda table, axis, labels: reversed_axis(table, axis, labels).set_axis(labels, axis=axis)
        )
        found, expected = (np.asarray(meeting.call(meeting.first, second)) for second in (moved, meeting.second))
        if meeting.name not in UNMOVED:
            assert not np.array_equal(found, expected)


# One number for few rows, which some other order happens to give too.
UNMOVED = {"degree_matched_auroc"}


@each_meeting
def test_no_label_in_common(meeting):
    renamed = relabel(
        meeting, lambda table, axis, labels: table.set_axis([f"unheard-of {name}" for name in labels], axis=axis)
    )
    if meeting.name in COVERAGE:
        with pytest.warns(UserWarning, match="15 of 15 perturbed genes are not in gene_features"):
            meeting.call(meeting.first, renamed)
        return
    # The first label that the other side does not have, whichever side that is.
    labels = [str(name) for axis in meeting.axes for name in meeting.second.axes[axis]]
    with pytest.raises(ValueError, match="|".join(map(re.escape, labels))):
        meeting.call(meeting.first, renamed)


# Features of genes may know other genes: one warning counts those without a row.
COVERAGE = {"KernelPerturbationRegressor(gene_features)"}


@pytest.mark.parametrize("meeting", [m for m in MEETINGS if m.by_position], ids=lambda meeting: meeting.name)
def test_default_index_goes_by_position(meeting):
    # Columns keep their names: a default index is what rows have.
    plain = meeting.second.reset_index(drop=True)
    if isinstance(plain, pd.DataFrame) and 1 in meeting.axes and meeting.first.index.equals(meeting.first.columns):
        plain = plain.set_axis(range(plain.shape[1]), axis=1)
    _assert_same(meeting, plain)


def test_the_table_lists_the_same():
    if not PAGE.exists():
        pytest.skip("not run from a checkout")
    section = PAGE.read_text(encoding="utf-8").split("When two labelled objects meet")[1].split("Units")[0]
    happens = {}
    for row in section.split("   * - ")[2:]:
        cell, _, order, *_ = row.split("\n     - ")
        happens |= dict.fromkeys(re.findall("``([^`]+)``", cell), order.split(",")[0].split(" ")[0])
    assert happens == {meeting.name: meeting.happens for meeting in MEETINGS}


def test_every_function_of_two_tables_is_listed():
    tested = {re.split(r"[.(]", meeting.name)[0] for meeting in MEETINGS}
    module = importlib.import_module("skperturb.metrics")
    for name in module.__all__:
        public = getattr(module, name)
        if inspect.isfunction(public) and len([p for p in inspect.signature(public).parameters if p in PAIRED]) > 1:
            assert name in tested


PAIRED = ("y_true", "y_pred", "y_score", "X", "Y", "y")


def test_numbers_of_rows_are_no_names_of_conditions():
    names, numbers = pd.Index(["a", "b"]), pd.Index([3, 7])
    assert align_rows(names, numbers, ("y_pred", "y_true")) is None
    check_rows(pd.DataFrame({"g": [1, 2]}, index=numbers), pd.Series([1, 2], index=names))
    with pytest.raises(ValueError, match="lacks; expected the same names"):
        align_rows(numbers, names, ("y_pred", "y_true"))
    with pytest.raises(ValueError, match=r"y_pred has the row numbers \[1, 0\] … and y_true the default ones \[0, 1\]"):
        align_rows(pd.Index([1, 0]), pd.RangeIndex(2), ("y_pred", "y_true"))


def test_repeated_names_go_together_in_one_order_only():
    names = pd.Index(["a", "a", "b"])
    assert align_rows(names, names.copy(), ("y_pred", "y_true")) is None
    with pytest.raises(ValueError, match=r"same row names in another order, and 'a' more than once"):
        align_rows(names[::-1], names, ("y_pred", "y_true"))
    with pytest.raises(ValueError, match=r"y.columns has the duplicate name 'a'"):
        name_positions(pd.Index(["a", "b"]), names, ("X.columns", "y.columns"))


def test_levels_of_covariates_are_names():
    index = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    order = align_rows(index[::-1], index, ("y_pred", "y_true"))
    np.testing.assert_array_equal(order, [2, 1, 0])
    with pytest.raises(ValueError, match=r"row 0 is 'a' in X and \('a', 'x'\) in y"):
        check_rows(pd.Series([1, 2, 3], index=list("abc")), pd.Series([1, 2, 3], index=index))


def test_vectors_of_different_length_are_left_to_the_caller():
    np.testing.assert_array_equal(align_vectors([1, 2, 3], pd.Series([1, 2]), ("a", "b")), [1, 2])


@pytest.mark.parametrize("kind", [float, bool])
def test_equal_rows_are_grouped_in_their_order(kind):
    values = np.random.default_rng(0).choice([0.0, -0.0, 1.0], size=(60, 4), p=[0.4, 0.4, 0.2]).astype(kind)
    _, first, group = np.unique(values, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    found = equal_rows(values)
    np.testing.assert_array_equal(found[0], np.sort(first))
    np.testing.assert_array_equal(found[1], rank[group.ravel()])
    assert len(first) < 60


def test_wide_rows_are_grouped_in_linear_time():
    start = time.process_time()
    first, _ = equal_rows(np.eye(4000))
    # 0.05 s here; sorting the rows, as np.unique(axis=0) does, takes 2 s.
    assert time.process_time() - start < 0.7
    assert len(first) == 4000
