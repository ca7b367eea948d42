"""
Who responds, how, and how surely
=================================

Often the reactions of a network are known and none of their constants.
:class:`~skperturb.networks.StructuralSensitivity` draws many sets of kinetics that the structure allows and looks at
what they agree on: the rank of each response, its sign, and an interval. Here the constants are known, hidden from
the model, and used to look it up afterwards.
"""

# %%
# A pathway without its constants
# -------------------------------
# :class:`~skperturb.sbml.JacobianExtractor` keeps the structure that the file states; the estimator reads nothing else.
import matplotlib.pyplot as plt
import numpy as np

from skperturb.datasets import load_textbook_models
from skperturb.networks import StructuralSensitivity
from skperturb.sbml import JacobianExtractor, sensitivity_matrix

models = load_textbook_models()
text = models.data[models.names.index("smad_nucleocytoplasmic_shuttling")]
network = JacobianExtractor().fit_transform([text])[0]
truth = sensitivity_matrix(network, kind="relative")  # as the model predicts them

ensemble = StructuralSensitivity(random_state=0)
rank = ensemble.predict([network])[0].abs()  # the sign of a prediction is that of the response
sign, certainty = (tables[0] for tables in ensemble.predict_sign([network]))
lower, upper = (tables[0] for tables in ensemble.predict_interval([network], coverage=0.9))

# %%
# Ranks and signs
# ---------------
# Left the hidden truth, by rank among all pairs; in the middle the expected rank; on the right the sign, paler where
# the draws disagree. Rows respond, columns are perturbed.
true_rank = truth.abs().stack().rank(pct=True).unstack().loc[truth.index, truth.columns]
panels = {"truth, ranked": true_rank, "expected rank": rank, "sign × certainty": sign * certainty}
fig, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (title, table) in zip(axes, panels.items(), strict=True):
    signed = title.startswith("sign")
    limits = {"vmin": -1, "vmax": 1, "cmap": "RdBu_r"} if signed else {"vmin": 0, "vmax": 1, "cmap": "viridis"}
    image = ax.imshow(table.to_numpy(), **limits)
    ax.set_title(title)
    ax.set(xlabel="perturbed", ylabel="responds", xticks=[], yticks=[])
    fig.colorbar(image, ax=ax, shrink=0.8)

# %%
# Intervals
# ---------
# Nine of ten intervals should hold the true rank, over many networks. Where they are wide, structure alone leaves the
# response open, and says so.
outside = ~np.eye(len(truth), dtype=bool)
order = np.argsort(rank.to_numpy()[outside])
low, high, true, expected = (table.to_numpy()[outside][order] for table in (lower, upper, true_rank, rank))
held = (low <= true) & (true <= high)
agree = (np.sign(truth.to_numpy()) == sign.to_numpy())[outside]
print(f"ranks inside their intervals: {held.mean():.0%} of {held.size}")
print(f"signs right where the draws agree to 90 %: {agree[certainty.to_numpy()[outside] >= 0.9].mean():.0%}")

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.fill_between(range(len(low)), low, high, alpha=0.3, label="interval of 90 %")
ax.plot(expected, lw=3, label="expected rank")
ax.plot(true, "k.", ms=5, label="true rank")
ax.set_xlabel("pairs, by expected rank")
ax.set_ylabel("rank among all pairs")
ax.legend()
# sphinx_gallery_thumbnail_number = 2
plt.show()
