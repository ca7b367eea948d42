"""
From a screen to predicted pairs
================================

A CRISPR screen switches genes off or on, alone and some of them in pairs, and reads the expression of every gene in
thousands of cells. What would the untested pairs do? The answer to beat is the sum of the two single responses. This
example goes from an AnnData object to predictions of untested pairs, on a simulated screen whose responses saturate.
"""

# %%
# Cells become log-fold changes
# -----------------------------
# :func:`~skperturb.datasets.make_perturbation_screen` returns an AnnData object like a real screen's, and
# :func:`~skperturb.responses.pseudobulk` streams over its cells, also over a file that does not fit into memory.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skperturb.datasets import make_perturbation_screen
from skperturb.metrics import l2_distance, win_rate
from skperturb.model_selection import CombinationSplit
from skperturb.plotting import InteractionDisplay, ResponseErrorDisplay, ResponseScatterDisplay
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    untested_combinations,
)

cells = make_perturbation_screen(100, n_perturbed=20, n_doubles=80, n_cells=30, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
X = PerturbationEncoder().set_output(transform="pandas").fit_transform(screen.data)
y = screen.target
print(cells)
print("conditions × perturbed genes", X.shape, "  conditions × genes", y.shape)

# %%
# Every model on the same split
# -----------------------------
# All single genes and half of the pairs train; the other pairs are predicted.
train, test = next(CombinationSplit(1, random_state=0).split(X))
models = {
    "additive": AdditiveRegressor(),
    "scaled additive": AdditiveRegressor(shrinkage="auto"),
    "linear": LinearPerturbationRegressor(),
    "kernel": KernelPerturbationRegressor(),
    "APP": APPRegressor(cells.uns["graph"], max_epochs=30, random_state=0),
}
predictions = {
    name: np.asarray(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])) for name, model in models.items()
}
predictions["no change"] = np.zeros_like(predictions["additive"])
predictions["mean of the training pairs"] = np.broadcast_to(
    y.iloc[train][X.iloc[train].sum(axis=1).to_numpy() == 2].mean().to_numpy(), predictions["additive"].shape
)
truth = y.iloc[test].to_numpy()
print(
    pd.DataFrame(
        {
            name: {
                "L2 distance": l2_distance(truth, predicted),
                "better than addition on": win_rate(truth, predicted, predictions["additive"]),
            }
            for name, predicted in predictions.items()
        }
    ).T.round(2)
)

# %%
# Each point is one untested pair, the red mark is the mean.
ResponseErrorDisplay.from_predictions(truth, predictions).plot()

# %%
# How far from addition?
# ----------------------
# Below one, a pair does less than the sum of its genes (buffering). Additive predictions would all lie on the
# horizontal line at one.
labels = [str(y.index[k]) for k in test]
fig, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
interactions = InteractionDisplay.from_predictions(truth, predictions["kernel"], predictions["additive"], labels)
interactions.plot(ax=axes[0], n_labels=0)
axes[0].set(xlim=(0.5, 1.1), ylim=(0.5, 1.1))
ResponseScatterDisplay.from_predictions(truth, predictions["kernel"]).plot(ax=axes[1])
print("observed size over additive size, the pairs farthest from addition:")
print(pd.Series(interactions.observed, index=labels).sort_values().head(5).round(2))

# %%
# The pairs that nobody tested
# ----------------------------
# Trained on everything, the model ranks all other pairs by the size of their response.
model = KernelPerturbationRegressor().fit(X, y)
untested = untested_combinations(screen.data["perturbation"])
encoder = PerturbationEncoder(genes=X.columns).set_output(transform="pandas")
candidates = encoder.fit_transform(untested)
size = pd.Series(np.linalg.norm(np.asarray(model.predict(candidates)), axis=1), index=untested)
print(len(untested), "untested pairs; the largest predicted responses:")
print(size.sort_values(ascending=False).head(5).round(2))
plt.show()
