"""
A map of a gene network
=======================

An embedding gives each gene a vector such that interacting genes point into similar directions. A map of the vectors
shows modules, if there are any. Because a map shows clusters in anything, the modules are also counted in the full
space, beside the same count for permuted labels.
"""

# %%
# Embed
# -----
# The network has eight modules; the model sees interactions and expression, and never the modules.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skperturb.datasets import make_gene_network
from skperturb.interactions import GNEEmbedder, SpectralGeneEmbedder
from skperturb.plotting import EmbeddingMapDisplay

network = make_gene_network(240, 8, n_interactions=1200, within=0.5, expression_signal=0.1, random_state=0)
genes = network.genes
vectors = {"expression alone": network.expression.loc[genes].to_numpy()}
for name, model in {
    "spectral, interactions": SpectralGeneEmbedder(n_components=16, genes=genes, random_state=0),
    "GNE, interactions": GNEEmbedder(pair_features="native", genes=genes, random_state=0),
    "GNE, both": GNEEmbedder(network.expression, pair_features="native", genes=genes, random_state=0),
}.items():
    vectors[name] = model.fit(network.pairs).embed(genes)

# %%
# Draw
# ----
fig, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
for ax, (name, points) in zip(axes.flat, vectors.items(), strict=True):
    # Only directions count: scores are inner products, and popular genes have long vectors.
    directions = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    places = TSNE(perplexity=20, random_state=0).fit_transform(directions)
    EmbeddingMapDisplay(places, network.modules.loc[genes].to_numpy()).plot(ax=ax)
    ax.get_legend().remove()
    ax.set_title(name)
fig.suptitle("240 genes, the colour is the module")

# %%
# Count
# -----
# How often do the nearest neighbours of a gene know its module? Chance is what is left with permuted modules.
modules = network.modules.loc[genes].to_numpy()
permuted = np.random.default_rng(0).permutation(modules)
neighbours = KNeighborsClassifier(10, metric="cosine")
table = pd.DataFrame(
    {
        name: {
            "true modules": cross_val_score(neighbours, points, modules, cv=5).mean(),
            "permuted modules": cross_val_score(neighbours, points, permuted, cv=5).mean(),
        }
        for name, points in vectors.items()
    }
).T
print(table.round(2))

ax = table.iloc[::-1].plot.barh(figsize=(7, 3.4), xlim=(0, 1), xlabel="genes whose module the neighbours know")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
plt.tight_layout()
plt.show()
