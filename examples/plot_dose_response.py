"""
Dose and response
=================

The steady state over the values of one parameter is a dose–response curve. Each point is found anew from the start of
the model, so a curve that jumps shows a switch and not a numerical accident.
"""

import matplotlib.pyplot as plt
import numpy as np

from skperturb.datasets import load_textbook_models
from skperturb.plotting import DoseResponseDisplay
from skperturb.sbml import KineticModel, parameter_sensitivity

models = load_textbook_models()
model = KineticModel.from_sbml(models.data[models.names.index("goldbeter_koshland_switch")])
print(model.equations())

# %%
# Two enzymes push a protein back and forth between two forms. Where both are saturated the response is a switch: a
# little more of one enzyme, and nearly all of the protein changes sides.
doses = np.geomspace(0.2, 5.0, 25) * model.x0[model.variables.index("E1")]
display = DoseResponseDisplay.from_model(model, "E1", doses, outputs=["W", "Wp"])
display.plot()
plt.show()

# %%
# How steep it is at one dose, exactly: the response in per cent for one per cent more of a parameter.
print(parameter_sensitivity(model, scaled=True).loc["Wp"].round(3).to_string())
