"""What `score_responses` is given, tables or cells, becomes measured and predicted changes of the same conditions."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from skperturb._interchange import as_pandas, is_anndata
from skperturb._labels import LabelReader
from skperturb._near_names import listed, nearest
from skperturb._validation import describe
from skperturb.responses._pseudobulk import (
    LARGEST,
    check_layout,
    check_values,
    plain_values,
    pseudobulk,
    values_of,
    warn_of_dates,
)

__all__ = [
    "CONTROL",
    "Options",
    "Screen",
    "align_genes",
    "match_conditions",
    "read_predictions",
    "read_screen",
    "warn_of_expression",
]

#: The group of a control cell; no condition has this key.
CONTROL = "control"
_SHOWN = 3
# Of so many predictions none is negative by chance where more than this share of the measured changes is.
_ENOUGH, _FALLING = 20, 0.1


@dataclass(frozen=True)
class Options:
    """How cells and labels are read.

    Parameters
    ----------
    groupby : str
    control : str or sequence of str
    target_sum : float or None
    control_source : {"truth", "predicted"}
    reader : LabelReader
    """

    groupby: str
    control: Any
    target_sum: float | None
    control_source: str
    reader: LabelReader

    @property
    def controls(self) -> list[str]:
        """Labels of the control."""
        return [self.control] if isinstance(self.control, str) else list(self.control)


@dataclass(eq=False)
class Screen:
    """Changes of conditions, and the cells behind them.

    Parameters
    ----------
    changes : DataFrame of shape (n_conditions, n_genes)
    keys : list
        What each row perturbs, the same for all spellings; further levels of the index are part of it.
    genes : list of dict
        Perturbed genes of each row, with their doses.
    variance : DataFrame or None
        Of each mean over cells.
    cells : AnnData or None
        Log-normalised; None where only changes are known.
    groups : list or None
        The key of each cell; `CONTROL` for a control, None for what belongs to no condition.
    """

    changes: pd.DataFrame
    keys: list[Hashable]
    genes: list[dict[Hashable, float]]
    variance: pd.DataFrame | None = None
    cells: Any = None
    groups: list[Hashable] | None = None

    def rows(self, positions: Sequence[int]) -> "Screen":
        """Return some of the conditions."""
        kept = list(positions)
        variance = None if self.variance is None else self.variance.iloc[kept]
        keys, genes = [self.keys[k] for k in kept], [self.genes[k] for k in kept]
        return Screen(self.changes.iloc[kept], keys, genes, variance, self.cells, self.groups)

    def columns(self, genes: pd.Index) -> "Screen":
        """Return some of the genes, in their order."""
        variance = None if self.variance is None else self.variance[genes]
        cells = self.cells if self.cells is None or self.cells.var_names.equals(genes) else self.cells[:, genes]
        return Screen(self.changes[genes], self.keys, self.genes, variance, cells, self.groups)


def read_screen(given: Any, options: Options, name: str) -> Screen:
    """Read a table of changes, or cells.

    Parameters
    ----------
    given : DataFrame or AnnData
    options : Options
    name : str
        How error texts call it.

    Returns
    -------
    Screen
    """
    given = as_pandas(given, index=True)
    if isinstance(given, pd.DataFrame):
        warn_of_dates(given.columns, f"{name}.columns", stacklevel=4)
        return _from_table(given, options, name)
    if not is_anndata(given):
        raise TypeError(
            f"{name} is a {type(given).__name__}; expected a DataFrame of log-fold changes, conditions × genes, or an "
            "AnnData of cells."
        )
    if options.groupby not in given.obs.columns:
        alike = nearest(str(options.groupby), map(str, given.obs.columns))
        raise ValueError(
            f"groupby={options.groupby!r} is no column of the obs of {name}{alike}; expected one of "
            f"{listed(given.obs.columns)}."
        )
    _check_values(given, name)
    if _holds_changes(given, options):
        table = pd.DataFrame(_dense(given.X), index=given.obs[options.groupby].astype(object), columns=given.var_names)
        return _from_table(table, options, name)
    return _from_cells(given, options, name)


def read_predictions(predicted: Any, truth: Screen, options: Options) -> dict[str, Screen]:
    """Read the predictions of one model, or of several by name.

    Parameters
    ----------
    predicted : DataFrame, AnnData or dict of str to these
    truth : Screen
    options : Options

    Returns
    -------
    dict of str to Screen
    """
    named = dict(predicted) if isinstance(predicted, Mapping) else {"predicted": predicted}
    if not named:
        raise ValueError("predicted is empty; expected at least one model.")
    found = {}
    for name, given in named.items():
        label = "predicted" if not isinstance(predicted, Mapping) else f"predicted[{name!r}]"
        if _is_cells(given, options, label):
            if options.target_sum is not None:
                given = _normalized(given, options.target_sum)
            given = _with_control_of(truth, given, options, label)
        # Cells are normalized by now, and the measured control beside them was before.
        found[str(name)] = read_screen(given, replace(options, target_sum=None), label)
    return found


def match_conditions(truth: Screen, predicted: Mapping[str, Screen]) -> tuple[list[int], dict[str, Screen]]:
    """Return where the predicted conditions stand in the truth, and the predictions in that order.

    Parameters
    ----------
    truth : Screen
    predicted : dict of str to Screen
        All with the same conditions.

    Returns
    -------
    list of int, dict of str to Screen

    Raises
    ------
    ValueError
        If a prediction names conditions that the truth lacks, or predictions differ in their conditions.
    """
    places = {key: k for k, key in enumerate(truth.keys)}
    tested: list[int] | None = None
    ordered = {}
    for name, screen in predicted.items():
        unknown = [k for k, key in enumerate(screen.keys) if key not in places]
        if unknown:
            raise ValueError(
                f"{name} predicts {len(screen.keys)} conditions, and the truth lacks {len(unknown)} of them, such as "
                f"{_labels(screen, unknown)}; it has {len(truth.keys)}, such as {_labels(truth, range(_SHOWN))}."
            )
        own = {places[key]: k for k, key in enumerate(screen.keys)}
        if tested is not None and set(own) != set(tested):
            lacking = sorted(set(tested) ^ set(own))
            raise ValueError(
                f"{name} predicts other conditions than the first model: {len(lacking)} differ, such as "
                f"{_labels(truth, lacking)}; expected the same of all."
            )
        tested = sorted(own)
        ordered[name] = screen.rows([own[k] for k in tested])
    return tested or [], ordered


def align_genes(
    truth: Screen, others: Mapping[str, Screen], genes: str | Sequence[str]
) -> tuple[Screen, dict[str, Screen]]:
    """Return all screens with the same genes in the same order.

    Parameters
    ----------
    truth : Screen
    others : dict of str to Screen
    genes : {"all", "shared"} or sequence of str

    Returns
    -------
    Screen, dict of str to Screen

    Raises
    ------
    ValueError
        If a screen lacks genes that are to be scored.
    """
    wanted = truth.changes.columns
    if isinstance(genes, str) and genes == "shared":
        for screen in others.values():
            wanted = wanted[wanted.isin(screen.changes.columns)]
    elif not isinstance(genes, str):
        if getattr(genes, "ndim", 1) != 1 or not all(isinstance(gene, Hashable) for gene in genes):
            raise TypeError(f"genes is a {describe(genes)}; expected 'all', 'shared', or a sequence of names.")
        wanted = pd.Index(list(genes))
    if not len(wanted):
        raise ValueError(
            f"genes={genes!r} leaves no gene to score: truth has {truth.changes.shape[1]}, such as "
            f"{list(truth.changes.columns[:_SHOWN])}. Expected at least one that all have; rename them, or pass others."
        )
    for name, screen in {"truth": truth, **others}.items():
        missing = wanted.difference(screen.changes.columns, sort=False)
        if len(missing):
            raise ValueError(
                f"{name} lacks {len(missing)} of {len(wanted)} genes to score, such as {list(missing[:_SHOWN])} (there "
                f"are {screen.changes.shape[1]}, such as {list(screen.changes.columns[:_SHOWN])}). Pass genes='shared' "
                "for those that all have, or rename them."
            )
    return truth.columns(wanted), {name: screen.columns(wanted) for name, screen in others.items()}


def warn_of_expression(truth: Screen, predicted: Mapping[str, Screen]) -> None:
    """Warn of tables of predictions that look like expression, of which nothing is negative, and not like changes.

    Parameters
    ----------
    truth : Screen
        The tested conditions.
    predicted : dict of str to Screen
    """
    falling = float((truth.changes.to_numpy() < 0).mean())
    for name, screen in predicted.items():
        values = screen.changes.to_numpy()
        looks_so = values.size >= _ENOUGH and values.min() >= 0 and (values > 0).mean() > 0.5
        if screen.cells is None and looks_so and falling > _FALLING:
            warnings.warn(
                f"{name} holds no negative value, and {falling:.0%} of the measured changes are negative: is it "
                "expression? Pass log-fold changes: subtract the mean of the controls.",
                UserWarning,
                stacklevel=3,
            )


def _labels(screen: Screen, rows: Sequence[int] | range) -> list[Any]:
    return [screen.changes.index[k] for k in list(rows)[:_SHOWN] if k < len(screen.keys)]


def _from_table(table: pd.DataFrame, options: Options, name: str) -> Screen:
    _check_unique(table.columns, f"{name}.columns")
    values = _numbers(table, name)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinite values; expected the log-fold change of every gene.")
    large = np.argwhere(np.abs(values) > LARGEST)
    if len(large):
        row, column = large[0]
        raise ValueError(
            f"{name} holds {values[row, column]:g} (condition {table.index[row]!r}, gene {table.columns[column]!r}), "
            "whose powers have no finite sum; expected log-fold changes, whose size is seldom above 20. Correct or "
            "drop it."
        )
    read = _read_labels(table.index.get_level_values(0), options, f"{name}.index")
    kept = [k for k, (_, is_control, _) in enumerate(read) if not is_control]
    if not kept:
        raise ValueError(f"{name} has {len(table)} rows, none of them a perturbed condition; expected at least one.")
    rest = [table.index[k][1:] if table.index.nlevels > 1 else () for k in kept]
    keys: list[Hashable] = [(read[k][0], *more) for k, more in zip(kept, rest, strict=True)]
    repeated = [key for k, key in enumerate(keys) if key in keys[:k]] if len(set(keys)) < len(keys) else []
    if repeated:
        first = [table.index[kept[k]] for k, key in enumerate(keys) if key == repeated[0]]
        raise ValueError(f"{name} has {len(first)} rows of one condition: {first[:_SHOWN]}; expected one, their mean.")
    changes = pd.DataFrame(values[kept], index=table.index[kept], columns=table.columns)
    return Screen(changes, keys, [read[k][2] for k in kept])


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    try:
        if any(pd.api.types.is_complex_dtype(dtype) for dtype in table.dtypes):
            raise TypeError("complex numbers")
        return table.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds values that are no real numbers ({error}); expected changes.") from error


def _from_cells(cells: Any, options: Options, name: str) -> Screen:
    reader = options.reader
    if options.target_sum is not None:
        cells = _normalized(cells, options.target_sum)
    # Of several possible names of the control, a file need not have all.
    there = reader.controls_in(_texts(cells, options))
    bulk = pseudobulk(
        cells,
        options.groupby,
        there or options.control,
        sep=reader.sep,
        guide_suffix=reader.guide_suffix,
        guide_prefix=reader.guide_prefix,
    )
    screen = _from_table(bulk.target, options, name)
    screen.variance = bulk.variance
    screen.cells = cells
    labels = cells.obs[options.groupby].astype(object)
    known = {label: key for key, label in zip(screen.keys, screen.changes.index, strict=True)}
    named = {label: known[condition] for condition, spellings in bulk.labels.items() for label in spellings}
    # A list, because a Series of tuples may be taken for something else.
    screen.groups = [
        CONTROL if is_control else None if pd.isna(label) else named.get(label)
        for label, is_control in zip(labels, _controls(cells, options), strict=True)
    ]
    return screen


def _controls(adata: Any, options: Options) -> np.ndarray:
    """Tell which rows are controls, in whatever spelling, and with whatever guide."""
    texts = _texts(adata, options)
    controls = {text for text, one in zip(texts, options.reader.examine_all(texts), strict=True) if one.is_control}
    labels = adata.obs[options.groupby].astype(object)
    return np.array([isinstance(label, str) and label in controls for label in labels], dtype=bool)


def _texts(adata: Any, options: Options) -> list[str]:
    return sorted({label for label in adata.obs[options.groupby].astype(object) if isinstance(label, str)})


def _normalized(cells: Any, target_sum: float) -> Any:
    """Return cells scaled to a total, with the logarithm of 1 + x."""
    cells = _in_memory(cells).copy()
    cells.X = plain_values(cells.X)
    check_values(cells.X.data if sp.issparse(cells.X) else cells.X, 0, cells.n_obs)
    values = cells.X.data if sp.issparse(cells.X) else np.asarray(cells.X)
    if not np.array_equal(values, np.rint(values)):
        raise ValueError(
            f"target_sum={target_sum} is for raw counts, and cells hold values such as "
            f"{values[values % 1 != 0][0]:.3g}, no whole numbers; leave it out for values that are log-normalised."
        )
    scaled = normalize(cells.X, norm="l1") * target_sum
    cells.X = scaled.log1p() if sp.issparse(scaled) else np.log1p(scaled)
    return cells


def _read_labels(labels: pd.Index, options: Options, name: str) -> list[tuple[Hashable, bool, dict[Hashable, float]]]:
    """Return the key of each label, whether it is a control, and the doses of its genes."""
    if not all(isinstance(label, str) for label in labels):
        return [(label, False, {}) for label in labels]
    conditions = options.reader.read_all(labels, name)
    return [(condition.key, condition.is_control, condition.doses) for condition in conditions]


def _check_unique(names: pd.Index, label: str) -> None:
    if not names.is_unique:
        raise ValueError(f"{label} has the duplicate name {names[names.duplicated()][0]!r}; expected unique names.")


def _holds_changes(adata: Any, options: Options) -> bool:
    """Tell changes of conditions, as `to_anndata` writes them, from cells: no control, and negative values."""
    if _controls(adata, options).any():
        return False
    return bool(_entries(adata.X).min(initial=0.0) < 0)


def _check_values(adata: Any, name: str) -> None:
    for n, what in zip(adata.shape, ("cells", "genes"), strict=True):
        if n == 0:
            raise ValueError(f"{name} has no {what} (shape {adata.shape}); expected at least one.")
    matrix = values_of(adata)
    if matrix is None:
        raise ValueError(f"{name}.X is empty (None); put the values there: {name}.X = {name}.layers[...].")
    check_layout(matrix)


def _is_cells(given: Any, options: Options, name: str) -> bool:
    if not is_anndata(given) or options.groupby not in given.obs.columns:
        return False
    _check_values(given, name)
    return not _holds_changes(given, options)


def _entries(matrix: Any) -> np.ndarray:
    """Return the values of a matrix, those that are not stored left out."""
    values = plain_values(matrix[:])
    return values.data if sp.issparse(values) else values


def _dense(matrix: Any) -> np.ndarray:
    matrix = plain_values(matrix[:])
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=float)


def _with_control_of(truth: Screen, cells: Any, options: Options, name: str) -> Any:
    """Return predicted cells beside the measured control cells, in place of their own."""
    import anndata

    is_control = _controls(cells, options)
    if truth.cells is None or (options.control_source == "predicted" and is_control.any()):
        return cells
    measured = truth.cells[_controls(truth.cells, options)]
    measured, perturbed = (_in_memory(part) for part in (measured, cells[~is_control]))
    _warn_of_other_values(measured, perturbed, bool(is_control.any()), options, name)
    shared = measured.var_names.intersection(perturbed.var_names, sort=False)
    if not len(shared):
        raise ValueError(
            f"predicted and truth have no gene in common: {list(perturbed.var_names[:_SHOWN])} … and "
            f"{list(measured.var_names[:_SHOWN])} …; rename them."
        )
    return anndata.concat([measured, perturbed], index_unique="-", join="inner")


def _warn_of_other_values(measured: Any, perturbed: Any, has_control: bool, options: Options, name: str) -> None:
    """Warn of predicted cells that look like something else than the measured ones they will stand beside."""
    if _is_whole(perturbed.X) and not _is_whole(measured.X):
        text = "holds whole numbers, as counts are, and the measured cells hold none; pass log-normalised values"
    elif not has_control and perturbed.obs[options.groupby].nunique() == len(perturbed):
        text = (
            "has no control, no negative value and one row for each condition: it is read as expression. If these are "
            "changes, pass them as a table (a DataFrame, adata.to_df(); .csv)"
        )
    else:
        return
    warnings.warn(f"{name} {text}.", UserWarning, stacklevel=5)


def _is_whole(matrix: Any) -> bool:
    values = _entries(matrix)
    return bool(np.array_equal(values, np.rint(values)))


def _in_memory(cells: Any) -> Any:
    return cells.to_memory() if getattr(cells, "isbacked", False) else cells
