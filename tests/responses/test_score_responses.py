"""The table of all scores: matching, baselines, intervals, and what a replicate reaches."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from reference_cells import CONDITIONS, CONTROL, make_counts, make_pair

from skperturb import metrics
from skperturb.responses import pseudobulk, score_responses, to_anndata

GENES = [*"ABC", "x", "y", "z"]
rng = np.random.default_rng(0)
SINGLES = pd.DataFrame(rng.normal(size=(3, 6)), index=["A", "B", "C"], columns=GENES)
PAIRS = pd.DataFrame(rng.normal(size=(3, 6)), index=["A+B", "A+C", "B+C"], columns=GENES)
TRUTH = pd.concat([SINGLES, PAIRS])
PREDICTED = PAIRS + 0.1 * rng.normal(size=(3, 6))


@pytest.fixture(scope="module")
def pair():
    return make_pair()


def test_scores_are_those_of_the_functions():
    table = score_responses(TRUTH, PREDICTED)
    scores = table.loc["predicted", "score"]
    assert scores["l2"] == pytest.approx(metrics.l2_distance(PAIRS, PREDICTED))
    assert scores["mse_delta"] == pytest.approx(metrics.mse_delta(PAIRS, PREDICTED))
    expected = metrics.pearson_delta(PAIRS, PREDICTED, reference=SINGLES.mean())
    assert scores["pearson_delta_mean"] == pytest.approx(expected)
    expected = metrics.perturbation_discrimination_score(PAIRS, PREDICTED, metric="cosine", exclude_targets="all")
    assert scores["discrimination_cosine"] == pytest.approx(expected)
    assert (table["n"] == 3).all()
    assert (table["low"] <= table["score"] + 1e-12).all()
    assert (table["high"] >= table["score"] - 1e-12).all()


def test_baselines():
    scores = score_responses(TRUTH, PREDICTED)["score"].unstack()["l2"]
    assert scores["no change"] == pytest.approx(np.linalg.norm(PAIRS, axis=1).mean())
    assert scores["mean"] == pytest.approx(np.linalg.norm(PAIRS - SINGLES.mean(), axis=1).mean())
    sums = np.array([SINGLES.loc[list(name.split("+"))].sum() for name in PAIRS.index])
    assert scores["additive"] == pytest.approx(np.linalg.norm(PAIRS - sums, axis=1).mean())
    # The same from a training table.
    pd.testing.assert_series_equal(score_responses(PAIRS, PREDICTED, train=SINGLES)["score"].unstack()["l2"], scores)
    only = score_responses(TRUTH, PREDICTED, baselines=["mean"])
    assert list(only.index.get_level_values("model").unique()) == ["predicted", "mean"]
    with pytest.raises(ValueError, match="baselines holds \\['median'\\]"):
        score_responses(TRUTH, PREDICTED, baselines=["median"])


_FLAT = pd.DataFrame(np.tile(PAIRS.iloc[:1].to_numpy(), (3, 1)), PAIRS.index, GENES)


@pytest.mark.parametrize(
    ("truth", "predicted", "undefined"),
    [
        (PAIRS.assign(x=0.0, y=1.5), PREDICTED.assign(x=0.0, y=1.5), []),
        (_FLAT, _FLAT + 1.0, []),
        (PAIRS, 0.0 * PAIRS, []),
        (0.0 * PAIRS, PREDICTED, ["weighted_r2_delta"]),
        (PAIRS[:1], PREDICTED[:1], ["discrimination_l1, discrimination_l2, discrimination_cosine, centroid_accuracy"]),
        (PAIRS[:2], PREDICTED[:2], []),
        (PAIRS[["A", "B", "C"]], PREDICTED[["A", "B", "C"]], []),
        (PAIRS[["x"]], PREDICTED[["x"]], ["weighted_r2_delta"]),
    ],
    ids=["constant genes", "alike", "no change", "nothing changes", "one", "two", "perturbed genes alone", "one gene"],
)
def test_scores_are_finite_or_their_names_are_noted(truth, predicted, undefined):
    table = score_responses(truth, predicted, noise_variance=np.full(len(truth), 0.1), n_resamples=20)
    assert np.isfinite(table.loc[table["n"] > 0, "score"]).all()
    assert not np.isinf(table[["score", "low", "high", "scaled"]]).any(axis=None)
    noted = [note.split(":")[0] for note in table.attrs["notes"] if "undefined, because" in note]
    assert noted == undefined
    missing = table.loc["predicted"].index[table.loc["predicted", "n"] == 0]
    assert list(missing) == [name for names in noted for name in names.split(", ")]


def test_addition_where_it_is_possible():
    table = score_responses(TRUTH.drop(index="C"), PREDICTED)
    assert table.loc[("additive", "l2"), "n"] == 1
    # On the way from the baseline to the replicate of the same condition.
    table = score_responses(TRUTH.drop(index="C"), PREDICTED, noise_variance=np.full(5, 0.01))
    alone = score_responses(TRUTH.drop(index="C"), PREDICTED.loc[["A+B"]], train=SINGLES.drop(index="C"))
    scores = alone["score"].unstack()["l2"]
    baseline = table.loc[("additive", "l2"), "baseline"]
    assert baseline in ("no change", "mean")
    expected = metrics.scaled_score(scores["additive"], scores[baseline], np.sqrt(0.02))
    assert table.loc[("additive", "l2"), "scaled"] == pytest.approx(expected, rel=0.1)
    # A single effect is no sum: that of the training rows would be the answer itself.
    some = TRUTH.loc[["C", "A+B"]]
    assert score_responses(some, some, train=SINGLES).loc[("additive", "l2"), "n"] == 1
    table = score_responses(PAIRS, PREDICTED)
    assert "additive" not in table.index.get_level_values("model")
    assert any(note.startswith("additive: left out") for note in table.attrs["notes"])
    assert any(note.startswith("mean: of the tested") for note in table.attrs["notes"])


def test_matching_by_what_is_perturbed():
    expected = score_responses(TRUTH, PREDICTED)
    turned = PREDICTED.set_axis(["B+A", "C+A", "C+B"]).sample(frac=1, random_state=0).iloc[:, ::-1]
    pd.testing.assert_frame_equal(score_responses(TRUTH, turned), expected)
    # As a file of changes, with another name of the column.
    written = to_anndata(PREDICTED, condition="label")
    truth = TRUTH.rename_axis("label")
    pd.testing.assert_frame_equal(score_responses(truth, written, groupby="label"), expected)


def test_covariates_are_part_of_a_condition():
    both = pd.concat({"x": TRUTH, "y": 2 * TRUTH}).swaplevel()
    predicted = pd.concat({"y": PREDICTED}).swaplevel()
    table = score_responses(both, predicted, baselines=["additive"])
    sums = np.array([2 * SINGLES.loc[list(name.split("+"))].sum() for name in PAIRS.index])
    assert table.loc[("additive", "l2"), "score"] == pytest.approx(np.linalg.norm(2 * PAIRS - sums, axis=1).mean())


@pytest.mark.parametrize(
    ("predicted", "options", "message"),
    [
        (PREDICTED.set_axis(["A+B", "A+D", "D+C"]), {}, "predicts 3 conditions, and the truth lacks 2 of them.*A\\+D"),
        (PREDICTED.drop(columns=["x", "y"]), {}, "predicted lacks 2 of 6 genes to score, such as \\['x', 'y'\\]"),
        (PREDICTED, {"genes": ["x", "w"]}, "truth lacks 1 of 2 genes"),
        (PREDICTED, {"genes": np.ones((2, 2))}, "genes is a ndarray of shape"),
        (PREDICTED, {"baselines": np.array([["mean"]])}, "baselines is a ndarray of shape"),
        (PREDICTED, {"noise_variance": ["a"] * 6}, "noise_variance is a list that holds no numbers"),
        (PREDICTED, {"noise_variance": np.array(1.0)}, "noise_variance has shape \\(\\)"),
        (PREDICTED, {"sep": None}, "sep is a NoneType; expected a str"),
        (pd.concat([PREDICTED, PREDICTED]), {}, "2 rows of one condition"),
        (PREDICTED.assign(x=np.nan), {}, "predicted holds NaN"),
        (PREDICTED.assign(x=-1e200), {}, "predicted holds -1e\\+200 \\(condition 'A\\+B', gene 'x'\\)"),
        (PREDICTED.set_axis(["A", "B", "NT"]), {}, "NT"),
        ({}, {}, "predicted is empty"),
        ({"a": PREDICTED, "b": PREDICTED.iloc[:2]}, {}, "1 differ, such as \\['B\\+C'\\]"),
        (PREDICTED, {"noise_variance": np.ones(3)}, "noise_variance has shape \\(3,\\); expected \\(6,\\)"),
        (PREDICTED, {"noise_variance": -np.ones(6)}, "negative"),
    ],
)
def test_refusals(predicted, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        score_responses(TRUTH, predicted, **options)


def test_wrong_types():
    with pytest.raises(TypeError, match="truth is a list"):
        score_responses([1], PREDICTED)
    with pytest.raises(TypeError, match="predicted\\['m'\\] is a ndarray"):
        score_responses(TRUTH, {"m": PREDICTED.to_numpy()})


def test_shared_genes():
    table = score_responses(TRUTH, PREDICTED.drop(columns=["x"]).assign(w=0.0), genes="shared")
    kept = [gene for gene in GENES if gene != "x"]
    assert table.loc[("predicted", "l2"), "score"] == pytest.approx(metrics.l2_distance(PAIRS[kept], PREDICTED[kept]))


def test_known_noise():
    variance = pd.Series(np.linspace(0.06, 0.12, 6), index=TRUTH.index)
    table = score_responses(TRUTH, PREDICTED, noise_variance=variance)
    expected = metrics.replicate_distance(variance[PAIRS.index])
    # Five draws of three conditions and six genes: a relative error of about 1 / sqrt(2 · 90), 7 %.
    assert table.loc[("replicate", "l2"), "score"] == pytest.approx(expected, rel=0.25)
    assert table.loc[("replicate", "l2"), "scaled"] == pytest.approx(1.0)
    baseline = table.loc[("predicted", "l2"), "baseline"]
    assert table.loc[(baseline, "l2"), "scaled"] == 0.0
    scores = table["score"].unstack()["l2"]
    assert baseline == scores[["no change", "mean", "additive"]].idxmin()
    scaled = metrics.scaled_score(scores["predicted"], scores[baseline], scores["replicate"])
    assert table.loc[("predicted", "l2"), "scaled"] == pytest.approx(scaled)
    assert {"weighted_mse_delta", "weighted_r2_delta"} <= set(table.index.get_level_values("metric"))
    shuffled = variance.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(score_responses(TRUTH, PREDICTED, noise_variance=shuffled), table)


def test_random_state_decides():
    options = {"noise_variance": np.full(6, 0.01)}
    first, again, other = (score_responses(TRUTH, PREDICTED, random_state=k, **options) for k in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["low"].equals(other["low"])


def test_cells(pair):
    real, predicted = pair
    table = score_responses(real, {"model": predicted}, control=CONTROL, control_source="predicted")
    first = metrics.differential_expression(real, "perturbation", CONTROL)
    second = metrics.differential_expression(predicted, "perturbation", CONTROL)
    y_true, y_pred = (pseudobulk(cells, "perturbation", CONTROL).target for cells in pair)
    scores = table.loc["model", "score"]
    assert scores["l2"] == pytest.approx(metrics.l2_distance(y_true, y_pred))
    assert scores["de_overlap"] == pytest.approx(metrics.de_overlap_at_k(first, second))
    targets = [[name] for name in pd.unique(first["condition"])]
    assert scores["de_jaccard"] == pytest.approx(metrics.de_jaccard(first, second, targets=targets))
    assert np.isnan(table.loc[("replicate", "l2"), "scaled"]) or table.loc[("replicate", "l2"), "scaled"] == 1.0
    assert table.loc[("replicate", "de_overlap"), "score"] > table.loc[("model", "de_overlap"), "score"]


def test_halves_say_how_far_a_replicate_is(pair):
    real, predicted = pair
    table = score_responses(real, predicted, control=CONTROL, differential_expression=False)
    bulk = pseudobulk(real, "perturbation", CONTROL)
    # Twelve conditions of a hundred genes; the halves are drawn once.
    expected = metrics.replicate_distance(bulk.variance)
    assert table.loc[("replicate", "l2"), "score"] == pytest.approx(expected, rel=0.1)


def test_halves_are_changes_from_the_control():
    """Where all conditions do the same, nothing of their difference to the mean comes back in a replicate."""
    rng = np.random.RandomState(0)
    labels = np.repeat([CONTROL, *"ABCDEF"], [60] + [30] * 6)
    values = rng.normal(size=(len(labels), 40)) + np.outer(labels != CONTROL, np.linspace(-2, 2, 40))
    obs = pd.DataFrame({"perturbation": labels}, index=[f"c{k}" for k in range(len(labels))])
    cells = anndata.AnnData(values + 5.0, obs, pd.DataFrame(index=[f"x{k}" for k in range(40)]))
    changes = pseudobulk(cells, "perturbation", CONTROL).target
    scores = score_responses(cells, changes, control=CONTROL, differential_expression=False).loc["replicate", "score"]
    assert scores["pearson_delta"] > 0.9
    assert abs(scores["pearson_delta_mean"]) < 0.2


def test_storage_and_own_control_change_nothing(pair, tmp_path):
    real, predicted = pair
    expected = score_responses(real, predicted, control=CONTROL)
    sparse = real.copy()
    sparse.X = sp.csr_matrix(real.X)
    sparse.write_h5ad(tmp_path / "real.h5ad")
    backed = anndata.read_h5ad(tmp_path / "real.h5ad", backed="r")
    try:
        # Without its own control, which does not count.
        alone = predicted[predicted.obs["perturbation"] != CONTROL]
        pd.testing.assert_frame_equal(score_responses(backed, alone, control=CONTROL), expected)
    finally:
        backed.file.close()
    counts = make_counts()
    from_counts = score_responses(*counts, control=CONTROL, target_sum=1e4)
    pd.testing.assert_frame_equal(from_counts, expected)


def test_table_of_changes_against_cells(pair):
    real, predicted = pair
    changes = pseudobulk(predicted, "perturbation", CONTROL).target.loc[CONDITIONS[:5]]
    table = score_responses(real, changes, control=CONTROL)
    assert table.loc[("predicted", "l2"), "n"] == 5
    assert "de_overlap" not in table.loc["predicted"].index or table.loc[("predicted", "de_overlap"), "n"] == 0
    with pytest.raises(ValueError, match="groupby='guide' is no column of the obs of truth"):
        score_responses(real, changes, groupby="guide")


def test_counts_are_told_from_logarithms(pair):
    with pytest.raises(ValueError, match=r"target_sum=10000\.0 is for raw counts"):
        score_responses(*pair, control=CONTROL, target_sum=1e4)


def test_controls_with_guides_are_controls_on_both_sides(pair):
    def guided(cells, spell):
        cells = cells.copy()
        labels = cells.obs["perturbation"].astype(object)
        cells.obs["perturbation"] = [spell(label, k) if label == CONTROL else label for k, label in enumerate(labels)]
        return cells

    expected = score_responses(*pair, control=CONTROL).drop("replicate", level="model")
    spelled = guided(pair[0], lambda label, k: f"{label}_sg{k % 2}"), guided(pair[1], lambda label, k: f" {label} ")
    found = score_responses(*spelled, control=CONTROL, guide_suffix=r"_sg\d").drop("replicate", level="model")
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12)


def test_cells_without_a_label_may_be_missing_in_every_way(pair):
    real, predicted = pair
    more = anndata.concat([real, real[:3]], index_unique="-")
    labels = more.obs["perturbation"].astype("string")
    labels.iloc[-3:] = pd.NA
    more.obs["perturbation"] = labels
    options = {"control": CONTROL, "differential_expression": False}
    found = score_responses(more, predicted, **options).drop("replicate", level="model")
    expected = score_responses(real, predicted, **options).drop("replicate", level="model")
    pd.testing.assert_frame_equal(found[["score", "n"]], expected[["score", "n"]])


def test_predicted_counts_beside_logarithms_are_noticed(pair):
    real, predicted = pair
    counts = predicted[predicted.obs["perturbation"] != CONTROL].copy()
    counts.X = np.rint(counts.X)
    with pytest.warns(UserWarning, match="predicted holds whole numbers, as counts are"):
        score_responses(real, counts, control=CONTROL, differential_expression=False)


def test_expression_is_told_from_changes(pair):
    real, predicted = pair
    bulk = pseudobulk(predicted, "perturbation", CONTROL)
    expression = bulk.target + bulk.control_mean
    options = {"control": CONTROL, "differential_expression": False}
    with pytest.warns(UserWarning, match="predicted holds no negative value.*is it expression"):
        score_responses(real, expression, **options)
    with pytest.warns(UserWarning, match="no control, no negative value and one row for each condition"):
        score_responses(real, to_anndata(expression, condition="perturbation"), **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cells: anndata.AnnData(obs=cells.obs, var=cells.var), r"predicted\.X is empty"),
        (lambda cells: cells[:0].copy(), "predicted has no cells"),
        (lambda cells: cells[:, :0].copy(), "predicted has no genes"),
        (lambda cells: anndata.AnnData(cells.X.astype(complex), cells.obs, cells.var), "complex128"),
        (lambda cells: cells.to_df().iloc[:2].astype(complex), "no real numbers"),
        (lambda cells: cells.to_df().iloc[:2].astype(str) + "x", "no real numbers"),
    ],
)
def test_predictions_without_values(pair, change, message):
    real, predicted = pair
    with pytest.raises(ValueError, match=message):
        score_responses(real, change(predicted), control=CONTROL)
