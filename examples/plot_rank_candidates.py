"""
Which experiments to do next
============================

A laboratory cannot test all pairs. A fitted model says which untested pairs it expects to be strong, to do something
else than their two genes together, or to teach it most. This example ranks the untested pairs of a screen, and checks
the list against what the simulation knows.
"""

# %%
# A screen with a third of its pairs
# ----------------------------------
import matplotlib.pyplot as plt
import numpy as np

from skperturb.datasets import make_perturbation_screen
from skperturb.responses import (
    AdditiveRegressor,
    KernelPerturbationRegressor,
    PerturbationEncoder,
    pseudobulk,
    rank_candidates,
    untested_combinations,
)

cells = make_perturbation_screen(80, n_perturbed=20, n_doubles=190, n_cells=20, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
labels = screen.data["perturbation"]
is_pair = labels.str.contains("+", regex=False)
tested = ~is_pair | (np.random.default_rng(0).random(len(labels)) < 1 / 3)
encoder = PerturbationEncoder().set_output(transform="pandas").fit(labels)

model = KernelPerturbationRegressor().fit(encoder.transform(labels[tested]), screen.target[tested])
addition = AdditiveRegressor(shrinkage=1.0).fit(encoder.transform(labels[tested]), screen.target[tested])
untested = untested_combinations(labels[tested])
print(f"{int((is_pair & tested).sum())} pairs were tested, {len(untested)} were not")

# %%
# The list
# --------
# ``surprise`` joins what is expected to differ from addition and what is uncertain; ``by=`` chooses another order.
candidates = encoder.transform(untested).set_axis(untested)
ranking = rank_candidates(model, addition, candidates, by="interaction")
print(ranking.head(5).round(2).to_string(index=False))

# %%
# Was it right?
# -------------
# The simulation knows the response of every pair without noise, and so how far it is from addition. How much of the
# strongest tenth stands in the first so many of the list?
truth = cells.uns["response"]
parts = [label.split("+") for label in ranking["condition"]]
true_interaction = np.array(
    [
        np.linalg.norm(truth.loc[f"{a}+{b}" if f"{a}+{b}" in truth.index else f"{b}+{a}"] - truth.loc[a] - truth.loc[b])
        for a, b in parts
    ]
)
strongest = true_interaction >= np.quantile(true_interaction, 0.9)
n_tests = np.arange(1, len(strongest) + 1)
chance = strongest.mean()
precision = np.cumsum(strongest) / n_tests
print(f"of the first 10: {precision[9]:.0%} belong to the strongest tenth; by chance {chance:.0%}")

fig, axes = plt.subplots(1, 2, figsize=(8, 4.2), layout="constrained")
axes[0].scatter(ranking["interaction"], true_interaction, s=14, alpha=0.7)
axes[0].set_xlabel("predicted interaction")
axes[0].set_ylabel("true interaction")
axes[0].set_title("Untested pairs")
axes[1].plot(n_tests, np.cumsum(strongest) / strongest.sum(), lw=3, label="ranked")
axes[1].plot(n_tests, n_tests / len(n_tests), "k--", lw=1.5, label="by chance")
axes[1].set_xlabel("pairs tested")
axes[1].set_ylabel("strongest tenth found")
axes[1].set_title("What a laboratory finds")
axes[1].legend()
plt.show()
