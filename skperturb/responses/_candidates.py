"""Which perturbations to test next: what nobody tested, and what a model expects of it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from skperturb._interchange import as_pandas
from skperturb._label_sources import read_labels
from skperturb._labels import LabelReader
from skperturb._sklearn import N_JOBS, Interval, StrOptions, validate_params

__all__ = ["RANKINGS", "rank_candidates", "untested_combinations"]

#: What candidates can be ranked by.
RANKINGS = ("surprise", "effect", "interaction", "uncertainty")


@validate_params(
    {
        "labels": "no_validation",
        "order": [Interval(Integral, 2, None, closed="left")],
        "genes": ["array-like", None],
        "control": [str, "array-like"],
        "sep": [str, "array-like"],
        "guide_suffix": [str, None],
        "guide_prefix": [str, None],
        "column": [str, None],
    },
    prefer_skip_nested_validation=True,
)
def untested_combinations(
    labels: Any,
    *,
    order: int = 2,
    genes: Sequence[str] | None = None,
    control: str | Sequence[str] = ("control", "ctrl"),
    sep: str | Sequence[str] = ("+", "_"),
    guide_suffix: str | None = None,
    guide_prefix: str | None = None,
    column: str | None = None,
) -> np.ndarray:
    """List the combinations of genes that nobody tested.

    Parameters
    ----------
    labels : sequence of str, Series, DataFrame or AnnData
        Of the tested conditions; controls among them do not matter.
    order : int, default=2
        Number of genes in a combination.
    genes : sequence of str, default=None
        The genes to combine; None takes those that were perturbed alone.
    control, sep, guide_suffix, guide_prefix
        How labels are read, as for `PerturbationEncoder`. New labels are joined by the first separator.
    column : str, default=None
        The column of a table with several.

    Returns
    -------
    ndarray of str, shape (n_combinations,)
        Labels, genes in the order of the alphabet. Doses do not count: a pair that was tested at any dose is tested.

    Raises
    ------
    ValueError
        If a label cannot be read, or there are fewer genes than `order`.

    Examples
    --------
    >>> from skperturb.responses import untested_combinations
    >>> untested_combinations(["KLF1", "CEBPA", "CD14", "CEBPA+KLF1", "ctrl"]).tolist()
    ['CD14+CEBPA', 'CD14+KLF1']
    """
    reader = LabelReader(control=control, sep=sep, guide_suffix=guide_suffix, guide_prefix=guide_prefix)
    tested = {
        frozenset(map(str, condition.doses)) for condition in reader.read_all(read_labels(labels, column), "labels")
    }
    if genes is None:
        found = sorted(gene for one in tested if len(one) == 1 for gene in one)
    else:
        found = sorted({str(gene) for gene in genes})
    if len(found) < order:
        raise ValueError(
            f"order={order}, and only {len(found)} genes were perturbed alone, {found[:3]}; pass genes= to combine "
            "others."
        )
    joined = [reader.sep[0].join(group) for group in combinations(found, order) if frozenset(group) not in tested]
    return np.array(joined, dtype=object)


@validate_params(
    {
        "model": "no_validation",
        "baseline": "no_validation",
        "X": "no_validation",
        "by": [StrOptions(set(RANKINGS))],
        "top": [Interval(Integral, 1, None, closed="left"), None],
        "block_size": [Interval(Integral, 1, None, closed="left"), None],
        "n_jobs": N_JOBS,
    },
    prefer_skip_nested_validation=True,
)
def rank_candidates(
    model: Any,
    baseline: Any,
    X: Any,
    *,
    by: str = "surprise",
    top: int | None = None,
    block_size: int | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    r"""Rank untested perturbations by what a model expects of them.

    With the predicted response :math:`\hat y` and its standard deviation :math:`\sigma`, and the response
    :math:`b` that the baseline expects:

    .. math:: \text{effect} = \lVert \hat y \rVert, \quad
              \text{interaction} = \lVert \hat y - b \rVert, \quad
              \text{uncertainty} = \Bigl( \sum_g \sigma_g^2 \Bigr)^{1/2}, \quad
              \text{surprise} = \sqrt{\text{interaction}^2 + \text{uncertainty}^2}

    The surprise is the root of the expected squared distance between the response and what the baseline expects: an
    experiment is worth doing where the model departs from the baseline, and where it does not know.

    Parameters
    ----------
    model : fitted estimator
        Of responses, such as `KernelPerturbationRegressor`, or a Pipeline with `PerturbationEncoder`.
    baseline : fitted estimator
        `AdditiveRegressor` for combinations, scikit-learn's ``DummyRegressor`` (the mean response) for single genes.
    X : DataFrame of shape (n_candidates, n_genes), sequence of str, or iterator of these
        Doses of the candidates, named by the index, or their labels where both are Pipelines. An iterator yields blocks
        of candidates, which are made when they are needed: more of them than memory holds.
    by : {"surprise", "effect", "interaction", "uncertainty"}, default="surprise"
        Largest first.
    top : int, default=None
        Number of candidates to return; None returns all.
    block_size : int, default=None
        Candidates that are predicted at once, which bounds the memory; None takes all of a table. Of each block, `top`
        are kept.
    n_jobs : int, default=None
        Blocks that are predicted at the same time, as joblib counts them, also on a Dask cluster.

    Returns
    -------
    DataFrame of shape (n_returned, 5)
        ``condition, effect, interaction, uncertainty, surprise``; the last two are NaN for a model without standard
        deviations. In the units of the response.

    Raises
    ------
    ValueError
        If the model has no standard deviations and is to be ranked by them, or there are no candidates.

    See Also
    --------
    untested_combinations : The pairs that nobody tested.

    Examples
    --------
    >>> import pandas as pd
    >>> from skperturb.responses import AdditiveRegressor, rank_candidates
    >>> X = pd.DataFrame({"A": [1, 0, 1], "B": [0, 1, 1], "C": [0, 0, 0]}, index=["A", "B", "A+B"], dtype=float)
    >>> y = pd.DataFrame({"x": [1.0, 0.0, 0.5], "y": [0.0, 2.0, 1.0]}, index=X.index)
    >>> model, additive = (AdditiveRegressor(shrinkage=factor).fit(X, y) for factor in ("auto", 1.0))
    >>> rank_candidates(model, additive, X, by="interaction", top=1)[["condition", "interaction"]].round(2)
      condition  interaction
    0       A+B         1.12
    """
    tasks = (delayed(_rank_block)(model, baseline, block, by, top) for block in _blocks(X, block_size))
    found = [table for table in Parallel(n_jobs=n_jobs)(tasks) if len(table)]
    if not found:
        raise ValueError("X is empty; expected at least one candidate.")
    # Stable in the blocks and here: candidates that are alike keep their order, whatever the blocks.
    return _best(pd.concat(found, ignore_index=True) if len(found) > 1 else found[0], by, top)


def _blocks(X: Any, block_size: int | None) -> Iterable[Any]:
    if isinstance(X, Iterator):
        return X
    X = as_pandas(X, index=True)
    size = block_size or max(len(X), 1)
    rows = (slice(start, start + size) for start in range(0, len(X), size))
    return (X.iloc[chosen] if isinstance(X, pd.DataFrame | pd.Series) else X[chosen] for chosen in rows)


def _best(table: pd.DataFrame, by: str, top: int | None) -> pd.DataFrame:
    return table.sort_values(by, ascending=False, kind="stable", ignore_index=True).head(top or len(table))


def _rank_block(model: Any, baseline: Any, X: Any, by: str, top: int | None) -> pd.DataFrame:
    """Return the best candidates of a block; a function, so that it can be pickled."""
    X = as_pandas(X, index=True)
    if not len(X):
        return pd.DataFrame()
    predicted, deviation = _predict(model, X, needs_deviation=by in ("surprise", "uncertainty"))
    difference = np.linalg.norm(predicted - _matrix(baseline.predict(X)), axis=1)
    table = pd.DataFrame(
        {
            "condition": list(X.index) if isinstance(X, pd.DataFrame) else list(X),
            "effect": np.linalg.norm(predicted, axis=1),
            "interaction": difference,
            "uncertainty": deviation,
            "surprise": np.hypot(difference, deviation),
        }
    )
    return _best(table, by, top)


def _predict(model: Any, X: Any, needs_deviation: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions, and the norm of their standard deviations; NaN for a model without."""
    try:
        mean, deviation = model.predict(X, return_std=True)
    except TypeError as error:
        # A model that knows the option may raise this for its X.
        if "return_std" not in str(error):
            raise
        if needs_deviation:
            raise ValueError(
                f"{type(model).__name__} predicts no standard deviations; rank by 'effect' or 'interaction', or use "
                "KernelPerturbationRegressor or APPRegressor."
            ) from None
        return _matrix(model.predict(X)), np.full(len(X), np.nan)
    return _matrix(mean), np.linalg.norm(_matrix(deviation), axis=1)


def _matrix(values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    return array[:, None] if array.ndim == 1 else array
