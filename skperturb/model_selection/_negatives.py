"""Negative pairs: what a model of interactions is told, and judged by."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from skperturb._pair_sampling import STRATEGIES, sample_negative_positions
from skperturb._pairs import as_genes, encode_pairs, ensure_pairs
from skperturb._sklearn import Interval, StrOptions, validate_params

__all__ = ["sample_negative_pairs"]


@validate_params(
    {
        "n_samples": [Interval(Integral, 0, None, closed="left"), None],
        "strategy": [StrOptions(set(STRATEGIES))],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def sample_negative_pairs(
    known_pairs: Any,
    n_samples: int | None = None,
    *,
    strategy: str = "uniform",
    genes: Any = None,
    ends: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Draw pairs of genes that are not known to interact, without replacement.

    Parameters
    ----------
    known_pairs : array-like of shape (n_known, 2)
        All known interactions, those held out for a test too: none of them is drawn, in either order.
    n_samples : int, default=None
        Number of pairs; as many as there are different known pairs when None.
    strategy : {"uniform", "connected", "degree"}, default="uniform"
        How the two genes are drawn. "uniform": from all genes, as in most papers; a model that knows how popular genes
        are does well against such negatives. "connected": uniformly from the genes of `ends`. "degree": in proportion
        to how often a gene occurs in `ends`, so that popularity says nothing.
    genes : sequence of str or int, default=None
        All genes, those without a known interaction too; the genes of `known_pairs` when None.
    ends : array-like of shape (n_pairs, 2), default=None
        The pairs whose genes "connected" and "degree" draw from, such as the positive pairs of the test;
        `known_pairs` when None.
    random_state : int, RandomState or None, default=None
        Decides the sample.

    Returns
    -------
    ndarray of shape (n_samples, 2)
        Different pairs of different genes, ids of the same type as those of `known_pairs`.

    Raises
    ------
    TypeError
        If ids mix names and integers.
    ValueError
        If fewer than `n_samples` such pairs exist, or `known_pairs` holds self-pairs.

    Examples
    --------
    >>> from skperturb.model_selection import sample_negative_pairs
    >>> known = [("a", "b"), ("b", "c"), ("c", "d")]
    >>> sorted(map(tuple, sample_negative_pairs(known, random_state=0).tolist()))
    [('a', 'c'), ('a', 'd'), ('b', 'd')]
    """
    extra = [] if genes is None else [as_genes(genes, "genes")]
    end_pairs = None if ends is None else ensure_pairs(ends, "ends")
    if end_pairs is not None:
        extra.append(pd.Index(pd.unique(end_pairs.ravel())))
    data = encode_pairs(known_pairs, None, extra)
    positives = data.positives
    sample = sample_negative_positions(
        len(positives) if n_samples is None else int(n_samples),
        positives,
        len(data.genes),
        strategy=strategy,
        ends=None if end_pairs is None else data.genes.get_indexer(end_pairs.ravel()).reshape(-1, 2),
        random_state=random_state,
    )
    return data.genes.to_numpy()[sample]
