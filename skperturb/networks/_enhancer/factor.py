"""The enhancement factor of Li and Gao: how strongly each node answers, as ranks and as classes."""

from typing import Any

import numpy as np
import pandas as pd

from skperturb._sklearn import StrOptions, validate_params
from skperturb._validation import NetworkRecord, coerce_matrix, ensure_networks
from skperturb.metrics import rank_data

__all__ = ["aligned_target", "bio_impact_matrix", "enhancement_factor", "rank_classes", "scaled_impact_matrix"]


@validate_params(
    {
        "network": "no_validation",
        "sensitivity": "no_validation",
        "source": [StrOptions({"sensitivity", "jacobian"})],
        "normalize": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def bio_impact_matrix(
    network: Any, sensitivity: Any = None, *, source: str = "sensitivity", normalize: bool = False
) -> pd.DataFrame | np.ndarray:
    r"""Rank the magnitudes of the responses inside each source column.

    .. math:: B_{ij} = \operatorname{rank}_i |M_{ij}|, \qquad M = S \text{ or } A,

    ascending from 1 and with the diagonal included; tied entries share their mean rank.

    Parameters
    ----------
    network : InfluenceNetwork, DataFrame, array-like or sparse matrix of shape (n_nodes, n_nodes)
        The Jacobian A, column = source.
    sensitivity : DataFrame or array-like of shape (n_nodes, n_nodes), default=None
        The true sensitivity matrix S; needed with ``source="sensitivity"``. Undefined entries (NaN) stay NaN and
        use up no rank; infinite ones have the highest.
    source : {"sensitivity", "jacobian"}, default="sensitivity"
        Which matrix is ranked. The text of [1]_ names the Jacobian, but only ranks of the sensitivities reproduce its
        upper bounds.
    normalize : bool, default=False
        Whether each column is divided by its diagonal entry.

    Returns
    -------
    DataFrame or ndarray of shape (n_nodes, n_nodes)
        Labelled if `network` has names.

    Raises
    ------
    ValueError
        If the matrices do not fit together, or `sensitivity` is missing.

    Notes
    -----
    With ``source="sensitivity"`` this is made from what is to be predicted: it is a target to learn and an upper
    bound, never a baseline.

    References
    ----------
    .. [1] Li, D. & Gao, J. (2019). Towards perturbation prediction of biological networks using deep learning.
       Scientific Reports 9. doi:10.1038/s41598-019-48391-y.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import bio_impact_matrix
    >>> chain = np.array([[-1.0, 0, 0], [2, -1, 0], [0, 3, -1]])
    >>> sensitivity = np.array([[1.0, 0, 0], [0.5, 1, 0], [2, 0.8, 1]])
    >>> bio_impact_matrix(chain, sensitivity)
    array([[2. , 1. , 1.5],
           [1. , 3. , 1.5],
           [3. , 2. , 3. ]])
    """
    record, matrix = _impact_source(network, sensitivity, source)
    return record.label(_normalized(rank_data(matrix) if len(matrix) else matrix, normalize))


@validate_params(
    {
        "network": "no_validation",
        "sensitivity": "no_validation",
        "source": [StrOptions({"sensitivity", "jacobian"})],
        "normalize": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def scaled_impact_matrix(
    network: Any, sensitivity: Any = None, *, source: str = "sensitivity", normalize: bool = False
) -> pd.DataFrame | np.ndarray:
    r"""Turn the ranks inside each source column into logarithmic classes.

    .. math:: C_{ij} = \lceil \log_2 B_{ij} \rceil + 1

    with B from `bio_impact_matrix`: class 1 is the weakest response, each further class holds twice as many ranks.

    Parameters
    ----------
    network, sensitivity, source
        As in `bio_impact_matrix`.
    normalize : bool, default=False
        Whether each column is divided by its diagonal entry, after the scaling.

    Returns
    -------
    DataFrame or ndarray of shape (n_nodes, n_nodes)
        Labelled if `network` has names.

    Raises
    ------
    ValueError
        If the matrices do not fit together, or `sensitivity` is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import scaled_impact_matrix
    >>> chain = np.array([[-1.0, 0, 0], [2, -1, 0], [0, 3, -1]])
    >>> scaled_impact_matrix(chain, np.array([[1.0, 0, 0], [0.5, 1, 0], [2, 0.8, 1]]))
    array([[2., 1., 2.],
           [1., 3., 2.],
           [3., 2., 3.]])
    """
    record, matrix = _impact_source(network, sensitivity, source)
    if not len(matrix):
        return record.label(matrix)
    return record.label(_normalized(rank_classes(matrix), normalize))


@validate_params(
    {
        "network": "no_validation",
        "sensitivity": "no_validation",
        "source": [StrOptions({"sensitivity", "jacobian"})],
        "normalize": ["boolean"],
        "scaled": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def enhancement_factor(
    network: Any,
    sensitivity: Any = None,
    *,
    source: str = "sensitivity",
    normalize: bool = False,
    scaled: bool = True,
) -> pd.DataFrame | np.ndarray:
    r"""Compute the factor E whose product with a topological prediction is the enhanced prediction.

    .. math:: P^\text{enhanced}_{ij} = E_{ij} P_{ij}

    Parameters
    ----------
    network, sensitivity, source, normalize
        As in `bio_impact_matrix`.
    scaled : bool, default=True
        Whether E holds the classes of `scaled_impact_matrix` or the ranks of `bio_impact_matrix`.

    Returns
    -------
    DataFrame or ndarray of shape (n_nodes, n_nodes)
        Labelled if `network` has names.

    Raises
    ------
    ValueError
        If the matrices do not fit together, or `sensitivity` is missing.

    See Also
    --------
    GCNEnhancer : Predicts the factor for networks whose sensitivities are unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import DynamoDistance, enhancement_factor
    >>> chain = np.array([[-1.0, 0, 0], [2, -1, 0], [0, 3, -1]])
    >>> sensitivity = np.array([[1.0, 0, 0], [0.5, 1, 0], [2, 0.8, 1]])
    >>> enhancement_factor(chain, sensitivity, scaled=False) * DynamoDistance().predict([chain])[0]
    array([[2. , 0. , 0. ],
           [0.5, 3. , 0. ],
           [1. , 1. , 3. ]])
    """
    compute = scaled_impact_matrix if scaled else bio_impact_matrix
    return compute(network, sensitivity, source=source, normalize=normalize)


def rank_classes(magnitudes: np.ndarray) -> np.ndarray:
    """Return the logarithmic class, from 1, of each magnitude among those of its column."""
    return np.ceil(np.log2(rank_data(magnitudes))) + 1


def _impact_source(network: Any, sensitivity: Any, source: str) -> tuple[NetworkRecord, np.ndarray]:
    """Return the network's record and the magnitudes that are ranked."""
    record = ensure_networks([network], "network")[0]
    if source == "jacobian":
        matrix = record.matrix
        return record, np.abs(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())
    if sensitivity is None:
        raise ValueError("sensitivity is None; source='sensitivity' ranks the true sensitivities: pass them.")
    return record, aligned_target(record, sensitivity, "sensitivity")


def aligned_target(record: NetworkRecord, target: Any, label: str, network_label: str = "network") -> np.ndarray:
    """Return |target| in the order of the network's nodes.

    Parameters
    ----------
    record : NetworkRecord
    target : DataFrame, array-like or sparse matrix of shape (n_nodes, n_nodes)
        Aligned by name where both sides have names.
    label, network_label : str
        How error messages call the two.

    Returns
    -------
    ndarray of shape (n_nodes, n_nodes)

    Raises
    ------
    ValueError
        If sizes or names differ, or all entries are NaN.
    """
    matrix, index, columns = coerce_matrix(target, label, finite=False)
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    n_nodes = record.n_nodes
    if dense.shape != (n_nodes, n_nodes):
        raise ValueError(
            f"{label} has shape {dense.shape}; expected ({n_nodes}, {n_nodes}), as {network_label} has {n_nodes} nodes."
        )
    if dense.size and np.isnan(dense).all():
        raise ValueError(f"{label} has no defined entry: all {dense.size} are NaN. Leave it out, and {network_label}.")
    if index is not None and columns is not None and record.names is not None and not _is_positional(index):
        odd = [str(name) for name in record.names if name not in index or name not in columns]
        if odd or not index.is_unique or not columns.is_unique:
            raise ValueError(
                f"{label} and {network_label} have different names: {label} lacks {len(odd)}, for example {odd[:3]}; "
                "label both alike, or pass arrays in the order of the nodes."
            )
        dense = dense[np.ix_(index.get_indexer(record.names), columns.get_indexer(record.names))]
    return np.abs(dense)


def _is_positional(index: pd.Index) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _normalized(matrix: np.ndarray, normalize: bool) -> np.ndarray:
    # Ranks are at least 1, so the diagonal is never 0.
    return matrix / np.diag(matrix) if normalize and len(matrix) else matrix
