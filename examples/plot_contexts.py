"""
Responses in a cell line nobody screened
========================================

The same gene does something that all cell lines share and something that is particular to each. With several lines
screened, what can be said of one that was not? Columns of contexts tell a model which line a row is from; features of the
lines, such as the expression of their unperturbed cells, tell it which lines are alike.
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
    "mean of the line": ContextMean(contexts=list(features.index)),
    "mean of the gene\nin other lines": OtherContextsMean(contexts=list(features.index)),
    "kernel, lines alike": KernelPerturbationRegressor(graph=cells.uns["graph"]),
    "kernel, features of lines": KernelPerturbationRegressor(graph=cells.uns["graph"], contexts=features),
}
