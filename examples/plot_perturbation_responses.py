"""
Predicting the response to unseen gene pairs
============================================

A screen perturbs genes alone and some of them in pairs. What will the other pairs do? The field's open wound is that
adding the two single responses is hard to beat; this example shows by how much each model of skperturb beats it, on a
simulated screen whose responses saturate.
"""

# %%
# Cells become log-fold changes
# -----------------------------
# :func:`~skperturb.datasets.make_perturbation_screen` returns an AnnData object like a real screen's, and
# :func:`~skperturb.responses.pseudobulk` streams over its cells.

import numpy as np

from skperturb.datasets import make_perturbation_screen
from skperturb.metrics import l2_distance, win_rate
from skperturb.model_selection import CombinationSplit
from skperturb.plotting import AttentionDisplay, InteractionDisplay, ResponseErrorDisplay, ResponseScatterDisplay
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
)

cells = make_perturbation_screen(100, n_perturbed=20, n_doubles=80, n_cells=30, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
X = PerturbationEncoder().set_output(transform="pandas").fit_transform(screen.data)
y = screen.target
print(X.shape, y.shape)

# %%
# Every model on the same split
# -----------------------------

train, test = next(CombinationSplit(1, random_state=0).split(X))
models = {
    "additive": AdditiveRegressor(),
    "scaled additive": AdditiveRegressor(shrinkage="auto"),
    "kernel": KernelPerturbationRegressor(),
    "APP": APPRegressor(cells.uns["graph"], max_epochs=30, random_state=0),
}
predictions = {
    name: np.asarray(model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])) for name, model in models.items()
}
truth = y.iloc[test].to_numpy()
for name, predicted in predictions.items():
    wins = win_rate(truth, predicted, predictions["additive"])
    print(
        f"{name:16s} L2 {l2_distance(truth, predicted):.2f}   better than addition on {100 * wins:.0f} % of the pairs"
    )

# %%
# Pictures
# --------

ResponseErrorDisplay.from_predictions(truth, predictions).plot()

# %%
ResponseScatterDisplay.from_predictions(truth, predictions["APP"]).plot()

# %%
# Below one a pair does less than the sum of its genes.

labels = [y.index[k] for k in test]
InteractionDisplay.from_predictions(truth, predictions["APP"], predictions["additive"], labels).plot()

# %%
# Which genes the network attends to; the line is uniform attention.

AttentionDisplay.from_estimator(models["APP"], X.iloc[test]).plot()
