"""Similarity indices of two genes in the known network, as estimators: the baselines of every table."""

from typing import Any, ClassVar

import numpy as np

from skperturb._sklearn import StrOptions
from skperturb.base import BaseEstimator
from skperturb.interactions._common import PairModelMixin
from skperturb.interactions._expression import absolute_correlation, correlation_rows
from skperturb.interactions._neighborhood_rows import NeighborhoodRows
from skperturb.interactions._neighborhoods import Neighborhoods, path_weights

__all__ = ["AdamicAdar", "CommonNeighbors", "DegreeProduct", "JaccardIndex", "L3Paths", "ResourceAllocation"]

_PARAMETERS = """
    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), default=None
        If given, the absolute Pearson correlation of the pair's expression is a second feature. Genes in rows, aligned
        by name; 0 for genes without expression.
    genes : sequence of str or int, default=None
        Genes that are known besides those of the pairs.
    unknown : {"warn", "error", "zero"}, default="warn"
        What becomes of a pair with a gene that neither training nor expression knows, as folds of a cross-validation
        have. The gene is treated as one without interactions: with a warning, or without one ("zero"); or the
        pairs are refused ("error", and with "warn" a table without any known gene).
    negatives : {"uniform", "connected", "degree"}, default="uniform"
        How negatives are sampled when `fit` gets interactions only; they matter for probabilities alone.
    self_pairs : {"error", "drop", "keep"}, default="error"
        Whether `fit` refuses pairs of a gene with itself, leaves them out, or learns from them. They never enter the
        graph. Unless they are kept, their score is NaN.
    random_state : int, RandomState or None, default=None
        Decides these negatives.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
        All known genes.
    positive_pairs_ : ndarray of shape (n_edges, 2)
        The graph: the interacting training pairs.
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.

    Notes
    -----
    The pair's own edge is left out of its score, so `transform` treats training pairs and new pairs alike.
"""


class _SimilarityIndex(PairModelMixin, BaseEstimator):
    """Base of the scores; a subclass defines ``_score``."""

    _parameter_constraints: ClassVar[dict] = PairModelMixin._parameter_constraints

    def __init__(
        self,
        expression: Any = None,
        *,
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.expression = expression
        self.genes = genes
        self.unknown = unknown
        self.negatives = negatives
        self.self_pairs = self_pairs
        self.random_state = random_state

    def _fit_graph(self) -> None:
        self._neighborhoods = Neighborhoods(self._graph)

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        columns = [self._score(self._neighborhoods, positions)]
        if self._expression is not None:
            columns.append(absolute_correlation(self._expression, positions))
        return np.column_stack(columns)

    def _candidate_columns(self, near: Neighborhoods, sources: np.ndarray) -> list[np.ndarray]:
        rows = [self._score(NeighborhoodRows(near), sources)]
        if self._expression is not None:
            rows.append(correlation_rows(self._expression, sources))
        return rows

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _feature_names(self) -> list[str]:
        names = [type(self).__name__.lower()]
        return names if self._expression is None else [*names, "absolute_correlation"]


class DegreeProduct(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by the popularity of its genes, :math:`\log(d_u + 1) + \log(d_v + 1)`.

    The baseline that every other model has to beat: it knows nothing about the pair.
"""
        + _PARAMETERS
        + """
    Examples
    --------
    >>> from skperturb.interactions import DegreeProduct
    >>> model = DegreeProduct(random_state=0).fit([("a", "b"), ("a", "c"), ("a", "d"), ("e", "f")])
    >>> model.transform([("a", "b"), ("e", "f"), ("b", "c")]).round(2).ravel()
    array([1.1 , 0.  , 1.39])
    """
    )

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        return np.log1p(graph.pair_degrees(positions)).sum(axis=-1)


class CommonNeighbors(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by the number of common neighbors, :math:`|N(u) \cap N(v)|`.
"""
        + _PARAMETERS
        + """
    Examples
    --------
    >>> from skperturb.interactions import CommonNeighbors
    >>> model = CommonNeighbors(random_state=0).fit([("a", "b"), ("b", "c"), ("a", "d"), ("d", "c")])
    >>> model.transform([("a", "c"), ("a", "b")]).ravel()
    array([2., 0.])
    """
    )

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        return graph.common(positions)


class AdamicAdar(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by its common neighbors, rare ones counting more: :math:`\sum_x 1 / \log d_x`.
"""
        + _PARAMETERS
        + """
    References
    ----------
    .. [1] Adamic, L. & Adar, E. (2003). Friends and neighbors on the Web. Social Networks 25(3), 211-230.
       doi:10.1016/S0378-8733(03)00009-1.

    Examples
    --------
    >>> from skperturb.interactions import AdamicAdar
    >>> model = AdamicAdar(random_state=0).fit([("a", "b"), ("b", "c"), ("a", "d")])
    >>> model.transform([("a", "c")]).round(3).item()
    1.443
    """
    )

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        # A common neighbor has at least two neighbors, so the other degrees never count.
        return graph.common(positions, 1.0 / np.log(np.maximum(graph.degrees, 2.0)))


class ResourceAllocation(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by what flows through its common neighbors: :math:`\sum_x 1 / d_x`.
"""
        + _PARAMETERS
        + """
    References
    ----------
    .. [1] Zhou, T., Lü, L. & Zhang, Y.-C. (2009). Predicting missing links via local information. European
       Physical Journal B 71, 623-630. doi:10.1140/epjb/e2009-00335-8.

    Examples
    --------
    >>> from skperturb.interactions import ResourceAllocation
    >>> model = ResourceAllocation(random_state=0).fit([("a", "b"), ("b", "c"), ("a", "d")])
    >>> model.transform([("a", "c")]).item()
    0.5
    """
    )

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        return graph.common(positions, 1.0 / np.maximum(graph.degrees, 1.0))


class JaccardIndex(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by the overlap of its neighborhoods, :math:`|N(u) \cap N(v)| / |N(u) \cup N(v)|`.
"""
        + _PARAMETERS
        + """
    Examples
    --------
    >>> from skperturb.interactions import JaccardIndex
    >>> model = JaccardIndex(random_state=0).fit([("a", "b"), ("b", "c"), ("a", "d"), ("e", "f")])
    >>> model.transform([("a", "c"), ("a", "e")]).ravel()
    array([0.5, 0. ])
    """
    )

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        common = graph.common(positions)
        union = graph.pair_degrees(positions).sum(axis=-1) - common
        return common / np.maximum(union, 1.0)


class L3Paths(_SimilarityIndex):
    __doc__ = (
        r"""Score a pair by its paths of length three, discounted by the degrees of the two genes in between.

    .. math:: s_{uv} = \sum_{x, y} \frac{A_{ux} A_{xy} A_{yv}}{w(d_x)\, w(d_y)}, \qquad
        w(d) = \sqrt{d} \text{ or } d,

    over paths without repeated genes. Interaction partners resemble each other's *partners* more than each other.
"""
        + _PARAMETERS.replace(
            "    genes : sequence",
            '    normalization : {"sqrt", "degree", "symmetric"}, default="sqrt"\n'
            '        The discount w: the square root of the degree [1]_, or the degree itself. With "symmetric" it is\n'
            "        the degree, and the sum is divided by the square roots of the degrees of u and v too, so that\n"
            "        popular genes do not score high for their popularity alone.\n"
            "    genes : sequence",
            1,
        )
        + """
    References
    ----------
    .. [1] Kovács, I. A. et al. (2019). Network-based prediction of protein interactions. Nature Communications
       10, 1240. doi:10.1038/s41467-019-09177-y.

    Examples
    --------
    >>> from skperturb.interactions import L3Paths
    >>> model = L3Paths(random_state=0).fit([("a", "b"), ("b", "c"), ("c", "d"), ("a", "e")])
    >>> model.transform([("a", "d"), ("a", "b")]).round(2).ravel()
    array([0.5, 0. ])
    """
    )

    _parameter_constraints: ClassVar[dict] = {
        **PairModelMixin._parameter_constraints,
        "normalization": [StrOptions({"sqrt", "degree", "symmetric"})],
    }

    def __init__(
        self,
        expression: Any = None,
        *,
        normalization: str = "sqrt",
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(
            expression,
            genes=genes,
            unknown=unknown,
            negatives=negatives,
            self_pairs=self_pairs,
            random_state=random_state,
        )
        self.normalization = normalization

    def _score(self, graph: Neighborhoods | NeighborhoodRows, positions: np.ndarray) -> np.ndarray:
        scores = graph.paths_of_three(positions, path_weights(graph.degrees, self.normalization))
        if self.normalization == "symmetric":
            scores /= np.sqrt(np.maximum(graph.pair_degrees(positions), 1.0).prod(axis=-1))
        return scores
