"""node2vec: skip-gram vectors of random walks."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from skperturb._sklearn import MOST_EPOCHS, MOST_NEGATIVES, MOST_WIDTH, Interval, count
from skperturb.base import BaseEstimator
from skperturb.interactions._embeddings import GeneEmbeddingMixin

__all__ = ["Node2VecGeneEmbedder"]


class Node2VecGeneEmbedder(GeneEmbeddingMixin, BaseEstimator):
    r"""Embed genes by node2vec: genes that random walks pass close to each other get similar vectors.

    A walk that came from t to v goes on to a partner x of v with a probability in proportion to 1 / p if x = t, to 1 if
    x and t interact, and to 1 / q otherwise [1]_. The vectors are gensim's skip-gram vectors of the walks, so gensim
    has to be installed: ``pip install "skperturb[node2vec]"``.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), default=None
        If given, standardized expression is appended to the vectors. Genes in rows, aligned by name.
    n_components : int, default=128
        Dimension of the embedding.
    p : float, default=1.0
        Large values keep walks from going back.
    q : float, default=1.0
        Large values keep walks near their start.
    n_walks : int, default=10
        Walks from each gene.
    walk_length : int, default=80
        Genes of a walk.
    window : int, default=10
        Largest distance in a walk at which two genes count as close.
    n_negatives : int, default=5
        Negative genes for each pair of close genes.
    max_epochs : int, default=1
        Number of passes over the walks.
    genes : sequence of str or int, default=None
        Genes that are known besides those of the pairs.
    unknown : {"warn", "error", "zero"}, default="warn"
        What becomes of a pair with a gene that neither training nor expression knows, as folds of a cross-validation
        have. The gene is given a vector of zeros: with a warning, or without one ("zero"); or the
        pairs are refused ("error", and with "warn" a table without any known gene).
    negatives : {"uniform", "connected", "degree"}, default="uniform"
        How negative pairs are sampled when `fit` gets interactions only.
    self_pairs : {"error", "drop", "keep"}, default="error"
        Whether `fit` refuses pairs of a gene with itself, leaves them out, or learns from them. They never enter the
        graph. Unless they are kept, their score is NaN.
    random_state : int, RandomState or None, default=None
        Decides walks, initial vectors and negatives.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
    embedding_ : ndarray of shape (n_genes, n_dimensions)
    positive_pairs_ : ndarray of shape (n_edges, 2)
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.

    Raises
    ------
    ImportError
        In `fit`, if gensim is missing.

    References
    ----------
    .. [1] Grover, A. & Leskovec, J. (2016). node2vec: scalable feature learning for networks. KDD 2016, 855-864.
       doi:10.1145/2939672.2939754.

    Examples
    --------
    >>> from skperturb.interactions import Node2VecGeneEmbedder
    >>> model = Node2VecGeneEmbedder(n_components=4, random_state=0)
    >>> model.fit([("a", "b"), ("b", "c"), ("c", "d")]).embed(["a"]).shape  # doctest: +SKIP
    (1, 4)
    """

    _parameter_constraints: ClassVar[dict] = {
        **GeneEmbeddingMixin._parameter_constraints,
        "n_components": [count(most=MOST_WIDTH)],
        "p": [Interval(Real, 0, None, closed="neither")],
        "q": [Interval(Real, 0, None, closed="neither")],
        "n_walks": [count()],
        "walk_length": [count(2)],
        "window": [count()],
        "n_negatives": [count(most=MOST_NEGATIVES)],
        "max_epochs": [count(most=MOST_EPOCHS)],
    }

    def __init__(
        self,
        expression: Any = None,
        *,
        n_components: int = 128,
        p: float = 1.0,
        q: float = 1.0,
        n_walks: int = 10,
        walk_length: int = 80,
        window: int = 10,
        n_negatives: int = 5,
        max_epochs: int = 1,
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.expression = expression
        self.n_components = n_components
        self.p = p
        self.q = q
        self.n_walks = n_walks
        self.walk_length = walk_length
        self.window = window
        self.n_negatives = n_negatives
        self.max_epochs = max_epochs
        self.genes = genes
        self.unknown = unknown
        self.negatives = negatives
        self.self_pairs = self_pairs
        self.random_state = random_state

    def _embed_graph(self) -> np.ndarray:
        try:
            from gensim.models import Word2Vec
        except ImportError as error:
            raise ImportError(
                "Node2VecGeneEmbedder needs gensim, which is not installed; install it with "
                '`pip install "skperturb[node2vec]"`.'
            ) from error

        walks = random_walks(self._graph, self.n_walks, self.walk_length, self.p, self.q, self._rng)
        model = Word2Vec(
            [[str(node) for node in walk] for walk in walks],
            vector_size=self.n_components,
            window=self.window,
            negative=self.n_negatives,
            epochs=self.max_epochs,
            sg=1,
            min_count=0,
            # More threads would make the result depend on their timing.
            workers=1,
            seed=int(self._rng.randint(np.iinfo(np.int32).max)),
        )
        vectors = np.zeros((self._graph.shape[0], self.n_components))
        for node in np.flatnonzero(np.diff(self._graph.indptr)):
            vectors[node] = model.wv[str(node)]
        return vectors


def random_walks(
    graph: sp.csr_array, n_walks: int, walk_length: int, p: float, q: float, rng: np.random.RandomState
) -> np.ndarray:
    """Walk from every node that has a partner, all walks side by side.

    Parameters
    ----------
    graph : csr_array of shape (n_nodes, n_nodes)
        Symmetric adjacency matrix.
    n_walks, walk_length : int
    p, q : float
    rng : RandomState

    Returns
    -------
    ndarray of shape (n_starts * n_walks, walk_length)
        Nodes, in an order of walks drawn by `rng`.
    """
    degrees = np.diff(graph.indptr)
    starts = rng.permutation(np.repeat(np.flatnonzero(degrees), n_walks))
    walks = np.empty((len(starts), walk_length), dtype=np.int64)
    walks[:, 0] = starts
    for step in range(1, walk_length):
        here = walks[:, step - 1]
        pending = np.arange(len(starts))
        # Partners are proposed uniformly and kept with a probability in proportion to their weight.
        while len(pending):
            node = here[pending]
            drawn = graph.indices[graph.indptr[node] + (rng.random_sample(len(node)) * degrees[node]).astype(np.int64)]
            walks[pending, step] = drawn
            if step == 1 or p == q == 1:
                break
            weight = _weights(graph, walks[pending, step - 2], drawn, p, q)
            pending = pending[rng.random_sample(len(pending)) * max(1.0, 1 / p, 1 / q) >= weight]
    return walks


def _weights(graph: sp.csr_array, before: np.ndarray, drawn: np.ndarray, p: float, q: float) -> np.ndarray:
    linked = np.asarray(graph[before, drawn]).ravel() > 0
    return np.where(drawn == before, 1 / p, np.where(linked, 1.0, 1 / q))
