"""The estimator that learns from many networks how far perturbations reach."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import (
    MOST_BATCH,
    MOST_EPOCHS,
    MOST_LAYERS,
    MOST_MODELS,
    MOST_WIDTH,
    HasMethods,
    Interval,
    StrOptions,
    count,
    fit_context,
)
from skperturb._validation import NetworkRecord, as_sequence, ensure_networks, is_network
from skperturb.base import BaseEstimator
from skperturb.exceptions import ModelWarning
from skperturb.metrics import spearman_correlation
from skperturb.networks._enhancer.default_base import DefaultBase
from skperturb.networks._enhancer.examples import Example, make_examples, target_matrices
from skperturb.networks._predictor import as_object_array, select_columns
from skperturb.networks._sources import resolve_sources

__all__ = ["GCNEnhancer"]

# Networks of which one is held out for early stopping. A tenth of some hundred networks leaves ten to judge by; with
# one in a hundred a single network decides when to stop, and with one in one nothing is left to learn from.
_NETWORKS_PER_HELD_OUT = 10


class GCNEnhancer(BaseEstimator):
    r"""Sharpen a topological prediction by what other networks teach.

    With P the prediction of `estimator`, the enhanced prediction [1]_ is

    .. math:: P^\text{enhanced}_{ij} = E_{ij} P_{ij},

    where the factor E > 0 is learned from networks whose sensitivity matrices are known. Pairs that no directed path
    connects stay exactly 0.

    Parameters
    ----------
    estimator : estimator, default=None
        Predicts the patterns that are enhanced. None takes `StructuralSensitivity` for networks with a structure, and
        `DynamoDistance` for others, and for all with ``target="class"``, ``features="sign"`` or ``kind="dynamo"``.
    target : {"rank", "class"}, default="rank"
        - "rank": the model scores every (target, source) pair. Messages run along the edges in both directions, with
          weights learned from signs and structure, once for each source, and a learned potential of each node counts
          positively as target and negatively as source; the loss is one minus the correlation with the true ranks
          inside each network.
        - "class": the published model. A graph convolutional network classifies each node by the median over all
          sources of its scaled rank (`scaled_impact_matrix`), with cross-entropy; the class is the factor. See
          `published`.
    graph : {"sparse", "full"}, default="sparse"
        How ``target="class"`` joins the networks: block-diagonal, with the mean of each network's node states as
        further features; or into one graph, by a center node linked to the node of largest degree of each.
    features : {"structure", "sign"}, default="structure"
        Whether the reactions behind a network are used where it has a `structure` (stoichiometry, modifiers,
        reversibility, orders and forms of the rate laws, moieties, compartments), or its sign pattern alone. Neither
        reads magnitudes of the Jacobian, kinetic constants or concentrations. To predict networks without a
        structure, learn from signs.
    kind : {"relative", "steady_state", "dynamo"}, default="relative"
        The kind of sensitivities that are learned and predicted (see `skperturb.sbml.sensitivity_matrix`): decides the
        base, and what is drawn at random for the features.
    hidden_dim : int, default=32
        Width of the hidden layers.
    n_layers : int, default=4
        Number of rounds of message passing.
    dropout : float, default=0.3
        Share of hidden units, and with ``target="rank"`` of the features of nodes and edges, that is dropped in
        training.
    lr : float, default=0.003
        Learning rate of Adam; with ``target="rank"`` the highest of a schedule that warms up and cools down.
    max_epochs : int, default=10
        Number of passes over the networks.
    batch_size : int, default=4
        Networks in a batch; ``target="class"`` always takes all.
    weight_decay : float, default=0.0
        L2 penalty.
    early_stopping : bool, default=False
        Hold a tenth of the networks out and stop when their loss no longer falls.
    patience : int, default=10
        Epochs without improvement before stopping.
    n_models : int, default=5
        Number of models with different seeds whose scores are averaged.
    sources : sequence of names or positions, or sequence of such sequences, default=None
        The sources to predict, one column each; None means every node. See `DynamoDistance`. Training takes all.
    device : str, default="auto"
        Where to train: "auto" takes CUDA where it is there. Prediction runs on the CPU.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of the networks and dropout.
    verbose : int, default=0
        Show the epochs when positive: a bar on a terminal, plain lines elsewhere.
    callbacks : sequence of skorch callbacks, default=None
        Further callbacks.

    Attributes
    ----------
    estimator_ : estimator
        The fitted base estimator.
    models_ : list
        The trained models.
    reads_structure_ : bool
        Whether structures were among what was learned from.
    n_networks_ : int
        Number of networks that were learned from: those that have reached pairs of different sensitivity.

    See Also
    --------
    DynamoDistance : The prediction that is enhanced by default.
    enhancement_factor : The factor that the published model aims at.

    Notes
    -----
    Networks of the same publication are variants of each other: split by publication (`GroupKFold`), or the score
    measures memory. Among the features of ``target="rank"`` are distances, propagation and what the ensemble of
    `StructuralSensitivity` says of each pair; so the model learns the residual. With reached pairs standardized to mean
    0 and variance 1 in each network, averaged over the models and exponentiated, the prediction ranks pairs and has no
    scale of its own. Before that, 0.4 times the equally standardized logarithm of the base estimator's prediction is
    added: networks unlike those of the training set are then predicted no worse than by the base estimator alone.
    A network without edges is predicted as a multiple of the identity. Where reactions pull in opposite directions,
    kinetic constants may decide the sign of an entry of the Jacobian, and through it the prediction. The order of the
    nodes has no influence.

    In each epoch a network shows the model at most 24 of its sources, drawn anew; predictions work on the sources of
    large networks in chunks. Memory is then O(n_nodes²) for the features alone.

    References
    ----------
    .. [1] Li, D. & Gao, J. (2019). Towards perturbation prediction of biological networks using deep learning.
       Scientific Reports 9. doi:10.1038/s41598-019-48391-y.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import GCNEnhancer
    >>> rng = np.random.default_rng(0)
    >>> networks = [np.tril(rng.normal(size=(n, n)), 1) - 3 * np.eye(n) for n in (4, 5, 6)]
    >>> truths = [np.abs(np.linalg.inv(np.eye(len(A)) - A)) for A in networks]
    >>> enhancer = GCNEnhancer(hidden_dim=8, max_epochs=2, n_models=1, random_state=0)
    >>> enhancer.fit(networks, truths).predict(networks)[0].shape
    (4, 4)
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "target": [StrOptions({"rank", "class"})],
        "graph": [StrOptions({"sparse", "full"})],
        "features": [StrOptions({"sign", "structure"})],
        "kind": [StrOptions({"relative", "steady_state", "dynamo"})],
        "hidden_dim": [count(most=MOST_WIDTH)],
        "n_layers": [count(most=MOST_LAYERS)],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [count(most=MOST_EPOCHS)],
        "batch_size": [count(most=MOST_BATCH)],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "n_models": [count(most=MOST_MODELS)],
        "sources": ["array-like", None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": ["array-like", None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        target: str = "rank",
        graph: str = "sparse",
        features: str = "structure",
        kind: str = "relative",
        hidden_dim: int = 32,
        n_layers: int = 4,
        dropout: float = 0.3,
        lr: float = 0.003,
        max_epochs: int = 10,
        batch_size: int = 4,
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        patience: int = 10,
        n_models: int = 5,
        sources: Any = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        callbacks: Any = None,
    ) -> None:
        self.estimator = estimator
        self.target = target
        self.graph = graph
        self.features = features
        self.kind = kind
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.dropout = dropout
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.patience = patience
        self.n_models = n_models
        self.sources = sources
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @classmethod
    def published(cls, estimator: Any = None, **params: Any) -> "GCNEnhancer":
        """Return the model of Li and Gao: scaled-rank classes, cross-entropy, Adam 0.01, dropout 0.5, 200 epochs.

        Parameters
        ----------
        estimator : estimator, default=None
            As in the constructor.
        **params
            Parameters that differ from the preset, such as ``graph="full"``.

        Returns
        -------
        GCNEnhancer

        Notes
        -----
        The paper leaves open what the features of a node are and how classes of (target, source) pairs become one
        class of a node. Here the features are counts of positive and negative edges, signs of the self-loop, and
        shares of the network that a node reaches, is reached by and shares a cycle with; the class is the median over
        all sources.

        Examples
        --------
        >>> from skperturb.networks import GCNEnhancer
        >>> GCNEnhancer.published(graph="full", random_state=0).max_epochs
        200
        """
        preset: dict[str, Any] = {
            "target": "class",
            "features": "sign",
            "kind": "dynamo",
            "hidden_dim": 16,
            "n_layers": 2,
            "dropout": 0.5,
            "lr": 0.01,
            "max_epochs": 200,
            "n_models": 1,
        }
        return cls(estimator, **preset | params)

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn the factor from networks whose sensitivities are known.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.
        y : sequence of n_networks matrices
            True sensitivity matrices, aligned by name where both sides have names; magnitudes count. Entries that are
            NaN are undefined, and not learned from; infinite ones rank highest.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If `X` or `y` is no sequence of matrices, or an element of `callbacks` is no callback.
        ValueError
            If a network is not square or not finite, `y` does not fit `X` or has a matrix without a defined entry, or
            no network has anything to learn from.
        """
        if self.callbacks is not None:
            from skperturb._training import check_callbacks

            check_callbacks(self.callbacks)
        records = ensure_networks(X)
        truths = target_matrices(records, y)
        self.estimator_ = self._base() if self.estimator is None else clone(self.estimator)
        self.estimator_.fit(X, y)
        self.reads_structure_ = self.features == "structure" and any(map(_has_structure, as_sequence(X)))
        examples = make_examples(X, records, self.estimator_, self.features, self.kind, truths)
        examples = [example for example in examples if example.is_informative]
        if not examples:
            raise ValueError(
                f"none of the {len(records)} networks in X has pairs to learn from; expected at least one with edges "
                "between nodes and different sensitivities in y."
            )
        self.n_networks_ = len(examples)
        rng = check_random_state(self.random_state)
        training, validation = self._hold_out(examples, rng)
        fit_model = _backend(self.target)[0]
        params = self.get_params(deep=False)
        labels = [f"network {k + 1} of {self.n_models}" for k in range(self.n_models)]
        self.models_ = [fit_model(training, validation, {**params, "label": label}, rng) for label in labels]
        return self

    def _base(self) -> DefaultBase:
        return DefaultBase(self.kind, structural=self.target == "rank" and self.features == "structure")

    def _warn_of_bare(self, items: list[Any], records: list[NetworkRecord]) -> None:
        bare = [
            i
            for i, item in enumerate(items)
            if self.reads_structure_ and records[i].n_nodes and not _has_structure(item)
        ]
        if bare:
            listed = ", ".join(f"X[{i}]" for i in bare[:3]) + (f" and {len(bare) - 3} more" if len(bare) > 3 else "")
            warnings.warn(
                f"{listed} have no structure, but the model has learned from networks that have one: their predictions "
                "come from features that it has hardly seen. Learn with features='sign' to predict such networks.",
                ModelWarning,
                stacklevel=4,
            )

    def _hold_out(
        self, examples: list[Example], rng: np.random.RandomState
    ) -> tuple[list[Example], list[Example] | None]:
        if not self.early_stopping:
            return examples, None
        if len(examples) < 2:
            raise ValueError("early_stopping=True holds networks out, but X has only one to learn from.")
        order = rng.permutation(len(examples))
        n_held_out = max(1, len(examples) // _NETWORKS_PER_HELD_OUT)
        return [examples[k] for k in order[n_held_out:]], [examples[k] for k in order[:n_held_out]]

    def predict(self, X):
        """Predict the sensitivity pattern of each network.

        Parameters
        ----------
        X : sequence of n_networks networks
            `InfluenceNetwork` objects, square arrays, sparse matrices or square DataFrames.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One matrix per network, row i responding to source column j; a DataFrame where the network had names, 0 × 0
            for an empty network. With ``target="rank"`` the signs are those of the base prediction, or of signed
            propagation where that predicts magnitudes only.

        Warns
        -----
        ModelWarning
            If the model has learned from structures and a network has none.
        """
        return self._predicted(X, pattern=True)

    def predict_factor(self, X):
        """Predict the enhancement factor E of each network.

        Parameters
        ----------
        X : sequence of n_networks networks
            As in `predict`.

        Returns
        -------
        ndarray of shape (n_networks,), dtype object
            One matrix per network: what `predict` multiplies the magnitudes of the base prediction by; 0 where no path
            leads from source to target.
        """
        return self._predicted(X, pattern=False)

    def score(self, X, y):
        """Return the mean Spearman correlation of predicted and true magnitudes.

        Parameters
        ----------
        X : sequence of n_networks networks
            As in `predict`.
        y : sequence of n_networks matrices
            True sensitivity matrices, aligned by name where both sides have names.

        Returns
        -------
        float
            `skperturb.metrics.spearman_correlation` over whole matrices, ties broken by average ranks; an empty
            network counts as 0.
        """
        if self.sources is not None:
            records = ensure_networks(X)
            y = select_columns(records, resolve_sources(self.sources, records), y)
        return spearman_correlation(y, self.predict(X))

    def _predicted(self, X: Any, *, pattern: bool) -> np.ndarray:
        check_is_fitted(self)
        records = ensure_networks(X)
        self._warn_of_bare(as_sequence(X), records)
        examples = make_examples(X, records, self.estimator_, self.features, self.kind)
        columns = [None] * len(records) if self.sources is None else resolve_sources(self.sources, records)
        results = []
        for record, example, chosen in zip(records, examples, columns, strict=True):
            factor = self._factor(example)
            values = factor * example.base if pattern else factor
            # The classes of the published model say nothing of signs.
            values = values * example.sign if pattern and self.target == "rank" else values
            results.append(record.label(values if chosen is None else values[:, chosen], chosen))
        return as_object_array(results)

    def _factor(self, example: Example) -> np.ndarray:
        predict_factor = _backend(self.target)[1]
        return np.where(example.reached, predict_factor(self.models_, example), 0.0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def _has_structure(network: Any) -> bool:
    return is_network(network) and network.structure is not None


def _backend(target: str) -> tuple[Any, Any]:
    """Return the functions that train one model and that turn trained models into a factor."""
    # torch is heavy: importing the estimator must stay light.
    if target == "class":
        from skperturb.networks._enhancer.class_model import fit_class_model, predict_class_factor

        return fit_class_model, predict_class_factor
    from skperturb.networks._enhancer.rank_model import fit_rank_model, predict_rank_factor

    return fit_rank_model, predict_rank_factor
