"""Linear conservation laws from the exact left null space of the stoichiometry."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd

import numpy as np
import pandas as pd

from skperturb.sbml._compiling.equations import Equations
from skperturb.sbml._graph.expression import HAS_STATE

__all__ = ["conservation_laws"]

_Row = dict[int, Fraction]
_Law = dict[int, int]

# A coefficient such as 1/3 is stored as the nearest double; the fraction that its author meant is the
# simplest one that rounds to that double.
_MAX_DENOMINATOR = 100_000


def conservation_laws(model: Equations) -> pd.DataFrame:
    r"""Find the linear combinations of the variables that no reaction changes.

    Parameters
    ----------
    model : KineticModel
        The model.

    Returns
    -------
    laws : DataFrame of shape (n_laws, n_variables)
        Linearly independent laws ``L`` with ``L @ x`` constant along every trajectory, in the units of
        `model.variables` (the columns); zero rows when nothing is conserved.

    Notes
    -----
    The laws are the left null space of the stoichiometry :math:`N` in amounts, :math:`w^T N = 0`, computed
    in exact rational arithmetic and scaled to coprime integers; combinations without negative coefficients
    are preferred where adding laws to each other finds them. A variable :math:`x_i = n_i / V_i` that is a
    concentration enters with the coefficient :math:`w_i V_i` [1]_. Variables under a rate rule take part
    only where the rule is identically zero. Laws that hold for another reason than stoichiometry (two
    rates that happen to be equal) are not found.

    References
    ----------
    .. [1] C. Reder, "Metabolic control theory: a structural approach",
       J. Theor. Biol. 135:175-201, 1988, equation 5.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skperturb.sbml import conservation_laws
    >>> binding = SimpleNamespace(
    ...     variables=("A", "B", "AB"), stoichiometry=csr_array([[-1.0], [-1.0], [1.0]]),
    ...     is_rate_rule=np.zeros(3, dtype=bool), volumes=np.ones(3))
    >>> conservation_laws(binding)
           A    B   AB
    law
    0    1.0  0.0  1.0
    1    0.0  1.0  1.0
    """
    is_rate_rule = np.asarray(model.is_rate_rule, dtype=bool)
    members = np.flatnonzero(~is_rate_rule)
    laws = _left_null_space(model.stoichiometry, members)
    laws += [{int(i): 1} for i in np.flatnonzero(is_rate_rule) if _never_changes(model, int(i))]
    matrix = np.zeros((len(laws), len(model.variables)))
    for k, law in enumerate(laws):
        for i, coefficient in law.items():
            matrix[k, i] = coefficient
    matrix *= np.asarray(model.volumes, dtype=float)
    return pd.DataFrame(matrix, columns=list(model.variables), index=pd.RangeIndex(len(laws), name="law"))


def _never_changes(model: Equations, i: int) -> bool:
    """Say whether the rate rule of variable `i` is identically zero."""
    pattern = model.jacobian_pattern
    if pattern.indptr[i] != pattern.indptr[i + 1] or model.time_dependence:
        return False
    if model.rhs(0.0, model.x0)[i] != 0.0:
        return False
    # A rate of zero may be that of one side of a jump: it has no derivative either.
    system = getattr(model, "_system", None)
    return system is None or not system.graph.flags[system.rhs[i]] & HAS_STATE


def _left_null_space(stoichiometry, members: np.ndarray) -> list[_Law]:
    """Return coprime integer vectors that span ``{w : w @ stoichiometry = 0}`` over the rows `members`."""
    columns = stoichiometry[members].tocsc()
    columns.sum_duplicates()
    equations = []
    for j in range(columns.shape[1]):
        entries = slice(columns.indptr[j], columns.indptr[j + 1])
        row = {
            int(i): _exact(value)
            for i, value in zip(columns.indices[entries], columns.data[entries], strict=True)
            if value != 0.0
        }
        if row:
            equations.append(row)
    pivots = _reduced_echelon(equations)
    basis = _make_non_negative(_null_vectors(pivots, len(members)))
    laws = [{int(members[i]): value for i, value in sorted(law.items())} for law in basis]
    return sorted(laws, key=list)


def _exact(value: float) -> Fraction:
    simple = Fraction(float(value)).limit_denominator(_MAX_DENOMINATOR)
    return simple if float(simple) == value else Fraction(float(value))


def _reduced_echelon(equations: list[_Row]) -> dict[int, _Row]:
    """Gauss-Jordan elimination of sparse rows; return pivot column -> row whose pivot entry is one."""
    pivots: dict[int, _Row] = {}
    holders: dict[int, set[int]] = {}  # column -> pivots whose rows hold it, so that only these are visited
    for equation in sorted(equations, key=len):
        row = dict(equation)
        for column in [c for c in row if c in pivots]:
            _subtract(row, pivots[column], row[column])
        if not row:
            continue
        # The column that the fewest other rows use keeps the fill-in small.
        pivot = min(row, key=lambda c: (len(holders.get(c, ())), c))
        scale = row[pivot]
        row = {c: value / scale for c, value in row.items()}
        for other in list(holders.get(pivot, ())):
            before = set(pivots[other])
            _subtract(pivots[other], row, pivots[other][pivot])
            _update_holders(holders, other, before, set(pivots[other]))
        pivots[pivot] = row
        _update_holders(holders, pivot, set(), set(row))
    return pivots


def _update_holders(holders: dict[int, set[int]], pivot: int, before: set[int], after: set[int]) -> None:
    for column in before - after:
        holders[column].discard(pivot)
    for column in after - before:
        holders.setdefault(column, set()).add(pivot)


def _subtract(row: _Row, other: _Row, factor: Fraction) -> None:
    """``row -= factor * other`` in place, without stored zeros."""
    for column, value in other.items():
        new = row.get(column, Fraction(0)) - factor * value
        if new:
            row[column] = new
        else:
            row.pop(column, None)


def _null_vectors(pivots: dict[int, _Row], n: int) -> list[_Law]:
    vectors: dict[int, _Row] = {free: {free: Fraction(1)} for free in range(n) if free not in pivots}
    for pivot, row in pivots.items():
        for column, value in row.items():
            if column != pivot:
                vectors[column][pivot] = -value
    return [_coprime(vector) for vector in vectors.values()]


def _coprime(vector: _Row) -> _Law:
    denominator = 1
    for value in vector.values():
        denominator = denominator * value.denominator // gcd(denominator, value.denominator)
    integers = {i: int(value * denominator) for i, value in vector.items()}
    divisor = gcd(*integers.values())
    sign = 1 if sum(value > 0 for value in integers.values()) * 2 >= len(integers) else -1
    return {i: sign * value // divisor for i, value in integers.items()}


def _n_negative(law: _Law) -> int:
    return sum(value < 0 for value in law.values())


def _make_non_negative(laws: list[_Law]) -> list[_Law]:
    """Add positive multiples of other laws where that removes negative coefficients.

    Replacing ``law`` by ``a * law + b * other`` with ``a > 0`` keeps the laws independent.
    """
    laws = list(laws)
    for k in range(len(laws)):
        for _ in range(len(laws[k])):  # each round removes at least one negative coefficient
            better = _better_combination(laws[k], laws[:k] + laws[k + 1 :])
            if better is None:
                break
            laws[k] = better
    return laws


def _better_combination(law: _Law, others: Iterable[_Law]) -> _Law | None:
    negative = {i for i, value in law.items() if value < 0}
    best: _Law | None = None
    if not negative:
        return None
    for other in others:
        shared = [i for i in negative if other.get(i, 0) > 0]
        if not shared:
            continue
        i = max(shared, key=lambda m: Fraction(-law[m], other[m]))
        total = {m: Fraction(other[i] * law.get(m, 0) - law[i] * other.get(m, 0)) for m in law.keys() | other.keys()}
        candidate = _coprime_positive({m: value for m, value in total.items() if value})
        if _n_negative(candidate) < _n_negative(best if best is not None else law):
            best = candidate
    return best


def _coprime_positive(vector: _Row) -> _Law:
    divisor = gcd(*(int(value) for value in vector.values()))
    return {i: int(value) // divisor for i, value in vector.items()}
