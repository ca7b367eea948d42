"""Ranking of candidates: the best pairs out of all pairs, of which there are too many to score each in full.

A cheap score of all pairs comes first. It is computed for all partners of a block of genes at once, where sparse
products cost what the neighborhoods cost, not what the pairs cost. The model itself then scores the pairs that are
cheaply the best, chunk after chunk, until a chunk brings hardly anything new to the best of the list. The cheap score
is a quadratic function of neighborhood scores, fitted to the model's own log-odds on a sample; a model whose log-odds
can be written for whole rows brings these rows in place of it, and then nothing is missed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import expit, logit
from sklearn.utils.validation import check_is_fitted

from skperturb._pairs import as_genes, ensure_pairs, pair_codes, symmetric_graph
from skperturb.interactions._neighborhood_rows import NeighborhoodRows
from skperturb.interactions._neighborhoods import Neighborhoods, path_weights

__all__ = ["CandidateRankingMixin", "neighborhood_columns"]

# Pairs of a block of rows, and pairs whose features are held at a time. Both bound the memory alone (a dozen columns of
# 8 bytes: 100 MB), no result.
_PAIRS_PER_BLOCK = 1_000_000
_PAIRS_PER_CHUNK = 50_000
# Pairs that the cheap score is fitted to, in each of two rounds.
_SAMPLE = 6_000
# The model scores at least this number of pairs in a chunk, or twenty times as many as are asked for.
_LEAST_SCORED, _SCORED_FOR_EACH = 50_000, 20
# The list of cheaply best pairs ends after this number of chunks.
_CHUNKS = 8
# Share of the best pairs that a chunk has to bring for another one to be scored.
_STILL_NEW = 0.002
# For given genes: cheaply best partners of each that the model scores, for one that is asked for; and all pairs of few.
_PARTNERS_FOR_EACH, _LEAST_PARTNERS = 5, 200_000
# Added under the logarithm of neighborhood scores; of the size of a single path between genes of degree 30.
_OFFSET = 1e-3
# Names of shared partners that are listed.
_PARTNERS_SHOWN = 3


def neighborhood_columns(near: Neighborhoods, sources: np.ndarray) -> list[np.ndarray]:
    """Return the logarithms of neighborhood scores of some genes with all genes.

    Parameters
    ----------
    near : Neighborhoods
    sources : ndarray of shape (n_sources,)

    Returns
    -------
    list of ndarray of shape (n_sources, n_nodes)
    """
    rows, degrees = NeighborhoodRows(near), np.log1p(near.degrees)
    first, second = degrees[sources][:, None], degrees[None, :]
    inverse = 1.0 / np.maximum(near.degrees, 1.0)
    scores = [
        rows.common(sources),
        rows.common(sources, inverse),
        rows.paths_of_three(sources, path_weights(near.degrees, "sqrt")),
        rows.paths_of_three(sources, path_weights(near.degrees, "degree")),
    ]
    logs = [np.log(np.maximum(score, 0.0) + _OFFSET) for score in scores]
    return [*logs, first + second, np.minimum(first, second)]


class CandidateRankingMixin:
    """Mixin of models of pairs: ranks the pairs that nobody has tested."""

    def rank_candidates(
        self, genes: Any = None, top: int = 100, exclude_known: bool = True, exclude: Any = None, prevalence: Any = None
    ) -> pd.DataFrame:
        r"""Return the pairs that most probably interact, best first.

        Parameters
        ----------
        genes : sequence of genes, default=None
            Genes whose best partners are wanted, `top` of each; None ranks all pairs of `genes_`.
        top : int, default=100
            Number of pairs, or of partners of each gene; fewer if there are no more.
        exclude_known : bool, default=True
            Leave out the interactions that the model was fitted on.
        exclude : array-like of shape (n_pairs, 2), default=None
            Further pairs to leave out, such as those that were tested without success. Pairs of genes that the model
            does not know change nothing.
        prevalence : float, default=None
            Share of interactions that is expected among the candidates, for the column ``probability``. When None, as
            many as are known: the known interactions over all pairs.

        Returns
        -------
        DataFrame
            A row for each pair, with the columns ``gene_a`` and ``gene_b`` (with `genes`, ``gene_a`` is the gene that
            was asked for); ``score``, the log-odds of `decision_function`; ``probability``, as `predict_proba` gives it
            for `prevalence`; ``n_shared_partners``, and ``shared_partners``, the names of up to three of them, the
            least popular ones first; and ``reason``, the evidence that raises the pair's log-odds most.
            `GNEEmbedder` has a column for each kind of evidence besides, such as ``from_popularity``: by how much the
            log-odds fall if the pair's features of that kind were those of an average training pair.
            ``attrs["n_candidates"]`` and ``attrs["n_scored"]`` tell how many pairs there are, and how many the model
            scored itself.

        Raises
        ------
        TypeError
            If genes are named by another kind of id than in the training, or `exclude_known` is no truth value.
        ValueError
            If the model does not know a gene, or `top` or `prevalence` is no such number.

        Notes
        -----
        Not all pairs are scored by the model itself: there are 200 million pairs of 20,000 genes. A cheap score of all
        pairs comes first, and the model scores the best of these in chunks, until a chunk of 50,000 pairs or more
        brings less than 0.2 % of the best `top`. Of the 1,000 best of all pairs at least 95 % are found
        (``tests/interactions/test_candidates.py``). Memory is bounded by blocks of a million pairs.

        Examples
        --------
        >>> from skperturb.interactions import L3Paths
        >>> pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "e"), ("e", "c"), ("f", "d")]
        >>> model = L3Paths(random_state=0).fit(pairs)
        >>> model.rank_candidates(top=2)[["gene_a", "gene_b", "n_shared_partners"]]
          gene_a gene_b  n_shared_partners
        0      a      d                  0
        1      b      f                  0
        >>> model.rank_candidates(["f"], top=1)["gene_b"].item()
        'b'
        """
        check_is_fitted(self)
        if not isinstance(top, Integral) or isinstance(top, bool) or top < 1:
            raise ValueError(f"top is {top!r}; expected a whole number from 1, how many pairs to return.")
        if not isinstance(exclude_known, bool | np.bool_):
            raise TypeError(f"exclude_known is {exclude_known!r}; expected True or False.")
        candidates = _Candidates.of(self, bool(exclude_known), exclude)
        share = _prevalence(prevalence, candidates)
        search = _Search(candidates, self._candidate_columns, self._score_positions)
        if genes is None:
            positions, scores = search.best_pairs(int(top))
        else:
            positions, scores = search.best_partners(_locate_genes(self, genes), int(top))
        table = _describe(self, candidates.near, positions, scores, share)
        table.attrs = {"n_candidates": candidates.n_pairs, "n_scored": search.n_scored}
        return table

    def _score_positions(self, positions: np.ndarray) -> np.ndarray:
        """Return the log-odds of pairs in bounded memory; undirected ones are turned as in the training."""
        positions = positions if self._is_directed else np.sort(positions, axis=1)  # type: ignore[attr-defined]
        scores = np.empty(len(positions))
        for start in range(0, len(positions), _PAIRS_PER_CHUNK):
            chunk = positions[start : start + _PAIRS_PER_CHUNK]
            scores[start : start + len(chunk)] = self._log_odds(self._pair_features(chunk))  # type: ignore[attr-defined]
        return scores

    def _candidate_columns(self, near: Neighborhoods, sources: np.ndarray) -> list[np.ndarray]:
        """Return what a cheap score of all partners of some genes is made of, each of shape (n_sources, n_nodes)."""
        return neighborhood_columns(near, sources)

    def _evidence(self, positions: np.ndarray) -> pd.DataFrame:
        """Return the log-odds that each kind of evidence adds to pairs; nothing where there is one kind only."""
        return pd.DataFrame(index=range(len(positions)))


@dataclass(eq=False)
class _Candidates:
    """All pairs of genes but those that are left out.

    Parameters
    ----------
    n_genes : int
    n_known : int
        Interactions that the model was fitted on.
    left_out : csr_array of shape (n_genes, n_genes)
        Pairs that are no candidates; in both orders, unless the model is directed.
    directed : bool
    near : Neighborhoods
        Of the known interactions, without their direction.
    """

    n_genes: int
    n_known: int
    left_out: sp.csr_array
    directed: bool
    near: Neighborhoods

    @classmethod
    def of(cls, model: Any, exclude_known: bool, exclude: Any) -> "_Candidates":
        n_genes, directed = len(model.genes_), model._is_directed
        pairs = [model._positives] if exclude_known else []
        if exclude is not None and len(exclude):
            given = ensure_pairs(exclude, "exclude")
            if (given.dtype == object) != (model._index.dtype == object):
                kinds = ("str", "int") if given.dtype == object else ("int", "str")
                raise TypeError(
                    f"exclude names genes by {kinds[0]}, but the model was fitted on {kinds[1]}; use the ids of the "
                    "training."
                )
            positions = model._index.get_indexer(given.ravel()).reshape(-1, 2)
            pairs.append(positions[(positions >= 0).all(axis=1)])
        both = np.concatenate([*pairs, np.column_stack([np.arange(n_genes)] * 2)])
        if not directed:
            both = np.concatenate([both, both[:, ::-1]])
        codes = np.unique(pair_codes(both, n_genes, directed=True))
        row, column = np.divmod(codes, n_genes)
        left_out = sp.csr_array((np.ones(len(codes), dtype=bool), (row, column)), shape=(n_genes, n_genes))
        near = Neighborhoods(symmetric_graph(model._positives, n_genes + 1))
        return cls(n_genes, len(model._positives), left_out, directed, near)

    @property
    def n_pairs(self) -> int:
        """Number of candidates."""
        ordered = self.n_genes**2 - self.left_out.nnz
        return ordered if self.directed else ordered // 2

    def free(self, sources: np.ndarray, once: bool) -> np.ndarray:
        """Tell which genes are candidates for some genes; undirected pairs `once`, at their smaller gene.

        Returns
        -------
        ndarray of bool, shape (n_sources, n_genes)
        """
        mask = np.ones((len(sources), self.n_genes), dtype=bool)
        rows = self.left_out[sources]
        mask[np.repeat(np.arange(len(sources)), np.diff(rows.indptr)), rows.indices] = False
        if once and not self.directed:
            mask &= np.arange(self.n_genes)[None, :] > sources[:, None]
        return mask

    def blocks(self, sources: np.ndarray) -> list[np.ndarray]:
        """Divide genes so that all pairs of a block fit into memory."""
        size = max(1, _PAIRS_PER_BLOCK // self.n_genes)
        return [sources[start : start + size] for start in range(0, len(sources), size)]


@dataclass(eq=False)
class _Search:
    """Finds the best candidates.

    Parameters
    ----------
    candidates : _Candidates
    columns : callable
        ``columns(near, sources)`` returns what the cheap score is made of.
    score : callable
        ``score(positions)`` returns the model's log-odds.
    """

    candidates: _Candidates
    columns: Callable[[Neighborhoods, np.ndarray], list[np.ndarray]]
    score: Callable[[np.ndarray], np.ndarray]
    n_scored: int = field(default=0, init=False)

    def best_pairs(self, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best of all pairs and their log-odds."""
        chunk = max(_LEAST_SCORED, _SCORED_FOR_EACH * top)
        if self.candidates.n_pairs <= 2 * chunk:
            codes = self._all_codes()
            return self._sorted(codes, self._score(codes), top)
        listed = self._shortlist(_CHUNKS * chunk)
        best, scores = np.empty(0, dtype=np.int64), np.empty(0)
        for start in range(0, len(listed), chunk):
            codes = listed[start : start + chunk]
            both = np.concatenate([best, codes]), np.concatenate([scores, self._score(codes)])
            kept = np.lexsort((both[0], -both[1]))[:top]
            n_new = int((kept >= len(best)).sum())
            best, scores = both[0][kept], both[1][kept]
            if start and n_new < _STILL_NEW * top:
                break
        return np.column_stack(np.divmod(best, self.candidates.n_genes)), scores

    def best_partners(self, genes: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the best partners of each gene and their log-odds, gene by gene."""
        n_genes = self.candidates.n_genes
        n_listed = min(n_genes, max(_PARTNERS_FOR_EACH * top, _LEAST_PARTNERS // len(genes)))
        cheap = None if n_listed == n_genes else self._fit_cheap()
        found = []
        for sources in self.candidates.blocks(genes):
            free = self.candidates.free(sources, once=False)
            if cheap is not None:
                values = np.where(free, cheap(sources), -np.inf)
                least = np.partition(values, n_genes - n_listed, axis=1)[:, n_genes - n_listed]
                free &= values >= least[:, None]
            row, column = np.nonzero(free)
            codes = sources[row] * n_genes + column
            scores = self._score(codes)
            for k in range(len(sources)):
                found.append(self._sorted(codes[row == k], scores[row == k], top))
        return np.concatenate([pairs for pairs, _ in found]), np.concatenate([scores for _, scores in found])

    def _score(self, codes: np.ndarray) -> np.ndarray:
        self.n_scored += len(codes)
        return self.score(np.column_stack(np.divmod(codes, self.candidates.n_genes)))

    def _sorted(self, codes: np.ndarray, scores: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
        # Pairs of one score in the order of their names, so that nothing but the model decides.
        order = np.lexsort((codes, -scores))[:top]
        return np.column_stack(np.divmod(codes[order], self.candidates.n_genes)), scores[order]

    def _all_codes(self) -> np.ndarray:
        n_genes, found = self.candidates.n_genes, []
        for sources in self.candidates.blocks(np.arange(n_genes)):
            row, column = np.nonzero(self.candidates.free(sources, once=True))
            found.append(sources[row] * n_genes + column)
        return np.concatenate(found)

    def _shortlist(self, n_listed: int) -> np.ndarray:
        """Return the codes of the cheaply best pairs, best first."""
        cheap, n_genes = self._fit_cheap(), self.candidates.n_genes
        codes, values, least = np.empty(0, dtype=np.int64), np.empty(0), -np.inf
        for sources in self.candidates.blocks(np.arange(n_genes)):
            scores = cheap(sources)
            row, column = np.nonzero(self.candidates.free(sources, once=True) & (scores > least))
            codes = np.concatenate([codes, sources[row] * n_genes + column])
            values = np.concatenate([values, scores[row, column]])
            if len(codes) > n_listed:
                kept = np.argpartition(values, len(values) - n_listed)[len(values) - n_listed :]
                codes, values = codes[kept], values[kept]
                least = values.min()
        return codes[np.lexsort((codes, -values))]

    def _fit_cheap(self) -> Callable[[np.ndarray], np.ndarray]:
        """Fit the cheap score to the model's log-odds of sampled pairs, half of them cheaply the best."""
        sources = self._pilot()
        columns = [column[:, :-1] for column in self.columns(self.candidates.near, sources)]
        row, target = np.nonzero(self.candidates.free(sources, once=False))
        design = _Design.of([column[row, target] for column in columns])
        rng = np.random.RandomState(0)
        order = np.argsort(-design.standardized.mean(axis=1), kind="stable")
        chosen = np.empty(0, dtype=np.int64)
        scores = np.empty(0)
        for _ in range(2):
            sample = _best_and_others(order, rng)
            new = sample[~np.isin(sample, chosen)]
            codes = sources[row[new]] * self.candidates.n_genes + target[new]
            chosen, scores = np.concatenate([chosen, new]), np.concatenate([scores, self._score(codes)])
            coefficients = design.fit(chosen, scores)
            order = np.argsort(-(design.standardized @ coefficients), kind="stable")
        return lambda sources: design.predict(
            [column[:, :-1] for column in self.columns(self.candidates.near, sources)], coefficients
        )

    def _pilot(self) -> np.ndarray:
        """Draw the genes of one block, half of them by their degrees."""
        n_genes = self.candidates.n_genes
        size = min(n_genes, max(2, _PAIRS_PER_BLOCK // n_genes))
        rng = np.random.RandomState(0)
        degrees = self.candidates.near.degrees[:-1] + 1e-9
        popular = rng.choice(n_genes, size // 2, replace=False, p=degrees / degrees.sum())
        others = np.setdiff1d(np.arange(n_genes), popular)
        return np.sort(np.concatenate([popular, rng.choice(others, size - len(popular), replace=False)]))


@dataclass(eq=False)
class _Design:
    """Columns of sampled pairs, their squares, and how both are standardized."""

    means: list[float]
    scales: list[float]
    standardized: np.ndarray

    @classmethod
    def of(cls, columns: list[np.ndarray]) -> "_Design":
        means = [float(column.mean()) for column in columns]
        scales = [float(column.std()) or 1.0 for column in columns]
        design = cls(means, scales, np.empty((0, 0)))
        design.standardized = np.column_stack([term for column in design._terms(columns) for term in column])
        return design

    def _terms(self, columns: list[np.ndarray]) -> Any:
        squares = len(columns) > 2
        for column, mean, scale in zip(columns, self.means, self.scales, strict=True):
            term = (column - mean) / scale
            yield (term, term**2) if squares else (term,)

    def fit(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        design = np.column_stack([self.standardized[rows], np.ones(len(rows))])
        return np.linalg.lstsq(design, scores, rcond=1e-10)[0][:-1]

    def predict(self, columns: list[np.ndarray], coefficients: np.ndarray) -> np.ndarray:
        terms = (term for column in self._terms(columns) for term in column)
        return np.sum([weight * term for weight, term in zip(coefficients, terms, strict=True)], axis=0)


def _best_and_others(order: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Choose the best pairs of an order, some of the next tenth and some of all, a third of the sample each."""
    part = _SAMPLE // 3
    strata = order[:part], order[part : part + len(order) // 10], order[part:]
    return np.unique(np.concatenate([rng.permutation(stratum)[:part] for stratum in strata]))


def _locate_genes(model: Any, genes: Any) -> np.ndarray:
    index = as_genes(genes, "genes")
    if len(index) == 0:
        raise ValueError("genes is empty; expected at least one gene, or None for all pairs.")
    positions = model._positions_of(index.to_numpy(), "genes")
    if (positions < 0).any():
        missing = index[positions < 0]
        raise ValueError(
            f"genes has {len(missing)} genes that the model does not know ({', '.join(map(str, missing[:3]))}); "
            "expected genes of the training pairs, of expression or of the model's parameter genes."
        )
    return positions


def _prevalence(prevalence: Any, candidates: _Candidates) -> float:
    if prevalence is None:
        everything = candidates.n_genes * (candidates.n_genes - 1) // (1 if candidates.directed else 2)
        # A network without a missing pair leaves no candidates; the share has to stay below 1.
        return candidates.n_known / (everything + 1)
    if not isinstance(prevalence, Real) or not 0 < float(prevalence) < 1:
        raise ValueError(
            f"prevalence is {prevalence!r}; expected a number between 0 and 1, the share of interactions among the "
            "candidates."
        )
    return float(prevalence)


def _describe(
    model: Any, near: Neighborhoods, positions: np.ndarray, scores: np.ndarray, prevalence: float
) -> pd.DataFrame:
    """Return the table of pairs."""
    ordered = positions if model._is_directed else np.sort(positions, axis=1)
    evidence = model._evidence(ordered)
    kinds = evidence.columns if len(evidence.columns) else pd.Index([model._feature_names()[0]])
    largest = np.argmax(evidence.to_numpy(), axis=1) if len(evidence.columns) else np.zeros(len(positions), dtype=int)
    shared = [_shared_partners(near, *pair) for pair in positions.tolist()]
    table = pd.DataFrame(
        {
            "gene_a": model.genes_[positions[:, 0]],
            "gene_b": model.genes_[positions[:, 1]],
            "score": scores,
            "probability": expit(scores + logit(prevalence) - logit(model.base_rate_)),
            "n_shared_partners": np.array([len(partners) for partners in shared], dtype=np.int64),
            "shared_partners": [
                ", ".join(str(model.genes_[node]) for node in partners[:_PARTNERS_SHOWN]) for partners in shared
            ],
            "reason": kinds.to_numpy(dtype=object)[largest],
        }
    )
    return table.assign(**{f"from_{name}": evidence[name].to_numpy() for name in evidence.columns})


def _shared_partners(near: Neighborhoods, first: int, second: int) -> np.ndarray:
    """Return the common neighbors, the least popular one first."""
    graph = near.graph
    rows = [graph.indices[graph.indptr[node] : graph.indptr[node + 1]] for node in (first, second)]
    shared = np.intersect1d(*rows)
    return shared[np.argsort(near.degrees[shared], kind="stable")]
