"""What a network and its graph say of a pair of genes, in numbers for a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from skperturb.interactions._expression import absolute_correlation
from skperturb.interactions._gne.poisson_factors import PoissonFactors, symmetric_product
from skperturb.interactions._gne.training import GeneVectors
from skperturb.interactions._neighborhoods import Neighborhoods, path_weights

__all__ = ["EVIDENCE", "FEATURES", "NeighborhoodFeatures", "PairFeatures", "described_by_all"]

# The singular vectors of the normalized graph, in groups from strong to weak.
_BANDS = ((0, 4), (4, 8), (8, 16), (16, 32), (32, 64))
# Communities of the Poisson factors, coarse and fine. On validation interactions of E. coli the degree-matched AUROC
# falls by 0.006 without any and by 0.001 with 32 alone; 8, 16, 32 and 64 gain 0.0007 and take three times as long.
_COMMUNITIES = (8, 32)
# Partners added under the logarithm of a degree: a gene without partners has to stand far below one with a single
# partner (by 2.4, where a second one adds 0.6), but not infinitely far. With ten times more it is a step of 0.7 like
# any other, with ten times less an outlier (by 4.6) that the regression's slope follows; on a simulated network of 200
# genes either moves the AUROC by up to 0.001.
_DEGREE_OFFSET = 0.1
# Added under the logarithm of neighborhood scores, so that pairs without any are finite. It stays below the score of
# all other pairs: at least 0.03 in a network of 200 genes, 1 / d with a single common neighbor of degree d. Ten times
# more merges hubs of degree 100 with nothing, ten times less widens the gap to nothing; either moves the AUROC by
# 0.0005.
_SCORE_OFFSET = 1e-3
# Bring the two indices that divide by degrees to the size of the others, at which `_SCORE_OFFSET` is below their least
# positive values (0.07 and 0.06 in a network of 200 genes): ten times less brings them close to it.
_L3_DEGREE_SCALE = 100.0
_L3_SYMMETRIC_SCALE = 1000.0
# Added under the logarithm of Jaccard indices, which are at least 0.01 between genes of 50 partners. Ten times less
# parts pairs without any from all others, ten times more blurs small ones.
_SIMILARITY_OFFSET = 0.01
# Decimals of entries of the normalized graph, which are at most 1. Single precision leaves 1e-8 of a zero, which is
# scaled to variance one where all training pairs have zeros. Two more decimals keep such rests, two less round off what
# says something: between two genes of degree 100 an entry is 0.01.
_SPECTRAL_DECIMALS = 6
# Of the randomized decomposition, which tells close singular values apart only after some: with one alone the AUROC
# of a simulated network of 200 genes falls by 0.002.
_POWER_ITERATIONS = 7

FEATURES = (
    "score",
    "log_probability",
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
    "l3_more_similar",
    "l3_less_similar",
    *(f"spectral{first}_{last}" for first, last in _BANDS),
    *(f"{name}{n_communities}" for n_communities in _COMMUNITIES for name in ("poisson", "poisson_ratio")),
)
# Kinds of evidence, and what the names of their features begin with.
EVIDENCE = {
    "popularity": ("log_degrees", "smaller_log_degree", "larger_log_degree", "partners"),
    "shared_partners": ("common_neighbors", "resource_allocation"),
    "paths_of_three": ("l3",),
    "communities": ("poisson", "spectral"),
    "network": ("score", "log_probability"),
    "expression": ("absolute_correlation",),
}


# Features that come before those of `NeighborhoodFeatures`.
_BEFORE_NEIGHBORHOODS = FEATURES.index("log_degrees")


class NeighborhoodFeatures:
    """Describes pairs by their surroundings in a graph alone: ``log_degrees`` to ``l3_less_similar`` of `FEATURES`.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
    """

    def __init__(self, graph: sp.csr_array) -> None:
        self.near = Neighborhoods(graph)
        degrees = self.near.degrees
        self._popularity_of_partners = graph @ np.log1p(degrees) / np.maximum(degrees, 1.0)

    def describe(self, positions: np.ndarray) -> np.ndarray:
        """Return the features of undirected pairs.

        None of them sees the pair's own edge but the popularity of partners, which are means over all partners: of a
        pair that the graph holds, the other gene is one of them.

        Parameters
        ----------
        positions : ndarray of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
        """
        near = self.near
        degrees = near.pair_degrees(positions)
        log_degrees = np.log1p(degrees)
        l3_degree = near.paths_of_three(positions, path_weights(near.degrees, "degree"))
        similar = np.log(near.partner_similarity(positions) + _SIMILARITY_OFFSET)
        return np.column_stack(
            [
                _popularity(degrees),
                log_degrees.min(axis=1),
                log_degrees.max(axis=1),
                *self._partners(positions),
                _log(near.common(positions)),
                _log(near.common(positions, 1.0 / np.maximum(near.degrees, 1.0))),
                _log(near.paths_of_three(positions, path_weights(near.degrees, "sqrt"))),
                _log(_L3_DEGREE_SCALE * l3_degree),
                _log(_L3_SYMMETRIC_SCALE * l3_degree / np.sqrt(np.maximum(degrees, 1.0).prod(axis=1))),
                similar.max(axis=1),
                similar.min(axis=1),
            ]
        )

    def _partners(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return the mean log-degree of the partners of the less and of the more popular gene of each pair."""
        first, second = self._popularity_of_partners[positions].T
        degrees = self.near.degrees[positions]
        # Of equally popular genes the mean, so that the order of a pair does not count.
        share = 0.5 + 0.5 * np.sign(degrees[:, 1] - degrees[:, 0])
        return [share * first + (1 - share) * second, (1 - share) * first + share * second]


@dataclass(eq=False)
class PairFeatures:
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
        self.surroundings = NeighborhoodFeatures(self.graph)
        self._neighborhoods = self.surroundings.near

    # Only the structural features need these three.
    @cached_property
    def _log_normalizer(self) -> np.ndarray:
        return self.vectors.log_normalizer()

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _spectrum(self._neighborhoods)

    @cached_property
    def _poisson(self) -> list[PoissonFactors]:
        return [PoissonFactors.fit(self.graph, n_communities) for n_communities in _COMMUNITIES]

    def structural(self, positions: np.ndarray) -> np.ndarray:
        """Describe undirected pairs by everything: `FEATURES`, and the correlation of expression if there is any.

        Parameters
        ----------
        positions : ndarray of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
        """
        return _in_order(self.learned(positions), self.surroundings.describe(positions))

    def learned(self, positions: np.ndarray) -> np.ndarray:
        """Describe undirected pairs by what was learned from the graph, without `NeighborhoodFeatures`.

        Parameters
        ----------
        positions : ndarray of shape (n_pairs, 2)

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
            In the order of `FEATURES`, those of the neighborhoods left out.
        """
        first, second = positions.T
        near = self._neighborhoods
        forth = self.vectors.directed(first, second, bias=False)
        back = self.vectors.directed(second, first, bias=False)
        bias = self.vectors.bias[first] + self.vectors.bias[second]
        normalizers = self._log_normalizer[first] + self._log_normalizer[second]
        columns = [
            forth + back,
            forth + back + bias - normalizers + _popularity(near.pair_degrees(positions)),
            *self._spectral(positions),
            *(column for factors in self._poisson for column in factors.features(positions, near.degrees)),
        ]
        if self.expression is not None:
            columns.append(absolute_correlation(self.expression, positions))
        return np.column_stack(columns)

    def of_vectors(self, positions: np.ndarray, kind: str, directed: bool) -> np.ndarray:
        """Describe pairs by the vectors of the network alone.

        Parameters
        ----------
        positions : ndarray of shape (n_pairs, 2)
        kind : {"native", "cross", "hadamard"}
        directed : bool
            Whether only the direction from the first to the second gene counts.

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
        """
        vectors, (first, second) = self.vectors, positions.T
        if kind == "hadamard":
            both = vectors.hidden.astype(np.float64) + vectors.output
            return both[first] * both[second]
        if kind == "cross":
            hidden = vectors.hidden.astype(np.float64)
            forth = hidden[first] * vectors.output[second]
            return forth if directed else forth + hidden[second] * vectors.output[first]
        forth = vectors.directed(first, second)
        score = forth if directed else forth + vectors.directed(second, first)
        return np.column_stack([score, _popularity(self._pair_degrees(positions, directed))])

    def _pair_degrees(self, positions: np.ndarray, directed: bool) -> np.ndarray:
        """Return the degrees of both genes without the pair's own edge; of a directed pair the out- and in-degree."""
        if not directed:
            return self._neighborhoods.pair_degrees(positions)
        out_degrees, in_degrees = (
            np.diff(self.graph.indptr),
            np.bincount(self.graph.indices, minlength=len(self.graph.indptr) - 1),
        )
        own = self._neighborhoods.linked(positions)[:, None]
        return np.column_stack([out_degrees[positions[:, 0]], in_degrees[positions[:, 1]]]) - own

    def _spectral(self, positions: np.ndarray) -> list[np.ndarray]:
        """Return what each band of singular vectors says of the normalized graph's entry, in both directions."""
        left, values, right = self._spectrum
        columns = [
            symmetric_product(left[:, start:stop] * values[start:stop], right[:, start:stop], positions)
            for start, stop in _BANDS
        ]
        return [column.round(_SPECTRAL_DECIMALS) for column in columns]


def described_by_all(
    folds: Sequence[PairFeatures], surroundings: NeighborhoodFeatures, positions: np.ndarray
) -> np.ndarray:
    """Describe new pairs: the mean of what the folds learned, and their neighborhoods in the whole graph.

    A path of length three is in the graph of a fold only if all its edges are: of five folds in about half of them.
    Where genes have a dozen partners most pairs have few paths, and a mean of logarithms over folds, some of them
    without any, would say less than the whole graph does. What is learned by heart is no danger here: no feature of the
    neighborhoods sees the pair's own edge.

    Parameters
    ----------
    folds : sequence of PairFeatures
    surroundings : NeighborhoodFeatures
        Of the whole graph.
    positions : ndarray of shape (n_pairs, 2)

    Returns
    -------
    ndarray of shape (n_pairs, n_features)
    """
    learned = np.mean([fold.learned(positions) for fold in folds], axis=0)
    return _in_order(learned, surroundings.describe(positions))


def _in_order(learned: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """Return the columns in the order of `FEATURES`."""
    before, after = learned[:, :_BEFORE_NEIGHBORHOODS], learned[:, _BEFORE_NEIGHBORHOODS:]
    return np.column_stack([before, surroundings, after])


def _spectrum(near: Neighborhoods) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the leading singular vectors and values of the degree-normalized adjacency matrix.

    A randomized decomposition ends in bounded time also where many values coincide, as with many small components.
    """
    scale = np.maximum(near.degrees, 1.0) ** -0.5
    scaled = near.graph.multiply(scale[:, None]).multiply(scale[None, :]).tocsr()
    n_components = min(_BANDS[-1][1], len(scale) - 1)
    # The seed is no parameter: the graph alone decides its features.
    left, values, right = randomized_svd(scaled, n_components, n_iter=_POWER_ITERATIONS, random_state=0)
    # Single precision, because a model keeps them for each fold.
    return left.astype(np.float32), values, right.T.astype(np.float32)


def _popularity(degrees: np.ndarray) -> np.ndarray:
    """Return the sum of the log-degrees of both genes of each pair."""
    return np.log(degrees + _DEGREE_OFFSET).sum(axis=1)


def _log(values: np.ndarray) -> np.ndarray:
    # Subtracting the walks over the own edge can leave a rounding error below zero.
    return np.log(np.maximum(values, 0.0) + _SCORE_OFFSET)
