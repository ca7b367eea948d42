"""
What an intervention does
=========================

Halve an enzyme, block a step, remove a species: what becomes of all the others? A model answers with new steady states,
each of them verified, or says why there is none. The model is a signaling cascade with feedback (Kholodenko's MAP
kinases).
"""

# %%
# One row for each question
# -------------------------
import matplotlib.pyplot as plt

from skperturb.datasets import load_textbook_models
from skperturb.plotting import InterventionResponseDisplay
from skperturb.sbml import Intervention, KineticModel, perturb

models = load_textbook_models()
model = KineticModel.from_sbml(models.data[models.names.index("mapk_cascade_kholodenko")])
print(model.equations())

# %%
# A reaction takes a factor of its rate, a variable is removed and stays away, a total doubles with the initial value.
interventions = [
    Intervention(scale={"reaction_1": 0.5}, name="entry halved"),
    Intervention(scale={"reaction_2": 0.2}, name="phosphatase at 20 %"),
    Intervention(scale={"reaction_7": 3.0}, name="third kinase tripled"),
    Intervention(scale={"KK": 2.0}, name="twice the second kinase"),
    Intervention(knock_out="Kpp", name="Kpp removed"),
    Intervention(knock_out="reaction_1", name="no entry"),
]
table = perturb(model, interventions)
print(table["outcome"]["status"].to_string())

# %%
# Signed, on one scale: red is more than before, blue is less.
fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
InterventionResponseDisplay.from_responses(table).plot(ax=ax)
plt.show()
