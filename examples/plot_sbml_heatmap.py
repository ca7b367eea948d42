"""
From an SBML file to a perturbation pattern
===========================================

A kinetic model says how fast every molecule is made and used up. Hold one molecule at a shifted level, wait, and see
which others move: that is one column of the *sensitivity matrix*. Here a model of the MAP kinase cascade goes from
SBML text to that matrix, and to what its wiring alone predicts of it.
"""

# %%
# The model and its trajectory
# ----------------------------
# Three kinases, one activating the next by phosphorylation, and the last one slowing the first. The letter p counts
# phosphate groups. Paths to SBML files work like the text that is used here.
import textwrap

import matplotlib.pyplot as plt

from skperturb.datasets import load_textbook_models
from skperturb.metrics import spearman_correlation
from skperturb.networks import DynamoDistance, DynamoPropagation
from skperturb.plotting import SensitivityHeatmapDisplay
from skperturb.sbml import JacobianExtractor, KineticModel, sensitivity_matrix

models = load_textbook_models()
k = models.names.index("mapk_cascade_kholodenko")
print(textwrap.fill(models.references[k], 80))

trajectory = KineticModel.from_sbml(models.data[k]).simulate(range(0, 6001, 20))
ax = trajectory[["KKKp", "KKpp", "Kpp"]].plot(figsize=(6.5, 3.8), xlabel="time in s", ylabel="concentration in nM")
ax.set_title("active kinases on the way to the steady state")
plt.tight_layout()

# %%
# The Jacobian at the steady state
# --------------------------------
# The extractor follows the trajectory until it comes to rest, verifies that state and differentiates every rate law
# exactly. Entry (i, j) says how variable j acts on the rate of variable i, so the signs are the wiring diagram.
network = JacobianExtractor().fit_transform([models.data[k]])[0]
steady_state = network.steady_state
print(f"residual {steady_state.residual:.1e}, stable: {steady_state.stable}")
print(f"conserved totals: {len(network.conservation_laws)} (each kinase is only modified, never made)")
print(network.signs())

# %%
# Truth and prediction
# --------------------
# Each panel shows ranks, because that is what the score compares: the scales of the three matrices have nothing in
# common. Read a column from top to bottom: hold that variable, and these respond.
truth = sensitivity_matrix(network)
predictions = {
    "distance": DynamoDistance().predict([network])[0],
    "propagation": DynamoPropagation().predict([network])[0],
}
SensitivityHeatmapDisplay.from_predictions(truth, predictions).plot()
plt.show()

# %%
# The score: Spearman correlation of the magnitudes, with the diagonal (where both are 1 by construction) and without.
for name, predicted in predictions.items():
    whole = spearman_correlation(truth, predicted)
    honest = spearman_correlation(truth, predicted, diagonal=False)
    print(f"{name:12s} all pairs {whole:.2f}   without the diagonal {honest:.2f}")
