"""Embeddings without a neural network: spectral and Isomap."""

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.utils.validation import check_is_fitted

from skperturb._pairs import as_genes
from skperturb._sklearn import Interval
from skperturb.base import BaseEstimator
from skperturb.interactions._common import PairModelMixin
from skperturb.interactions._neighborhoods import Neighborhoods

__all__ = ["GeneEmbeddingMixin", "IsomapGeneEmbedder", "SpectralGeneEmbedder"]


class GeneEmbeddingMixin(PairModelMixin):
    """Mixin of estimators that give each gene a vector; a pair is the Hadamard product of its vectors."""

    _parameter_constraints: ClassVar[dict] = {
        **PairModelMixin._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }

    def embed(self, genes):
        """Return the vectors of genes.

        Parameters
        ----------
        genes : sequence of n genes
            Different ones.

        Returns
        -------
        ndarray of shape (n, n_dimensions)

        Raises
        ------
        TypeError
            If `genes` is a single name.
        ValueError
            If a gene is unknown, unless ``unknown="zero"``, or named twice.
        """
        check_is_fitted(self)
        return self._vectors[self._positions_of(as_genes(genes, "genes").to_numpy(), "genes")]

    def _fit_graph(self) -> None:
        vectors = self._embed_graph()
        if self._expression is not None:
            # One block should not drown the other: both get rows of length one on average.
            expression = self._expression / np.sqrt(self._expression.shape[1])
            scale = np.linalg.norm(vectors, axis=1).mean()
            vectors = np.hstack([vectors / (scale if scale > 0 else 1.0), expression])
        self._vectors = vectors
        self.embedding_ = vectors[:-1]

    def _embed_graph(self) -> np.ndarray:
        """Return one vector for each gene, and zeros in a last row for an unknown gene."""
        raise NotImplementedError

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        return self._vectors[positions[:, 0]] * self._vectors[positions[:, 1]]

    def _candidate_columns(self, near: Neighborhoods, sources: np.ndarray) -> list[np.ndarray]:
        scaler, linear = self._head[0], self._head[-1]
        return [(self._vectors[sources] * (linear.coef_[0] / scaler.scale_)) @ self._vectors.T]

    def _feature_names(self) -> list[str]:
        return [f"{type(self).__name__.lower()}{k}" for k in range(self._vectors.shape[1])]


class _LinearEmbedder(GeneEmbeddingMixin, BaseEstimator):
    def __init__(
        self,
        expression: Any = None,
        *,
        n_components: int = 16,
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.expression = expression
        self.n_components = n_components
        self.genes = genes
        self.unknown = unknown
        self.negatives = negatives
        self.self_pairs = self_pairs
        self.random_state = random_state

    def _at_most(self, n_dimensions: int, what: str) -> int:
        """Return the number of dimensions, with a warning if it is smaller than what was asked for."""
        if self.n_components > n_dimensions:
            warnings.warn(
                f"n_components={self.n_components}, but the {what} has no more than {n_dimensions} dimensions; the "
                f"embedding has {n_dimensions}.",
                UserWarning,
                # Seen from `fit`: the wrapper of scikit-learn lies between.
                stacklevel=6,
            )
        return min(self.n_components, n_dimensions)


_PARAMETERS = """
    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), default=None
        If given, standardized expression is appended to the vectors. Genes in rows, aligned by name.
    n_components : int, default=16
        Dimension of the embedding; fewer, with a warning, if the graph has no more.
    genes : sequence of str or int, default=None
        Genes that are known besides those of the pairs.
    unknown : {"warn", "error", "zero"}, default="warn"
        What becomes of a pair with a gene that neither training nor expression knows, as folds of a cross-validation
        have. The gene is given a vector of zeros: with a warning, or without one ("zero"); or the
        pairs are refused ("error", and with "warn" a table without any known gene).
    negatives : {"uniform", "connected", "degree"}, default="uniform"
        How negatives are sampled when `fit` gets interactions only.
    self_pairs : {"error", "drop", "keep"}, default="error"
        Whether `fit` refuses pairs of a gene with itself, leaves them out, or learns from them. They never enter the
        graph. Unless they are kept, their score is NaN.
    random_state : int, RandomState or None, default=None
        Decides these negatives and the solver's start.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
    embedding_ : ndarray of shape (n_genes, n_dimensions)
    positive_pairs_ : ndarray of shape (n_edges, 2)
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.
"""


class SpectralGeneEmbedder(_LinearEmbedder):
    __doc__ = (
        r"""Embed genes by the singular vectors of the degree-normalized adjacency matrix.

    With :math:`D^{-1/2} A D^{-1/2} \approx U S U'`, a gene's vector is its row of
    :math:`D^{1/2} U |S|^{1/2}`, so that products of vectors approximate the graph.
"""
        + _PARAMETERS
        + """
    Examples
    --------
    >>> from skperturb.interactions import SpectralGeneEmbedder
    >>> pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("d", "e"), ("e", "f"), ("d", "f")]
    >>> model = SpectralGeneEmbedder(n_components=2, random_state=0).fit(pairs)
    >>> model.transform([("a", "b"), ("a", "d")]).shape
    (2, 2)
    """
    )

    def _embed_graph(self) -> np.ndarray:
        from scipy.sparse.linalg import svds

        degrees = np.maximum(np.diff(self._graph.indptr), 1.0)
        scaled = self._graph.multiply(degrees[:, None] ** -0.5).multiply(degrees[None, :] ** -0.5).tocsr()
        n_components = self._at_most(scaled.shape[0] - 1, f"graph of {scaled.shape[0] - 1} genes")
        start = self._rng.uniform(-1, 1, size=scaled.shape[0])
        left, values, _ = svds(scaled, k=n_components, v0=start)
        order = np.argsort(-values)
        # Products of vectors do not depend on the sign of a column, but its owner may look at the vectors.
        left = left[:, order] * np.where(left[np.abs(left).argmax(axis=0), np.arange(n_components)] < 0, -1, 1)[order]
        return degrees[:, None] ** 0.5 * left * np.sqrt(values[order]) * (np.diff(self._graph.indptr) > 0)[:, None]


class IsomapGeneEmbedder(_LinearEmbedder):
    __doc__ = (
        """Embed genes by Isomap: scaling of the shortest-path distances in the graph.

    Genes outside the largest component get zeros. Distances are dense, so this suits up to about 10,000 genes.
"""
        + _PARAMETERS
        + """
    Examples
    --------
    >>> from skperturb.interactions import IsomapGeneEmbedder
    >>> pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]
    >>> model = IsomapGeneEmbedder(n_components=1, random_state=0).fit(pairs)
    >>> abs(model.embed(["a", "c"])).round(1).ravel()
    array([2., 0.])
    """
    )

    def _embed_graph(self) -> np.ndarray:
        from scipy.sparse.csgraph import shortest_path
        from sklearn.decomposition import KernelPCA

        _, component = connected_components(self._graph, directed=False)
        largest = np.flatnonzero(component == np.bincount(component).argmax())
        distances = shortest_path(self._graph[largest][:, largest], unweighted=True, directed=False)
        # scikit-learn's Isomap is this kernel principal component analysis of the distances of its own graph.
        analysis = KernelPCA(
            n_components=self._at_most(len(largest) - 1, f"largest component, {len(largest)} genes,"),
            kernel="precomputed",
            eigen_solver="auto",
            random_state=self._rng.randint(np.iinfo(np.int32).max),
        )
        # A plain array whatever users want transformers to return: set_config(transform_output="pandas").
        try:
            vectors = analysis.set_output(transform="default").fit_transform(-0.5 * distances**2)
        except ValueError as error:  # Distances in a graph are not those of points in a space of so many dimensions.
            raise ValueError(
                f"n_components={self.n_components} asks for more dimensions than the distances between the "
                f"{len(largest)} genes of the largest component have; ask for fewer ({error})."
            ) from error
        result = np.zeros((self._graph.shape[0], vectors.shape[1]))
        result[largest] = vectors
        return result
