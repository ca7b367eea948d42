"""Simulated gene networks with expression that says as much about interactions as one asks for."""

from collections.abc import Callable
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from skperturb._sklearn import Interval, StrOptions, count, validate_params
from skperturb._validation import check_size

__all__ = ["make_gene_network"]

# Interactions for each gene by default, so that every gene of the default network has some. With ten times less, two
# fifths have none, and ten times more do not fit into its modules of 25 genes.
_INTERACTIONS_PER_GENE = 5
# Genes up to which all pairs are listed (8 million), and rounds of draws beyond, of which sparse networks need a few.
_LISTED, _THROWS = 4000, 200


@validate_params(
    {
        "n_genes": [count(4)],
        "n_modules": [count()],
        "n_interactions": [count(), None],
        "n_samples": [count(2)],
        "expression_signal": [Interval(Real, 0, 1, closed="both")],
        "structure": [StrOptions({"modules", "interfaces"})],
        "within": [Interval(Real, 0, 1, closed="both")],
        "degree_exponent": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_gene_network(
    n_genes: int = 200,
    n_modules: int = 8,
    *,
    n_interactions: int | None = None,
    n_samples: int = 40,
    expression_signal: float = 0.5,
    structure: str = "modules",
    within: float = 0.8,
    degree_exponent: float = 0.5,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    r"""Generate a degree-corrected block model of gene interactions, with expression.

    Each gene belongs to a module and has a popularity; interactions join genes in proportion to their popularities,
    a share of `within` inside a module. A gene's expression is

    .. math:: x_i = \sqrt{s}\, p_{m(i)} + \sqrt{1 - s}\, \varepsilon_i

    with the standard-normal profile p of its module, own noise ε and the signal s: two genes' expression has an
    expected correlation of s inside a module and of 0 between modules. So expression knows of
    the interactions exactly what it knows of the modules: nothing at s = 0.

    Parameters
    ----------
    n_genes : int, default=200
        Number of genes.
    n_modules : int, default=8
        Number of modules, of about equal sizes.
    n_interactions : int, default=None
        Number of different interactions; five for each gene when None.
    n_samples : int, default=40
        Number of expression samples.
    expression_signal : float, default=0.5
        The share s of a gene's variance that its module explains.
    structure : {"modules", "interfaces"}, default="modules"
        Whether interactions stay inside a module, as in a pathway; or join the first module with the second, the third
        with the fourth and so on, as keys with locks: proteins bind where their interfaces complement each other, so
        that two genes with the same partners are alike but do not interact, and paths of length three say more than
        shared partners.
    within : float, default=0.8
        Share of the interactions inside modules, or between the two modules that belong together.
    degree_exponent : float, default=0.5
        The popularity of the k-th gene of a module is :math:`k^{-e}`; 0 makes all genes alike.
    random_state : int, RandomState or None, default=None
        Decides the network.

    Returns
    -------
    network : Bunch
        ``pairs``: ndarray of shape (n_interactions, 2) of gene names; ``genes``: ndarray of all names; ``expression``:
        DataFrame of shape (n_genes, n_samples); ``modules``: Series with the module of each gene.

    Raises
    ------
    ValueError
        If the genes have too few pairs for so many interactions.

    Examples
    --------
    >>> from skperturb.datasets import make_gene_network
    >>> network = make_gene_network(30, 3, n_interactions=60, random_state=0)
    >>> network.pairs.shape, network.expression.shape
    ((60, 2), (30, 40))
    """
    check_size(f"n_samples={n_samples} of n_genes={n_genes} in n_modules={n_modules}", n_genes + n_modules, n_samples)
    rng = check_random_state(random_state)
    n_interactions = _INTERACTIONS_PER_GENE * n_genes if n_interactions is None else int(n_interactions)
    modules = np.sort(np.arange(n_genes) % n_modules)
    rank = np.concatenate([np.arange(1, count + 1) for count in np.bincount(modules)])
    popularity = rank ** -float(degree_exponent)
    names = np.array([f"gene{k:0{len(str(n_genes))}d}" for k in range(1, n_genes + 1)], dtype=object)
    mates = _mates(n_modules, structure)
    draw = _list_pairs if n_genes <= _LISTED else _throw_pairs
    pairs = draw(n_interactions, modules, mates, popularity, within, rng)
    profiles = rng.standard_normal((n_modules, n_samples))
    noise = rng.standard_normal((n_genes, n_samples))
    values = np.sqrt(expression_signal) * profiles[modules] + np.sqrt(1 - expression_signal) * noise
    # The order of the genes must not give the modules or the popularity away.
    shuffled = rng.permutation(n_genes)
    inverse = np.argsort(shuffled)
    return Bunch(
        pairs=names[inverse[pairs]],
        genes=names,
        expression=pd.DataFrame(values[shuffled], index=pd.Index(names, name="gene")),
        modules=pd.Series(modules[shuffled], index=pd.Index(names, name="gene"), name="module"),
    )


def _mates(n_modules: int, structure: str) -> np.ndarray:
    """Return the module that each module interacts with."""
    modules = np.arange(n_modules)
    if structure == "modules":
        return modules
    # The last one of an odd number stays alone.
    return np.where(modules ^ 1 < n_modules, modules ^ 1, modules)


def _list_pairs(
    n_interactions: int,
    modules: np.ndarray,
    mates: np.ndarray,
    popularity: np.ndarray,
    within: float,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw different pairs, a share of `within` of those whose modules belong together."""
    first, second = np.triu_indices(len(modules), k=1)
    same = mates[modules[first]] == modules[second]
    drawn = []
    n_within = round(within * n_interactions)
    for kind, wanted, chosen in (("inside", n_within, same), ("between", n_interactions - n_within, ~same)):
        candidates = np.flatnonzero(chosen)
        if wanted > len(candidates):
            raise ValueError(
                f"n_interactions={n_interactions} with within={within} asks for {wanted} pairs {kind} modules, but "
                f"there are {len(candidates)}; ask for fewer, or change n_genes, n_modules or within."
            )
        weights = popularity[first[candidates]] * popularity[second[candidates]]
        # Exponential keys draw without replacement in proportion to the weights.
        keys = rng.standard_exponential(len(candidates)) / weights
        drawn.append(candidates[np.argsort(keys, kind="stable")[:wanted]])
    chosen_pairs = rng.permutation(np.concatenate(drawn))
    return np.column_stack([first[chosen_pairs], second[chosen_pairs]])


def _throw_pairs(
    n_interactions: int,
    modules: np.ndarray,
    mates: np.ndarray,
    popularity: np.ndarray,
    within: float,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw as `_list_pairs` does, without a list of all pairs: one after the other, repetitions thrown away."""
    n_within = round(within * n_interactions)
    everything = np.cumsum(popularity)
    members = [np.flatnonzero(modules == module) for module in range(len(mates))]
    sums = [np.cumsum(popularity[genes]) for genes in members]
    weights = np.array([sums[module][-1] * sums[mate][-1] for module, mate in enumerate(mates)])

    def between(n_draws: int) -> np.ndarray:
        pairs = np.searchsorted(everything, rng.random_sample((n_draws, 2)) * everything[-1], side="right")
        return pairs[mates[modules[pairs[:, 0]]] != modules[pairs[:, 1]]]

    def inside(n_draws: int) -> np.ndarray:
        pairs = np.empty((n_draws, 2), dtype=np.int64)
        chosen = rng.choice(len(mates), size=n_draws, p=weights / weights.sum())
        for module in np.unique(chosen):
            rows = np.flatnonzero(chosen == module)
            for column, side in enumerate((module, mates[module])):
                drawn = rng.random_sample(len(rows)) * sums[side][-1]
                pairs[rows, column] = members[side][np.searchsorted(sums[side], drawn, side="right")]
        return pairs

    found = np.empty((0, 2), dtype=np.int64)
    for throw, wanted in ((inside, n_within), (between, n_interactions - n_within)):
        found = np.concatenate([found, _different(throw, wanted, len(modules))])
    return rng.permutation(found)


def _different(throw: Callable[[int], np.ndarray], wanted: int, n_genes: int) -> np.ndarray:
    """Return the first different pairs of different genes that are thrown."""
    codes = np.empty(0, dtype=np.int64)
    for _ in range(_THROWS):
        pairs = throw(wanted - len(codes) + 16)
        pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
        codes = np.concatenate([codes, pairs[:, 0] * n_genes + pairs[:, 1]])
        _, first = np.unique(codes, return_index=True)
        codes = codes[np.sort(first)][:wanted]
        if len(codes) == wanted:
            return np.column_stack(np.divmod(codes, n_genes))
    raise ValueError(
        f"n_interactions asks for {wanted} pairs of one kind, inside modules or between them, but after {_THROWS} "
        f"rounds of draws only {len(codes)} are different; ask for fewer, or change n_genes, n_modules or within."
    )
