"""A small graph, and scores of its pairs computed naively from their definitions."""

import itertools

import networkx as nx
import numpy as np
import pytest


class NaiveScores:
    graph = nx.gnm_random_graph(18, 50, seed=3)
    edges = tuple((int(u), int(v)) for u, v in graph.edges)
    pairs = tuple(itertools.combinations(range(18), 2))

    def paths(self, u, v, power):
        graph, total = self.graph, 0.0
        for x in set(graph[u]) - {v}:
            for y in set(graph[v]) - {u, x}:
                if graph.has_edge(x, y):
                    total += (graph.degree(x) * graph.degree(y)) ** -power
        return total

    def jaccard(self, u, v):
        first, second = set(self.graph[u]) - {v}, set(self.graph[v]) - {u}
        return len(first & second) / len(first | second) if first | second else 0.0

    def similarity(self, u, v):
        """Return the largest Jaccard index of u with a partner of v, in the graph without the edge of u and v."""
        graph = self.graph.copy()
        graph.remove_edges_from([(u, v)])
        own, found = set(graph[u]), [0.0]
        for partner in set(graph[v]):
            other = set(self.graph[partner])
            found.append(len(own & other) / len(own | other))
        return max(found)

    def degree_product(self, u, v):
        own = self.graph.has_edge(u, v)
        return np.log1p(self.graph.degree(u) - own) + np.log1p(self.graph.degree(v) - own)

    def symmetric_paths(self, u, v):
        own = self.graph.has_edge(u, v)
        degrees = max(self.graph.degree(u) - own, 1), max(self.graph.degree(v) - own, 1)
        return self.paths(u, v, 1.0) / np.sqrt(degrees[0] * degrees[1])

    def common(self, u, v, weight=lambda d: 1.0):
        return sum(weight(self.graph.degree(x)) for x in set(self.graph[u]) & set(self.graph[v]))


@pytest.fixture(scope="session")
def naive():
    return NaiveScores()
