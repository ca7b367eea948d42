"""
Learning across families of networks
====================================

The distance model treats all networks alike. `GCNEnhancer` learns from networks whose sensitivity matrices are known
which pairs respond more, or less, than their distance says. Does what it learns on one family of networks help on
another? Here it learns from simulated reaction networks and is tested on new ones of the same kind, and on textbook
models, which it has never seen the like of.
"""

# %%
# Two families
# ------------
# The truth is the steady-state response: one variable held at a shifted value, all others relaxing.
import warnings

import matplotlib.pyplot as plt
import pandas as pd

from skperturb.datasets import load_textbook_models, make_biochemical_models
from skperturb.exceptions import ModelWarning, UndefinedSensitivityError
from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, GCNEnhancer
from skperturb.plotting import PairedScoreDisplay
from skperturb.sbml import JacobianExtractor, sensitivity_matrix


def with_truth(models):
    """Return the networks of at least four variables whose responses all exist, and the responses."""
    networks, truths = [], []
    for network in JacobianExtractor(on_error="skip").fit_transform(models):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ModelWarning)  # no stable state while a variable is held
                truth = sensitivity_matrix(network).abs()
        except (UndefinedSensitivityError, ModelWarning):
            continue
        if len(truth) >= 4:
            networks.append(network)
            truths.append(truth)
    return networks, truths


simulated, simulated_truths = with_truth(make_biochemical_models(70, random_state=0))
test_families = {
    "simulated": (simulated[40:], simulated_truths[40:]),
    "textbook": with_truth(load_textbook_models().data),
}
print({name: len(family[0]) for name, family in test_families.items()})

# %%
# How many networks does it take?
# -------------------------------
# Scores on the pairs that a path connects, without the diagonal: on all other pairs both models are right by
# construction. These are means over networks that were not learned from; dashed lines are distance.
curve = {name: {} for name in test_families}
for n_train in (10, 20, 40):
    enhancer = GCNEnhancer(n_models=1, random_state=0).fit(simulated[:n_train], simulated_truths[:n_train])
    for name, (networks, truths) in test_families.items():
        curve[name][n_train] = spearman_correlation(
            truths, enhancer.predict(networks), reachable_only=True, diagonal=False
        )
curve = pd.DataFrame(curve)
print(curve.round(3))

distance = DynamoDistance()
ax = curve.plot(marker="o", figsize=(6, 4))
ax.set(xlabel="networks learned from", ylabel="Spearman correlation, reached pairs")
for (networks, truths), line in zip(test_families.values(), list(ax.lines), strict=True):
    score = spearman_correlation(truths, distance.predict(networks), reachable_only=True, diagonal=False)
    ax.axhline(score, color=line.get_color(), linestyle="--")
ax.margins(y=0.1)
ax.set_title("enhancer (points), distance (dashed)")
plt.tight_layout()

# %%
# Network by network
# ------------------
# A mean hides who pays. Each line is one textbook model; a line that falls is a model on which learning hurt.
networks, truths = test_families["textbook"]
PairedScoreDisplay.from_estimator({"distance": distance, "enhancer": enhancer}, networks, truths).plot()
plt.show()

# %%
# A gain on a simulator is a gain on that simulator. For published models the figures, in cross-validation that keeps
# all models of a publication together, are those of ``python -m skperturb reproduce networks --enhancer``.
