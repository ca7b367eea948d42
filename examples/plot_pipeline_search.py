"""
Grid search over a whole Pipeline
=================================

Every step is a scikit-learn estimator, so one search can vary them all: how SBML becomes a network, which model
predicts from it, and that model's parameters. The same on a screen, from labels to the regressor that learns.
"""

# %%
# From SBML files
# ---------------
# `X` is a list of SBML texts and `y` a list of matrices of different sizes; scikit-learn splits both. The step "model"
# is itself a parameter. ``memory`` keeps the Jacobians, so that they are computed once per fold and not per candidate.
import tempfile
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skperturb.datasets import make_biochemical_models, make_perturbation_screen
from skperturb.exceptions import ModelWarning
from skperturb.metrics import l2_scorer, pearson_delta_scorer, spearman_scorer
from skperturb.model_selection import CombinationSplit
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation
from skperturb.responses import AdditiveRegressor, KernelPerturbationRegressor, PerturbationEncoder, pseudobulk
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

X = make_biochemical_models(12, random_state=1)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ModelWarning)  # a few responses are formal: the held system has no stable state
    y = [sensitivity_matrix(network).abs() for network in JacobianExtractor().fit_transform(X)]

cache = tempfile.TemporaryDirectory()
pipeline = Pipeline([("jacobian", JacobianExtractor()), ("model", DynamoDistance())], memory=cache.name)
grid = [
    {"model": [DynamoDistance(), DynamoFirstNeighbor()], "model__directed": [True, False]},
    {"model": [DynamoPropagation()], "model__alpha": [0.3, 0.6, 0.9], "model__directed": [True, False]},
    {"jacobian__at": ["initial"], "model": [DynamoDistance()]},
]
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Persisting input arguments")  # a busy machine writes slowly
    search = GridSearchCV(pipeline, grid, scoring=spearman_scorer, cv=3).fit(X, y)
cache.cleanup()
print(search.best_params_)


def describe(params):
    """Write the parameters of a candidate on one line."""
    rest = [f"{name.split('__')[1]}={value}" for name, value in params.items() if "__" in name]
    return " ".join([type(params["model"]).__name__.removeprefix("Dynamo"), *rest])


results = pd.DataFrame(search.cv_results_)
results.index = [describe(params) for params in results["params"]]
folds = results.filter(like="split").sort_index(axis=1)
folds = folds.loc[folds.mean(axis=1).sort_values().index]
fig, ax = plt.subplots(figsize=(6.8, 4.2), layout="constrained")
ax.barh(folds.index, folds.mean(axis=1), color="tab:blue", alpha=0.6)
for fold in folds:
    ax.plot(folds[fold], folds.index, "k|", markersize=10)
ax.set(xlabel="Spearman correlation; ticks are the folds", title="held-out networks")

# %%
# From the labels of a screen
# ---------------------------
# Here the split matters more than the grid: single genes always train, so that the score is that of unseen pairs.
# `refit` names the score that decides.
cells = make_perturbation_screen(60, n_perturbed=16, n_doubles=60, n_cells=30, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
labels, responses = screen.data["perturbation"].astype(str).tolist(), screen.target
pipeline = Pipeline([("encode", PerturbationEncoder()), ("model", AdditiveRegressor())])
search = GridSearchCV(
    pipeline,
    [
        {"model": [AdditiveRegressor()], "model__shrinkage": ["auto", 0.5, 0.75, 1.0]},
        {"model": [KernelPerturbationRegressor()]},
    ],
    scoring={"L2": l2_scorer, "pearson": pearson_delta_scorer},
    refit="L2",
    cv=CombinationSplit(5, random_state=0),
).fit(labels, responses)
table = pd.DataFrame(
    {
        "L2 distance": -search.cv_results_["mean_test_L2"],
        "Pearson correlation": search.cv_results_["mean_test_pearson"],
    },
    index=[describe(params) for params in search.cv_results_["params"]],
)
print(table.sort_values("L2 distance").round(3))
print("predicted:", np.shape(search.predict(["gene0+gene1", "gene2"])))
plt.show()

# %%
# The best pipeline as a diagram; each step links to its page.
search.best_estimator_
