"""Sparse LU factorization of many matrices of one pattern, as straight-line NumPy source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["SparseLU"]

# A pivot is at least this part of the largest entry of its row at the state for which the order is chosen. Ten times
# more leaves less choice and more fill-in; rounding grows by at most its reciprocal in one elimination.
_THRESHOLD = 0.01


class SparseLU:
    """Factorization with an order of pivots that is fixed once for all matrices.

    Parameters
    ----------
    size : int
        Number of rows.
    pattern : sequence of tuple of int
        Rows and columns of the entries, in the order in which `factor` takes them.
    values : ndarray of shape (n_entries,), default=None
        Entries of a typical matrix, which decide which pivots are large enough; by default only the diagonal is used.

    Notes
    -----
    Pivots are chosen by Markowitz's rule, least fill-in first. They are not exchanged for single matrices: where a
    pivot comes out small the solution is inaccurate or not finite, and whoever asked for it has to notice.
    """

    def __init__(self, size: int, pattern: Sequence[tuple[int, int]], values: np.ndarray | None = None) -> None:
        self.size = size
        self._pattern = list(pattern)
        rows = [{j: f"a{k}" for k, (i, j) in enumerate(self._pattern) if i == row} for row in range(size)]
        self.is_regular = self._eliminate(rows, None if values is None else _dense(size, self._pattern, values))
        self._factor: Callable | None = None
        self._solve: Callable | None = None

    def _eliminate(self, rows: list[dict[int, str]], dense: np.ndarray | None) -> bool:
        factor: list[str] = []
        kept: list[str] = []
        forward: list[str] = []
        steps: list[tuple[int, int, str, dict[int, str]]] = []
        columns = [{i for i in range(self.size) if j in rows[i]} for j in range(self.size)]
        left = set(range(self.size))
        while left:
            pivot = self._pivot(rows, columns, left, dense)
            if pivot is None:
                return False
            p, q = pivot
            left.discard(p)
            reciprocal = f"d{p}"
            factor.append(f" {reciprocal} = 1.0 / {rows[p].pop(q)}")
            kept.append(reciprocal)
            for j in [q, *rows[p]]:
                columns[j].discard(p)
            for i in sorted(columns[q]):
                multiplier = f"l{i}_{p}"
                factor.append(f" {multiplier} = {rows[i].pop(q)} * {reciprocal}")
                kept.append(multiplier)
                forward.append(f" b{i} -= {multiplier} * b{p}")
                for j, upper in rows[p].items():
                    if j in rows[i]:
                        factor.append(f" {rows[i][j]} -= {multiplier} * {upper}")
                    else:
                        rows[i][j] = f"u{i}_{j}"
                        columns[j].add(i)
                        factor.append(f" u{i}_{j} = -({multiplier} * {upper})")
                if dense is not None:
                    dense[i] -= dense[i, q] / dense[p, q] * dense[p]
            columns[q].clear()
            steps.append((p, q, reciprocal, rows[p]))
        self._write(factor, kept, forward, steps)
        return True

    def _pivot(
        self, rows: list[dict[int, str]], columns: list[set[int]], left: set[int], dense: np.ndarray | None
    ) -> tuple[int, int] | None:
        best: tuple[int, float, int, int] | None = None
        for i in left:
            if dense is None:
                candidates = [(i, 0.0)] if i in rows[i] else []
            else:
                sizes = {j: abs(dense[i, j]) for j in rows[i]}
                largest = max(sizes.values(), default=0.0)
                candidates = [(j, -size) for j, size in sizes.items() if size > _THRESHOLD * largest]
            for j, size in candidates:
                key = ((len(rows[i]) - 1) * (len(columns[j]) - 1), size, i, j)
                if best is None or key < best:
                    best = key
        return None if best is None else (best[2], best[3])

    def _write(
        self, factor: list[str], kept: list[str], forward: list[str], steps: list[tuple[int, int, str, dict[int, str]]]
    ) -> None:
        backward: list[str] = []
        solution: dict[int, str] = {}
        for p, q, reciprocal, row in reversed(steps):
            backward += [f" b{p} -= {upper} * {solution[j]}" for j, upper in row.items()]
            backward.append(f" b{p} *= {reciprocal}")
            solution[q] = f"b{p}"
            kept += row.values()
        entries = ", ".join(f"a{k}" for k in range(len(self._pattern)))
        sides = ", ".join(f"b{i}" for i in range(self.size))
        self.n_kept = len(kept)
        self._sources = (
            "\n".join(["def function(a):", f" [{entries}] = a", *factor, f" return [{', '.join(kept)}]"]),
            "\n".join(["def function(lu, b):", f" [{', '.join(kept)}] = lu", f" [{sides}] = b", *forward, *backward]),
        )
        # Row p of the right-hand side becomes variable q of the solution.
        order = np.array([int(solution[j][1:]) for j in range(self.size)], dtype=int)
        self._order = None if np.array_equal(order, np.arange(self.size)) else order

    def factor(self, entries: np.ndarray) -> list[np.ndarray]:
        """Return the factors of matrices with entries (n_entries, n_sets), which are overwritten."""
        if self._factor is None:
            self._factor, self._solve = (_compiled(source) for source in self._sources)
        return self._factor(entries)

    def solve(self, factors: list[np.ndarray], rhs: np.ndarray) -> np.ndarray:
        """Solve for right-hand sides (n_rows, n_sets), which are overwritten; return the solutions."""
        assert self._solve is not None
        self._solve(factors, rhs)
        return rhs if self._order is None else rhs[self._order]


def _dense(size: int, pattern: Sequence[tuple[int, int]], values: np.ndarray) -> np.ndarray:
    matrix = np.zeros((size, size))
    for (i, j), value in zip(pattern, values, strict=True):
        matrix[i, j] += value
    return matrix


def _compiled(source: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(source, "<skperturb generated code>", "exec"), namespace)  # only generated names
    return namespace["function"]
