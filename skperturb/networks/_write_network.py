"""Networks as files of other programs."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from skperturb._network import InfluenceNetwork
from skperturb._validation import check_mapping, check_path, describe

__all__ = ["write_network"]

_FORMATS = {".graphml": "GraphML", ".cyjs": "Cytoscape JSON", ".json": "Cytoscape JSON", ".csv": "a table of edges"}
_COLUMNS = ("source", "target", "weight", "sign", "interaction")
_INTERACTION = {1: "activation", -1: "inhibition"}


def write_network(
    network: InfluenceNetwork, path: str | os.PathLike[str], *, responses: pd.Series | dict[str, float] | None = None
) -> Path:
    """Write a network as GraphML, as Cytoscape JSON or as a table of edges.

    Parameters
    ----------
    network : InfluenceNetwork
        An edge goes from the variable that acts to the one that responds, with its ``weight`` (the entry of the
        Jacobian), ``sign`` (1 or -1) and ``interaction`` ("activation" or "inhibition").
    path : str or path-like
        The ending tells the format: ``.graphml``, ``.cyjs`` or ``.json`` (for "Import > Network from File" of Cytoscape
        and for Cytoscape.js), or ``.csv``.
    responses : Series or dict of str to float, default=None
        A value for each node, such as a column of a sensitivity matrix, kept as ``response``; GraphML and JSON keep the
        ``state`` of the network too. Values that are not finite are left out.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    TypeError
        If `network` is no InfluenceNetwork.
    ValueError
        If the ending is unknown, the network is empty, or `responses` lacks or adds a variable.
    OSError
        If the file can't be written.

    See Also
    --------
    InfluenceNetwork.to_networkx : The same as a graph of networkx.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skperturb.networks import InfluenceNetwork, write_network
    >>> network = InfluenceNetwork([[-1, 0], [2, -3]], names=["mRNA", "protein"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_network(network, pathlib.Path(folder, "network.csv")).read_text())
    source,target,weight,sign,interaction
    mRNA,mRNA,-1.0,-1,inhibition
    mRNA,protein,2.0,1,activation
    protein,protein,-3.0,-1,inhibition
    <BLANKLINE>
    """
    if not isinstance(network, InfluenceNetwork):
        raise TypeError(f"network is a {type(network).__name__}; expected an InfluenceNetwork.")
    path = check_path(path, "path")
    kind = path.suffix.lower()
    if kind not in _FORMATS:
        raise ValueError(f"path={str(path)!r} ends in {path.suffix!r}; expected one of {', '.join(_FORMATS)}.")
    if network.is_empty:
        raise ValueError(f"network is empty ({network.reason}); there is nothing to write.")
    nodes = _nodes(network, responses)
    if kind == ".csv":
        pd.DataFrame(_edges(network), columns=list(_COLUMNS)).to_csv(path, index=False)
    elif kind == ".graphml":
        _write_graphml(network, nodes, path)
    else:
        path.write_text(json.dumps(_cytoscape(network, nodes), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def _nodes(network: InfluenceNetwork, responses: Any) -> dict[str, dict[str, Any]]:
    """Return the attributes of each node: what is finite of state and response."""
    columns: dict[str, pd.Series] = {}
    if network.state is not None:
        columns["state"] = network.state[list(network.names)]
    if responses is not None:
        try:
            values = pd.Series(check_mapping(responses, "responses"), dtype=float)
        except (TypeError, ValueError) as error:
            if str(error).startswith("responses"):
                raise
            raise ValueError(f"responses is a {describe(responses)} that holds no numbers: {error}.") from error
        if set(values.index) != set(network.names) or not values.index.is_unique:
            odd = sorted(map(str, set(values.index) ^ set(network.names)))[:3]
            raise ValueError(f"responses differs from the variables of the network in {odd}; expected one value each.")
        columns["response"] = values
    return {
        name: {
            column: float(values[name]) for column, values in columns.items() if abs(float(values[name])) < float("inf")
        }
        for name in network.names
    }


def _edges(network: InfluenceNetwork) -> list[dict[str, Any]]:
    return [
        {"source": source, "target": target, **data, "interaction": _INTERACTION[data["sign"]]}
        for source, target, data in network.to_networkx().edges(data=True)
    ]


def _write_graphml(network: InfluenceNetwork, nodes: dict[str, dict[str, Any]], path: Path) -> None:
    import networkx

    graph = networkx.DiGraph(**({} if network.model_id is None else {"model_id": str(network.model_id)}))
    graph.add_nodes_from((str(name), data) for name, data in nodes.items())
    for edge in _edges(network):
        graph.add_edge(str(edge.pop("source")), str(edge.pop("target")), **edge)
    networkx.write_graphml(graph, path)


def _cytoscape(network: InfluenceNetwork, nodes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    edges = [
        edge | {"id": f"e{k}", "source": str(edge["source"]), "target": str(edge["target"])}
        for k, edge in enumerate(_edges(network))
    ]
    # networkx wants a "value", and Cytoscape a "name".
    named = {str(name): {"id": str(name), "value": str(name), "name": str(name)} for name in nodes}
    return {
        "format_version": "1.0",
        "generated_by": "skperturb",
        "target_cytoscapejs_version": "~3.30",
        "data": {"name": str(network.model_id or "network")},
        "elements": {
            "nodes": [{"data": named[str(name)] | data} for name, data in nodes.items()],
            "edges": [{"data": edge} for edge in edges],
        },
    }
