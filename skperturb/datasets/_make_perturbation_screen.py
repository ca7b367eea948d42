"""Simulated perturbation screens with single-cell read-out."""

from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_random_state

from skperturb._sklearn import Interval, validate_params

__all__ = ["make_perturbation_screen"]

# Control cells for each cell of a condition. The control is subtracted from every condition and adds a tenth to the
# variance of its noise; with a tenth of the cells it would double it, and ten times more cost memory for 9 %.
_CONTROL_CELLS = 10
# Shape and scale of the gamma distribution of baseline expression (log scale): a mean of 2 and a long tail, so that the
# cut at zero takes 2 % of the entries. It takes 20 % at a tenth of the scale, none at ten times more.
_BASELINE_SHAPE, _BASELINE_SCALE = 2.0, 1.0
# Spread of the pushes of genes of one module around their common one, whose entries have a standard deviation of 1:
# responses inside a module correlate by 0.77. Ten times more leaves 0.10, so that the network says nothing of
# responses; at ten times less (0.997) they can be copied from any gene of the module.
_OWN_PUSH = 0.5
# Share of the genes that a program changes, and the scale of a change (log-fold change for each unit of push).
_MEMBERSHIP = 0.2
_CHANGE = 0.5
# Expected links of a gene inside its module, a probability of further ones whatever its size, and links across modules:
# by default 93 % of the links are inside and the network is connected. A tenth of the links inside leaves a sixth of
# the genes without any, ten times more fills the modules; a tenth across leaves modules without a link, ten times more
# hides them (42 % across).
_LINKS_INSIDE, _LINK_PROBABILITY, _LINKS_ACROSS = 6.0, 0.02, 0.5


@validate_params(
    {
        "n_genes": [Interval(Integral, 2, None, closed="left")],
        "n_perturbed": [Interval(Integral, 1, None, closed="left")],
        "n_doubles": [Interval(Integral, 0, None, closed="left")],
        "interaction": [Interval(Real, 0, None, closed="left")],
        "n_cells": [Interval(Integral, 1, None, closed="left")],
        "n_programs": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_perturbation_screen(
    n_genes: int = 200,
    *,
    n_perturbed: int = 30,
    n_doubles: int = 40,
    interaction: float = 1.0,
    n_cells: int = 50,
    n_programs: int = 8,
    noise: float = 0.5,
    random_state: Any = None,
) -> Any:
    r"""Simulate a perturbation screen from a gene network with saturating responses.

    .. math:: u_c = \sum_{g \in c} B_g, \qquad
              y_c = \frac{u_c}{1 + \kappa \lVert u_c \rVert / \bar u} W

    Perturbed genes push a few expression programs (B), genes of one network module push the same ones; a push u
    saturates with its size, in units of the mean size :math:`\bar u` of the singles, and the programs change the genes
    that belong to them (W). Expression of a cell is the baseline plus the response plus noise, cut at zero.

    Parameters
    ----------
    n_genes : int, default=200
        Genes that are read out; the perturbed genes are the first of them.
    n_perturbed : int, default=30
        Genes that are perturbed, each alone and some in pairs.
    n_doubles : int, default=40
        Number of pairs.
    interaction : float, default=1.0
        κ. With 0 pairs are exactly additive (up to the noise of the cells and the cut at zero).
    n_cells : int, default=50
        Cells of each condition; the control has ten times as many.
    n_programs : int, default=8
        Modules of the network, and programs.
    noise : float, default=0.5
        Standard deviation of a gene in a cell.
    random_state : int, RandomState instance or None, default=None
        Determines the screen.

    Returns
    -------
    anndata.AnnData
        Log-scale expression (sparse), ``obs["perturbation"]`` ("control", "gene0", "gene0+gene1") and, in ``uns``,
        ``"graph"`` (DataFrame, the edges of the network) and ``"response"`` (DataFrame, the noise-free response of each
        condition).

    Raises
    ------
    ValueError
        If there are fewer genes than perturbed genes, or fewer pairs than `n_doubles`.

    Examples
    --------
    >>> from skperturb.datasets import make_perturbation_screen
    >>> cells = make_perturbation_screen(50, n_perturbed=5, n_doubles=4, n_cells=10, random_state=0)
    >>> cells.shape, cells.obs["perturbation"].nunique()
    ((190, 50), 10)
    """
    import anndata

    pairs = [(i, j) for i in range(n_perturbed) for j in range(i)]
    if n_perturbed > n_genes:
        raise ValueError(f"n_perturbed={n_perturbed} is larger than n_genes={n_genes}.")
    if n_doubles > len(pairs):
        raise ValueError(f"n_doubles={n_doubles}; expected at most {len(pairs)}, the pairs of {n_perturbed} genes.")
    rng = check_random_state(random_state)
    names = np.array([f"gene{k}" for k in range(n_genes)], dtype=object)
    module = np.arange(n_genes) % n_programs
    doubles = sorted(pairs[k] for k in rng.permutation(len(pairs))[:n_doubles])
    conditions = [(k,) for k in range(n_perturbed)] + [pair[::-1] for pair in doubles]
    response = _responses(conditions, module, n_perturbed, n_programs, interaction, rng)
    baseline = rng.gamma(_BASELINE_SHAPE, _BASELINE_SCALE, n_genes)
    n_control = _CONTROL_CELLS * n_cells
    expression, labels = [baseline + noise * rng.normal(size=(n_control, n_genes))], ["control"] * n_control
    condition_names = ["+".join(names[list(condition)]) for condition in conditions]
    for name, change in zip(condition_names, response, strict=True):
        expression.append(baseline + change + noise * rng.normal(size=(n_cells, n_genes)))
        labels += [name] * n_cells
    cells = anndata.AnnData(
        sp.csr_matrix(np.maximum(np.vstack(expression), 0.0).astype(np.float32)),
        obs=pd.DataFrame({"perturbation": labels}, index=[f"cell{k}" for k in range(len(labels))]),
        var=pd.DataFrame(index=names.astype(str)),
    )
    cells.uns["graph"] = _module_graph(names, module, rng)
    cells.uns["response"] = pd.DataFrame(response, index=condition_names, columns=names)
    return cells


def _responses(
    conditions: list[tuple[int, ...]],
    module: np.ndarray,
    n_perturbed: int,
    n_programs: int,
    interaction: float,
    rng: np.random.RandomState,
) -> np.ndarray:
    common = rng.normal(size=(n_programs, n_programs))
    push = common[module[:n_perturbed]] + _OWN_PUSH * rng.normal(size=(n_perturbed, n_programs))
    shape = (n_programs, len(module))
    membership = rng.normal(size=shape) * (rng.uniform(size=shape) < _MEMBERSHIP)
    pushes = np.array([push[list(condition)].sum(axis=0) for condition in conditions])
    size = np.linalg.norm(pushes, axis=1, keepdims=True) / np.linalg.norm(push, axis=1).mean()
    return pushes / (1.0 + interaction * size) @ membership * _CHANGE


def _module_graph(names: np.ndarray, module: np.ndarray, rng: np.random.RandomState) -> pd.DataFrame:
    """Link most neighbors inside each module and few across."""
    n = len(names)
    first, second = np.triu_indices(n, 1)
    inside = min(1.0, _LINKS_INSIDE * module.max() / n + _LINK_PROBABILITY)
    probability = np.where(module[first] == module[second], inside, _LINKS_ACROSS / n)
    linked = rng.uniform(size=len(first)) < probability
    return pd.DataFrame({"gene_a": names[first[linked]], "gene_b": names[second[linked]]})
