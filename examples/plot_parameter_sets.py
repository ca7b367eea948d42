"""
Time courses over sets of parameters
====================================

Parameters are known with an error. The courses of many sets of them say what can be relied on: a narrow band is a
prediction, a wide one is none.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skperturb.datasets import load_textbook_models
from skperturb.plotting import TrajectoryBandDisplay
from skperturb.sbml import KineticModel, time_course_sensitivity

models = load_textbook_models()
model = KineticModel.from_sbml(models.data[models.names.index("p53_mdm2_feedback")])

# %%
# A hundred sets, each parameter off by about 10 %
# ------------------------------------------------
rng = np.random.default_rng(0)
uncertain = [name for name in model.parameters.index if name != "cell"]
factors = np.exp(0.1 * rng.normal(size=(100, len(uncertain))))
sets = pd.DataFrame(factors * model.parameters[uncertain].to_numpy(), columns=uncertain)
times = np.linspace(0.0, 30.0, 121)
TrajectoryBandDisplay.from_model(model, sets, times, outputs=["p53", "mdm2"]).plot()
plt.show()

# %%
# Which parameter makes the band wide
# -----------------------------------
# The sensitivities along the course answer without any sampling.
course = time_course_sensitivity(model, times[1:], parameters=uncertain, initial=[], scaled=True)
ax = course["p53"].plot(figsize=(6.5, 4.0), xlabel="time", ylabel="per cent of p53 per per cent")
ax.axhline(0.0, color="0.6", linewidth=0.8)
ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
ax.set_title("sensitivity of p53 along its course")
plt.tight_layout()
plt.show()
