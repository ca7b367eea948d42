"""
Honest link prediction
======================

Which pairs of genes interact, beyond those that were tested? The task has a trap: genes that interact with many others
are found by anybody who can count. This example trains several models on a simulated network and judges them by two
kinds of negatives, by how many of the first picks are right, and with expression replaced by noise.
"""

# %%
# Split pairs, not rows
# ---------------------
# Interactions are pairs of names. The split keeps both directions of a pair together; its negatives are pairs that do
# not interact in any part. The network is never handed to a model: each builds its graph from the training pairs.
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import CommonNeighbors, DegreeProduct, GNEEmbedder, L3Paths
from skperturb.metrics import degree_matched_auroc, precision_at_k
from skperturb.model_selection import link_prediction_split
from skperturb.plotting import ReliabilityDisplay

network = make_gene_network(300, 8, n_interactions=2000, within=0.6, degree_exponent=1.5, random_state=0)
split = link_prediction_split(network.pairs, genes=network.genes, random_state=0)
print(len(split.X_train), "training pairs,", len(split.X_test), "test pairs")

# %%
# Two kinds of negatives
# ----------------------
# A uniformly drawn negative mostly joins two genes that hardly interact at all. A degree-matched one has end points
# that are as popular as those of the test interactions, so that popularity says nothing.
noise = pd.DataFrame(
    np.random.default_rng(0).normal(size=network.expression.shape),
    index=network.expression.index,
    columns=network.expression.columns,
)
common = {"genes": network.genes, "random_state": 0}
models = {
    "degree product": DegreeProduct(**common),
    "common neighbours": CommonNeighbors(**common),
    "L3 paths": L3Paths(**common),
    "GNE": GNEEmbedder(**common),
    "GNE + noise": GNEEmbedder(noise, **common),
    "GNE + expression": GNEEmbedder(network.expression, **common),
}
scores = {}
for name, model in models.items():
    model.fit(split.X_train, split.y_train)
    scores[name] = {
        "uniform": roc_auc_score(split.y_test, model.decision_function(split.X_test)),
        "degree-matched": degree_matched_auroc(model, split.X_test, split.y_test, known_pairs=network.pairs),
    }
table = pd.DataFrame(scores).T
print(table.round(3))

# %%
# Against uniform negatives counting partners beats the partners that two genes share; against equally popular ones it
# falls behind. Expression is worth something only as far as it beats the noise of the same shape.
ax = table.iloc[::-1].plot.barh(figsize=(7, 4.2), xlim=(0.4, 1.0))
ax.axvline(0.5, color="0.3", linewidth=0.8)
ax.set(xlabel="AUROC on held-out interactions (0.5 is chance)")
ax.legend(title="negatives", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
plt.tight_layout()

# %%
# What a laboratory would test
# ----------------------------
# Nobody draws as many non-interactions as interactions: a laboratory tests the first picks out of all pairs that are
# unknown, a few percent of which interact here, and far less in a real organism. Precision among the first k of *all*
# candidates is therefore what counts. It is far below what the same order reaches where half of the pairs interact.
known = {frozenset(pair) for pair in split.X_train[split.y_train == 1].tolist()}
pairs = [pair for pair in itertools.combinations(network.genes, 2) if frozenset(pair) not in known]
candidates = np.array(pairs, dtype=object)
held_out = {frozenset(pair) for pair in network.pairs.tolist()} - known
interacts = np.array([frozenset(pair) in held_out for pair in pairs])
print(f"{len(candidates)} candidates, {interacts.mean():.1%} of them interact")

sizes = np.unique(np.geomspace(10, len(candidates), 60).astype(int))
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name in ("degree product", "common neighbours", "L3 paths", "GNE + expression"):
    ranking = models[name].decision_function(candidates)
    ax.plot(sizes, [precision_at_k(interacts, ranking, k=int(k)) for k in sizes], label=name)
ax.axhline(interacts.mean(), color="0.3", linewidth=0.8, label="all candidates")
ax.set(xscale="log", xlabel="first k of all candidates", ylabel="share that interacts")
ax.legend()

# %%
# How far probabilities can be trusted
# ------------------------------------
# Probabilities of the default are calibrated on interactions and as many uniform negatives; the held-out pairs are of
# both, half and half. Points above the line: more pairs interact than was predicted. Among all candidates, where few
# interact, ``predict_proba(pairs, prevalence=...)`` shifts the probabilities accordingly.
fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
ReliabilityDisplay.from_estimator(models["GNE"], split.X_test, split.y_test).plot(ax=ax)
plt.show()
