"""Cross-fitted description of pairs: what is learned on some edges describes the others.

A pair that the graph was built from is closer in that graph than a new pair will be, so a classifier that trains on
such descriptions trusts them too much. Here the edges are divided into folds; a training pair is described by the model
that has not seen its fold, and a new pair by the mean of the descriptions of all folds' models.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from skperturb._pairs import pair_codes
from skperturb.interactions._gne_training import GeneVectors
from skperturb.interactions._neighbourhood import Neighbourhoods
from skperturb.interactions._neighbourhood_scores import absolute_correlation, path_weights
from skperturb.interactions._poisson_factors import PoissonFactors, symmetric_product

__all__ = ["FEATURES", "FoldModel", "fold_of_pairs", "vector_features"]

# The singular vectors of the normalised graph, in groups from strong to weak.
_BANDS = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))
# Communities of the Poisson factors, from coarse to fine.
_COMMUNITIES = (8, 16, 32, 64)

FEATURES = (
    "score",
    "weaker_direction",
    "log_probability",
    "bias",
    "log_degrees",
    "smaller_log_degree",
    "larger_log_degree",
    "partners_of_rarer",
    "partners_of_commoner",
    "common_neighbors",
    "resource_allocation",
    "l3_sqrt",
    "l3_degree",
    "l3_symmetric",
    *(f"spectral{first}_{last}" for first, last in _BANDS),
    *(f"{name}{n_communities}" for n_communities in _COMMUNITIES for name in ("poisson", "poisson_ratio")),
)


@dataclass(eq=False)
class FoldModel:
    """Describes pairs by a graph and the vectors that were learned from it.

    Parameters
    ----------
    vectors : GeneVectors
    graph : csr_array of shape (n_nodes, n_nodes)
    expression : ndarray of shape (n_nodes, n_samples) or None
    """

    vectors: GeneVectors
    graph: sp.csr_array
    expression: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._neighbourhoods = Neighbourhoods(self.graph)
        degrees = self._neighbourhoods.degrees
        self._popularity_of_partners = self.graph @ np.log1p(degrees) / np.maximum(degrees, 1.0)

    # Only the cross-fitted features need these three.
    @cached_property
    def _log_normalizer(self) -> np.ndarray:
        return self.vectors.log_normalizer()

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _spectrum(self._neighbourhoods)

    @cached_property
    def _poisson(self) -> list[PoissonFactors]:
        return [PoissonFactors.fit(self.graph, n_communities) for n_communities in _COMMUNITIES]

    def pair_degrees(self, positions: np.ndarray, directed: bool) -> np.ndarray:
        """Return the degrees of both genes without the pair's own edge; of a directed pair the out- and in-degree."""
        if not directed:
            return self._neighbourhoods.pair_degrees(positions)
        out_degrees, in_degrees = (
            np.diff(self.graph.indptr),
            np.bincount(self.graph.indices, minlength=len(self.graph.indptr) - 1),
        )
        own = self._neighbourhoods.linked(positions)[:, None]
        return np.column_stack([out_degrees[positions[:, 0]], in_degrees[positions[:, 1]]]) - own

    def features(self, positions: np.ndarray) -> np.ndarray:
        """Return one row of `FEATURES` for each pair, and the correlation of expression if there is any."""
        first, second = positions.T
        near = self._neighbourhoods
        degrees = near.pair_degrees(positions)
        log_degrees = np.log1p(degrees)
        # An isolated gene must stand far below a gene with one partner, but not infinitely far.
        popularity = np.log(degrees + 0.1).sum(axis=1)
        forth = self.vectors.directed(first, second, bias=False)
        back = self.vectors.directed(second, first, bias=False)
        bias = self.vectors.bias[first] + self.vectors.bias[second]
        normalizers = self._log_normalizer[first] + self._log_normalizer[second]
        l3 = near.paths_of_three(positions, path_weights(near.degrees, "sqrt"))
        l3_degree = near.paths_of_three(positions, path_weights(near.degrees, "degree"))
        columns = [
            forth + back,
            np.minimum(forth, back),
            forth + back + bias - normalizers + popularity,
            bias,
            popularity,
            log_degrees.min(axis=1),
            log_degrees.max(axis=1),
            *self._partners(positions),
            _log(near.common(positions)),
            _log(near.common(positions, 1.0 / np.maximum(near.degrees, 1.0))),
            _log(l3),
            _log(100.0 * l3_degree),
            _log(1000.0 * l3_degree / np.sqrt(np.maximum(degrees, 1.0).prod(axis=1))),
            *self._spectral(positions),
            *(column for factors in self._poisson for column in factors.features(positions, near.degrees)),
        ]
        if self.expression is not None:
            columns.append(absolute_correlation(self.expression, positions))
        return np.column_stack(columns)

    def _partners(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return the mean log-degree of the partners of the less and of the more popular gene of each pair."""
        first, second = self._popularity_of_partners[positions].T
        degrees = self._neighbourhoods.degrees[positions]
        # Of equally popular genes the mean, so that the order of a pair does not count.
        share = 0.5 + 0.5 * np.sign(degrees[:, 1] - degrees[:, 0])
        return [share * first + (1 - share) * second, (1 - share) * first + share * second]

    def _spectral(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return what each band of singular vectors says of the normalised graph's entry, in both directions."""
        left, values, right = self._spectrum
        columns = [
            symmetric_product(left[:, start:stop] * values[start:stop], right[:, start:stop], positions)
            for start, stop in _BANDS
        ]
        # Entries of the normalised graph are at most 1. What rounding leaves of a zero is not to be scaled up later.
        return [column.round(12) for column in columns]


def _spectrum(near: Neighbourhoods) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leading singular vectors and values of the degree-normalised adjacency matrix.

    A randomised decomposition ends in bounded time also where many values coincide, as with many small components.
    """
    scale = np.maximum(near.degrees, 1.0) ** -0.5
    scaled = near.graph.multiply(scale[:, None]).multiply(scale[None, :]).tocsr()
    n_components = min(_BANDS[-1][1], len(scale) - 1)
    left, values, right = randomized_svd(scaled, n_components, n_iter=7, random_state=0)
    return left, values, right.T


def _log(values: np.ndarray) -> np.ndarray:
    # Subtracting the walks over the own edge can leave a rounding error below zero.
    return np.log(np.maximum(values, 0.0) + 1e-3)


def fold_of_pairs(positions: np.ndarray, n_genes: int, n_folds: int, rng: np.random.RandomState) -> np.ndarray:
    """Assign pairs to folds of equal size; both orders and all repetitions of a pair share one."""
    _, which = np.unique(pair_codes(positions, n_genes), return_inverse=True)
    n_pairs = int(which.max()) + 1
    return (rng.permutation(n_pairs) % n_folds)[which]


def vector_features(model: FoldModel, positions: np.ndarray, kind: str, directed: bool) -> np.ndarray:
    """Describe pairs by the vectors of one network alone.

    Parameters
    ----------
    model : FoldModel
    positions : ndarray of shape (n_pairs, 2)
    kind : {"native", "cross", "hadamard"}
    directed : bool
        Whether only the direction from the first to the second gene counts.

    Returns
    -------
    ndarray of shape (n_pairs, n_features)
    """
    vectors, (first, second) = model.vectors, positions.T
    if kind == "hadamard":
        both = vectors.hidden + vectors.output
        return both[first] * both[second]
    if kind == "cross":
        forth = vectors.hidden[first] * vectors.output[second]
        return forth if directed else forth + vectors.hidden[second] * vectors.output[first]
    forth = vectors.directed(first, second)
    score = forth if directed else forth + vectors.directed(second, first)
    return np.column_stack([score, np.log(model.pair_degrees(positions, directed) + 0.1).sum(axis=1)])
