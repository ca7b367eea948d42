"""What is seen in training and what is not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skperturb.model_selection import CombinationSplit, InteractionKFold, LeaveContextOut, UnseenPerturbationSplit
from skperturb.responses import AdditiveRegressor, PerturbationEncoder

GENES = [f"g{k}" for k in range(8)]
LABELS = [*GENES, "ctrl", *(f"{a}+{b}" for a in GENES for b in GENES if a < b)]


def test_combinations():
    X = PerturbationEncoder().fit_transform(LABELS)
    splitter = CombinationSplit(n_splits=4, random_state=0)
    tests = []
    for train, test in splitter.split(X):
        assert len(test) == 14
        assert set(range(9)) <= set(train)
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(X)
        assert (splitter.n_genes_seen(X, train, test) == 2).all()
        tests.append(tuple(test))
    assert len(set(tests)) == 4 == splitter.get_n_splits()
    assert [tuple(test) for _, test in splitter.split(LABELS)] == tests
    assert [tuple(test) for _, test in splitter.split(pd.DataFrame(X))] == tests


def test_hidden_genes():
    X = PerturbationEncoder().fit_transform(LABELS)
    splitter = CombinationSplit(n_splits=3, unseen_genes=0.4, random_state=0)
    for train, test in splitter.split(X):
        seen = splitter.n_genes_seen(X, train, test)
        assert set(seen) == {0, 1, 2}
        assert (X[train].any(axis=0)).sum() == 5


@given(st.integers(2, 6), st.integers(0, 100))
def test_no_test_gene_is_perturbed_in_training(n_splits, seed):
    X = PerturbationEncoder().fit_transform(LABELS)
    tested = []
    for train, test in UnseenPerturbationSplit(n_splits, random_state=seed).split(X):
        assert not (X[train].any(axis=0) & X[test].any(axis=0)).any()
        assert 8 in train
        tested += [k for k in test if k < 8]
    assert sorted(tested) == list(range(8))


def test_errors():
    with pytest.raises(ValueError, match="none is left to test"):
        next(CombinationSplit().split(GENES))
    with pytest.raises(ValueError, match="expected at least n_splits=9"):
        next(UnseenPerturbationSplit(9).split(GENES))
    with pytest.raises(ValueError, match="train_size"):
        CombinationSplit(train_size=2)
    with pytest.raises(ValueError, match="no condition that perturbs only those"):
        next(UnseenPerturbationSplit(3).split(["A+B", "B+C", "A+C"]))


def test_as_cv():
    X = PerturbationEncoder().fit_transform(LABELS)
    y = X @ np.random.default_rng(0).normal(size=(8, 3))
    scores = cross_val_score(AdditiveRegressor(), X, y, cv=CombinationSplit(3, random_state=0))
    np.testing.assert_allclose(scores, 1.0)
    assert len(cross_val_score(AdditiveRegressor(), X, y, cv=UnseenPerturbationSplit(3, random_state=0))) == 3


@pytest.mark.parametrize("splitter", [CombinationSplit(2, random_state=0), UnseenPerturbationSplit(3, random_state=0)])
def test_doses_of_all_kinds_are_split_alike(splitter):
    import scipy.sparse as sp

    X = PerturbationEncoder().fit_transform(LABELS)
    wanted = [(train.tolist(), test.tolist()) for train, test in splitter.split(X)]
    labels = pd.DataFrame({"condition": LABELS})
    for doses in (X.tolist(), sp.csr_array(X), pd.DataFrame(X), LABELS, np.array(LABELS, dtype=object), labels):
        assert [(train.tolist(), test.tolist()) for train, test in splitter.split(doses)] == wanted
    assert splitter.get_n_splits(X) == len(wanted)


def test_no_combination_of_the_test_is_trained():
    """Orders, guides, batches and cell lines of one combination are one condition."""
    labels = ["A", "B", "C", "A+B", "B+A", "A+C", "C+A", "B+C", "C+B"]
    for train, test in CombinationSplit(20, random_state=0).split(labels):
        assert not {frozenset(labels[k].split("+")) for k in train} & {frozenset(labels[k].split("+")) for k in test}
        assert len(test) in (2, 4)


@pytest.mark.parametrize("n_copies", [1, 3])
def test_replicates_are_divided_as_their_condition(n_copies):
    once = [(set(train), set(test)) for train, test in CombinationSplit(4, random_state=0).split(LABELS)]
    repeated = CombinationSplit(4, random_state=0).split(LABELS * n_copies)
    n = len(LABELS)
    assert [({k % n for k in train}, {k % n for k in test}) for train, test in repeated] == once


def test_controls_inside_labels_make_no_combinations():
    labels = ["A+NT", "B+NT", "C+NT", "A+B", "B+C", "A+C"]
    with pytest.raises(ValueError, match=r"control=\['control', 'ctrl', 'NT'\]"):
        next(CombinationSplit(1, random_state=0).split(labels))
    for splitter in (
        CombinationSplit(5, random_state=0, control="NT"),
        CombinationSplit(5, random_state=0, encoder=PerturbationEncoder(control="NT")),
    ):
        for train, test in splitter.split(labels):
            assert {0, 1, 2} <= set(train)
            assert set(test) <= {3, 4, 5}


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({"control": ["NT"]}, ["A", "B", "NT", "A+NT"]),
        ({"sep": ";"}, ["A;B", "A", "B"]),
        ({"genes": np.array(["A_g1", "B"], dtype=object)}, ["A_g1", "B", "B+A_g1"]),
        ({"guide_suffix": r"_g\d+"}, ["A_g1", "A_g2", "B_g1"]),
        ({"guide_prefix": "sg"}, ["sgA", "sgB"]),
    ],
)
def test_options_are_those_of_the_encoder(options, labels):
    """Each of them reads what the default refuses, and says the same as an encoder that is passed."""
    with pytest.raises(ValueError, match=r"X\[|X holds"):
        next(UnseenPerturbationSplit(2, shuffle=False).split(labels))
    own = UnseenPerturbationSplit(2, shuffle=False, **options).split(labels)
    encoder = PerturbationEncoder(**options)
    passed = UnseenPerturbationSplit(2, shuffle=False, encoder=encoder).split(labels)
    assert [(a.tolist(), b.tolist()) for a, b in own] == [(a.tolist(), b.tolist()) for a, b in passed]
    assert not hasattr(encoder, "genes_")
    with pytest.raises(ValueError, match=f"encoder and .*{next(iter(options))}.* are both given"):
        next(UnseenPerturbationSplit(2, encoder=encoder, **options).split(labels))


def test_tables_with_several_columns():
    """Two cell lines: the rows of one condition stay together."""
    table = pd.DataFrame({"perturbation": LABELS * 2, "line": ["a"] * len(LABELS) + ["b"] * len(LABELS), "n": 3})
    with pytest.raises(ValueError, match="column is None; expected one of the columns"):
        next(CombinationSplit().split(table))
    for splitter in (
        CombinationSplit(3, random_state=0, column="perturbation"),
        CombinationSplit(3, random_state=0, encoder=PerturbationEncoder(column="perturbation")),
        UnseenPerturbationSplit(3, random_state=0, column="perturbation"),
    ):
        folds = list(splitter.split(table))
        assert [b.tolist() for _, b in folds] == [b.tolist() for _, b in splitter.split(LABELS * 2)]
        for train, test in folds:
            assert not set(table["perturbation"].iloc[train]) & set(table["perturbation"].iloc[test])
            # Doses in a table are still doses.
        assert list(splitter.split(pd.DataFrame(PerturbationEncoder().fit_transform(LABELS))))


def test_other_doses_of_a_combination_stay_with_it():
    doses = [{"A": 1}, {"B": 1}, {"C": 1}, *({"A": d, other: 1.0} for d in (0.5, 1.0, 2.0) for other in "BC")]
    for splitter in (CombinationSplit(6, random_state=0), CombinationSplit(6, train_size=0.3, random_state=1)):
        for train, test in splitter.split(doses):
            assert not {frozenset(doses[k]) for k in train} & {frozenset(doses[k]) for k in test}


@given(
    st.lists(st.sets(st.sampled_from("ABCDEF"), max_size=3), min_size=4, max_size=30),
    st.randoms(use_true_random=False),
    st.floats(0, 1),
    st.floats(0, 0.9),
    st.integers(0, 50),
)
def test_no_test_condition_is_in_training(sets, random, train_size, unseen_genes, seed):
    """Whatever the labels: sets of genes in any order, any number of times, with and without a control."""
    labels = []
    for one in sets:
        parts = sorted(one) + ["ctrl"] * (random.random() < 0.5 or not one)
        random.shuffle(parts)
        labels.append("+".join(parts))
    keys = [frozenset(label.split("+")) - {"ctrl"} for label in labels]
    for splitter in (
        CombinationSplit(3, train_size=train_size, unseen_genes=unseen_genes, random_state=seed),
        UnseenPerturbationSplit(2, random_state=seed),
    ):
        try:
            folds = list(splitter.split(labels))
        except ValueError:
            continue
        for train, test in folds:
            assert not {keys[k] for k in train} & {keys[k] for k in test}
            assert len(test)


def test_labels_in_a_search_give_numbers():
    labels = [*LABELS, *reversed(LABELS)]
    X = PerturbationEncoder().fit_transform(labels)
    y = X @ np.random.default_rng(0).normal(size=(8, 3))
    model = make_pipeline(PerturbationEncoder(genes=GENES), AdditiveRegressor())
    for splitter in (CombinationSplit(3, random_state=0), UnseenPerturbationSplit(3, random_state=0)):
        search = GridSearchCV(model, {}, cv=splitter)
        search.fit(labels, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("splitter", [CombinationSplit(2, random_state=0), UnseenPerturbationSplit(2, random_state=0)])
def test_matrices_that_are_no_doses(splitter):
    doses = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [np.nan, 1.0]])
    for X in (doses, pd.DataFrame(doses), pd.DataFrame(doses).astype("Float64"), doses.astype(object)):
        with pytest.raises(ValueError, match=r"X\[3\] holds a dose that is NaN or infinite"):
            next(splitter.split(X))


def test_numbers_as_objects_are_doses():
    doses = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 1.0]])
    folds = [
        [part.tolist() for part in next(CombinationSplit(1, train_size=0.0, random_state=0).split(X))]
        for X in (doses, doses.astype(object), pd.DataFrame(doses.astype(int)).astype("Int64"))
    ]
    assert folds[:2] == [[[0, 1], [2, 3]]] * 2


def test_two_columns_of_labels_are_no_doses():
    with pytest.raises(ValueError, match="expected one label per condition"):
        next(CombinationSplit().split(np.array([["A", "B"], ["C", "D"]])))


def test_a_split_without_training_is_refused():
    with pytest.raises(ValueError, match="1 rows to test and none to train"):
        next(CombinationSplit(1).split(["A+B"]))


@pytest.mark.parametrize(
    "splitter", [CombinationSplit(1), UnseenPerturbationSplit(2), LeaveContextOut("line"), InteractionKFold(2)]
)
def test_groups_are_ignored_with_a_warning(splitter):
    X = pd.DataFrame({"label": ["A", "B", "A+B", "A", "B", "A+B"], "line": ["x"] * 3 + ["y"] * 3})
    if isinstance(splitter, InteractionKFold):
        X = [(i, j) for i in range(5) for j in range(i)]
    elif not isinstance(splitter, LeaveContextOut):
        X = X["label"]
    with pytest.warns(UserWarning, match=f"The groups parameter is ignored by {type(splitter).__name__}"):
        next(splitter.split(X, groups=range(len(X))))
