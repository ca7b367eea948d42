"""GNEEmbedder: vectors of genes from known interactions and expression, and new interactions from the vectors."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skperturb._epoch_progress import EpochProgress
from skperturb._pairs import GenePairs, as_genes, ensure_pairs
from skperturb._sklearn import (
    MOST_EPOCHS,
    MOST_LAYERS,
    MOST_MODELS,
    MOST_NEGATIVES,
    MOST_WIDTH,
    N_JOBS,
    Interval,
    StrOptions,
    count,
    fit_context,
)
from skperturb.base import BaseEstimator
from skperturb.interactions._common import PairModelMixin
from skperturb.interactions._gne.classifier import PairClassifier
from skperturb.interactions._gne.cross_fitting import CrossFitting, divided
from skperturb.interactions._gne.features import (
    EVIDENCE,
    FEATURES,
    NeighborhoodFeatures,
    PairFeatures,
    described_by_all,
)
from skperturb.interactions._gne.training import GNEParameters, train_vectors
from skperturb.interactions._gne.training_pairs import (
    DEGREE,
    POSITIVE,
    degree_matched,
    learned_from,
    with_uniform_negatives,
)
from skperturb.interactions._pair_weights import ensure_weights

__all__ = ["GNEEmbedder"]

_CROSS_FITTED = ("log_odds", "structural")
# On simulated networks of 180 and 900 training interactions ten folds have an AUROC 0.015 and 0.001 above that of five;
# on E. coli's 59,000 they take twice as long for 0.0015 of the degree-matched one.
_MANY_FOLDS, _FEW_FOLDS, _FEW_INTERACTIONS = 10, 5, 3000


# A graph convolution sees nothing of a gene without partners; a look-up network learns what attributes tell.
_FOR_UNSEEN = {"encoder": "lookup", "pair_features": "native", "early_stopping": False}


class GNEEmbedder(PairModelMixin, BaseEstimator):
    r"""Embed genes from known interactions and expression, and predict new interactions.

    A gene i is encoded as a vector :math:`h_i`, a partner j is decoded by a second vector :math:`\tilde v_j`,

    .. math:: h_i = \tanh\bigl(W [v_i, \lambda\, a_i]\bigr), \qquad
        p(j \mid i) = \frac{\exp(h_i \cdot \tilde v_j + b_j)}{\sum_k \exp(h_i \cdot \tilde v_k + b_k)},

    with an identity part :math:`v_i` and an attribute part :math:`a_i = \mathrm{ELU}(W_a x_i)` of its expression
    :math:`x_i`, both scaled to length one. Training maximizes the likelihood of the known interactions in both
    directions. `GNEEmbedder.published` is the model of the paper [1]_; the defaults differ where that was measured to
    help: partners are encoded by a graph convolution, the softmax is over all genes, and a pair is described by the
    log-odds of a classifier that combines the model's own score with neighborhood scores, cross-fitted over the
    interactions.

    Parameters
    ----------
    expression : DataFrame of shape (n_genes, n_samples), or dict of DataFrames, default=None
        Attributes of genes, in rows, aligned by name; each gene is standardized. Row k of an array is gene k. Several
        tables, such as ``{"expression": …, "GO": …}``, count alike, and each may miss genes.
    encoder : {"gnn", "lookup"}, default="gnn"
        Identity part: a convolution over the gene's partners, or a free vector for each gene (the paper's).
    n_components : int, default=64
        Dimension of all vectors.
    attribute_weight : float, default=1.0
        The weight λ of the attribute part; 0 uses the topology alone.
    n_layers : int, default=1
        Number of hidden layers.
    dropout : float, default=0.5
        Probability with which inputs of layers, and with encoder="gnn" partners, are left out in training.
    n_negatives : int, default=10
        Negative candidates: shared by a batch ("sampled_softmax") or for each interaction ("bce").
    negatives : {"uniform", "degree", "mixed"}, default="mixed"
        Distribution of candidates, and of the negatives of the classifier: uniform over genes, in proportion to the
        degree, or both. Uniform ones teach popularity, degree-matched ones the structure beyond it.
    uniform_share : float, default=0.79
        Weight of the uniform ones among the classifier's mixed negatives; it rises towards the best pairs, where
        uniform negatives cost average precision. No order of pairs is best against both kinds: 1 is best against
        uniform negatives, 0 against degree-matched ones.
    loss : {"softmax", "sampled_softmax", "bce"}, default="softmax"
        The softmax over all genes, a softmax over few candidates, or a binary cross-entropy. With more than 1,024 genes
        the denominator of the first is estimated in each step, without bias, from about 512 genes that are drawn by
        their degrees; its numerator stays exact.
    pair_features : {"log_odds", "structural", "native", "cross", "hadamard"}, default="log_odds"
        What `transform` returns: the log-odds of the cross-fitted classifier (one column); what that classifier
        sees; the model's own symmetrized score and the log-degrees (two columns); :math:`h_i \circ \tilde v_j +
        h_j \circ \tilde v_i`; or the paper's :math:`y_i \circ y_j` with :math:`y = h + \tilde v`.
    directed : bool, default=False
        Whether (a, b) says that a acts on b: then neither training nor features are symmetric. Neighborhood scores,
        and so "log_odds" and "structural", are for undirected interactions only.
    n_folds : int, default=None
        Folds of the cross-fitting; each trains one network. None takes 10 up to 3,000 interactions, of which a network
        should miss few, and 5 beyond, where fewer networks say nearly as much.
    n_jobs : int, default=None
        Processes that train folds at the same time; None is one, -1 all processors.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the interactions and return to the epoch with the best AUROC of
        :math:`y_i \cdot y_j` on them.
    validation_fraction : float, default=0.1
        Share of the interactions that early stopping holds out.
    patience : int, default=2
        Epochs without improvement until early stopping.
    lr : float, default=0.02
        Learning rate of Adam. With loss="softmax" the highest one: it warms up over 15 % of the steps and cools down.
    max_epochs : int, default=12
        Number of passes over the interactions.
    batch_size : int, default=256
        Interactions in a step; with loss="softmax" genes, each with all its interactions, and of few genes less, so
        that an epoch has 8 steps.
    weight_decay : float, default=1e-4
        Of Adam.
    genes : sequence of str or int, default=None
        Genes that are known besides those of the pairs and of `expression`.
    unknown : {"warn", "error", "zero"}, default="warn"
        What becomes of a pair with a gene that neither training nor expression knows, as folds of a cross-validation
        have. The gene is treated as one without interactions: with a warning, or without one ("zero"); or the
        pairs are refused ("error", and with "warn" a table without any known gene).
    self_pairs : {"error", "drop", "keep"}, default="error"
        Whether `fit` refuses pairs of a gene with itself, leaves them out, or learns from them. They never enter the
        graph. Unless they are kept, their score is NaN.
    device : str, default="auto"
        As torch names it; "auto" takes CUDA when it is there.
    random_state : int, RandomState or None, default=None
        Decides initial weights, batches, candidates and folds.
    verbose : int, default=0
        Show the epochs when positive: one bar over folds and epochs on a terminal, plain lines elsewhere.
    callbacks : sequence of skorch callbacks, default=None
        Called during the training.

    Attributes
    ----------
    genes_ : ndarray of shape (n_genes,)
        All known genes.
    embedding_ : ndarray of shape (n_genes, n_components)
        The vectors y = h + ṽ; with cross-fitting those of the first network, because vectors of different networks
        cannot be averaged.
    positive_pairs_ : ndarray of shape (n_edges, 2)
        The graph that was trained on: the interactions among the training pairs.
    history_ : list of dict
        Loss of each epoch, and the AUROC of held-out interactions.
    classes_ : ndarray of shape (2,)
    base_rate_ : float
        Share of interactions among pairs that the probabilities hold for; see `predict_proba`.

    See Also
    --------
    L3Paths : The strongest neighborhood score.
    skperturb.metrics.degree_matched_auroc : Scores against negatives as popular as the interactions.

    Notes
    -----
    Cross-fitting: the interactions are divided into folds, a network is trained without each of them, and a pair is
    described by the network that has not seen its fold. `fit_transform` returns these descriptions for the training
    pairs, `transform` the mean over all networks, so ``fit_transform(X)`` differs from ``fit(X).transform(X)``: a
    classifier behind it in a Pipeline learns from descriptions such as new pairs will have. Degrees and neighborhood
    scores, none of which sees the pair's own interaction, come from the whole graph then. With the other pair features
    a single network is trained on everything, as in the paper.

    A pair with a gene that has attributes but no known interaction, of which a convolution over partners sees nothing,
    is described by a second network, with look-up vectors and ``pair_features="native"``. It is trained if there are
    such genes.

    The classifier learns from up to two negatives of each kind for an interaction. If `y` holds negatives, they count
    as uniform ones, and what is missing is drawn from the genes of the pairs.

    References
    ----------
    .. [1] KC, K. et al. (2019). GNE: a deep learning framework for gene network inference by aggregating biological
       information. BMC Systems Biology 13(S2), 38. doi:10.1186/s12918-019-0694-y.

    Examples
    --------
    >>> from skperturb.interactions import GNEEmbedder
    >>> pairs = [(f"a{i}", f"b{j}") for i in range(6) for j in range(6) if (i + j) % 4]
    >>> model = GNEEmbedder(n_components=4, max_epochs=5, device="cpu", random_state=0).fit(pairs)
    >>> model.predict_proba([("a0", "b0"), ("a1", "a2")]).shape
    (2, 2)
    >>> model.embed(["a0", "b3"]).shape
    (2, 4)
    """

    _parameter_constraints: ClassVar[dict] = {
        **PairModelMixin._parameter_constraints,
        "encoder": [StrOptions({"gnn", "lookup"})],
        "n_components": [count(most=MOST_WIDTH)],
        "attribute_weight": [Interval(Real, 0, None, closed="left")],
        "n_layers": [count(most=MOST_LAYERS)],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "n_negatives": [count(most=MOST_NEGATIVES)],
        "negatives": [StrOptions({"uniform", "degree", "mixed"})],
        "uniform_share": [Interval(Real, 0, 1, closed="both")],
        "loss": [StrOptions({"softmax", "sampled_softmax", "bce"})],
        "pair_features": [StrOptions({*_CROSS_FITTED, "native", "cross", "hadamard"})],
        "directed": ["boolean"],
        "n_folds": [count(2, MOST_MODELS), None],
        "n_jobs": N_JOBS,
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [count(most=MOST_EPOCHS)],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "verbose": ["verbose"],
        "callbacks": ["array-like", None],
    }

    def __init__(
        self,
        expression: Any = None,
        *,
        encoder: str = "gnn",
        n_components: int = 64,
        attribute_weight: float = 1.0,
        n_layers: int = 1,
        dropout: float = 0.5,
        n_negatives: int = 10,
        negatives: str = "mixed",
        uniform_share: float = 0.79,
        loss: str = "softmax",
        pair_features: str = "log_odds",
        directed: bool = False,
        n_folds: int | None = None,
        n_jobs: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 2,
        lr: float = 0.02,
        max_epochs: int = 12,
        batch_size: int = 256,
        weight_decay: float = 1e-4,
        genes: Any = None,
        unknown: str = "warn",
        self_pairs: str = "error",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        callbacks: Sequence[Any] | None = None,
    ) -> None:
        self.expression = expression
        self.encoder = encoder
        self.n_components = n_components
        self.attribute_weight = attribute_weight
        self.n_layers = n_layers
        self.dropout = dropout
        self.n_negatives = n_negatives
        self.negatives = negatives
        self.uniform_share = uniform_share
        self.loss = loss
        self.pair_features = pair_features
        self.directed = directed
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.genes = genes
        self.unknown = unknown
        self.self_pairs = self_pairs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @classmethod
    def published(cls, expression: Any = None, **parameters: Any) -> "GNEEmbedder":
        """Return the model of the paper: look-up vectors, sampled softmax, Hadamard products.

        Parameters
        ----------
        expression : DataFrame of shape (n_genes, n_samples), default=None
        **parameters
            Replace parameters of the paper.

        Returns
        -------
        GNEEmbedder

        Examples
        --------
        >>> from skperturb.interactions import GNEEmbedder
        >>> GNEEmbedder.published(n_negatives=5).n_components
        128
        """
        paper = {
            "encoder": "lookup",
            "n_components": 128,
            "attribute_weight": 1.0,
            "n_layers": 1,
            "dropout": 0.5,
            "n_negatives": 10,
            "negatives": "uniform",
            "loss": "sampled_softmax",
            "pair_features": "hadamard",
            "early_stopping": True,
            "patience": 2,
            "lr": 0.005,
            "max_epochs": 20,
            "batch_size": 256,
            "weight_decay": 0.0,
        }
        return cls(expression, **{**paper, **parameters})

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn vectors and the description of pairs.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
            Pairs of gene names (str) or integers.
        y : array-like of shape (n_pairs,), default=None
            1 for an interaction, 0 for a pair without; None if all are interactions.
        sample_weight : array-like of shape (n_pairs,), default=None
            How much each pair counts in the classifier, such as the confidence in it; the graph has all interactions
            alike. A row of weight zero is as if it were not there. The mean over the rows of a pair is taken, and
            sampled negatives count as much as an interaction does on average. A third column of a DataFrame `X` that is
            named "weight", "confidence" or "score" is the same.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If ids are no strings or integers, kinds are mixed, or an element of `callbacks` is no callback.
        ValueError
            If pairs are self-pairs, labelled both 0 and 1, or none is positive, or `expression` does not fit.
        """
        self._fit(X, y, sample_weight, describe=False)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, sample_weight=None):  # type: ignore[override]  # what fit takes, by name
        """Learn, and describe each training pair by what was learned without it.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2)
        y : array-like of shape (n_pairs,), default=None
        sample_weight : array-like of shape (n_pairs,), default=None
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_pairs, n_features)
            See the notes of the class: differs from ``fit(X, y).transform(X)`` for cross-fitted features.
        """
        described = self._fit(X, y, sample_weight, describe=True)
        pairs, weights = ensure_weights(X, sample_weight)
        if weights is not None and not weights.all():
            # Nothing was learned from these.
            described[weights == 0] = self._describe(ensure_pairs(pairs)[weights == 0])
        return described

    def embed(self, genes):
        """Return the vectors y = h + ṽ of genes.

        Parameters
        ----------
        genes : sequence of n genes
            A gene that only `expression` knows is encoded by its attribute part alone.

        Returns
        -------
        ndarray of shape (n, n_components)
        """
        check_is_fitted(self)
        positions = self._positions_of(as_genes(genes, "genes").to_numpy(), "genes")
        return self._vectors[positions]

    def _log_odds(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0] if self.pair_features == "log_odds" else self._head.decision_function(features)

    def _fit(self, X: Any, y: Any, sample_weight: Any, describe: bool) -> np.ndarray:
        """Fit, and return the description of the pairs in `X` that a later step may train on, if it is wanted."""
        if self.callbacks is not None:
            from skperturb._training import check_callbacks

            check_callbacks(self.callbacks)
        if self.directed and self.pair_features in _CROSS_FITTED:
            raise ValueError(
                f"pair_features={self.pair_features!r} describes undirected pairs only, got directed=True; use "
                "'native', 'cross' or 'hadamard'."
            )
        positions, labels = self._start(X, y, sample_weight)
        if self.pair_features in _CROSS_FITTED:
            features = self._cross_fit(positions, labels, describe)
            if self.pair_features == "log_odds":
                self._fit_unseen(X, y, sample_weight)
        else:
            progress = EpochProgress("", self.max_epochs) if self.verbose else None
            self._folds = [self._trainer()(self._graph, self._draw_seed(), progress)]
            features = self._pair_features(positions)
            self._fit_head(features, labels)
        vectors = self._folds[0].vectors
        self._vectors = vectors.hidden.astype(np.float64) + vectors.output
        self.embedding_ = self._vectors[:-1]
        self.history_ = vectors.history
        # The row of each listed pair; the last one is for pairs that were left out.
        return np.vstack([features, np.full((1, features.shape[1]), np.nan)])[self._rows]

    def _cross_fit(self, positions: np.ndarray, labels: np.ndarray, describe: bool) -> np.ndarray:
        """Train a network without each fold and the classifier; describe the pairs without what they taught."""
        n_pairs, n_interactions = len(positions), len(self._positives)
        if n_interactions < 2:
            raise ValueError(
                f"X has {n_interactions} interaction; pair_features={self.pair_features!r} needs at least 2 to "
                "cross-fit. Use pair_features='native'."
            )
        n_folds = min(self._n_folds(n_interactions), n_interactions)
        positions, kinds, folds = self._classifier_pairs(positions, labels, n_folds)
        learned = learned_from(kinds, self._rng)
        cross_fitting = CrossFitting(
            self._trainer(),
            PairFeatures.structural,
            n_folds=n_folds,
            random_state=self._rng,
            n_jobs=self.n_jobs,
            max_epochs=self.max_epochs if self.verbose else 0,
        )
        wanted = learned | (describe & (np.arange(len(positions)) < n_pairs))
        self._folds, features = cross_fitting.fit(positions, kinds, len(self.genes_) + 1, wanted, folds)
        self._surroundings = NeighborhoodFeatures(self._graph)
        share = {"uniform": 1.0, "degree": 0.0, "mixed": self.uniform_share}[self.negatives]
        weights = self._weights_of((kinds == POSITIVE).astype(np.int64))
        self._head = PairClassifier(share, self._draw_seed()).fit(
            features[learned], kinds[learned], None if weights is None else weights[learned]
        )
        # The classifier weighs the kinds of negatives so that together they are as many as the interactions.
        self.base_rate_ = 0.5
        if self.pair_features == "structural" or not describe:
            return features[:n_pairs]
        return self._head.decision_function(features[:n_pairs])[:, None]

    def _fit_unseen(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Train the model of pairs with a gene that has attributes but no partner."""
        self._unseen = None
        lonely = np.diff(self._graph.indptr) == 0
        if self._expression is None or self.attribute_weight == 0 or not lonely[self._expression.any(axis=1)].any():
            return
        alone = {**self.get_params(deep=False), **_FOR_UNSEEN, "random_state": self._draw_seed(), "verbose": 0}
        with warnings.catch_warnings():
            # What there is to say about the data was said.
            warnings.simplefilter("ignore", UserWarning)
            self._unseen = type(self)(**alone).fit(X, y, sample_weight)

    def _n_folds(self, n_interactions: int) -> int:
        if self.n_folds is not None:
            return self.n_folds
        return _MANY_FOLDS if n_interactions <= _FEW_INTERACTIONS else _FEW_FOLDS

    def _classifier_pairs(
        self, positions: np.ndarray, labels: np.ndarray, n_folds: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pairs that the classifier learns from, their kinds and their folds."""
        n_interactions, n_nodes = len(self._positives), len(self.genes_) + 1
        uniform = None if self.negatives == "degree" else self._draw
        everything, kinds = with_uniform_negatives(positions, labels, n_interactions=n_interactions, draw=uniform)
        folds = divided(everything, kinds, n_nodes, n_folds, self._rng)
        if self.negatives != "uniform":
            matched, own = degree_matched(everything, kinds, folds, n_interactions=n_interactions, draw=self._draw)
            if own is None:
                own = self._rng.permutation(len(matched)) % n_folds
            everything, folds = np.concatenate([everything, matched]), np.concatenate([folds, own])
            kinds = np.concatenate([kinds, np.full(len(matched), DEGREE)])
        if (kinds == POSITIVE).all():
            raise self._no_negatives(len(np.unique(positions)))
        return everything, kinds, folds

    def _build_graph(self) -> sp.csr_array:
        if not self.directed:
            return super()._build_graph()
        n_nodes = len(self.genes_) + 1
        ones = np.ones(len(self._positives))
        return sp.csr_array((ones, (self._positives[:, 0], self._positives[:, 1])), shape=(n_nodes, n_nodes))

    def _with_negatives(self, data: GenePairs) -> tuple[np.ndarray, np.ndarray]:
        if self.pair_features in _CROSS_FITTED:
            return data.positions, data.labels
        return super()._with_negatives(data)

    def _sample(self, n_samples: int) -> np.ndarray:
        if self.negatives != "mixed":
            return super()._sample(n_samples)
        uniform = self._draw(n_samples // 2, "uniform")
        return np.concatenate([uniform, self._draw(n_samples - len(uniform), "degree", uniform)])

    def _draw_seed(self) -> int:
        return int(self._rng.randint(np.iinfo(np.int32).max))

    def _trainer(self) -> "_Trainer":
        expression = self._expression if self.attribute_weight > 0 else None
        parameters = GNEParameters(**{name: getattr(self, name) for name in GNEParameters.__dataclass_fields__})
        return _Trainer(parameters, expression, self._expression)

    def _pair_features(self, positions: np.ndarray) -> np.ndarray:
        if self.pair_features not in _CROSS_FITTED:
            return self._folds[0].of_vectors(positions, self.pair_features, self.directed)
        features = described_by_all(self._folds, self._surroundings, positions)
        if self.pair_features == "structural":
            return features
        scores = self._head.decision_function(features)
        if self._unseen is not None and self._expression is not None:
            lonely = (np.diff(self._graph.indptr) == 0) & self._expression.any(axis=1)
            chosen = lonely[positions].any(axis=1)
            if chosen.any():
                scores[chosen] = self._unseen._log_odds(self._unseen._pair_features(positions[chosen]))
        return scores[:, None]

    def _evidence(self, positions: np.ndarray) -> pd.DataFrame:
        """Return by how much log-odds fall if the features of one kind take the means of the training."""
        if self.pair_features not in _CROSS_FITTED:
            return super()._evidence(positions)
        if len(positions) == 0:
            return pd.DataFrame({name: np.empty(0) for name in EVIDENCE})
        features = described_by_all(self._folds, self._surroundings, positions)
        whole = self._head.decision_function(features)
        names = [*FEATURES, *(["absolute_correlation"] if self._expression is not None else [])]
        found = {}
        for kind, starts in EVIDENCE.items():
            columns = [k for k, name in enumerate(names) if name.startswith(starts)]
            if columns:
                typical = features.copy()
                typical[:, columns] = self._head.scaler_.mean_[columns]
                found[kind] = whole - self._head.decision_function(typical)
        return pd.DataFrame(found)

    def _feature_names(self) -> list[str]:
        if self.pair_features == "log_odds":
            return ["log_odds"]
        if self.pair_features == "structural":
            return [*FEATURES, *(["absolute_correlation"] if self._expression is not None else [])]
        if self.pair_features == "native":
            return ["score", "log_degrees"]
        return [f"{self.pair_features}{k}" for k in range(self.n_components)]


@dataclass(frozen=True, eq=False)
class _Trainer:
    """Trains a network on a graph, and returns what describes pairs by both; no method, so that it can be pickled.

    Parameters
    ----------
    parameters : GNEParameters
    attributes : ndarray of shape (n_nodes, n_samples) or None
        Expression for the network.
    expression : ndarray of shape (n_nodes, n_samples) or None
        Expression for the description.
    """

    parameters: GNEParameters
    attributes: np.ndarray | None
    expression: np.ndarray | None

    def __call__(self, graph: sp.csr_array, seed: int, progress: Any = None) -> PairFeatures:
        vectors = train_vectors(graph, self.attributes, self.parameters, seed, progress)
        return PairFeatures(vectors, graph, self.expression)
