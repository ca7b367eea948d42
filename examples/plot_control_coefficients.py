"""
Which step controls the flux
============================

A *flux control coefficient* says by how many per cent a flux changes when one enzyme is made one per cent more
active. They are exact here: derivatives of the equations, solved at a verified steady state with its conserved
totals. Their sum over the enzymes is one, whatever the model.
"""

import matplotlib.pyplot as plt
import numpy as np

from skperturb.datasets import load_textbook_models
from skperturb.plotting import ControlCoefficientDisplay
from skperturb.sbml import KineticModel, control_coefficients, parameter_sensitivity

models = load_textbook_models()
model = KineticModel.from_sbml(models.data[models.names.index("yeast_glycolysis")])

# %%
# Control over the fluxes
# -----------------------
# Glycolysis of yeast: the uptake of glucose has all the control over the sum of what leaves, but how the flux divides
# between the branches is decided by the enzymes at the branches, and there a coefficient may well be negative.
flux = control_coefficients(model, kind="flux")
print("sums:", np.round(flux.sum(axis=1).to_numpy(), 12))
ControlCoefficientDisplay.from_coefficients(flux).plot()
plt.show()

# %%
# Control over the concentrations
# -------------------------------
# Here the sums are zero: to make all enzymes faster by the same factor changes no concentration.
concentrations = control_coefficients(model)
print("largest sum:", float(concentrations.sum(axis=1).abs().max()))
ControlCoefficientDisplay.from_coefficients(concentrations).plot()
plt.show()

# %%
# The same for parameters
# -----------------------
response = parameter_sensitivity(model, scaled=True)
strongest = response.abs().sum().nlargest(8).index
print(response[strongest].round(3))
