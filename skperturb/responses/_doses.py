"""Saturating dose-response curves: doses become effective doses, in which effects are linear."""

from dataclasses import dataclass

import numpy as np

__all__ = ["DoseCurves"]

#: Half-doses that are tried, relative to the largest dose of the gene or compound; the last is no saturation. Curves of
#: neighboring ones differ by a tenth of the largest effect at most.
_HALF_DOSES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, np.inf)


@dataclass(frozen=True)
class DoseCurves:
    r"""The curve of each gene or compound, :math:`f(d) = d\,(r + k) / (|d| + k)`.

    It saturates with the half-dose k and is the dose itself at the largest dose r, and everywhere for infinite k.

    Parameters
    ----------
    half_doses : ndarray of shape (n_genes,)
        k, infinite for a linear response.
    largest : ndarray of shape (n_genes,)
        r.
    """

    half_doses: np.ndarray
    largest: np.ndarray

    @classmethod
    def learn(cls, X: np.ndarray, y: np.ndarray, context: np.ndarray, weight: np.ndarray) -> "DoseCurves":
        """Choose the half-dose of each gene by the error of leaving one of its doses out.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)
            Doses. Only conditions of one gene count.
        y : ndarray of shape (n_conditions, n_outputs)
        context : ndarray of int, shape (n_conditions,)
            Effects may differ between contexts, half-doses do not.
        weight : ndarray of shape (n_conditions,)

        Returns
        -------
        DoseCurves
            A gene of one dose has the relative half-dose that has the least error over all others; all are linear if
            none has two.
        """
        n_genes = X.shape[1]
        largest = np.abs(X).max(axis=0, initial=0.0)
        single = np.count_nonzero(X, axis=1) == 1
        errors = np.full((n_genes, len(_HALF_DOSES)), np.nan)
        for gene in np.flatnonzero(largest > 0):
            rows = np.flatnonzero(single & (X[:, gene] != 0))
            if len(rows) > 1 and np.ptp(X[rows, gene]) > 0:
                errors[gene] = _errors(X[rows, gene], y[rows], context[rows], weight[rows], largest[gene])
        known = np.isfinite(errors).all(axis=1)
        relative = np.full(n_genes, np.inf)
        if known.any():
            relative[:] = _HALF_DOSES[_least(errors[known].sum(axis=0))]
            relative[known] = [_HALF_DOSES[_least(row)] for row in errors[known]]
        return cls(relative * np.where(largest > 0, largest, 1.0), largest)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Return the effective doses.

        Parameters
        ----------
        X : ndarray of shape (n_conditions, n_genes)

        Returns
        -------
        ndarray of shape (n_conditions, n_genes)
        """
        bent = np.isfinite(self.half_doses)
        found = X.copy()
        half, largest = self.half_doses[bent], self.largest[bent]
        found[:, bent] *= (largest + half) / (np.abs(X[:, bent]) + half)
        return found


def _least(errors: np.ndarray) -> int:
    # Of equal ones the last: no saturation where doses say nothing about it.
    return len(errors) - 1 - int(np.argmin(errors[::-1]))


def _errors(dose: np.ndarray, y: np.ndarray, context: np.ndarray, weight: np.ndarray, largest: float) -> np.ndarray:
    """Return the mean error of each half-dose where all rows of one dose in one context are left out; NaN without."""
    found = np.full(len(_HALF_DOSES), np.nan)
    others = (context[:, None] == context) & (dose[:, None] != dose)
    rows = np.flatnonzero(others.any(axis=1))
    for k, relative in enumerate(_HALF_DOSES if len(rows) else ()):
        half = relative * largest
        effective = dose if np.isinf(half) else dose * (largest + half) / (np.abs(dose) + half)
        shares = others[rows] * weight * effective
        slopes = shares @ y / (shares @ effective)[:, None]
        found[k] = np.average(np.linalg.norm(y[rows] - effective[rows, None] * slopes, axis=1), weights=weight[rows])
    return found
