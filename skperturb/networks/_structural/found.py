"""What the draws of one network say: expected ranks, signs with their certainty, intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skperturb._validation import NetworkRecord
from skperturb.metrics import rank_data
from skperturb.networks._distance import closeness_of
from skperturb.networks._propagation import propagation

__all__ = ["Found", "Prior", "RankedResponses"]

# Decades beyond which a response counts as none or as infinite when sizes are compared.
_MOST_DECADES = 30.0
# Weight of the closeness 1 / (1 + shortest path) beside the mean rank, by what is predicted; half or twice as much
# changes the rank correlations of 113 BioModels networks (all pairs, inside a column) by less than .006.
_CLOSENESS = {"relative": 0.3, "steady_state": 0.6}
# Rank of the relative responses to what has vanished, in shares: a per cent of nothing is nothing. The structure is
# wrong about one such variable in six, so they are not set to nothing.
_VANISHED = 0.6
# Share of the draws below which a sign is taken from signed propagation. Where something stops, always: the draws are
# of kinetics at which everything flows. Right signs of 57 networks without and 21 with a stop: .820 and .863, by
# propagation alone .748 and .863; with the threshold that is best on the other publications .814.
_SURE = 0.55
# The propagation's share that is passed on, the default of `DynamoPropagation`.
_ALPHA = 0.9
# Propagation, as a part of that with all signs positive, up to which walks of both signs cancel: what is left is
# rounding, some 1e-16, whose sign depends on the order of the nodes.
_CANCELED = 1e-12
# Widening of an interval by its nominal coverage, in ranks from 0 to 1, by what is predicted and whether something
# stops. Measured on 113 BioModels networks; with the margins of the other publications each of the four covers .90
# where it should cover .9, .80 to .81 for .8, and .95 for .95.
_LEVELS = (0.0, 0.5, 0.8, 0.9, 0.95)
_MARGINS = {
    ("relative", False): (0.0, 0.03, 0.06, 0.09, 0.13),
    ("relative", True): (0.0, 0.11, 0.31, 0.39, 0.52),
    ("steady_state", False): (0.0, 0.03, 0.04, 0.04, 0.05),
    ("steady_state", True): (0.0, 0.05, 0.12, 0.28, 0.43),
}


@dataclass(frozen=True, eq=False)
class RankedResponses:
    """All that an ensemble says of the responses in one network.

    Each table has one row for each node and one column for each source: a DataFrame where the network has names, an
    array where it has none.

    Parameters
    ----------
    rank : DataFrame or ndarray of shape (n_nodes, n_sources)
        Expected rank of the size among all pairs, in (0, 1], 1 the strongest; 0 where there is no response.
    sign : DataFrame or ndarray of shape (n_nodes, n_sources)
        −1, 0 or 1.
    certainty : DataFrame or ndarray of shape (n_nodes, n_sources)
        Share of the draws that have this sign.
    lower, upper : DataFrame or ndarray of shape (n_nodes, n_sources)
        Interval of the rank, which lies in it; without a response, that of the rank which all such pairs share.
    coverage : float
        Share of the true ranks that the intervals hold.
    sources : list
        Names of the columns, positions in a network without names.

    See Also
    --------
    StructuralSensitivity.predict_responses : Makes it.
    ResponseMatrix : Responses in per cent, exact or from the draws alone.

    Examples
    --------
    >>> import numpy as np
    >>> from skperturb.networks import StructuralSensitivity
    >>> cascade = np.array([[-1, 0, 0], [2, -1, 0], [0, -3, -1]])
    >>> (found,) = StructuralSensitivity(n_draws=20).predict_responses([cascade])
    >>> found.to_frame()[["source", "target", "sign", "certainty"]].head(2)
       source  target  sign  certainty
    0       1       2    -1        1.0
    1       0       2    -1        1.0
    """

    rank: Any
    sign: Any
    certainty: Any
    lower: Any
    upper: Any
    coverage: float
    sources: list[Any]

    @property
    def signed(self) -> Any:
        """Return the ranks with their signs, those of `StructuralSensitivity.predict`."""
        # Without negative zeros, which print as such.
        return self.rank * np.where(np.asarray(self.sign) < 0, -1.0, 1.0) + 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each response of a node to another one, the strongest first.

        Returns
        -------
        DataFrame
            Columns ``source, target, rank, sign, certainty, lower, upper``. Pairs without a response are left out.
        """
        tables = {name: pd.DataFrame(getattr(self, name)) for name in ("rank", *_OTHERS)}
        targets, sources = tables["rank"].index, pd.Index(self.sources)
        shown = (tables["rank"].to_numpy() > 0.0) & (targets.to_numpy()[:, None] != sources.to_numpy())
        rows, columns = np.nonzero(shown)
        long = {"source": sources[columns], "target": targets[rows]}
        long |= {name: table.to_numpy()[rows, columns] for name, table in tables.items()}
        return pd.DataFrame(long).sort_values("rank", ascending=False, kind="stable", ignore_index=True)


_OTHERS = ("sign", "certainty", "lower", "upper")


@dataclass(frozen=True)
class Prior:
    """What is known of one network beside the draws.

    Attributes
    ----------
    kind : {"relative", "steady_state"}
    closeness : float
        Weight of the shortest path.
    vanished : ndarray of bool of shape (n_nodes,)
        Variables that are zero at rest.
    stops : bool
        Whether reactions have to stop at rest.
    """

    kind: str
    closeness: float
    vanished: np.ndarray
    stops: bool

    @classmethod
    def of(cls, kind: str, vanished: np.ndarray, stops: bool, *, known: bool) -> Prior:
        """Return the prior; with a known state or fluxes the draws need no shortest path."""
        return cls(kind, 0.0 if known else _CLOSENESS[kind], vanished, stops)


class Found:
    """The draws of one network and what they say.

    Parameters
    ----------
    record : NetworkRecord
    draws : ndarray of shape (n_draws, n_nodes, n_nodes)
    zeros : ndarray of bool of shape (n_nodes, n_nodes)
        Responses that the structure forbids.
    sources : ndarray of int
        The columns that are wanted.
    prior : Prior
    """

    def __init__(
        self, record: NetworkRecord, draws: np.ndarray, zeros: np.ndarray, sources: np.ndarray, prior: Prior
    ) -> None:
        self.record, self.draws, self.zeros, self.sources, self.prior = record, draws, zeros, sources, prior

    @cached_property
    def ranks(self) -> np.ndarray:
        """Return the rank of the size of each response among all pairs of its draw, in (0, 1]."""
        if not self.draws.size:
            return np.zeros(self.draws.shape)
        with np.errstate(divide="ignore"):
            decades = np.clip(np.log10(np.abs(self.draws)), -_MOST_DECADES, _MOST_DECADES)
        return np.stack([rank_data(draw, axis=None) for draw in decades]) / decades[0].size

    @cached_property
    def expected(self) -> np.ndarray:
        """Return the expected rank, 0 where there is no response."""
        if not self.draws.size:
            return np.zeros(self.zeros.shape)
        answered = (self.draws != 0.0).any(axis=0)
        score = np.where(answered, self.ranks.mean(axis=0), 0.0)
        if self.prior.closeness:
            score = score + self.prior.closeness * closeness_of(self.record)
        if self.prior.kind == "relative":
            others = ~np.eye(len(score), dtype=bool)
            score = np.where(self.prior.vanished & others, _VANISHED * score, score)
        score = np.where(self.zeros, 0.0, score)
        return np.where(score > 0.0, rank_data(score, axis=None) / score.size, 0.0)

    def interval(self, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the widened quantiles of the ranks, which hold the expected rank where there is a response."""
        if not self.draws.size:
            return np.zeros(self.zeros.shape), np.zeros(self.zeros.shape)
        margin = float(np.interp(coverage, _LEVELS, _MARGINS[self.prior.kind, self.prior.stops]))
        low, high = np.quantile(self.ranks, [0.5 - 0.5 * coverage, 0.5 + 0.5 * coverage], axis=0)
        # The expected rank knows of paths and of what has vanished, the draws do not.
        own = np.where(self.expected > 0.0, self.expected, np.nan)
        return np.fmin(np.clip(low - margin, 0.0, 1.0), own), np.fmax(np.clip(high + margin, 0.0, 1.0), own)

    @cached_property
    def signs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sign of most draws, or of propagation where they disagree, and the share of draws that have it."""
        shares = np.stack([(np.sign(self.draws) == sign).mean(axis=0) for sign in (-1, 0, 1)])
        # Of equal shares the positive one: most responses of real networks are positive.
        most = 2 - np.argmax(shares[::-1], axis=0)
        least = np.inf if self.prior.stops else _SURE
        # What is no structural zero responds at some kinetics, if at none of these.
        doubtful = ((shares.max(axis=0) < least) | (most == 1)) & (self.propagated != 0.0) & ~self.zeros
        most = np.where(doubtful, self.propagated.astype(int) + 1, most)
        return (most - 1).astype(np.int8), np.take_along_axis(shares, most[None], axis=0)[0]

    @cached_property
    def propagated(self) -> np.ndarray:
        """Return the sign that signed propagation gives each response, 0 where the walks of both signs cancel."""
        matrix = self.record.matrix if isinstance(self.record.matrix, np.ndarray) else self.record.matrix.toarray()
        signs = np.sign(matrix)
        found = propagation(signs, _ALPHA)
        return np.where(np.abs(found) > _CANCELED * propagation(np.abs(signs), _ALPHA), np.sign(found), 0.0)
