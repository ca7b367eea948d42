"""A small pair of screens, measured and predicted, that the reference tools and skperturb score alike."""

import numpy as np
import pandas as pd

CONTROL = "control"
GENES = [f"g{k}" for k in range(100)]
# Each is a gene of the read-out, as the discrimination scores that leave targets out want it.
CONDITIONS = GENES[:12]
N_CELLS = 40


def make_counts(seed=0, n_silent=8):
    """Return whole-number counts of a measured and a predicted screen, as a pair of AnnData.

    Parameters
    ----------
    seed : int, default=0
    n_silent : int, default=8
        Genes that no control cell expresses.
    """
    # The streams of RandomState never change, those of Generator may.
    rng = np.random.RandomState(seed)
    base = rng.gamma(2.0, 1.5, len(GENES))
    # Silent in the control: without epsilon, their fold changes are infinite.
    base[-n_silent:] = 0.0
    effects = {name: rng.normal(0.0, 0.35, len(GENES)) * (rng.uniform(size=len(GENES)) < 0.5) for name in CONDITIONS}
    for k, name in enumerate(CONDITIONS):
        effects[name][k] = -1.5
    shared = rng.normal(0.0, 0.5, len(GENES))
    truth = {CONTROL: base} | {name: base * np.exp(effect + shared) for name, effect in effects.items()}
    guess = {CONTROL: base} | {
        name: base * np.exp(0.4 * effect + shared + rng.normal(0.0, 0.45, len(GENES)))
        for name, effect in effects.items()
    }
    for means in (truth, guess):
        for name in CONDITIONS:
            means[name][-n_silent:] = rng.choice([0.0, 0.05, 4.0], n_silent)
    return _cells(truth, rng), _cells(guess, rng)


def make_pair(seed=0, n_silent=8):
    """Return the same pair log-normalized, to ten thousand counts a cell.

    Parameters
    ----------
    seed : int, default=0
    n_silent : int, default=8
        Genes that no control cell expresses.
    """
    pair = make_counts(seed, n_silent)
    for cells in pair:
        counts = np.asarray(cells.X)
        cells.X = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    return pair


def _cells(means, rng):
    import anndata

    counts = [rng.poisson(rng.gamma(2.0, mean / 2.0, (N_CELLS, len(GENES)))) for mean in means.values()]
    labels = np.repeat(list(means), N_CELLS)
    obs = pd.DataFrame({"perturbation": labels}, index=[f"cell{k}" for k in range(len(labels))])
    return anndata.AnnData(np.concatenate(counts).astype(float), obs=obs, var=pd.DataFrame(index=GENES))
