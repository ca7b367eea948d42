"""LINE: vectors that keep first- and second-order proximity."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np

from skperturb._sklearn import MOST_BATCH, MOST_EPOCHS, MOST_NEGATIVES, MOST_WIDTH, Interval, count
from skperturb.base import BaseEstimator
from skperturb.interactions._embeddings import GeneEmbeddingMixin

__all__ = ["LINEGeneEmbedder"]

# Of the degree in the distribution of negative genes: between uniform (0) and the degree (1), as published for LINE.
_DEGREE_POWER = 0.75


class LINEGeneEmbedder(GeneEmbeddingMixin, BaseEstimator):
    r"""Embed genes by LINE: neighbors get similar vectors, and so do genes with similar neighbors.

    Half of the dimensions keep first-order proximity, :math:`\sigma(u_i \cdot u_j)` for interacting genes, the other
    half second-order proximity, :math:`\sigma(u'_i \cdot c_j)` with context vectors c; both are trained against genes
    drawn in proportion to :math:`d^{3/4}` [1]_.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), default=None
        If given, standardized expression is appended to the vectors. Genes in rows, aligned by name.
    n_components : int, default=128
        Dimension of the embedding; even numbers are halved, of odd ones the second half gets one more.
    n_negatives : int, default=5
        Negative genes for each interaction.
    lr : float, default=0.01
        Learning rate of Adam.
    max_epochs : int, default=20
        Number of passes over the interactions, in both directions.
    batch_size : int, default=1024
        Interactions in a step.
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
    device : str, default="auto"
        As torch names it.
    random_state : int, RandomState or None, default=None
        Decides negatives, initial vectors and batches.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
    embedding_ : ndarray of shape (n_genes, n_dimensions)
    positive_pairs_ : ndarray of shape (n_edges, 2)
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.

    References
    ----------
    .. [1] Tang, J. et al. (2015). LINE: large-scale information network embedding. WWW 2015, 1067-1077.
       doi:10.1145/2736277.2741093.

    Examples
    --------
    >>> from skperturb.interactions import LINEGeneEmbedder
    >>> pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("d", "e"), ("e", "f"), ("d", "f")]
    >>> model = LINEGeneEmbedder(n_components=4, device="cpu", random_state=0).fit(pairs)
    >>> model.transform([("a", "b"), ("a", "d")]).shape
    (2, 4)
    """

    _parameter_constraints: ClassVar[dict] = {
        **GeneEmbeddingMixin._parameter_constraints,
        "n_components": [count(2, MOST_WIDTH)],
        "n_negatives": [count(most=MOST_NEGATIVES)],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [count(most=MOST_EPOCHS)],
        "batch_size": [count(most=MOST_BATCH)],
        "device": [str],
    }

    def __init__(
        self,
        expression: Any = None,
        *,
        n_components: int = 128,
        n_negatives: int = 5,
        lr: float = 0.01,
        max_epochs: int = 20,
        batch_size: int = 1024,
        genes: Any = None,
        unknown: str = "warn",
        negatives: str = "uniform",
        self_pairs: str = "error",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.expression = expression
        self.n_components = n_components
        self.n_negatives = n_negatives
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.genes = genes
        self.unknown = unknown
        self.negatives = negatives
        self.self_pairs = self_pairs
        self.device = device
        self.random_state = random_state

    def _embed_graph(self) -> np.ndarray:
        from skperturb._training import TensorBatches, fit_net
        from skperturb.interactions._edge_training import EdgeBatches, PairLoss
        from skperturb.interactions._line_module import LINENetwork

        degrees = np.diff(self._graph.indptr)
        sources = np.repeat(np.arange(len(degrees)), degrees)
        net = fit_net(
            lambda: LINENetwork(len(degrees), self.n_components, self.n_negatives, degrees**_DEGREE_POWER),
            EdgeBatches(np.column_stack([sources, self._graph.indices]).astype(np.int64)),
            criterion=PairLoss,
            criterion__binary=True,
            lr=self.lr,
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            device=self.device,
            random_state=self._rng,
            iterator_train=TensorBatches,
            iterator_train__shuffle=True,
            optimizer__fused=True,
        )
        # A gene without interactions kept its random start.
        return net.module_.vectors() * (degrees > 0)[:, None]
