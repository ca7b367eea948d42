"""The object that every line of work on networks shares: a Jacobian with names and provenance."""

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd

from skperturb._html import html_card, some_of
from skperturb._validation import check_node_names, coerce_matrix, is_network

if TYPE_CHECKING:  # heavy libraries, named in signatures only
    import networkx
    import torch_geometric.data

__all__ = ["InfluenceNetwork"]

_FIELDS = ("structure", "state", "steady_state", "conservation_laws", "model_id", "reason")


class InfluenceNetwork:
    r"""Represent who influences whom in a dynamical system, as a named Jacobian matrix.

    The entry :math:`A_{ij} = \partial f_i / \partial x_j` of the system
    :math:`\mathrm{d}x/\mathrm{d}t = f(x)` is the influence of variable j (column) on variable i (row);
    the network has an edge j → i wherever it is not zero.

    Parameters
    ----------
    jacobian : DataFrame, array-like or sparse matrix of shape (n_nodes, n_nodes)
        The Jacobian. Row i responds, column j perturbs. A DataFrame must have equal index and columns.
        It is copied, and stored densely.
    names : sequence of str, default=None
        Names of the variables for a `jacobian` without names; ``x0, x1, …`` when None.
    structure : NetworkStructure, default=None
        What the SBML file says without any kinetic constant.
    state : Series, mapping or array-like of shape (n_nodes,), default=None
        Value of the variables at which the Jacobian was taken, in the model's units. A Series may hold
        more symbols than the network has nodes; an array has one value per node.
    steady_state : SteadyState, default=None
        The verified steady state at which the Jacobian was taken.
    conservation_laws : DataFrame of shape (n_laws, n_nodes), default=None
        Matrix L with L · dx/dt = 0, in the units of the variables; its columns are the variables.
    model_id : str, default=None
        Identifier of the model.
    reason : str, default=None
        Why this is an empty network; see `empty`.

    Attributes
    ----------
    jacobian : DataFrame of shape (n_nodes, n_nodes)
        The Jacobian; its values are read-only.
    names : tuple of str
        Names of the variables.
    n_nodes : int
        Number of variables.
    is_empty : bool
        Whether this is the 0 × 0 placeholder for a model that gave no network.
    structure, state, steady_state, conservation_laws, model_id, reason
        As passed, `state` as a Series and `conservation_laws` as a DataFrame, both read-only.

    Raises
    ------
    TypeError
        If `jacobian` is not numeric.
    ValueError
        If `jacobian` is not square, not finite or badly labelled, or another argument does not fit it.

    See Also
    --------
    skperturb.sbml.JacobianExtractor : Makes these networks from SBML models.

    Notes
    -----
    Instances are immutable, compare by identity, can be pickled, and are an array to NumPy:
    ``np.asarray(network)`` is the Jacobian (a read-only view).

    Examples
    --------
    >>> from skperturb.networks import InfluenceNetwork
    >>> network = InfluenceNetwork([[-1, 0], [2, -3]], names=["mRNA", "protein"], model_id="expression")
    >>> network
    InfluenceNetwork(model_id='expression', n_nodes=2, n_edges=3)
    >>> network.jacobian.loc["protein", "mRNA"]
    np.float64(2.0)
    >>> list(network.to_networkx().edges)
    [('mRNA', 'mRNA'), ('mRNA', 'protein'), ('protein', 'protein')]
    """

    __slots__ = ("__weakref__", "_fields", "_jacobian", "_names")

    _jacobian: pd.DataFrame
    _names: tuple[str, ...]
    _fields: dict[str, Any]

    def __init__(
        self,
        jacobian: Any,
        *,
        names: Sequence[str] | None = None,
        structure: Any = None,
        state: Any = None,
        steady_state: Any = None,
        conservation_laws: pd.DataFrame | None = None,
        model_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        frame = _labelled_jacobian(jacobian, names)
        _check_reason(frame.shape[0], reason)
        fields = {
            "structure": structure,
            "state": _labelled_state(state, frame.index),
            "steady_state": steady_state,
            "conservation_laws": _labelled_laws(conservation_laws, frame.index),
            "model_id": model_id,
            "reason": reason,
        }
        for slot, value in (("_jacobian", frame), ("_names", tuple(frame.index)), ("_fields", fields)):
            object.__setattr__(self, slot, value)

    @classmethod
    def empty(cls, model_id: str | None = None, reason: str = "no network") -> "InfluenceNetwork":
        """Return the 0 × 0 network that stands for a model that gave no network.

        Parameters
        ----------
        model_id : str, default=None
            Identifier of the model.
        reason : str, default="no network"
            Why there is no network.

        Returns
        -------
        InfluenceNetwork
            A network without nodes, whose `is_empty` is True.

        Examples
        --------
        >>> from skperturb.networks import InfluenceNetwork
        >>> InfluenceNetwork.empty("BIOMD0000000001", "oscillates")
        InfluenceNetwork(model_id='BIOMD0000000001', empty, reason='oscillates')
        """
        return cls(np.empty((0, 0)), model_id=model_id, reason=reason)

    # Shallow copies share the read-only values but keep a caller from relabelling the original.
    @property
    def jacobian(self) -> pd.DataFrame:
        """Return the Jacobian as a DataFrame with read-only values."""
        return self._jacobian.copy(deep=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the variables."""
        return self._names

    @property
    def n_nodes(self) -> int:
        """Return the number of variables."""
        return len(self._names)

    @property
    def is_empty(self) -> bool:
        """Tell whether this is the placeholder for a model that gave no network."""
        return not self._names

    @property
    def structure(self) -> Any:
        """Return what the SBML file says without any kinetic constant, or None."""
        return self._fields["structure"]

    @property
    def state(self) -> pd.Series | None:
        """Return the state at which the Jacobian was taken, or None."""
        state = self._fields["state"]
        return None if state is None else state.copy(deep=False)

    @property
    def steady_state(self) -> Any:
        """Return the verified steady state, or None."""
        return self._fields["steady_state"]

    @property
    def conservation_laws(self) -> pd.DataFrame | None:
        """Return the conservation laws, one per row, or None."""
        laws = self._fields["conservation_laws"]
        return None if laws is None else laws.copy(deep=False)

    @property
    def model_id(self) -> str | None:
        """Return the identifier of the model, or None."""
        return self._fields["model_id"]

    @property
    def reason(self) -> str | None:
        """Return why the network is empty, or None."""
        return self._fields["reason"]

    def signs(self) -> pd.DataFrame:
        """Return the sign pattern of the Jacobian.

        Returns
        -------
        DataFrame of shape (n_nodes, n_nodes)
            −1, 0 or 1 (int8): all that a topology-only predictor may use.

        Examples
        --------
        >>> from skperturb.networks import InfluenceNetwork
        >>> InfluenceNetwork([[-1.5, 0], [2, -3]], names=["a", "b"]).signs().to_numpy()
        array([[-1,  0],
               [ 1, -1]], dtype=int8)
        """
        return np.sign(self._jacobian).astype(np.int8)

    def to_networkx(self) -> "networkx.DiGraph":
        """Convert to a directed networkx graph.

        Returns
        -------
        networkx.DiGraph
            One node per variable; an edge j → i with attributes ``weight`` (the entry A_ij) and ``sign``
            (−1 or 1) for every non-zero entry, self-loops included.
        """
        import networkx

        graph = networkx.DiGraph(model_id=self.model_id)
        graph.add_nodes_from(self._names)
        values = self._jacobian.to_numpy()
        for source, target in np.argwhere(values.T).tolist():
            weight = float(values[target, source])
            sign = 1 if weight > 0 else -1
            graph.add_edge(self._names[source], self._names[target], weight=weight, sign=sign)
        return graph

    def to_pyg(self) -> "torch_geometric.data.Data":
        """Convert to a PyTorch Geometric graph.

        Returns
        -------
        torch_geometric.data.Data
            ``edge_index`` of shape (2, n_edges) with source j in the first row and target i in the second,
            sorted by source; ``edge_attr`` of shape (n_edges, 1) with the entries A_ij in float64;
            ``num_nodes``; ``names`` and ``model_id``.
        """
        import torch
        from torch_geometric.data import Data

        values = self._jacobian.to_numpy()
        edges = np.argwhere(values.T).T
        return Data(
            edge_index=torch.from_numpy(np.ascontiguousarray(edges, dtype=np.int64)),
            edge_attr=torch.from_numpy(values[edges[1], edges[0]][:, None].copy()),
            num_nodes=self.n_nodes,
            names=list(self._names),
            model_id=self.model_id,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._jacobian.to_numpy(), dtype=dtype, copy=copy)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"InfluenceNetwork is immutable: can't set {name!r}; construct a new one instead.")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"InfluenceNetwork is immutable: can't delete {name!r}.")

    def __reduce__(self) -> tuple:
        # Through the constructor, because pickling forgets that the values are read-only.
        return _rebuild, (type(self), self._jacobian, self._fields)

    def __copy__(self) -> "InfluenceNetwork":
        return self

    def _repr_html_(self) -> str:
        identity = f" {self.model_id}" if self.model_id is not None else ""
        if self.is_empty:
            return html_card(f"{type(self).__name__}{identity}", [("empty", self.reason)])
        signs = self.signs().to_numpy()
        steady, laws = self.steady_state, self.conservation_laws
        rows = [
            ("variables", some_of(self._names)),
            ("influences", f"{int((signs > 0).sum())} positive, {int((signs < 0).sum())} negative"),
            ("conservation laws", None if laws is None else len(laws)),
            ("taken at", None if steady is None else f"a steady state, {'stable' if steady.stable else 'unstable'}"),
            ("structure", "known" if self.structure is not None else None),
        ]
        return html_card(f"{type(self).__name__}{identity}", rows)

    def __repr__(self) -> str:
        identity = f"model_id={self.model_id!r}, "
        if self.is_empty:
            return f"{type(self).__name__}({identity}empty, reason={self.reason!r})"
        n_edges = int(np.count_nonzero(self._jacobian.to_numpy()))
        return f"{type(self).__name__}({identity}n_nodes={self.n_nodes}, n_edges={n_edges})"


def _rebuild(cls: type[InfluenceNetwork], jacobian: pd.DataFrame, fields: dict[str, Any]) -> InfluenceNetwork:
    return cls(jacobian, **fields)


def _read_only(values: np.ndarray) -> np.ndarray:
    values = np.array(values, dtype=np.float64, order="C")
    values.flags.writeable = False
    return values


def _labelled_jacobian(jacobian: Any, names: Sequence[str] | None) -> pd.DataFrame:
    if is_network(jacobian):
        raise TypeError("jacobian is an InfluenceNetwork already; pass its .jacobian.")
    matrix, index, columns = coerce_matrix(jacobian, "jacobian")
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"jacobian has shape {matrix.shape}; expected a square matrix.")
    if index is None:
        index = _make_names(names, matrix.shape[0])
    elif names is not None and list(names) != list(index):
        raise ValueError(
            f"names {list(names)[:3]} … differ from the labels {list(index[:3])} … of jacobian; pass names only for a "
            "matrix without labels."
        )
    check_node_names(index, columns, "jacobian")
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return pd.DataFrame(_read_only(dense), index=index, columns=index, copy=False)


def _make_names(names: Sequence[str] | None, n_nodes: int) -> pd.Index:
    if names is None:
        return pd.Index([f"x{i}" for i in range(n_nodes)], dtype=object)
    if isinstance(names, str | Set | Mapping) or not isinstance(names, Iterable):
        raise TypeError(f"names is the {type(names).__name__} {names!r}; expected a sequence of {n_nodes} names.")
    names = list(names)
    odd = next((k for k, name in enumerate(names) if not isinstance(name, Hashable)), None)
    if odd is not None:
        raise TypeError(f"names[{odd}] is {names[odd]!r}; expected a str.")
    if len(names) != n_nodes:
        raise ValueError(f"names has {len(names)} elements; expected {n_nodes}, one per row of jacobian.")
    return pd.Index(names, dtype=object)


def _check_reason(n_nodes: int, reason: str | None) -> None:
    if n_nodes == 0 and reason is None:
        raise ValueError(
            "jacobian has no rows; a placeholder for a model that gave no network needs a reason: "
            "InfluenceNetwork.empty(model_id, reason)."
        )
    if n_nodes and reason is not None:
        raise ValueError(f"reason={reason!r} was passed with {n_nodes} nodes; expected None unless empty.")


def _labelled_state(state: Any, names: pd.Index) -> pd.Series | None:
    if state is None:
        return None
    try:
        values = pd.Series(state, dtype=np.float64) if isinstance(state, pd.Series | dict) else np.asarray(state, float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"state is a {type(state).__name__} that holds no real numbers: {error}.") from error
    if isinstance(values, pd.Series):
        series = values
        missing = [name for name in names if name not in series.index]
        if missing or not series.index.is_unique:
            raise ValueError(
                f"state lacks or repeats variables (missing: {missing[:3]}); expected one value per variable."
            )
    else:
        if values.shape != (len(names),):
            raise ValueError(f"state has shape {values.shape}; expected ({len(names)},), one value per node.")
        series = pd.Series(values, index=names)
    return pd.Series(_read_only(series.to_numpy()), index=series.index, copy=False)


def _labelled_laws(laws: Any, names: pd.Index) -> pd.DataFrame | None:
    if laws is None:
        return None
    if not isinstance(laws, pd.DataFrame):
        raise TypeError(f"conservation_laws is a {type(laws).__name__}; expected a DataFrame, one column per variable.")
    if not laws.columns.is_unique or set(laws.columns) != set(names):
        raise ValueError(
            f"conservation_laws has the columns {list(laws.columns[:3])} … ({laws.shape[1]}); expected one for each of "
            f"the {len(names)} names of jacobian, {list(names[:3])} …"
        )
    values, index, _ = coerce_matrix(laws[list(names)], "conservation_laws")
    return pd.DataFrame(_read_only(np.asarray(values)), index=index, columns=names, copy=False)
