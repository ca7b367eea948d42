"""AdaptivePerturbPredictor: a graph neural network with attention, as published and as a residual on a baseline."""

import itertools
from collections.abc import Iterator
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator as _AnyEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skperturb._sklearn import (
    MOST_EPOCHS,
    MOST_LAYERS,
    MOST_MODELS,
    MOST_WIDTH,
    Interval,
    StrOptions,
    count,
    fit_context,
)
from skperturb.base import BaseEstimator
from skperturb.responses._app.attention import largest_weights, main_axes, mean_attention
from skperturb.responses._app.baseline import VarianceBaseline, baseline_values, fit_baseline
from skperturb.responses._app.correction import Correction, can_be_weighed, mean_square, train_correction
from skperturb.responses._app.nodes import GeneNodes, warn_genes_outside
from skperturb.responses._app.signal import could_learn
from skperturb.responses._conditions import (
    PerturbationRegressorMixin,
    condition_groups,
    estimate_effects,
    n_perturbed,
)
from skperturb.responses._gene_tables import gene_edges

__all__ = ["APPRegressor"]

#: Batches that a network is trained on where ``training="auto"`` bounds it, and conditions times nodes from which on
#: attention then looks at a part of the nodes, of which size. At the default size of batches that is from 1,280
#: conditions on. On the simulated screen of 2,000 genes of ``benchmarks/bench_whole_genome.py``, held-out errors of a
#: network fall by 2.5 % after 1,000 batches (2.4 % with 512 of the nodes, in half the time) and by 3.4 % after 2,000.
_MAX_BATCHES = 2_000
_MANY_PAIRS, _N_ATTENDED = 2_000_000, 512


class APPRegressor(PerturbationRegressorMixin, RegressorMixin, BaseEstimator):
    r"""Predict responses with gene embeddings, attention and a baseline whose errors the network corrects.

    .. math:: h_i^{l} = \sigma\big(W^l\, \mathrm{AGG}(\{h_i^{l-1}\} \cup \{h_j^{l-1} : j \in N(i)\}) + b^l\big), \qquad
              p = \sum_g x_g h_g
    .. math:: a = \mathrm{softmax}_i\; v^\top \tanh(W_p p + W_h h_i + b), \qquad z = \sum_i a_i h_i, \qquad
              \hat y = f(x) + \alpha\, D[z, p]

    with the baseline f and the decoder D. The network is trained on what the baseline leaves over when a condition is
    held out, starts at zero, and its correction is weighed by a factor :math:`\alpha \in [0, 1]` that is chosen on
    held-out training conditions: where the network does not help, the baseline remains. `published` returns the
    architecture of the paper, which predicts the response itself.

    Parameters
    ----------
    graph : DataFrame (pandas or polars), networkx or PyG graph, sparse matrix or sequence of pairs, default=None
        Edges between genes, undirected, aligned by name with the columns of X. A DataFrame has a gene in each of its
        first two columns and, optionally, edge types as text, each a kernel of its own in the baseline, and weights as
        numbers. The nodes of a sparse matrix, and of a PyG graph without ``names``, are the positions of the columns of
        an X without names. Perturbed genes that the graph lacks are nodes without neighbors; one warning counts them.
    gene_features : DataFrame of shape (n_genes, n_features), or dict or list of such, default=None
        Genes × features, input of the network and of the kernel baseline, see `KernelPerturbationRegressor`.
    edge_weights : {"use", "ignore"} or float, default="use"
        What the numbers of `graph` do: a numeric column of a DataFrame, the attribute ``weight`` of networkx,
        ``edge_attr`` of PyG, the entries of a matrix. "use" weighs edges by them, relative to the largest absolute
        value, the weight of a gene's own vector in AGG. "ignore" counts all edges alike. A number cuts: edges with a
        smaller absolute weight are left out, and the others count alike, with their sign.
    contexts : sequence of str or int, or DataFrame, default=None
        Which columns of X are contexts, see `KernelPerturbationRegressor`. The baseline knows them, and each level adds
        a vector that is learned to p; a level that was not trained adds none.
    single_effects : {"auto"} or None, default="auto"
        "auto" makes the known single effects an input of the network when it is trained on combinations.
    baseline : {"auto", "kernel", "scaled_additive", "additive", "mean", "linear"}, estimator or None, default="auto"
        What the network corrects. "auto" is "kernel": `KernelPerturbationRegressor` with `graph` and `gene_features`,
        which falls back to addition and to the mean by its leave-one-out error. None predicts the response itself. Any
        regressor will do; one that knows the variance of its errors may say so, see Notes.
    context : {"sum", "mean"}, default="sum"
        How the vectors of the perturbed genes become p.
    attention : bool, default=True
        Whether z is there.
    skip : bool, default=True
        Whether the decoder sees p beside z; without attention it always does.
    embedding : {"gnn", "identity", "random"}, default="gnn"
        Vectors of the genes: of the graph layers, free ones that are learned, or random ones that stay as they are.
    decoder : {"linear", "mlp"}, default="linear"
        One layer, or two.
    aggregation : {"sum", "mean", "max"}, default="mean"
        AGG, over a gene and its neighbors.
    training : {"auto", "always"}, default="auto"
        "auto" trains the ensemble only if ridge regression on the vectors of the genes lowers the error that the
        baseline leaves over by more than its standard error and by 2 %, and if there are conditions to hold out:
        otherwise the correction would hardly count in the end. Of 500 conditions and more, the other networks are
        trained only if the first one helps on those that it leaves out. Without a baseline, or with one network, whose
        correction is not weighed, training is always done.
    n_models : int, default=5
        Networks in the ensemble. With two or more and a baseline, each leaves out one part of the training conditions,
        on which the correction is weighed; with fewer than two conditions for each network the baseline remains.
    hidden_dim : int, default=32
    n_layers : int, default=2
        Graph layers.
    lr : float, default=0.003
        Learning rate of Adam.
    max_epochs : int, default=100
        With ``training="auto"`` fewer, on large screens: as many as 2,000 batches need.
    batch_size : int, default=64
        -1 takes all conditions at once.
    weight_decay : float, default=0.001
    dropout : float, default=0.0
    device : str, default="auto"
        "auto" is CUDA when it is there.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, batches and the parts of the ensemble.
    verbose : int, default=0
        Show the epochs when positive: a bar on a terminal, plain lines elsewhere.
    callbacks : list of skorch callbacks, default=None
        Each network gets a copy. No samples are held out from a network's own training, so they can watch
        "train_loss" only.

    Attributes
    ----------
    nets_ : list of skorch.NeuralNet
        Empty where training was skipped, or ended with the first network.
    baseline_ : estimator or None
        The fitted baseline.
    correction_weight_ : float
        α; 1 where it is not chosen, 0 where training was skipped.
    contexts_ : list of str
        The contexts, "unknown" that of rows without one; empty without contexts.
    node_names_ : ndarray
        Genes that the attention ranges over.
    n_parameters_ : int
        Trained parameters of one network, 0 without one.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)

    See Also
    --------
    KernelPerturbationRegressor, AdditiveRegressor, LinearPerturbationRegressor

    Notes
    -----
    Where the training conditions hold at least ten combinations, a network with a baseline is trained on them and
    corrects combinations only: single effects are known. Otherwise it is trained on the singles and corrects genes that
    were never perturbed (with contexts: not in the context). Without a baseline it is trained on and predicts every
    condition.

    A fitted baseline with the methods ``predict_values(X)`` and ``predict_variance(X)``, which take validated doses and
    return arrays of shape (n_conditions, n_outputs), gives ``predict(X, return_std=True)`` a variance of its own for
    each condition, as `KernelPerturbationRegressor` does; for any other, the mean square of its held-out errors is
    taken. If it also holds ``loo_residuals_``, training responses minus their prediction from the other conditions, the
    networks are trained on these; otherwise it is fitted again without each of ten parts of the conditions.

    The text that describes the architecture calls its own measurements fabricated: none is quoted here.

    References
    ----------
    Leveraging biological networks for robust gene perturbation prediction (AdaptivePerturbPredictor). Preprint, not
    peer reviewed (November 2025). doi:10.20944/preprints202511.1380.v1. Only the architecture is taken from it: its
    text calls its own measurements fabricated, so none is quoted or compared with.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.responses import APPRegressor
    >>> X = np.vstack([np.eye(4), [[1, 1, 0, 0], [0, 1, 1, 0]]])
    >>> y = X @ np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 2.0]])
    >>> APPRegressor(max_epochs=5, random_state=0).fit(X, y).predict([[0, 0, 1, 0]])
    array([[1., 1.]])
    """

    _parameter_constraints: dict = {  # noqa: RUF012
        "graph": "no_validation",
        "gene_features": ["array-like", dict, list, None],
        "edge_weights": [StrOptions({"use", "ignore"}), Interval(Real, 0, None, closed="neither")],
        "contexts": ["array-like", str, None],
        "single_effects": [StrOptions({"auto"}), None],
        "baseline": [
            StrOptions({"auto", "kernel", "scaled_additive", "additive", "mean", "linear"}),
            _AnyEstimator,
            None,
        ],
        "context": [StrOptions({"sum", "mean"})],
        "attention": ["boolean"],
        "skip": ["boolean"],
        "embedding": [StrOptions({"gnn", "identity", "random"})],
        "decoder": [StrOptions({"linear", "mlp"})],
        "aggregation": [StrOptions({"sum", "mean", "max"})],
        "training": [StrOptions({"auto", "always"})],
        "n_models": [count(most=MOST_MODELS)],
        "hidden_dim": [count(most=MOST_WIDTH)],
        "n_layers": [count(most=MOST_LAYERS)],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [count(most=MOST_EPOCHS)],
        "batch_size": [Interval(Integral, -1, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": ["array-like", None],
    }

    def __init__(
        self,
        graph: Any = None,
        gene_features: Any = None,
        *,
        edge_weights: str | float = "use",
        contexts: Any = None,
        single_effects: str | None = "auto",
        baseline: Any = "auto",
        context: str = "sum",
        attention: bool = True,
        skip: bool = True,
        embedding: str = "gnn",
        decoder: str = "linear",
        aggregation: str = "mean",
        training: str = "auto",
        n_models: int = 5,
        hidden_dim: int = 32,
        n_layers: int = 2,
        lr: float = 0.003,
        max_epochs: int = 100,
        batch_size: int = 64,
        weight_decay: float = 0.001,
        dropout: float = 0.0,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        callbacks: list[Any] | None = None,
    ) -> None:
        self.graph = graph
        self.gene_features = gene_features
        self.edge_weights = edge_weights
        self.contexts = contexts
        self.single_effects = single_effects
        self.baseline = baseline
        self.context = context
        self.attention = attention
        self.skip = skip
        self.embedding = embedding
        self.decoder = decoder
        self.aggregation = aggregation
        self.training = training
        self.n_models = n_models
        self.hidden_dim = hidden_dim
        self.n_layers = n_layers
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    @classmethod
    def published(cls, graph: Any = None, gene_features: Any = None, **params: Any) -> "APPRegressor":
        """Return the architecture of the paper: mean context, attention read-out, no baseline, one network.

        Parameters
        ----------
        graph, gene_features : see the class
        **params
            Changes, such as the paper's ablations: ``embedding="random"``, ``embedding="identity"``,
            ``attention=False`` and ``decoder="mlp"``.

        Returns
        -------
        APPRegressor
        """
        paper = {
            "single_effects": None,
            "baseline": None,
            "context": "mean",
            "skip": False,
            "n_models": 1,
            "hidden_dim": 256,
            "lr": 0.001,
            "max_epochs": 200,
            "weight_decay": 0.0,
        }
        return cls(graph, gene_features, **{**paper, **params})

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, noise_variance: Any = None) -> "APPRegressor":
        """Fit the baseline and the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses, as `PerturbationEncoder` makes them.
        y : array-like of shape (n_conditions, n_outputs) or (n_conditions,)
            Log-fold changes.
        sample_weight : array-like of shape (n_conditions,), default=None
            How much each condition counts, in the baseline (if it takes weights) and in the networks.
        noise_variance : array-like of shape (n_conditions,) or (n_conditions, n_outputs), default=None
            Variance of the noise of each response, see `KernelPerturbationRegressor.fit`.

        Returns
        -------
        self : APPRegressor

        Raises
        ------
        TypeError
            If X holds labels, which `PerturbationEncoder` turns into doses, or an element of `callbacks` is none.
        ValueError
            If rows of X, y, weights and noise have different names, weights or noise are negative or NaN, X has
            contexts without a baseline that could know them, or a callback watches a loss that is not measured.
        """
        X, y, noise = self._validate_fit(X, y, sample_weight, noise_variance)
        self._check_training()
        rng = check_random_state(self.random_state)
        names = np.asarray(getattr(self, "feature_names_in_", np.arange(X.shape[1])))
        edges = None if self.graph is None else gene_edges(self.graph, self.edge_weights)
        fitted = fit_baseline(
            self.baseline,
            self.graph,
            self.gene_features,
            X,
            y,
            names,
            edge_weights=self.edge_weights,
            noise=noise,
            contexts=self.contexts,
            design=self._design,
        )
        self.baseline_, self.contexts_ = fitted.estimator, self._context_names
        self._mode = fitted.mode
        self._known = (self._by_context(X) != 0).any(axis=0)
        genes = self._genes(X)
        with_effects = self._mode == "combinations" and self.single_effects
        effects = estimate_effects(genes, y, noise=noise).values if with_effects else None
        self._nodes = GeneNodes(self._genes(names), self._output_names, edges, self.gene_features, effects)
        # The kernel baseline has warned already.
        if self.baseline not in ("auto", "kernel"):
            warn_genes_outside(self._nodes, genes.shape[1], edges)
        self.node_names_ = self._nodes.names.to_numpy()
        rows = noise.take(fitted.rows)
        weight = rows.precision(fitted.residual) if noise.is_known else None
        everything = len(fitted.rows) == len(X)
        self._fit_correction(X if everything else X[fitted.rows], fitted.residual, weight, rng)
        return self

    def _genes(self, columns: np.ndarray) -> np.ndarray:
        """Return the columns of genes, or their names."""
        return columns if self._design is None else columns[..., self._design.genes]

    def _network_input(self, X: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
        """Return doses of all nodes and, behind them, the levels of contexts."""
        doses = self._nodes.widen(self._genes(X), dtype)
        if self._design is None:
            return doses
        return np.hstack([doses, X[:, list(self._design.column_names)].astype(dtype)])

    def _check_training(self) -> None:
        if self._design is not None and self.baseline is None:
            raise ValueError(
                f"X has {len(self._design.column_names)} columns of contexts, such as "
                f"{next(iter(self._design.column_names.values()))!r}, and baseline=None, as published, knows none. "
                "Leave them out, to average over the contexts, or set a baseline such as 'kernel'."
            )
        # Now, and not when the baseline has been fitted, which can take minutes. Torch is heavy to import.
        if self.device not in ("auto", "cpu"):
            from skperturb._training import resolve_device

            resolve_device(self.device)
        if self.callbacks:
            from skperturb._training import check_callbacks, check_monitors

            check_callbacks(self.callbacks)
            check_monitors(
                self.callbacks,
                "APPRegressor weighs its networks by parts that they leave out (n_models) and holds out no others",
            )

    def _fit_correction(
        self, X: np.ndarray, residual: np.ndarray, weight: np.ndarray | None, rng: np.random.RandomState
    ) -> None:
        self._report: dict[str, Any] | None = None
        # Replicates are left out together, and a gene in all its contexts: otherwise they would predict one another,
        # and the correction would look good.
        group = condition_groups(self._genes(X))[1]
        if self._is_bounded and not self._is_worth_training(X, group, residual, weight):
            self._skip_training(X, residual, weight, rng)
            return
        correction = train_correction(
            partial(self._fit_net, rng=rng, numbers=itertools.count(1)),
            self._network_input(X, np.float32),
            residual,
            group,
            n_models=self.n_models,
            weighed=self._is_weighed,
            bounded=self._is_bounded,
            rng=rng,
            weight=weight,
        )
        if correction is None:
            self._skip_training(X, residual, weight, rng)
            return
        self._correction = correction
        self.nets_, self.correction_weight_ = correction.nets, correction.weight
        self.n_parameters_ = sum(parameter.numel() for parameter in self.nets_[0].module_.parameters())
        self.n_iter_ = len(self.nets_[0].history)

    @property
    def _is_weighed(self) -> bool:
        return self.baseline is not None and self.n_models > 1

    @property
    def _is_bounded(self) -> bool:
        return self._is_weighed and self.training == "auto"

    def _is_worth_training(
        self, X: np.ndarray, group: np.ndarray, residual: np.ndarray, weight: np.ndarray | None
    ) -> bool:
        return can_be_weighed(group, self.n_models) and could_learn(self._nodes, self._genes(X), residual, weight)

    def _skip_training(
        self, X: np.ndarray, residual: np.ndarray, weight: np.ndarray | None, rng: np.random.RandomState
    ) -> None:
        self.nets_ = []
        self.correction_weight_ = 0.0
        self._correction = Correction([], 0.0, 1.0, mean_square(residual))
        self.n_parameters_ = self.n_iter_ = 0
        # What a network needs that is trained when somebody asks what attention looks at.
        row, column = np.nonzero(X)
        axes = main_axes(residual)
        self._report = {
            "entries": (row, column, X[row, column]),
            "target": (residual if axes is None else residual @ axes.T).astype(np.float32),
            "weight": weight,
            "seed": int(rng.randint(np.iinfo(np.int32).max)),
        }

    def _attending_nets(self) -> list[Any]:
        """Return the networks, or train one where training was skipped."""
        if self._report is None:
            return self.nets_
        if "net" not in self._report:
            row, column, dose = self._report["entries"]
            target = self._report["target"]
            X = np.zeros((len(target), self.n_features_in_))
            X[row, column] = dose
            doses = self._network_input(X, np.float32)
            size = float(np.sqrt(np.mean(target**2))) or 1.0
            rng = np.random.RandomState(self._report["seed"])
            self._report["net"] = self._fit_net(doses, target / size, self._report["weight"], rng)
        return [self._report["net"]]

    def _fit_net(
        self,
        doses: np.ndarray,
        target: np.ndarray,
        weight: np.ndarray | None,
        rng: np.random.RandomState,
        numbers: Iterator[int] | None = None,
    ) -> Any:
        import torch

        from skperturb._training import TensorTable, fit_net
        from skperturb.responses._app.module import AdaptivePerturbModule, WeightedSquares

        n_outputs = target.shape[1]
        if weight is not None:
            target = np.column_stack([target, weight])
        max_epochs, n_attended = self._bounds(len(doses))
        weights = self._nodes.edge_weight
        build = partial(
            AdaptivePerturbModule,
            torch.from_numpy(self._nodes.features.astype(np.float32)),
            torch.from_numpy(self._nodes.edge_index),
            n_outputs,
            hidden_dim=self.hidden_dim,
            n_layers=self.n_layers,
            dropout=self.dropout,
            context=self.context,
            aggregation=self.aggregation,
            embedding=self.embedding,
            decoder=self.decoder,
            attention=self.attention,
            skip=self.skip,
            zero_init=self.baseline is not None,
            edge_weight=None if weights is None else torch.from_numpy(weights.astype(np.float32)),
            n_attended=n_attended,
            n_levels=0 if self._design is None else len(self._design.column_names),
        )
        table = TensorTable(
            {"doses": torch.from_numpy(doses.astype(np.float32, copy=False))},
            torch.from_numpy(target.astype(np.float32)),
        )
        return fit_net(
            build,
            table,
            criterion=torch.nn.MSELoss if weight is None else WeightedSquares,
            lr=self.lr,
            max_epochs=max_epochs,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            device=self.device,
            random_state=rng,
            verbose=self.verbose,
            label="" if numbers is None else f"network {next(numbers)} of {self.n_models}",
            callbacks=self.callbacks,
        )

    def _bounds(self, n_conditions: int) -> tuple[int, int | None]:
        """Return the number of epochs, and of the nodes that attention looks at in training if not all."""
        if not self._is_bounded:
            return self.max_epochs, None
        n_batches = 1 if self.batch_size < 1 else -(-n_conditions // self.batch_size)
        n_attended = _N_ATTENDED if n_conditions * len(self.node_names_) > _MANY_PAIRS else None
        return min(self.max_epochs, -(-_MAX_BATCHES // n_batches)), n_attended

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict log-fold changes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.
        return_std : bool, default=False
            Also return a standard deviation of the error: of the baseline where it has one, otherwise of the errors on
            training conditions (held-out ones, if the ensemble holds some out), and of the ensemble.

        Returns
        -------
        y : ndarray or DataFrame of shape (n_conditions, n_outputs) or (n_conditions,)
        std : like `y`
            Only with ``return_std=True``.
        """
        check_is_fitted(self)
        X, rows = self._validate_predict(X)
        corrections = self._corrections(X)
        mean = corrections.mean(axis=0)
        variance = corrections.var(axis=0, ddof=1) if len(corrections) > 1 else np.zeros_like(mean)
        values = mean
        if self.baseline_ is not None:
            values = values + baseline_values(self.baseline_, X, getattr(self, "feature_names_in_", ()))
        if return_std:
            of_baseline = isinstance(self.baseline_, VarianceBaseline)
            variance = variance + (
                self.baseline_.predict_variance(X) if of_baseline else self._correction.error_variance
            )
            deviation = self._label_output(np.sqrt(variance), rows, deviation=True)
            return self._label_output(values, rows), deviation
        return self._label_output(values, rows)

    def _corrections(self, X: np.ndarray) -> np.ndarray:
        """Return what each network adds, zero for conditions of a kind that it was not trained on, and without any."""
        count = n_perturbed(self._genes(X))
        rows = {"all": count >= 0, "combinations": count > 1, "singles": self._unseen_singles(X, count)}[self._mode]
        n_used = len(self.nets_) if self.correction_weight_ > 0 and rows.any() else 0
        corrections = np.zeros((max(n_used, 1), len(X), len(self._correction.error_variance)))
        if n_used:
            doses = self._network_input(X[rows])
            for correction, net in zip(corrections, self.nets_, strict=True):
                correction[rows] = self._correction.predict(net, doses)
        return corrections

    def _unseen_singles(self, X: np.ndarray, count: np.ndarray) -> np.ndarray:
        return (count > 0) & ~(self._by_context(X)[:, self._known] != 0).any(axis=1)

    def attention_weights(self, X: Any) -> pd.DataFrame:
        """Return how much each gene contributes to the cell state of each condition.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.

        Returns
        -------
        DataFrame of shape (n_conditions, n_nodes)
            Softmax weights a, averaged over the ensemble; rows sum to one, those of unknown genes are NaN. (The name
            ``attention`` is taken by the parameter.) Where training was skipped, one network is trained for this, at
            the first call.

        Raises
        ------
        ValueError
            If the network was built with ``attention=False``.
        """
        check_is_fitted(self)
        X, rows = self._validate_predict(X)
        if not self.attention:
            raise ValueError("attention=False: the network has no attention weights; fit it with attention=True.")
        weights = mean_attention(self._attending_nets(), self._network_input(X))
        weights[rows.unknown] = np.nan
        return pd.DataFrame(weights, index=rows.index, columns=self.node_names_)

    def top_genes(self, X: Any, n_genes: int = 10) -> pd.DataFrame:
        """Return the genes with the largest attention weights of each condition.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_conditions, n_genes)
            Doses.
        n_genes : int, default=10

        Returns
        -------
        DataFrame
            One row for each condition and rank: ``condition``, ``rank``, ``gene`` and ``weight``. Conditions of unknown
            genes have none.
        """
        return largest_weights(self.attention_weights(X), n_genes)
