"""What is seen in training and what is not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import cross_val_score

from skperturb.model_selection import CombinationSplit, UnseenPerturbationSplit
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
