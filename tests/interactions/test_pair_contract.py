"""The estimator contract for models whose samples are pairs of genes."""

import numpy as np
import pytest

from skperturb.interactions import (
    AdamicAdar,
    CommonNeighbors,
    DegreeProduct,
    ExpressionCorrelation,
    GNEEmbedder,
    IsomapGeneEmbedder,
    JaccardIndex,
    L3Paths,
    LINEGeneEmbedder,
    ResourceAllocation,
    SpectralGeneEmbedder,
)
from skperturb.testing import check_name, contract_checks

RNG = np.random.RandomState(0)
PAIRS = [(f"g{i}", f"g{j}") for i in range(12) for j in range(i) if RNG.rand() < 0.6]
LABELS = (RNG.rand(len(PAIRS)) < 0.6).astype(int).tolist()
EXPRESSION = RNG.normal(size=(3, 5))

QUICK = {"n_components": 3, "max_epochs": 2, "n_folds": 2, "device": "cpu", "random_state": 0}
MODELS = [
    *(
        model(random_state=0)
        for model in (AdamicAdar, CommonNeighbors, DegreeProduct, JaccardIndex, L3Paths, ResourceAllocation)
    ),
    SpectralGeneEmbedder(n_components=2, random_state=0),
    IsomapGeneEmbedder(n_components=2, random_state=0),
    LINEGeneEmbedder(n_components=4, max_epochs=2, device="cpu", random_state=0),
    GNEEmbedder(**QUICK),
    GNEEmbedder(**QUICK, pair_features="hadamard", encoder="lookup", loss="sampled_softmax"),
]

# Checks of the contract that ask for something else than features of pairs, with the reason.
EXEMPT = {"check_returns_object_array": "the result for a pair is a row of numbers, not a matrix"}
CASES = [
    pytest.param(model, check, id=f"{type(model).__name__}{k}-{check_name(check)}")
    for k, model in enumerate(MODELS)
    for check in contract_checks(model, PAIRS, LABELS)
    if check_name(check) not in EXEMPT
]


@pytest.mark.parametrize(("model", "check"), CASES)
def test_contract(model, check):
    check(model)


def test_number_of_checks():
    names = [check_name(check) for check in contract_checks(MODELS[0], PAIRS, LABELS)]
    assert set(EXEMPT) <= set(names)
    assert len(names) == 28
    assert len(CASES) == (28 - len(EXEMPT)) * len(MODELS)


def test_correlation_keeps_the_contract_too():
    import pandas as pd

    genes = sorted({gene for pair in PAIRS for gene in pair})
    model = ExpressionCorrelation(pd.DataFrame(RNG.normal(size=(len(genes), 4)), index=pd.Index(genes)), random_state=0)
    ran = 0
    for check in contract_checks(model, PAIRS, LABELS):
        # scikit-learn's data-free checks compare parameters with ==, which a DataFrame does not answer with a bool.
        if check_name(check) in EXEMPT or not hasattr(check, "keywords") or "X" not in check.keywords:
            continue
        check(model)
        ran += 1
    assert ran == 16
