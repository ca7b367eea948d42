"""A description becomes a system of equations: nodes of one graph, and the functions compiled from them."""
