"""On sparse networks of pathways and of complementary interfaces the default is not below paths of length three."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder, L3Paths
from skperturb.model_selection import sample_negative_pairs


@pytest.mark.parametrize("structure", ["modules", "interfaces"])
def test_default_is_not_below_paths_of_three(structure):
    network = make_gene_network(400, 16, n_interactions=3600, structure=structure, degree_exponent=0.8, random_state=0)
    # Twelve partners of each gene are known.
    train, test = network.pairs[:2400], network.pairs[2400:]
    common = {"genes": network.genes, "random_state": 0}
    models = [GNEEmbedder(n_folds=3, **common).fit(train), L3Paths(**common).fit(train)]
    draws = np.random.RandomState(0).randint(1200, size=(100, 2, 1200))
    for strategy in ("uniform", "degree"):
        negatives = sample_negative_pairs(network.pairs, 1200, strategy=strategy, ends=test, random_state=0)
        labels = np.repeat([1, 0], 1200)
        scores = [model.decision_function(np.concatenate([test, negatives])) for model in models]
        gains = [
            np.subtract(
                *(roc_auc_score(labels, np.r_[score[:1200][rows[0]], score[1200:][rows[1]]]) for score in scores)
            )
            for rows in draws
        ]
        # Modules this small are nearly all that there is to know: the upper end of the 95 % interval has to be above.
        assert np.quantile(gains, 0.975) > 0, (strategy, np.mean(gains))
