"""Embeddings find the modules that a network was made of."""

import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import IsomapGeneEmbedder, LINEGeneEmbedder, SpectralGeneEmbedder
from skperturb.model_selection import link_prediction_split

NETWORK = make_gene_network(60, 3, n_interactions=500, within=0.95, expression_signal=0.9, random_state=0)
SPLIT = link_prediction_split(NETWORK.pairs, train_size=0.7, validation_size=0.0, genes=NETWORK.genes, random_state=0)

MODELS = [
    SpectralGeneEmbedder(n_components=4, random_state=0),
    IsomapGeneEmbedder(n_components=4, random_state=0),
    LINEGeneEmbedder(n_components=16, max_epochs=100, lr=0.02, device="cpu", random_state=0),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


@each_model
def test_finds_modules(model):
    model.fit(SPLIT.X_train, SPLIT.y_train)
    assert roc_auc_score(SPLIT.y_test, model.decision_function(SPLIT.X_test)) > 0.7


@each_model
def test_appends_expression(model):
    plain = model.fit(SPLIT.X_train, SPLIT.y_train).embedding_
    rich = type(model)(**{**model.get_params(), "expression": NETWORK.expression}).fit(SPLIT.X_train, SPLIT.y_train)
    assert rich.embedding_.shape == (60, plain.shape[1] + 40)
    assert len(rich.get_feature_names_out()) == plain.shape[1] + 40
    assert roc_auc_score(SPLIT.y_test, rich.decision_function(SPLIT.X_test)) > 0.8


def test_spectral_products_approximate_the_graph():
    # The rank of a complete bipartite graph's matrix is two: with both singular vectors the products are exact in size.
    pairs = list(nx.complete_bipartite_graph(4, 5).edges)
    model = SpectralGeneEmbedder(n_components=2, random_state=0).fit(pairs)
    products = np.abs(model.embedding_[:4, :1] @ model.embedding_[4:, :1].T) * 2
    assert products.std() / products.mean() < 1e-6


def test_isomap_of_a_path_is_a_line():
    model = IsomapGeneEmbedder(n_components=1, random_state=0).fit(list(nx.path_graph(9).edges))
    steps = np.diff(model.embed(range(9)).ravel())
    np.testing.assert_allclose(np.abs(steps), 1.0)
    assert len(set(np.sign(steps))) == 1


def test_isomap_refuses_more_dimensions_than_distances_have():
    with pytest.raises(ValueError, match="n_components=30 asks for more dimensions"):
        IsomapGeneEmbedder(n_components=30, random_state=0).fit(list(nx.gnm_random_graph(40, 80, seed=0).edges))


def test_genes_apart_get_zeros():
    pairs = [*nx.path_graph(5).edges, (7, 8)]
    model = IsomapGeneEmbedder(n_components=2, random_state=0, genes=[20]).fit(pairs)
    assert not model.embed([7, 20]).any()
    assert not SpectralGeneEmbedder(n_components=2, random_state=0, genes=[20]).fit(pairs).embed([20]).any()
