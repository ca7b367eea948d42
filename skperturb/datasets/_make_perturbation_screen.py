"""Simulated perturbation screens with single-cell read-out."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_random_state

from skperturb._sklearn import MOST_WIDTH, Interval, count, validate_params
from skperturb._validation import check_size

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
# Features of a cell line that change what genes do in it, and the share of the variance of its particular part that is
# no matter of features and modules: a gene in a line has something that nothing predicts. With many features, lines
# would be alike in none of them.
_CONTEXT_FEATURES, _OWN_SHARE = 3, 0.25
# Spread of the baseline expression between cell lines (log scale), a quarter of that between genes.
_BASELINE_SHIFT = 0.35


@validate_params(
    {
        "n_genes": [count(2)],
        "n_perturbed": [count(most=MOST_WIDTH)],
        "n_doubles": [count(0)],
        "interaction": [Interval(Real, 0, None, closed="left")],
        "n_cells": [count()],
        "n_programs": [count(most=MOST_WIDTH)],
        "noise": [Interval(Real, 0, None, closed="left")],
        "n_contexts": [count()],
        "context_effect": [Interval(Real, 0, None, closed="left")],
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
    n_contexts: int = 1,
    context_effect: float = 0.7,
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
    n_contexts : int, default=1
        Cell lines. From two on, each has all conditions and a control of its own, and the push of a gene in line l is

        .. math:: B_{gl} = B_g + \gamma \bigl(\sqrt{3/4}\, z_l D_{m(g)} + \sqrt{1/4}\, \varepsilon_{gl}\bigr)

        with features z of the line and a matrix D for each module m of the network: what genes do differs between lines
        by their modules and by the features of the lines, and by something of its own.
    context_effect : float, default=0.7
        γ, the size of what is particular to a line, relative to what lines share.
    random_state : int, RandomState instance or None, default=None
        Determines the screen.

    Returns
    -------
    anndata.AnnData
        Log-scale expression (sparse), ``obs["perturbation"]`` ("control", "gene0", "gene0+gene1") and, in ``uns``,
        ``"graph"`` (DataFrame, the edges of the network) and ``"response"`` (DataFrame, the noise-free response of each
        condition). With several contexts also ``obs["cell_line"]`` ("line0", "line1") and
        ``uns["context_features"]`` (DataFrame, lines × features), and ``uns["response"]`` is a dict with one DataFrame
        for each line.

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
    n_pairs = n_perturbed * (n_perturbed - 1) // 2
    if n_perturbed > n_genes:
        raise ValueError(f"n_perturbed={n_perturbed} is larger than n_genes={n_genes}.")
    if n_doubles > n_pairs:
        raise ValueError(f"n_doubles={n_doubles}; expected at most {n_pairs}, the pairs of {n_perturbed} genes.")
    n_rows = n_contexts * n_cells * (_CONTROL_CELLS + n_perturbed + n_doubles)
    check_size(f"n_genes={n_genes} with n_cells={n_cells} of each condition", n_rows, n_genes)
    check_size(f"n_genes={n_genes} with n_programs={n_programs}", n_programs, n_genes)
    rng = check_random_state(random_state)
    names = np.array([f"gene{k}" for k in range(n_genes)], dtype=object)
    module = np.arange(n_genes) % n_programs
    doubles = sorted(_pair(int(k)) for k in rng.permutation(n_pairs)[:n_doubles])
    conditions = [(k,) for k in range(n_perturbed)] + [pair[::-1] for pair in doubles]
    pushes = _Pushes.draw(module, n_perturbed, n_programs, rng)
    response = pushes.responses(conditions, pushes.of_genes, interaction)
    baseline = rng.gamma(_BASELINE_SHAPE, _BASELINE_SCALE, n_genes)
    condition_names = ["+".join(names[list(condition)]) for condition in conditions]
    if n_contexts == 1:
        expression, labels = _cells(baseline, condition_names, response, n_cells, noise, rng)
        cells = _screen(expression, {"perturbation": labels}, names)
        cells.uns["graph"] = _module_graph(names, module, rng)
        cells.uns["response"] = pd.DataFrame(response, index=condition_names, columns=names)
        return cells
    lines = [f"line{k}" for k in range(n_contexts)]
    features, particular = pushes.of_lines(module[:n_perturbed], n_contexts, rng)
    parts, labels, responses = [], [], {}
    for line, change in zip(lines, particular, strict=True):
        response = pushes.responses(conditions, pushes.of_genes + context_effect * change, interaction)
        responses[line] = pd.DataFrame(response, index=condition_names, columns=names)
        own = np.maximum(baseline + _BASELINE_SHIFT * rng.normal(size=n_genes), 0.0)
        part, labels = _cells(own, condition_names, response, n_cells, noise, rng)
        parts.append(part)
    columns = {"perturbation": labels * n_contexts, "cell_line": np.repeat(lines, len(labels))}
    cells = _screen(np.vstack(parts), columns, names)
    cells.uns["graph"] = _module_graph(names, module, rng)
    cells.uns["response"] = responses
    cells.uns["context_features"] = pd.DataFrame(
        features, index=lines, columns=[f"feature{k}" for k in range(_CONTEXT_FEATURES)]
    )
    return cells


def _pair(number: int) -> tuple[int, ...]:
    """Return the pair of that number in (1, 0), (2, 0), (2, 1), …, of which no list could hold all."""
    larger = (1 + math.isqrt(8 * number + 1)) // 2
    return larger, number - larger * (larger - 1) // 2


def _screen(expression: np.ndarray, columns: dict[str, Any], names: np.ndarray) -> Any:
    import anndata

    return anndata.AnnData(
        sp.csr_matrix(np.maximum(expression, 0.0).astype(np.float32)),
        obs=pd.DataFrame(columns, index=[f"cell{k}" for k in range(len(expression))]),
        var=pd.DataFrame(index=names.astype(str)),
    )


def _cells(
    baseline: np.ndarray,
    condition_names: list[str],
    response: np.ndarray,
    n_cells: int,
    noise: float,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, list[str]]:
    """Draw the cells of the control and of each condition, with their labels."""
    n_control, n_genes = _CONTROL_CELLS * n_cells, len(baseline)
    expression, labels = [baseline + noise * rng.normal(size=(n_control, n_genes))], ["control"] * n_control
    for name, change in zip(condition_names, response, strict=True):
        expression.append(baseline + change + noise * rng.normal(size=(n_cells, n_genes)))
        labels += [name] * n_cells
    return np.vstack(expression), labels


@dataclass(frozen=True)
class _Pushes:
    """How perturbed genes push the programs, and which genes the programs change.

    Parameters
    ----------
    of_genes : ndarray of shape (n_perturbed, n_programs)
    membership : ndarray of shape (n_programs, n_genes)
    """

    of_genes: np.ndarray
    membership: np.ndarray

    @classmethod
    def draw(cls, module: np.ndarray, n_perturbed: int, n_programs: int, rng: np.random.RandomState) -> "_Pushes":
        common = rng.normal(size=(n_programs, n_programs))
        push = common[module[:n_perturbed]] + _OWN_PUSH * rng.normal(size=(n_perturbed, n_programs))
        shape = (n_programs, len(module))
        return cls(push, rng.normal(size=shape) * (rng.uniform(size=shape) < _MEMBERSHIP))

    def responses(self, conditions: list[tuple[int, ...]], push: np.ndarray, interaction: float) -> np.ndarray:
        """Return the response to each condition; sizes are relative to the pushes that all lines share."""
        pushes = np.array([push[list(condition)].sum(axis=0) for condition in conditions])
        typical = np.linalg.norm(self.of_genes, axis=1).mean()
        size = np.linalg.norm(pushes, axis=1, keepdims=True) / typical
        return pushes / (1.0 + interaction * size) @ self.membership * _CHANGE

    def of_lines(
        self, module: np.ndarray, n_contexts: int, rng: np.random.RandomState
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return features of cell lines, and how each line changes the pushes, a variance of 1 per entry."""
        n_programs = len(self.membership)
        features = rng.normal(size=(n_contexts, _CONTEXT_FEATURES))
        by_module = rng.normal(size=(n_programs, _CONTEXT_FEATURES, n_programs)) / np.sqrt(_CONTEXT_FEATURES)
        changes = []
        for line in features:
            shared = np.einsum("f,mfp->mp", line, by_module)[module]
            own = rng.normal(size=shared.shape)
            changes.append(np.sqrt(1.0 - _OWN_SHARE) * shared + np.sqrt(_OWN_SHARE) * own)
        return features, changes


def _module_graph(names: np.ndarray, module: np.ndarray, rng: np.random.RandomState) -> pd.DataFrame:
    """Link most neighbors inside each module and few across."""
    n = len(names)
    first, second = np.triu_indices(n, 1)
    inside = min(1.0, _LINKS_INSIDE * module.max() / n + _LINK_PROBABILITY)
    probability = np.where(module[first] == module[second], inside, _LINKS_ACROSS / n)
    linked = rng.uniform(size=len(first)) < probability
    return pd.DataFrame({"gene_a": names[first[linked]], "gene_b": names[second[linked]]})
