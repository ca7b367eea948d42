"""
Which topology model is right where
===================================

Three predictors see nothing but the wiring of a model: who is linked (first neighbour), how long the shortest path is
(distance), how much reaches a node by all paths (propagation). This example asks on the embedded textbook models which
of them is right, and where a prediction from wiring fails.
"""

# %%
# Networks and their true responses
# ---------------------------------
# A model is left out where holding a variable leaves no stable steady state; the reason is printed.
import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from skperturb.datasets import load_textbook_models
from skperturb.exceptions import ModelWarning, UndefinedSensitivityError
from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, DynamoFirstNeighbor, DynamoPropagation
from skperturb.plotting import MethodAccuracyDisplay, PairwiseAccuracyDisplay
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

models = load_textbook_models()
networks, truths = [], []
for network in JacobianExtractor(on_error="skip").fit_transform(models.data):
    if network.n_nodes < 4:
        continue
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ModelWarning)
            truths.append(sensitivity_matrix(network).abs())
        networks.append(network)
    except (UndefinedSensitivityError, ModelWarning) as problem:
        print(textwrap.shorten(f"{network.model_id}: {str(problem).split(':')[0]}", 84, placeholder=" …"))
print(f"{len(networks)} networks")

methods = {
    "distance": DynamoDistance(),
    "distance, undirected": DynamoDistance(directed=False),
    "propagation": DynamoPropagation(),
    "first neighbour": DynamoFirstNeighbor(),
}
predictions = {name: model.predict(networks) for name, model in methods.items()}
# Whoever only knows which variable can be reached at all is the baseline.
predictions["reachability"] = [(predicted > 0).astype(float) for predicted in predictions["distance"]]

# %%
# Overall, and one against the other
# ----------------------------------
# The bars are means over models. The matrix counts on how many models the row beats the column: two predictors with
# close means can still differ on nearly every model.
scores = pd.DataFrame(
    {name: spearman_correlation(truths, matrices, reduce=None) for name, matrices in predictions.items()},
    index=[network.model_id for network in networks],
)
MethodAccuracyDisplay(scores).plot()

# %%
PairwiseAccuracyDisplay(scores).plot()

# %%
# Where the wiring is silent
# --------------------------
# All pairs of all models by the length of their path. If responses faded with every step, the boxes would fall from
# left to right and not overlap. They fall over the first steps only, and they overlap: rates, saturation and feedback,
# which no wiring diagram shows, decide the rest.
boxes: dict[int, list[float]] = {}
for truth, predicted in zip(truths, predictions["distance"], strict=True):
    linked = (predicted.to_numpy() > 0) & (predicted.to_numpy() < 1)  # the prediction is 1 / (1 + path length)
    path_lengths = np.rint(1 / predicted.to_numpy()[linked] - 1).astype(int)
    ranks = rankdata(truth.to_numpy()[linked]) / linked.sum()
    for length, rank in zip(path_lengths, ranks, strict=True):
        boxes.setdefault(min(length, 6), []).append(rank)
lengths = sorted(boxes)
fig, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
ax.boxplot([boxes[length] for length in lengths], showfliers=False)
labels = [f"{length if length < 6 else '6+'}\n({len(boxes[length])})" for length in lengths]
ax.set_xticks(range(1, len(lengths) + 1), labels)
ax.set(xlabel="steps on the shortest path (number of pairs)", ylabel="relative rank of the response")
plt.show()
