"""Sensitivity matrices: what happens to every variable when one variable is shifted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy.linalg as sla
import scipy.sparse as sp
from joblib import Parallel, delayed

from skperturb._network import InfluenceNetwork
from skperturb._validation import as_sequence, check_n_jobs, describe, ensure_networks, is_network
from skperturb.exceptions import ModelWarning, UndefinedSensitivityError
from skperturb.sbml._responding.clamp import ClampResponse, clamp_response, reachable
from skperturb.sbml._solving.integrate import scale_of

__all__ = ["sensitivity_matrices", "sensitivity_matrix"]

_KINDS = ("steady_state", "relative", "dynamo")
_UNDEFINED = ("raise", "nan")
_ON_ERROR = ("raise", "skip")
# Part of the largest coefficient of a total below which a term is left out of its text: more than the rounding errors
# of the coefficients, less than any stoichiometric number is of another.
_UNSEEN = 1e-8
# Relative distance from 1 at which a coefficient is written as no number.
_ONE = 1e-6


def sensitivity_matrix(
    network: Any, kind: str = "steady_state", *, undefined: str = "raise"
) -> pd.DataFrame | np.ndarray:
    r"""Compute how every variable responds to a shift of each variable.

    Parameters
    ----------
    network : InfluenceNetwork, DataFrame, array-like or sparse matrix of shape (n_nodes, n_nodes)
        The Jacobian ``A_ij = d f_i / d x_j`` at a steady state. A plain matrix brings no conservation
        laws; they are then found as its numerical left null space.
    kind : {"steady_state", "relative", "dynamo"}, default="steady_state"
        - "steady_state": variable j is held at a shifted value and all others relax;
          ``S_ij = dx_i / dx_j``, in units of i over units of j.
        - "relative": the same in per cent per per cent, ``x_j / x_i S_ij``; needs ``network.state``.
        - "dynamo": :math:`(I - A)^{-1}` with each column divided by its diagonal entry [1]_. It depends on
          the model's unit of time.
    undefined : {"raise", "nan"}, default="raise"
        What to do where a response does not exist. Estimators and scores take NaN in truths: they use the entries
        that are defined.

    Returns
    -------
    S : DataFrame or ndarray of shape (n_nodes, n_nodes)
        The sensitivity matrix, column = source; labelled if `network` has names. The diagonal is one, and
        entries without a directed path from source to target are exactly zero. A variable that only
        accumulates responds with ``±inf`` where its inflow stays changed.

    Raises
    ------
    UndefinedSensitivityError
        If a response does not exist and `undefined` is "raise".
    ValueError
        If `network` is not one square finite matrix, an option is unknown, or "relative" has no state.

    See Also
    --------
    sensitivity_matrices : The same for a sequence of networks.

    Warns
    -----
    ModelWarning
        At most one per call: where holding a variable makes the rest unstable, so that the matrix holds
        formal slopes that the nonlinear system would not follow. Checked for strongly connected
        components of up to 120 variables.

    Notes
    -----
    Column j of the steady-state matrix is the limit of :math:`\dot y = A_{-j,-j}\, y + A_{-j,j}`,
    :math:`y(0) = 0`, that is :math:`-A_{-j,-j}^{-1} A_{-j,j}` where that inverse exists. Conserved totals
    that contain j are broken by the clamp, all others are kept: in scaled coordinates the equations that
    follow from the others are replaced by the totals L, :math:`M = [A; L]` is factorised once for all
    sources, :math:`M X = B` with :math:`B_j = [0; L_j]` if a law contains j and :math:`e_j` otherwise, and
    :math:`S_{ij} = X_{ij} / X_{jj}`. A column counts if rounding errors of 1e-15 in each entry of A cannot
    change it by more than 0.1 % of its largest entry. The other columns (the clamped system is singular, e.g.
    under perfect adaptation) are decided one by one, on the variables that j reaches, by the group inverse,
    with the rank of the equations after both their rows and their columns are brought to one size.

    Entries that are no more than the rounding errors of their row (1e-14 of its largest term ``A_ij x_j``; 1e-22
    of the largest entry in scaled coordinates) count as zero where a response is decided to exist: at rest, terms of a
    derivative cancel, and what is left of them is no influence.

    For "relative", entries with :math:`x_i = 0` are 0 if :math:`S_{ij} = 0` and undefined otherwise; the
    diagonal is one.

    References
    ----------
    .. [1] M. Santolini and A.-L. Barabási, "Predicting perturbation patterns from the topology of
       biological networks", PNAS 115:E6375-E6383, 2018, doi:10.1073/pnas.1720589115.

    Examples
    --------
    >>> from skperturb import sensitivity_matrix
    >>> sensitivity_matrix([[-1.0, 0.0], [2.0, -4.0]])
    array([[1. , 0. ],
           [0.5, 1. ]])
    """
    _check_choice("kind", kind, _KINDS)
    _check_choice("undefined", undefined, _UNDEFINED)
    matrix, label, names, laws, state = _unpack(network)
    if not len(matrix):
        return label(np.zeros((0, 0)))
    if kind == "dynamo":
        return label(_dynamo(matrix, names, undefined))
    if kind == "relative" and state is None:
        raise ValueError(
            "kind='relative' needs the state, but network has none (network.state is None); "
            "make the network with JacobianExtractor or pass InfluenceNetwork(..., state=...)."
        )
    scale = _balance(matrix) if state is None else scale_of(state)
    response = clamp_response(matrix, laws, scale, state)
    if kind == "relative":
        _make_relative(response, np.asarray(state))
    _report(response, names, undefined)
    response.matrix[response.undefined] = np.nan
    return label(response.matrix)


def sensitivity_matrices(
    networks: Any,
    kind: str = "steady_state",
    *,
    undefined: str = "raise",
    on_error: str = "raise",
    n_jobs: int | None = None,
) -> np.ndarray:
    """Compute how every variable of each of several networks responds to a shift of each variable.

    Parameters
    ----------
    networks : sequence of n_networks networks
        What `sensitivity_matrix` takes, each.
    kind, undefined
        As in `sensitivity_matrix`.
    on_error : {"raise", "skip"}, default="raise"
        What to do with a network that has no such matrix: raise its error, or put an empty matrix (0 × 0) in its
        place and warn once.
    n_jobs : int, default=None
        Number of parallel jobs, as in joblib. It changes no result.

    Returns
    -------
    matrices : ndarray of shape (n_networks,), dtype object
        One sensitivity matrix for each network, in order. An empty network has an empty one.

    Raises
    ------
    UndefinedSensitivityError, ValueError, TypeError
        If a network has no such matrix and `on_error` is "raise"; the message begins with its index. An unknown option
        is never skipped.

    Warns
    -----
    ModelWarning
        Names what was skipped, and what holding a variable makes unstable.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.sbml import sensitivity_matrices
    >>> cascade = [[-1.0, 0.0], [2.0, -4.0]]
    >>> matrices = sensitivity_matrices([cascade, -np.eye(3)])
    >>> [matrix.shape for matrix in matrices]
    [(2, 2), (3, 3)]
    """
    _check_choice("kind", kind, _KINDS)
    _check_choice("undefined", undefined, _UNDEFINED)
    _check_choice("on_error", on_error, _ON_ERROR)
    check_n_jobs(n_jobs)
    items = as_sequence(networks, "networks")
    found = Parallel(n_jobs=n_jobs)(delayed(_try_matrix)(item, kind, undefined) for item in items)
    matrices = np.empty(len(items), dtype=object)
    unstable, failed = [], []
    for i, (result, warning) in enumerate(found):
        label = _name_of(items[i], i)
        unstable += [f"{label}: {warning}"] if warning else []
        if isinstance(result, Exception):
            if on_error == "raise":
                raise type(result)(f"{label}: {result}")
            failed.append(f"{label}: {result}")
            result = np.zeros((0, 0))
        matrices[i] = result
    for text, listed in (("hold formal slopes", unstable), ("have no sensitivity matrix", failed)):
        if listed:
            more = f"; and {len(listed) - 3} more" if len(listed) > 3 else ""
            message = f"{len(listed)} of {len(items)} networks {text}: {'; '.join(listed[:3])}{more}"
            warnings.warn(message, ModelWarning, stacklevel=2)
    return matrices


def formal_sources(network: Any) -> list[str]:
    """Name the variables that no steady state follows when they are held: their columns are formal slopes.

    Parameters
    ----------
    network : InfluenceNetwork or square matrix

    Returns
    -------
    list of str
    """
    matrix, _, names, laws, state = _unpack(network)
    if not len(matrix):
        return []
    response = clamp_response(matrix, laws, _balance(matrix) if state is None else scale_of(state), state)
    return [names[j] for j in np.flatnonzero(response.unstable)]


def _try_matrix(network: Any, kind: str, undefined: str) -> tuple[Any, str]:
    """Return the matrix of one network or its error, and the text of its warning (both travel between processes)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ModelWarning)
        try:
            result: Any = sensitivity_matrix(network, kind, undefined=undefined)
        except (ValueError, TypeError) as error:
            result = error
    texts = [str(warning.message) for warning in caught if issubclass(warning.category, ModelWarning)]
    return result, "; ".join(texts)


def _name_of(network: Any, i: int) -> str:
    model_id = getattr(network, "model_id", None)
    return f"networks[{i}]" if model_id is None else f"networks[{i}] ({model_id})"


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; expected one of {list(choices)}.")


def _unpack(network: Any) -> tuple[np.ndarray, Any, list[str], np.ndarray | None, np.ndarray | None]:
    """Return the matrix, a function that labels a result, names, laws and state."""
    if isinstance(network, InfluenceNetwork):
        names = list(network.names)
        laws = network.conservation_laws
        state = network.state
        values = None if state is None else state.reindex(names).to_numpy(dtype=float)
        if values is not None and not np.isfinite(values).all():
            values = None
        return (
            np.array(network.jacobian, dtype=float),
            lambda result: pd.DataFrame(result, index=names, columns=names),
            names,
            None if laws is None else laws.to_numpy(dtype=float),
            values,
        )
    if callable(getattr(network, "jacobian", None)):
        raise TypeError(
            f"network is a {type(network).__name__}; expected an InfluenceNetwork or a square matrix, which holds at a "
            "steady state. Make one of the model: JacobianExtractor().fit_transform([model])[0]."
        )
    if _holds_networks(network):
        raise TypeError(
            f"network is a {type(network).__name__} of {len(network)} networks; expected one. For several call "
            "sensitivity_matrices(networks), which returns one matrix for each."
        )
    if isinstance(network, (str, bytes, dict)) or network is None:
        raise TypeError(f"network must be an InfluenceNetwork or a square matrix, got {describe(network)}.")
    if not isinstance(network, pd.DataFrame) and not sp.issparse(network):
        network = np.asarray(network)
        if network.ndim != 2 or network.shape[0] != network.shape[1]:
            raise ValueError(
                f"network must be one InfluenceNetwork or one square matrix, got an array of shape {network.shape}. "
                "For several networks call sensitivity_matrices(networks)."
            )
    record = ensure_networks([network], name="network")[0]
    matrix = np.array(record.matrix if isinstance(record.matrix, np.ndarray) else record.matrix.toarray(), dtype=float)
    names = [str(name) for name in (record.names if record.names is not None else range(len(matrix)))]
    return matrix, record.label, names, None, None


def _holds_networks(value: Any) -> bool:
    """Tell whether the value is a sequence of networks or matrices."""
    is_sequence = isinstance(value, (list, tuple, pd.Series)) or (
        isinstance(value, np.ndarray) and value.dtype == object
    )
    if not is_sequence or not len(value):
        return False
    first = value[0] if not isinstance(value, pd.Series) else value.iloc[0]
    return is_network(first) or sp.issparse(first) or np.ndim(first) == 2


def _balance(matrix: np.ndarray) -> np.ndarray:
    """Guess the sizes of the variables: the diagonal similarity that evens out rows and columns."""
    # Entries near the largest float overflow inside, where the unused permutation is made from the scales.
    with np.errstate(all="ignore"):
        _, (scale, _) = sla.matrix_balance(matrix, permute=False, separate=True)
    return np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)


def _dynamo(matrix: np.ndarray, names: list[str], undefined: str) -> np.ndarray:
    whole = np.eye(len(matrix)) - matrix
    getrf, gecon = sla.get_lapack_funcs(("getrf", "gecon"), (whole,))
    lu, pivots, _ = getrf(whole)
    rcond, _ = gecon(lu, np.abs(whole).sum(axis=0).max())
    # Below this the inverse has not one digit right.
    if not rcond >= np.finfo(float).eps:
        if undefined == "nan":
            return np.full_like(matrix, np.nan)
        raise UndefinedSensitivityError(
            f"I - A is singular to working precision (reciprocal condition number {rcond:.1e}), so its inverse, the "
            "'dynamo' sensitivity, does not exist. Use kind='steady_state', or another unit of time."
        )
    inverse = sla.lu_solve((lu, pivots), np.eye(len(matrix)), check_finite=False)
    diagonal = np.diag(inverse).copy()
    bad = np.flatnonzero(diagonal == 0.0)
    if bad.size and undefined == "raise":
        raise UndefinedSensitivityError(
            f"the diagonal entry of (I - A)^-1 for {names[bad[0]]!r} is zero, so the 'dynamo' column of that variable "
            "cannot be divided by it. Pass undefined='nan' to get NaN there."
        )
    diagonal[bad] = np.nan
    result = np.where(reachable(matrix), inverse / diagonal, 0.0)
    np.fill_diagonal(result, 1.0)
    return result


def _make_relative(response: ClampResponse, state: np.ndarray) -> None:
    absolute = response.matrix
    n = len(absolute)
    # Per cent of a variable that has all but run out may be more than there are numbers for.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        relative = absolute * (state / state[:, None])
    # A shift by any per cent of nothing is no shift; no response stays no response, however small x_i is.
    nothing = (absolute == 0.0) | (state == 0.0)[None, :]
    relative[nothing] = 0.0
    response.undefined |= (state == 0.0)[:, None] & ~nothing & ~np.eye(n, dtype=bool)
    np.fill_diagonal(relative, 1.0)
    response.undefined &= ~(nothing & (state == 0.0)[None, :])
    response.matrix = relative


def _report(response: ClampResponse, names: list[str], undefined: str) -> None:
    if undefined == "raise" and response.undefined.any():
        raise UndefinedSensitivityError(_explain(response, names))
    unstable = np.flatnonzero(response.unstable)
    if unstable.size:
        listed = ", ".join(repr(names[j]) for j in unstable[:3])
        more = f" and {unstable.size - 3} more" if unstable.size > 3 else ""
        warnings.warn(
            f"With {listed}{more} held, the other variables have no stable steady state: these columns are "
            "formal slopes that the nonlinear system would not follow.",
            ModelWarning,
            stacklevel=3,
        )


def _explain(response: ClampResponse, names: list[str]) -> str:
    columns = np.flatnonzero(response.undefined.any(axis=0))
    j = int(next((j for j in columns if int(j) in response.pools), columns[0]))
    i = int(np.flatnonzero(response.undefined[:, j])[0])
    pool = response.pools.get(j)
    if pool is None:
        why = f"the system with {names[j]!r} held is degenerate (a defective or vanishing eigenvalue), or x is zero"
    else:
        why = (
            f"with {names[j]!r} held at a shifted value the total {_equation(pool, names)} changes at a constant "
            f"rate for ever, whereas rest demands the law {_equation(pool, names)} = const"
        )
    return (
        f"the response of {names[i]!r} to {names[j]!r} does not exist: {why} "
        f"({int(response.undefined.sum())} undefined entries in {columns.size} columns). "
        "Pass undefined='nan' to get NaN there."
    )


def _equation(coefficients: np.ndarray, names: list[str], most: int = 8) -> str:
    """Write a combination of variables, such as ``A + 2 B - C``."""
    size = np.abs(coefficients)
    members = np.flatnonzero(size > _UNSEEN * size.max())
    lead = coefficients[members] / size[members].min()
    if (lead > 0.0).sum() * 2 < members.size:
        lead = -lead
    terms = []
    for weight, member in zip(lead[:most], members[:most], strict=True):
        number = "" if abs(abs(weight) - 1.0) < _ONE else f"{abs(weight):.4g} "
        terms.append(("- " if weight < 0 else "+ ") + number + names[member])
    text = " ".join(terms).removeprefix("+ ")
    return text if members.size <= most else f"{text} + … ({members.size} terms)"
