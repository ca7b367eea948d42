"""Networks as files of other programs."""

import json

import networkx
import numpy as np
import pandas as pd
import pytest

from skperturb.__main__ import main
from skperturb.networks import InfluenceNetwork, write_network


@pytest.fixture
def network():
    return InfluenceNetwork(
        [[-1.0, 0.0], [2.0, -3.0]], names=["mRNA", "protein"], state=[0.5, np.inf], model_id="expression"
    )


def test_graphml_is_read_again(network, tmp_path, capsys):
    path = write_network(network, tmp_path / "network.graphml", responses={"protein": 0.5, "mRNA": 1.0})
    graph = networkx.read_graphml(path)
    assert graph.graph["model_id"] == "expression"
    assert graph.edges["mRNA", "protein"] == {"weight": 2.0, "sign": 1, "interaction": "activation"}
    assert graph.edges["protein", "protein"]["interaction"] == "inhibition"
    # What is not finite has no place in either format.
    assert dict(graph.nodes(data=True)) == {"mRNA": {"state": 0.5, "response": 1.0}, "protein": {"response": 0.5}}
    assert main(["networks", str(path), "--csv", str(tmp_path / "out.csv")]) == 0
    row = pd.read_csv(tmp_path / "out.csv").iloc[0]
    assert (row["source"], row["target"], row["sign"]) == ("mRNA", "protein", 1)


@pytest.mark.parametrize("name", ["network.cyjs", "network.json"])
def test_cytoscape(network, tmp_path, name):
    found = json.loads(write_network(network, tmp_path / name).read_text())
    edges = [edge["data"] for edge in found["elements"]["edges"]]
    assert [(edge["source"], edge["target"], edge["weight"]) for edge in edges] == [
        ("mRNA", "mRNA", -1.0),
        ("mRNA", "protein", 2.0),
        ("protein", "protein", -3.0),
    ]
    assert len({edge["id"] for edge in edges}) == 3
    assert found["elements"]["nodes"][0]["data"] == {"id": "mRNA", "value": "mRNA", "name": "mRNA", "state": 0.5}
    graph = networkx.cytoscape_graph({**found, "directed": True, "multigraph": False, "data": []})
    assert set(graph.edges) == {("mRNA", "mRNA"), ("mRNA", "protein"), ("protein", "protein")}


def test_csv_is_a_file_of_edges(network, tmp_path, capsys):
    path = write_network(network, tmp_path / "network.csv")
    assert pd.read_csv(path)["weight"].tolist() == [-1.0, 2.0, -3.0]
    # A file without rows is a table as well.
    assert pd.read_csv(write_network(InfluenceNetwork(np.zeros((2, 2))), path)).columns[0] == "source"


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("network.png", {}, ValueError, r"ends in '\.png'; expected one of \.graphml"),
        ("network.csv", {"responses": {"mRNA": 1.0}}, ValueError, "differs .* in \\['protein'\\]"),
        ("network.csv", {"responses": {"mRNA": 1.0, "protein": 1.0, "x": 0.0}}, ValueError, "in \\['x'\\]"),
        ("nowhere/network.csv", {}, OSError, "nowhere"),
    ],
)
def test_refusals(network, tmp_path, name, options, error, message):
    with pytest.raises(error, match=message):
        write_network(network, tmp_path / name, **options)
    with pytest.raises(ValueError, match="is empty"):
        write_network(InfluenceNetwork.empty(), tmp_path / "network.csv")
    with pytest.raises(TypeError, match="ndarray; expected an InfluenceNetwork"):
        write_network(np.eye(2), tmp_path / "network.csv")
