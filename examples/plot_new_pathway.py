"""
A new pathway without kinetics
==============================

Most pathways are known as maps: who activates and who inhibits whom, and no rate constant anywhere. This example learns
from networks with kinetics, saves the model, loads it as on another machine and predicts (1) an SBML file of which only
the reactions are used and (2) a bare map of plus and minus signs.
"""

# %%
# Learn once
# ----------
# Two models are learned: one uses the reactions behind a network (stoichiometry, modifiers, forms of the rate laws),
# one only signs. A model that is to predict maps must not get used to knowing reactions.
import tempfile
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skperturb.datasets import load_textbook_models, make_biochemical_models
from skperturb.exceptions import ModelWarning
from skperturb.networks import DynamoDistance, GCNEnhancer
from skperturb.plotting import SensitivityHeatmapDisplay
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

extractor = JacobianExtractor()
networks = extractor.fit_transform(make_biochemical_models(40, random_state=0))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ModelWarning)  # a few responses are formal: the held system has no stable state
    truths = [sensitivity_matrix(network) for network in networks]
pretrained = {
    features: GCNEnhancer(features=features, n_models=1, random_state=0).fit(networks, truths)
    for features in ("structure", "sign")
}

# %%
# Save and load
# -------------
# The trained modules lie on the CPU in double precision, so a model from a machine with a GPU loads anywhere.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "pretrained.joblib"
    joblib.dump(pretrained, path)
    print(f"{path.stat().st_size / 1024:.0f} KiB")
    pretrained = joblib.load(path)

# %%
# A new SBML file
# ---------------
# The Jacobian gives the network its edges; its magnitudes are not read. Here the kinetics are known, so the truth can
# stand beside the predictions.
models = load_textbook_models()
sbml = models.data[models.names.index("smad_nucleocytoplasmic_shuttling")]
network = extractor.transform([sbml])[0]
SensitivityHeatmapDisplay.from_predictions(
    sensitivity_matrix(network),
    {
        "distance": DynamoDistance().predict([network])[0],
        "enhancer": pretrained["structure"].predict([network])[0],
    },
).plot()

# %%
# A bare signed map
# -----------------
# Write +1 where the column activates the row and −1 where it inhibits it; the diagonal is −1: everything decays.
# No SBML, no numbers: this is the p53 loop as a textbook draws it.
names = ["damage", "ATM", "p53", "Mdm2", "p21", "cell cycle"]
pathway = pd.DataFrame(-np.eye(len(names), dtype=int), index=names, columns=names)
for source, target, sign in [
    ("damage", "ATM", 1),
    ("ATM", "p53", 1),
    ("ATM", "Mdm2", -1),
    ("p53", "Mdm2", 1),
    ("Mdm2", "p53", -1),
    ("p53", "p21", 1),
    ("p21", "cell cycle", -1),
]:
    pathway.loc[target, source] = sign

predicted = pretrained["sign"].predict([pathway])[0]
print(predicted.round(2))

# %%
# The column of a source, from the strongest response to the weakest. Distance gives a tie wherever two targets are
# equally far; what was learned breaks the ties. A prediction ranks, it has no unit.
source = "ATM"
table = pd.DataFrame({"distance": DynamoDistance().predict([pathway])[0][source], "enhancer": predicted[source]})
ax = table.drop(source).sort_values("enhancer").plot.barh(figsize=(6, 3.6), xlabel=f"predicted response to {source}")
ax.set_title("the order is the prediction")
plt.tight_layout()
# sphinx_gallery_thumbnail_number = 2
plt.show()
