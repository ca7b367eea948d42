"""
Scores of any model's predictions
=================================

Published models are scored by many numbers, and some of them say little: a model that answers with the mean of all
responses looks good on a correlation. :func:`~skperturb.responses.score_responses` takes tables of predictions, from
whatever tool, and puts no change, the mean and addition beside them, with intervals. ``python -m skperturb score`` does
the same for files.
"""

# %%
# Predictions of three models
# ---------------------------
# Half of the pairs of a simulated screen are hidden. One model is of this package, one is plain scikit-learn; the third
# answers with the truth of other pairs, in another order.
import matplotlib.pyplot as plt
from sklearn.linear_model import Ridge

from skperturb.datasets import make_perturbation_screen
from skperturb.model_selection import CombinationSplit
from skperturb.responses import KernelPerturbationRegressor, PerturbationEncoder, pseudobulk, score_responses

cells = make_perturbation_screen(80, n_perturbed=20, n_doubles=80, n_cells=25, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
X = PerturbationEncoder().set_output(transform="pandas").fit_transform(screen.data)
train, test = next(CombinationSplit(1, random_state=0).split(X))
y_train, y_test = screen.target.iloc[train], screen.target.iloc[test]

predicted = {
    "kernel model": KernelPerturbationRegressor().fit(X.iloc[train], y_train).predict(X.iloc[test]),
    "ridge on genes": y_test * 0 + Ridge().fit(X.iloc[train], y_train).predict(X.iloc[test]),
    "right answers, shuffled": y_test.sample(frac=1, random_state=0).set_axis(y_test.index),
}
scores = score_responses(y_test, predicted, train=y_train, noise_variance=screen.variance.iloc[test], n_resamples=200)
table = scores["score"].unstack()
print(table[["l2", "pearson_delta", "pearson_delta_mean", "discrimination_l1"]].round(2).to_string())

# %%
# One number is not enough
# ------------------------
# Addition has nearly the correlation of the best model and a much larger error: a correlation does not see size. Right
# answers in the wrong places have the size of real responses; whether a prediction is nearest to *its own* condition
# (discrimination, .5 is chance) tells them apart.
chosen = ["l2", "pearson_delta", "discrimination_l1"]
colors = ["C0" if name in predicted else "0.6" for name in table.index]
fig, axes = plt.subplots(1, len(chosen), figsize=(8, 3.8), layout="constrained", sharey=True)
for ax, name in zip(axes, chosen, strict=True):
    ax.barh(table.index, table[name], color=colors)
    ax.set_title(name.replace("_", " "))
axes[0].invert_yaxis()
plt.show()
