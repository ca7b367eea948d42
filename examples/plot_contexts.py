"""
Responses in a cell line nobody screened
========================================

The same gene does something that all cell lines share and something that is particular to each. With several lines
screened, what can be said of one that was not? Columns of contexts tell a model which line a row is from; features of
the lines, such as the expression of their unperturbed cells, tell it which lines are alike.
"""

# %%
# Four lines, one at a time left out
# ----------------------------------
# The baseline is the mean of the same gene in the other lines, which is hard to beat.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_predict

from skperturb.datasets import make_perturbation_screen
from skperturb.metrics import l2_distance
from skperturb.model_selection import LeaveContextOut
from skperturb.responses import (
    ContextMean,
    KernelPerturbationRegressor,
    OtherContextsMean,
    PerturbationEncoder,
    pseudobulk,
)

n_lines = 5
cells = make_perturbation_screen(60, n_perturbed=30, n_doubles=0, n_contexts=n_lines, n_cells=20, random_state=0)
screen = pseudobulk(cells, "perturbation", "control", covariates="cell_line")
X = PerturbationEncoder(contexts="cell_line").set_output(transform="pandas").fit_transform(screen.data)
y = screen.target
print(X.shape, "doses of genes and columns of lines")

features = cells.uns["context_features"]
models = {
    "no change": None,
    "mean of the line": ContextMean(),
    "mean of the gene\nin other lines": OtherContextsMean(),
    "kernel, lines alike": KernelPerturbationRegressor(graph=cells.uns["graph"]),
    "kernel, features of lines": KernelPerturbationRegressor(graph=cells.uns["graph"], contexts=features),
}

predictions = {}
for name, model in models.items():
    if model is None:
        predictions[name] = pd.DataFrame(0.0, index=y.index, columns=y.columns)
    else:
        predictions[name] = cross_val_predict(model, X, y, cv=LeaveContextOut())

# %%
# Who gains from what
# -------------------
# One point for each condition of a line that the model has never seen. Knowing that lines are alike adds little to the
# mean over them; knowing *how* alike they are adds something.
distances = {name: l2_distance(y, np.asarray(table), reduce=None) for name, table in predictions.items()}
for name, values in distances.items():
    print(f"{' '.join(name.split()):35s} L2 {np.mean(values):.2f}")

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.boxplot(list(distances.values()), orientation="horizontal", widths=0.6, showfliers=False)
ax.set_yticks(range(1, len(distances) + 1), list(distances))
ax.set_xlabel("L2 distance to the measured response")
ax.set_title("A line left out")

# %%
# How sure it is
# --------------
# The standard deviation of a prediction grows with what is particular to a line.
line = "line0"
test = screen.data["cell_line"] == line
model = models["kernel, features of lines"].fit(X[~test], y[~test])
predicted, deviation = model.predict(X[test], return_std=True)
inside = np.abs(y[test] - predicted) <= 1.645 * deviation
print(f"{line}: nominal 90 % intervals hold {np.mean(inside):.0%} of the measured changes")

fig, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
ax.scatter(np.ravel(predicted), np.ravel(y[test]), s=4, alpha=0.4)
ax.axline((0, 0), slope=1, color="black", lw=1)
ax.set_xlabel("predicted")
ax.set_ylabel("measured")
ax.set_title(f"All genes of {line}")
plt.show()
