"""
New gene interactions from known ones
=====================================

A simulated network whose expression knows about the modules: our model, a neighbourhood score and the baseline that
knows nothing but how often a gene interacts, judged by two kinds of negatives.
"""

# %%
# Interactions are pairs of names. The split keeps both directions of a pair together; its negatives are pairs that do
# not interact in any part.
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import roc_auc_score

from skperturb.datasets import make_gene_network
from skperturb.interactions import DegreeProduct, GNEEmbedder, L3Paths
from skperturb.metrics import degree_matched_auroc
from skperturb.model_selection import link_prediction_split

network = make_gene_network(200, 8, n_interactions=2000, degree_exponent=0.8, random_state=0)
split = link_prediction_split(network.pairs, genes=network.genes, random_state=0)

# %%
# Against random negatives popularity alone looks clever; against equally popular ones it is worth nothing.
common = {"genes": network.genes, "random_state": 0}
models = {
    "degree product": DegreeProduct(**common),
    "L3 paths": L3Paths(**common),
    "GNE": GNEEmbedder(device="cpu", **common),
    "GNE + expression": GNEEmbedder(network.expression, device="cpu", **common),
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
ax = table.plot.barh(xlim=(0.4, 1.0))
ax.set(xlabel="AUROC on held-out interactions")
plt.tight_layout()
plt.show()
