"""On sparse networks of pathways and of complementary interfaces the default is above paths of length three."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder, L3Paths
from skperturb.model_selection import sample_negative_pairs


def bounds_of_gains(structure, exponent):
    """Return the ends of the 95 % intervals of the AUROC gained over both L3 scores, for both kinds of negatives."""
    network = make_gene_network(
        400, 16, n_interactions=3600, structure=structure, degree_exponent=exponent, random_state=0
    )
    # Twelve partners of each gene are known.
    train, test = network.pairs[:2400], network.pairs[2400:]
    common = {"genes": network.genes, "random_state": 0}
    models = [GNEEmbedder(n_folds=3, **common), L3Paths(**common), L3Paths(normalization="symmetric", **common)]
    models = [model.fit(train) for model in models]
    labels, found = np.repeat([1, 0], 1200), []
    draws = np.random.RandomState(0).randint(1200, size=(100, 2, 1200))
    for strategy in ("uniform", "degree"):
        negatives = sample_negative_pairs(network.pairs, 1200, strategy=strategy, ends=test, random_state=0)
        scores = [model.decision_function(np.concatenate([test, negatives])) for model in models]
        aurocs = np.array(
            [
                [roc_auc_score(labels, np.r_[values[:1200][rows[0]], values[1200:][rows[1]]]) for values in scores]
                for rows in draws
            ]
        )
        found.append(np.quantile(aurocs[:, :1] - aurocs[:, 1:], (0.025, 0.975), axis=0))
    return np.stack(found, axis=1)


@pytest.mark.parametrize("structure", ["modules", "interfaces"])
def test_default_is_above_paths_of_three(structure):
    lower, _ = bounds_of_gains(structure, exponent=0.8)
    assert (lower > 0).all(), lower


@pytest.mark.parametrize("structure", ["modules", "interfaces"])
def test_default_is_not_below_paths_of_three_without_hubs(structure):
    # All pairs of two pathways are alike then, and paths of three tell pathways apart nearly without error: none can
    # be better by much. So the interval may hold zero, but must not lie below it.
    _, upper = bounds_of_gains(structure, exponent=0.0)
    assert (upper > 0).all(), upper
