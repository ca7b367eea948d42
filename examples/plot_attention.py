"""
Reading attention, and when not to
==================================

`APPRegressor` can weigh the genes of a network by attention, and such weights are tempting to read as an explanation.
This example asks four questions before reading them: does the model predict at all, do two networks with other seeds
attend to the same genes, does a network that learned from shuffled responses attend to them just as much, and does the
default model use its attention?
"""

# %%
# A screen, and the published architecture
# ----------------------------------------
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skperturb.datasets import make_perturbation_screen
from skperturb.metrics import l2_distance
from skperturb.model_selection import CombinationSplit
from skperturb.plotting import AttentionDisplay
from skperturb.responses import AdditiveRegressor, APPRegressor, PerturbationEncoder, pseudobulk

cells = make_perturbation_screen(80, n_perturbed=20, n_doubles=80, n_cells=30, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
y = screen.target
X = PerturbationEncoder().set_output(transform="pandas").fit_transform(screen.data).set_axis(y.index)
graph = cells.uns["graph"]
train, test = next(CombinationSplit(1, random_state=0).split(X))


def fit(target, seed):
    """Fit the published architecture, for fewer epochs, to the training conditions."""
    model = APPRegressor.published(graph, random_state=seed).set_params(max_epochs=60)
    return model.fit(X.iloc[train], target.iloc[train])


order = np.random.default_rng(0).permutation(len(y))
models = {"screen": fit(y, 0), "other seed": fit(y, 1), "shuffled responses": fit(y.iloc[order].set_axis(y.index), 0)}

# %%
# Does it predict?
# ----------------
# The attention of a model that loses to addition explains that model and not the cells.
default = APPRegressor(graph, random_state=0).fit(X.iloc[train], y.iloc[train])
compared = {"additive": AdditiveRegressor().fit(X.iloc[train], y.iloc[train]), **models, "default": default}
errors = {name: l2_distance(y.iloc[test], model.predict(X.iloc[test])) for name, model in compared.items()}
print(pd.Series(errors, name="L2 distance on unseen pairs").round(2))

# %%
# Do networks agree?
# ------------------
# Attention of every condition; columns are genes. Reproducible weights have the same stripes left and in the middle; on
# the right is what the graph and chance produce alone.
weights = {name: model.attention_weights(X) for name, model in models.items()}
n_genes = weights["screen"].shape[1]
fig, axes = plt.subplots(1, 3, figsize=(11, 4.6), layout="constrained", sharey=True)
for ax, (name, frame) in zip(axes, weights.items(), strict=True):
    image = ax.imshow(np.log2(frame.to_numpy() * n_genes), aspect="auto", cmap="RdBu_r", vmin=-4, vmax=4)
    ax.set(title=name, xlabel="gene of the graph")
axes[0].set_ylabel("condition")
fig.colorbar(image, ax=axes, label="log2 of attention over uniform attention")

# %%
# The same in numbers: rank correlation of the weights of a condition, averaged over the conditions. The second column
# takes the mean over all conditions away first, because a gene that always gets attention tells nothing about a
# condition.
rows = {}
for name in ("other seed", "shuffled responses"):
    first, second = weights["screen"], weights[name]
    specific = (first - first.mean()).corrwith(second - second.mean(), axis=1, method="spearman")
    rows[name] = {
        "all of it": first.corrwith(second, axis=1, method="spearman").mean(),
        "specific to the condition": specific.mean(),
    }
print(pd.DataFrame(rows).T.round(2))

# %%
# Does the default model use its attention?
# -----------------------------------------
# The default corrects a kernel model and is trained with weight decay, which keeps attention uniform unless it helps. A
# ratio of one is uniform attention: then there is nothing to read.
for name, model in {"published": models["screen"], "default": default}.items():
    ratio = model.attention_weights(X).to_numpy().max() * n_genes
    weight = model.correction_weight_
    print(f"{name:10s} largest weight over uniform weight {ratio:.2f}   weight of the network {weight:.2f}")

# %%
# One condition
# -------------
# Only now a look at the genes, and only at what two seeds share: the mean of their weights. The line is uniform
# attention.
condition = X.index[test[0]]
shared = (weights["screen"].loc[condition] + weights["other seed"].loc[condition]) / 2
AttentionDisplay(shared, n_genes=12).plot().ax_.set_title(f"condition {condition}")
# sphinx_gallery_thumbnail_number = 2
plt.show()
