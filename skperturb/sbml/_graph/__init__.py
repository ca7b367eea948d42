"""The ground: formulas as an expression graph, their derivatives, the code made of them, and their kinks; no SBML."""
