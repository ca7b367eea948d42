"""One table of all scores of predicted responses, beside baselines and what a replicate would reach."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from skperturb import metrics
from skperturb._interchange import as_pandas, is_anndata
from skperturb._labels import LabelReader
from skperturb._sklearn import StrOptions, count, validate_params
from skperturb._validation import check_names, describe
from skperturb.responses._pseudobulk import check_target_sum
from skperturb.responses._score_inputs import (
    CONTROL,
    Options,
    Screen,
    align_genes,
    match_conditions,
    read_predictions,
    read_screen,
    warn_of_expression,
)

__all__ = ["BASELINES", "score_responses"]

#: Names of the baselines, in their order in the table.
BASELINES = ("no change", "mean", "additive")
#: Scores of which less is better.
_ERRORS = ("l2", "mae_delta", "mse_delta", "weighted_mse_delta", "de_lfc_error")
# By what the distance between means of halves shrinks for means of all cells; their variance is twice as large.
_FULL_SIZE = {"l2": 0.5**0.5, "mae_delta": 0.5**0.5, "mse_delta": 0.5, "weighted_mse_delta": 0.5}
_REPLICATE = "replicate"
#: How the scores begin that compare a condition with the others.
_AMONG_CONDITIONS = ("discrimination", "centroid")
# Pairs of replicates drawn from known noise: their mean L2 then varies by less than a hundredth on the real screens.
_DRAWS = 5


@validate_params(
    {
        "truth": "no_validation",
        "predicted": "no_validation",
        "groupby": [str],
        "control": [str, "array-like"],
        "train": "no_validation",
        "baselines": ["array-like"],
        "noise_variance": ["array-like", None],
        "differential_expression": ["boolean"],
        "control_source": [StrOptions({"truth", "predicted"})],
        "genes": [StrOptions({"all", "shared"}), "array-like"],
        "target_sum": "no_validation",
        "sep": "no_validation",
        "guide_suffix": [str, None],
        "guide_prefix": [str, None],
        "n_resamples": [count()],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def score_responses(
    truth: Any,
    predicted: Any,
    *,
    groupby: str = "perturbation",
    control: str | Sequence[str] = ("control", "ctrl"),
    train: Any = None,
    baselines: Sequence[str] = BASELINES,
    noise_variance: Any = None,
    differential_expression: bool = True,
    control_source: str = "truth",
    genes: str | Sequence[str] = "all",
    target_sum: float | None = None,
    sep: str | Sequence[str] = ("+", "_"),
    guide_suffix: str | None = None,
    guide_prefix: str | None = None,
    n_resamples: int = 1000,
    random_state: int | np.random.RandomState | None = 0,
) -> pd.DataFrame:
    r"""Score predicted responses of any model, beside baselines and a replicate of the experiment.

    Parameters
    ----------
    truth : DataFrame of shape (n_conditions, n_genes) or AnnData
        Measured log-fold changes; or the cells, log-normalised, with their controls. Conditions that nobody predicts
        are what the baselines learn from, unless `train` is given.
    predicted : DataFrame of shape (n_predicted, n_genes), AnnData, or dict of str to these
        Predicted log-fold changes, or cells, of one model or of several by name. An AnnData without a control that
        holds negative values, as `to_anndata` writes it, holds changes. Conditions are matched by what they perturb
        ("A+B" and "B+A" are one), genes by name.
    groupby : str, default="perturbation"
        Column of ``obs`` that names the condition, for AnnData.
    control : str or sequence of str, default=("control", "ctrl")
        Labels of the unperturbed cells.
    train : DataFrame of shape (n_train, n_genes) or AnnData, default=None
        The conditions that baselines learn from, if not those of `truth` that nobody predicts.
    baselines : sequence of str, default=("no change", "mean", "additive")
        "mean" is the mean response of the training conditions (where there are none, of the tested ones),
        "additive" the sum of the responses to the single perturbations among them.
    noise_variance : array-like of shape (n_conditions, n_genes) or (n_conditions,), default=None
        Variance of the noise of each measured change, or their sum over the genes, for a `truth` of changes; rows like
        those of `truth`.
    differential_expression : bool, default=True
        Test cells where both sides have them; the slowest part by far.
    control_source : {"truth", "predicted"}, default="truth"
        The control that predicted cells are compared with, the measured one (as cell-eval2 does) or their own (as
        cell-eval does).
    genes : {"all", "shared"} or sequence of str, default="all"
        The genes of `truth`, which predictions must have; those that all have; or a list.
    target_sum : float, default=None
        Scale cells to this total and take log(1 + x), for raw counts, as in `pseudobulk`; reads them into memory.
    sep, guide_suffix, guide_prefix
        How labels are read, as for `PerturbationEncoder`.
    n_resamples : int, default=1000
        Bootstrap samples of the conditions, for the intervals.
    random_state : int, RandomState instance or None, default=0
        Seed of the bootstrap, of the halves and of the drawn noise.

    Returns
    -------
    DataFrame
        One row for each model and metric, with an index of both: ``score`` (mean over the conditions), ``low`` and
        ``high`` (95 % bootstrap interval over conditions), ``n`` (conditions for which the score is defined),
        ``scaled`` (`scaled_score`: 0 is the baseline that the column ``baseline`` names, 1 a replicate) and
        ``baseline``. The last model, "replicate", is what a repetition of the experiment reaches, where cells or
        `noise_variance` say: one half of the cells of each condition as the prediction of the other (errors of means
        brought to full size, all other scores those of halves), or two draws of the known noise. ``attrs["notes"]``
        lists what was left out and why. ``table["score"].unstack()`` is models × metrics.

    Raises
    ------
    TypeError
        If an input is neither a table nor an AnnData.
    ValueError
        If predictions name conditions or lack genes of the truth (with their number), labels cannot be read, values are
        not finite, or an option is wrong.

    Warns
    -----
    UserWarning
        As `pseudobulk` does for cells; if predictions look like counts or expression where changes or logarithms are
        expected, or names of genes are dates.

    See Also
    --------
    to_cell_eval : The files that cell-eval scores.

    Notes
    -----
    Metrics: ``l2``; ``mae_delta``, ``mse_delta``, ``pearson_delta``, ``pearson_delta_mean`` (against the mean of the
    training conditions), ``pearson_delta_top20``; ``discrimination_l1``, ``_l2``, ``_cosine`` (perturbed genes that are
    read out left out, unless nothing else is) and ``centroid_accuracy``, among the tested conditions; with a known
    noise ``weighted_mse_delta`` and ``weighted_r2_delta`` (weights of `de_weights` from change over noise); and the
    ``de_…`` functions of `skperturb.metrics`, for cells.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import score_responses
    >>> genes = ["x", "y", "z"]
    >>> truth = pd.DataFrame([[1.0, 0, 0], [0, 1.0, 0], [1.0, 0.5, 0.2], [0, 0, 1.0], [0, 1.0, 0.9]],
    ...                      index=["A", "B", "A+B", "C", "B+C"], columns=genes)
    >>> predicted = pd.DataFrame([[0.9, 0.6, 0.1], [0, 0.9, 1.0]], index=["A+B", "C+B"], columns=genes)
    >>> scores = score_responses(truth, predicted)
    >>> scores["score"].unstack()[["l2", "pearson_delta"]].round(2).loc[["predicted", "mean", "additive"]]
    metric       l2  pearson_delta
    model
    predicted  0.16           0.97
    mean       0.82           0.00
    additive   0.32           0.89
    """
    _check_names(baselines)
    check_target_sum(target_sum)
    reader = LabelReader(control=control, sep=sep, guide_suffix=guide_suffix, guide_prefix=guide_prefix)
    options = Options(groupby, control, target_sum, control_source, reader)
    rng = check_random_state(random_state)
    measured = read_screen(truth, options, "truth")
    _set_noise(measured, noise_variance, truth)
    known = None if train is None else read_screen(train, options, "train")
    models = read_predictions(predicted, measured, options)
    tested, models = match_conditions(measured, models)
    others = models if known is None else {**models, "train": known}
    measured, others = align_genes(measured, others, genes)
    known = others.pop("train") if known is not None else None
    warn_of_expression(measured.rows(tested), others)
    task = _Task.of(measured, tested, known, differential_expression, options)
    return _table(task, others, list(baselines), n_resamples, rng)


def _check_names(baselines: Sequence[str]) -> None:
    unknown = [name for name in check_names(baselines, "baselines") if name not in BASELINES]
    if unknown:
        raise ValueError(f"baselines holds {unknown[:3]}; expected names among {list(BASELINES)}.")


def _set_noise(measured: Screen, noise_variance: Any, truth: Any) -> None:
    if noise_variance is None:
        return
    if measured.cells is not None:
        raise ValueError("noise_variance is for a truth of changes; cells say themselves how noisy their means are.")
    given = as_pandas(noise_variance)
    index = as_pandas(truth, index=True).index if not is_anndata(truth) else measured.changes.index
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"noise_variance is a {describe(given)} that holds no numbers: {error}.") from error
    if (
        values.ndim not in (1, 2)
        or len(values) != len(index)
        or (values.ndim == 2 and values.shape[1] != measured.changes.shape[1])
    ):
        raise ValueError(
            f"noise_variance has shape {values.shape}; expected ({len(index)},) or ({len(index)}, "
            f"{measured.changes.shape[1]}), as truth has."
        )
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError("noise_variance holds NaN, infinite or negative values; leave such conditions out.")
    if values.ndim == 1:
        # A total says nothing of its parts.
        n_genes = measured.changes.shape[1]
        values = np.tile(values[:, None] / n_genes, n_genes)
    table = pd.DataFrame(values, index=index, columns=measured.changes.columns)
    if isinstance(given, pd.Series | pd.DataFrame) and not given.index.equals(index):
        table = table.set_axis(given.index).reindex(index)
        if table.isna().to_numpy().any():
            raise ValueError("noise_variance and truth have different row names; expected the same conditions.")
    measured.variance = table.loc[measured.changes.index]


@dataclass(eq=False)
class _Task:
    """What is scored: measured changes of the tested conditions, and what baselines may know."""

    truth: Screen
    known: Screen
    reference: np.ndarray
    targets: list[list[str]] | None
    weights: np.ndarray | None
    tests: pd.DataFrame | None

    @classmethod
    def of(
        cls, measured: Screen, tested: list[int], train: Screen | None, with_tests: bool, options: Options
    ) -> "_Task":
        truth = measured.rows(tested)
        untested = [k for k in range(len(measured.keys)) if k not in set(tested)]
        known = measured.rows(untested) if train is None else train
        # A mean without the condition itself would rank it last and correlate with it negatively, by construction.
        reference = (known if known.keys else truth).changes.mean(axis=0).to_numpy()
        columns = truth.changes.columns.astype(str)
        named = [[str(gene) for gene in genes] for genes in truth.genes]
        read_out = columns.isin([gene for genes in named for gene in genes])
        # Where nothing but perturbed genes is read out, leaving them out would leave nothing.
        targets = named if read_out.any() and not read_out.all() else None
        tests = _tests(truth) if with_tests and truth.cells is not None else None
        return cls(truth, known, reference, targets, _weights(truth), tests)

    def baseline(self, name: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Return what a baseline predicts, and for which conditions it does."""
        changes = self.truth.changes
        everything = np.ones(len(changes), dtype=bool)
        if name == "no change":
            return changes * 0.0, everything
        if name == "mean":
            values = np.tile(self.reference, (len(changes), 1))
            return pd.DataFrame(values, changes.index, changes.columns), everything
        return self._additive()

    def _additive(self) -> tuple[pd.DataFrame, np.ndarray]:
        singles = {
            (next(iter(genes.items())), *_rest(key)): self.known.changes.iloc[k].to_numpy()
            for k, (genes, key) in enumerate(zip(self.known.genes, self.known.keys, strict=True))
            if len(genes) == 1
        }
        values = np.zeros(self.truth.changes.shape)
        possible = np.zeros(len(values), dtype=bool)
        for row, (genes, key) in enumerate(zip(self.truth.genes, self.truth.keys, strict=True)):
            parts = [singles[item, *_rest(key)] for item in genes.items() if (item, *_rest(key)) in singles]
            possible[row] = len(parts) == len(genes) > 1
            if possible[row]:
                values[row] = np.sum(parts, axis=0)
        return pd.DataFrame(values, self.truth.changes.index, self.truth.changes.columns), possible


def _rest(key: Hashable) -> tuple[Hashable, ...]:
    return key[1:] if isinstance(key, tuple) else ()


def _weights(truth: Screen) -> np.ndarray | None:
    """Return the weights of genes by how sure their change is, where the noise is known."""
    if truth.variance is None:
        return None
    variance = truth.variance.to_numpy(dtype=float)
    if not np.isfinite(variance).all():
        return None
    # A gene without noise was never seen to vary: neither has it changed, or all of its cells agree.
    smallest = variance[variance > 0].min(initial=np.inf)
    if not np.isfinite(smallest):
        return None
    return metrics.de_weights(truth.changes.to_numpy() / np.sqrt(np.maximum(variance, smallest)))


def _tests(screen: Screen, cells: Any = None, groups: Sequence[Hashable] | None = None) -> pd.DataFrame:
    """Test the cells of a screen; conditions are named by their position in it."""
    cells = screen.cells if cells is None else cells
    groups = screen.groups if groups is None else groups
    assert groups is not None
    # Padded, so that their order as texts, in which tests are listed, is that of the conditions.
    places = {key: f"{k:09d}" for k, key in enumerate(screen.keys)} | {CONTROL: CONTROL}
    labels = pd.Series([places.get(group) for group in groups], index=cells.obs_names, dtype=object)
    view = _Labeled(cells, labels)
    return metrics.differential_expression(view, "condition", CONTROL, min_cells=1)


class _Labeled:
    """An AnnData with other labels, without a copy of its matrix."""

    def __init__(self, cells: Any, labels: pd.Series) -> None:
        self.obs = pd.DataFrame({"condition": labels})
        self.X, self.layers = cells.X, cells.layers
        self.var, self.var_names, self.obs_names = cells.var, cells.var_names, cells.obs_names
        self.n_obs, self.n_vars = cells.shape

    def to_df(self) -> pd.DataFrame:
        """Return the matrix as a table; AnnData is told by this method."""
        return pd.DataFrame(np.asarray(self.X[:]), self.obs_names, self.var_names)


def _table(
    task: _Task, models: Mapping[str, Screen], baselines: list[str], n_resamples: int, rng: np.random.RandomState
) -> pd.DataFrame:
    notes: list[str] = []
    scores: dict[str, dict[str, np.ndarray]] = {}
    for name, screen in models.items():
        tests = None if task.tests is None or screen.cells is None else _tests(screen)
        scores[name] = _scores(task, screen.changes, tests)
    if task.tests is None:
        notes.append("differential expression: not tested, because it needs cells of both sides")
    for name in baselines:
        values, possible = task.baseline(name)
        if not possible.any():
            notes.append(
                f"{name}: left out, because no tested condition is a combination of known single perturbations"
            )
            continue
        scores[name] = _scores(task, values, None, possible)
    if not task.known.keys and "mean" in baselines:
        notes.append("mean: of the tested conditions themselves, because there are no others to learn from")
    replicate = _replicate(task, rng)
    if replicate is None:
        notes.append("replicate: unknown, because neither cells nor noise_variance say how noisy the truth is")
    else:
        scores[_REPLICATE] = replicate
    table = _summary(scores, n_resamples, rng)
    notes += _undefined(table)
    _add_scaled(table, scores, [name for name in baselines if name in scores])
    table.attrs["notes"] = notes
    return table


def _scores(
    task: _Task, values: pd.DataFrame, tests: pd.DataFrame | None, possible: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return each score of each condition; NaN where a baseline has no prediction."""
    found = _change_scores(task.truth.changes, values.to_numpy(), task, task.weights)
    if tests is not None and task.tests is not None:
        found |= _test_scores(task.tests, tests, task.targets)
    if possible is not None and not possible.all():
        found = {name: np.where(possible, scores, np.nan) for name, scores in found.items()}
    return found


def _change_scores(
    truth: pd.DataFrame, prediction: np.ndarray, task: _Task, weights: np.ndarray | None
) -> dict[str, np.ndarray]:
    each: dict[str, Any] = {"reduce": None}
    predicted = pd.DataFrame(prediction, index=truth.index, columns=truth.columns)
    targets: dict[str, Any] = {} if task.targets is None else {"exclude_targets": "all", "targets": task.targets}
    discriminate = partial(metrics.perturbation_discrimination_score, truth, predicted, **targets, **each)
    scores: dict[str, Callable[[], Any]] = {
        "l2": partial(metrics.l2_distance, truth, predicted, **each),
        "mae_delta": partial(metrics.mae_delta, truth, predicted, **each),
        "mse_delta": partial(metrics.mse_delta, truth, predicted, **each),
        "pearson_delta": partial(metrics.pearson_delta, truth, predicted, **each),
        "pearson_delta_mean": partial(metrics.pearson_delta, truth, predicted, reference=task.reference, **each),
        "pearson_delta_top20": partial(metrics.pearson_delta, truth, predicted, top=20, **each),
        "discrimination_l1": partial(discriminate, metric="l1"),
        "discrimination_l2": partial(discriminate, metric="l2"),
        "discrimination_cosine": partial(discriminate, metric="cosine"),
        "centroid_accuracy": partial(metrics.centroid_accuracy, truth, predicted, **each),
    }
    if weights is not None:
        scores["weighted_mse_delta"] = partial(metrics.weighted_mse_delta, truth, predicted, weights, **each)
        scores["weighted_r2_delta"] = partial(metrics.weighted_r2_delta, truth, predicted, weights, **each)
    return {name: np.asarray(score()) for name, score in scores.items()}


def _test_scores(first: pd.DataFrame, second: pd.DataFrame, targets: list[list[str]] | None) -> dict[str, np.ndarray]:
    each: dict[str, Any] = {"reduce": None}
    scores = {
        "de_overlap": metrics.de_overlap_at_k(first, second, **each),
        "de_overlap_at_50": metrics.de_overlap_at_k(first, second, k=50, **each),
        "de_precision": metrics.de_precision_at_k(first, second, **each),
        "de_precision_at_50": metrics.de_precision_at_k(first, second, k=50, **each),
        "de_recall": metrics.de_recall(first, second, **each),
        "de_direction_match": metrics.de_direction_match(first, second, **each),
        "de_spearman_lfc": metrics.de_spearman_lfc(first, second, **each),
        "de_pr_auc": metrics.de_pr_auc(first, second, **each),
        "de_roc_auc": metrics.de_roc_auc(first, second, **each),
    }
    for name in ("de_jaccard", "de_direction_yield", "de_direction_reach", "de_lfc_error"):
        scores[name] = getattr(metrics, name)(first, second, targets=targets, **each)
    return scores


def _replicate(task: _Task, rng: np.random.RandomState) -> dict[str, np.ndarray] | None:
    """Return the scores of a repetition of the experiment, or None where the noise is unknown."""
    if task.truth.cells is not None:
        return _halves(task, rng)
    if task.truth.variance is None:
        return None
    truth = task.truth.changes
    noise = np.sqrt(task.truth.variance.to_numpy(dtype=float))
    draws = []
    for _ in range(_DRAWS):
        first, second = (truth.to_numpy() + noise * rng.standard_normal(truth.shape) for _ in range(2))
        draws.append(_change_scores(pd.DataFrame(first, truth.index, truth.columns), second, task, task.weights))
    return {name: np.mean([draw[name] for draw in draws], axis=0) for name in draws[0]}


def _halves(task: _Task, rng: np.random.RandomState) -> dict[str, np.ndarray] | None:
    """Score half of the cells of each condition as the prediction of the other half, against the same control."""
    screen = task.truth
    assert screen.groups is not None
    places = {key: k for k, key in enumerate(screen.keys)}
    row_of = np.array([places.get(group, -1) for group in screen.groups])
    halves = np.full(len(row_of), -1)
    for k in range(len(screen.keys)):
        cells = rng.permutation(np.flatnonzero(row_of == k))
        halves[cells] = np.arange(len(cells)) % 2
    split = [k for k in range(len(screen.keys)) if (row_of == k).sum() > 1]
    if not split:
        return None
    means = [_group_means(screen, np.where(halves == half, row_of, -1)) for half in (0, 1)]
    # The control is the same for both, and its mean is that of the changes.
    control = _group_means(screen, row_of)[split] - screen.changes.to_numpy()[split]
    first, second = (mean[split] - control for mean in means)
    part = _Task(
        screen.rows(split),
        task.known,
        task.reference,
        None if task.targets is None else [task.targets[k] for k in split],
        None if task.weights is None else task.weights[split],
        None,
    )
    table = pd.DataFrame(first, index=part.truth.changes.index, columns=screen.changes.columns)
    found = _change_scores(table, second, part, part.weights)
    found = {name: values * _FULL_SIZE.get(name, 1.0) for name, values in found.items()}
    if task.tests is not None:
        tests = [_half_tests(part.truth, halves, half) for half in (0, 1)]
        found |= _test_scores(tests[0], tests[1], part.targets)
    everything = {name: np.full(len(screen.keys), np.nan) for name in found}
    for name, values in found.items():
        everything[name][split] = values
    return everything


def _half_tests(screen: Screen, halves: np.ndarray, half: int) -> pd.DataFrame:
    assert screen.groups is not None
    groups = [group if group == CONTROL or halves[k] == half else None for k, group in enumerate(screen.groups)]
    return _tests(screen, groups=groups)


def _group_means(screen: Screen, row_of: np.ndarray) -> np.ndarray:
    """Return the mean of the cells of each condition, in chunks; NaN for a condition without cells."""
    sums = np.zeros(screen.changes.shape)
    size = 10_000
    for start in range(0, len(row_of), size):
        rows = row_of[start : start + size]
        chunk = screen.cells.X[start : start + size]
        chunk = np.asarray(chunk.todense() if hasattr(chunk, "todense") else chunk, dtype=float)
        np.add.at(sums, rows[rows >= 0], chunk[rows >= 0])
    counts = np.bincount(row_of[row_of >= 0], minlength=len(sums))[:, None]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _summary(scores: dict[str, dict[str, np.ndarray]], n_resamples: int, rng: np.random.RandomState) -> pd.DataFrame:
    n_conditions = len(next(iter(next(iter(scores.values())).values())))
    # The same conditions for all models, so that their intervals can be compared.
    drawn = rng.randint(n_conditions, size=(n_resamples, n_conditions))
    rows, index = [], []
    for model, found in scores.items():
        for metric, values in found.items():
            index.append((model, metric))
            rows.append(_mean_with_interval(values, drawn))
    names = pd.MultiIndex.from_tuples(index, names=["model", "metric"])
    return pd.DataFrame(rows, index=names, columns=["score", "low", "high", "n"]).astype({"n": int})


def _undefined(table: pd.DataFrame) -> list[str]:
    """Say which scores no prediction has, and why that is so."""
    predictions = table.drop(index=_REPLICATE, level="model", errors="ignore")
    defined = predictions.groupby(level="metric", sort=False)["n"].max()
    names = defined.index[defined == 0]
    among = [name for name in names if name.startswith(_AMONG_CONDITIONS)]
    tests = [name for name in names if name.startswith("de_")]
    others = [name for name in names if name not in {*among, *tests}]
    reasons = {
        "a single condition has no others to be told from": among,
        "no condition has a significant gene to count": tests,
        "the measured changes of each condition do not vary, by the weights of its genes": others,
    }
    return [f"{', '.join(found)}: undefined, because {reason}" for reason, found in reasons.items() if found]


def _mean_with_interval(values: np.ndarray, drawn: np.ndarray) -> tuple[float, float, float, int]:
    defined = ~np.isnan(values)
    n = int(defined.sum())
    if not n:
        return np.nan, np.nan, np.nan, 0
    if n == 1:
        return float(values[defined][0]), np.nan, np.nan, 1
    weights = defined[drawn].sum(axis=1)
    sums = np.where(defined, values, 0.0)[drawn].sum(axis=1)
    means = sums[weights > 0] / weights[weights > 0]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values[defined].mean()), float(low), float(high), n


def _add_scaled(table: pd.DataFrame, scores: dict[str, dict[str, np.ndarray]], baselines: list[str]) -> None:
    """Add how much of the way from the baseline to the replicate each score goes, and the name of the baseline."""
    # The strongest baseline that predicts all conditions.
    complete = [name for name in baselines if not np.isnan(scores[name]["l2"]).any()]
    name = min(complete, key=lambda one: scores[one]["l2"].mean(), default=None)
    table["scaled"] = np.nan
    table["baseline"] = name
    if name is None or _REPLICATE not in scores:
        return
    for model, found in scores.items():
        for metric in found.keys() & scores[name].keys() & scores[_REPLICATE].keys():
            values = np.array([found[metric], scores[name][metric], scores[_REPLICATE][metric]])
            # Means over the same conditions.
            defined = ~np.isnan(values).any(axis=0)
            if not defined.any():
                continue
            error, base, ceiling = values[:, defined].mean(axis=1)
            room = base - ceiling if metric in _ERRORS else ceiling - base
            # Where a replicate is no better than the baseline, there is no way to go.
            if room > 0:
                table.loc[(model, metric), "scaled"] = metrics.scaled_score(error, base, ceiling) + 0.0
