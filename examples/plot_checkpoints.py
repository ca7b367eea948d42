"""
Long fits: callbacks, checkpoints, resuming
===========================================

A fit that takes hours will be cut off one day: by a time limit, a lost connection, a power cut. This example cuts one
off on purpose and resumes it. The resumed model equals the one that was never cut off, to the last bit.
"""

# %%
# A callback watches the training
# -------------------------------
# Every estimator that trains a network takes skorch callbacks. This one stands for the power cut: it raises an error
# after a given number of epochs.
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from skorch.callbacks import Callback

from skperturb.callbacks import ResumableCheckpoint
from skperturb.datasets import make_perturbation_screen
from skperturb.responses import APPRegressor, PerturbationEncoder, pseudobulk

POWER = {"epochs": 0, "until": 45}


class PowerCut(Callback):
    """Raise when the power is out."""

    def on_epoch_begin(self, net, **kwargs):
        """Raise, or not."""
        if POWER["epochs"] == POWER["until"]:
            raise OSError("power cut")

    def on_epoch_end(self, net, **kwargs):
        """Count the epochs."""
        POWER["epochs"] += 1


cells = make_perturbation_screen(100, n_perturbed=20, n_doubles=60, n_cells=20, random_state=0)
screen = pseudobulk(cells, "perturbation", "control")
X = PerturbationEncoder().set_output(transform="pandas").fit_transform(screen.data)
y = screen.target

# %%
# Cut off in the second network
# -----------------------------
# The model trains an ensemble of three networks, 30 epochs each. :class:`~skperturb.callbacks.ResumableCheckpoint`
# saves after each epoch: weights, optimizer, history, the state of other callbacks and torch's random state. The power
# fails after 45 epochs.
folder = Path(tempfile.mkdtemp())
model = APPRegressor(cells.uns["graph"], n_models=3, max_epochs=30, training="always", random_state=0)
model.set_params(callbacks=[ResumableCheckpoint(folder), PowerCut()])
try:
    model.fit(X, y)
except OSError as error:
    print(f"{error} after {POWER['epochs']} epochs; {len(list(folder.iterdir()))} networks on disk")

# %%
# Resume: run the same lines again
# --------------------------------
# The first network is taken from its file, the second one continues at its 16th epoch, the third one is trained from
# the start. An integer ``random_state`` is needed, because a training is found again by what decides it: initial
# weights, data, parameters, callbacks.
POWER["until"] = None
model.fit(X, y)
print(f"epochs in both runs: {POWER['epochs']}")

whole = APPRegressor(cells.uns["graph"], n_models=3, max_epochs=30, training="always", random_state=0).fit(X, y)
print("equal to the fit that was never cut off:", np.array_equal(model.predict(X), whole.predict(X)))
shutil.rmtree(folder)  # nothing deletes the files but you

# %%
# The histories tell the same: each resumed curve lies on the one of the whole training.
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for k, (net, reference) in enumerate(zip(model.nets_, whole.nets_, strict=True)):
    epochs = np.arange(1, len(net.history) + 1)
    ax.plot(epochs, reference.history[:, "train_loss"], color=f"C{k}", linewidth=5, alpha=0.35)
    ax.plot(epochs, net.history[:, "train_loss"], color=f"C{k}", linewidth=1.2, label=f"network {k + 1}")
ax.axvline(15.5, color="0.3", linestyle=":")
ax.annotate("power cut\nin network 2", (15.5, 0.97), xycoords=("data", "axes fraction"), va="top", ha="left",
            xytext=(4, 0), textcoords="offset points")  # fmt: skip
ax.set(xlabel="epoch", ylabel="training loss", title="Wide: never cut off. Thin: cut off and resumed.")
ax.legend()
plt.show()

# %%
# More callbacks
# --------------
# ``skorch.callbacks.ProgressBar`` shows a long epoch's progress, ``EpochScoring`` measures what you like after each
# epoch, ``LRScheduler`` changes the learning rate. ``verbose=1`` shows the epochs.
# :class:`~skperturb.networks.GCNEnhancer` and :class:`~skperturb.interactions.GNEEmbedder` stop early with
# ``early_stopping=True``. A whole grid search can share one folder of checkpoints: no candidate or fold continues from
# the file of another.
