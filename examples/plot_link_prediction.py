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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import CommonNeighbors, DegreeProduct, GNEEmbedder, L3Paths
from skperturb.metrics import degree_matched_auroc
from skperturb.model_selection import link_prediction_split

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
scores, rankings = {}, {}
for name, model in models.items():
    model.fit(split.X_train, split.y_train)
    rankings[name] = model.decision_function(split.X_test)
    scores[name] = {
        "uniform": roc_auc_score(split.y_test, rankings[name]),
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
# Nobody tests half of all pairs, so the left end of the precision-recall curve counts.
fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name in ("degree product", "common neighbours", "L3 paths", "GNE + expression"):
    precision, recall, _ = precision_recall_curve(split.y_test, rankings[name])
    ax.plot(recall, precision, label=name)
ax.set(xlabel="recall", ylabel="precision", ylim=(0.45, 1.01), title="uniform negatives, as many as interactions")
ax.legend()
plt.show()
