"""The section of a file of interactions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from skperturb.report._drawing import histogram, network_figure
from skperturb.report._page import Section, facts, note, table
from skperturb.report._parts import Parts

__all__ = ["interactions_section"]

_MOST_DRAWN = 60
_HUBS = 25
_DEGREES = (1, 2, 3, 5, 9, 17, 33, 65, 129, 257)
_CANDIDATES = 100
# Among so many pairs of the baseline a candidate is looked for.
_BASELINE_PAIRS = 1_000
# Known pairs that are hidden to see which model finds them again.
_HIDDEN_SHARE, _LEAST_PAIRS = 0.2, 50


def interactions_section(path: str, parts: Parts) -> Section:
    """Return what the page says of interactions.

    Parameters
    ----------
    path : str
        What `read_interactions` reads.
    parts : Parts
        Where the section grows.

    Returns
    -------
    Section

    Raises
    ------
    ValueError, OSError
        If the file can't be read.
    """
    from skperturb.datasets import read_interactions

    with parts.doubting():
        data = read_interactions(path)
    outcome = f"{len(data.pairs)} pairs of {len(data.genes)} genes"
    parts.begin(path, "interactions", outcome, _read(data))
    degrees = pd.Series(data.pairs.ravel()).value_counts(sort=False).reindex(data.genes)
    parts.add("Partners", partial(_degrees, degrees))
    parts.add("Network", partial(_drawn, data.pairs, degrees))
    parts.add("Best candidates", partial(_candidates, data.pairs, degrees))
    parts.add("Are they to be trusted?", partial(_hidden, data.pairs))
    return parts.section()


def _read(data: Any) -> str:
    weights = data.weights
    rows: list[tuple[str, Any]] = [("read as", data.format)]
    rows += [(str(label), int(count)) for label, count in data.report.items()]
    if weights is not None:
        rows.append(("weights", f"{np.nanmin(weights):.4g} to {np.nanmax(weights):.4g}"))
    return facts([*rows, ("genes", len(data.genes))])


def _degrees(degrees: pd.Series) -> str:
    hubs = degrees.sort_values(ascending=False, kind="stable").head(_HUBS)
    shown = pd.DataFrame({"gene": hubs.index, "partners": hubs.to_numpy()})
    what = f"Genes by their number of partners; median {degrees.median():g}."
    return histogram(degrees.to_numpy(), _DEGREES, what) + table(shown, f"The {len(shown)} genes with most partners")


def _drawn(pairs: np.ndarray, degrees: pd.Series) -> str:
    import networkx

    hubs = list(degrees.sort_values(ascending=False, kind="stable").index[:_MOST_DRAWN])
    inside = pairs[np.isin(pairs, hubs).all(axis=1)]
    graph = networkx.Graph()
    graph.add_nodes_from(hubs)
    graph.add_edges_from(inside.tolist())
    values = {gene: f"{degrees[gene]} partners in all" for gene in hubs}
    what = f"{len(inside)} interactions of the {len(hubs)} genes with most partners"
    return network_figure(
        graph, values, what + (f"; {len(degrees) - len(hubs)} others are not drawn." * (len(degrees) > len(hubs)))
    )


def _candidates(pairs: np.ndarray, degrees: pd.Series) -> str:
    from skperturb.interactions import DegreeProduct, L3Paths

    ranked = L3Paths(random_state=0).fit(pairs).rank_candidates(top=_CANDIDATES)
    popular = DegreeProduct(random_state=0).fit(pairs).rank_candidates(top=_BASELINE_PAIRS)
    places = {frozenset(pair): k + 1 for k, pair in enumerate(zip(popular["gene_a"], popular["gene_b"], strict=True))}
    both = list(zip(ranked["gene_a"], ranked["gene_b"], strict=True))
    shown = pd.DataFrame(
        {
            "rank": np.arange(1, len(ranked) + 1),
            "gene": ranked["gene_a"],
            "with": ranked["gene_b"],
            "log-odds": ranked["score"],
            "probability": ranked["probability"],
            "partners": [f"{degrees[a]}, {degrees[b]}" for a, b in both],
            "rank by popularity": [float(places.get(frozenset(pair), np.nan)) for pair in both],
            "shared partners": ranked["n_shared_partners"],
            "among them": ranked["shared_partners"],
        }
    )
    return note(
        f"Of {ranked.attrs['n_candidates']} pairs that are not in the file, those with most paths of length three. The "
        "baseline, the product of the numbers of partners, stands beside: what it ranks as high says little beyond "
        f"popularity. Empty: not among its first {_BASELINE_PAIRS}."
    ) + table(shown, "Candidates, best first")


def _hidden(pairs: np.ndarray) -> str:
    """Hide some known pairs, and count how many come back among as many candidates."""
    from skperturb.interactions import DegreeProduct, L3Paths

    if len(pairs) < _LEAST_PAIRS:
        return note(f"Not tested: {len(pairs)} pairs, and {_LEAST_PAIRS} are needed to hide some of them.")
    order = np.random.RandomState(0).permutation(len(pairs))
    n_hidden = int(_HIDDEN_SHARE * len(pairs))
    hidden = {frozenset(pair) for pair in pairs[order[:n_hidden]].tolist()}
    rows = []
    for name, model in (
        ("paths of length three", L3Paths(random_state=0)),
        ("popularity", DegreeProduct(random_state=0)),
    ):
        ranked = model.fit(pairs[order[n_hidden:]]).rank_candidates(top=n_hidden)
        found = [frozenset(pair) in hidden for pair in zip(ranked["gene_a"], ranked["gene_b"], strict=True)]
        rows.append({"model": name, "found again": int(sum(found)), "of the first 50": int(sum(found[:50]))})
    chance = n_hidden * n_hidden / max(ranked.attrs["n_candidates"], 1)
    rows.append({"model": "chance", "found again": chance, "of the first 50": chance * min(50 / n_hidden, 1.0)})
    return note(
        f"{n_hidden} of {len(pairs)} known pairs were hidden, and as many candidates ranked from the others. Pairs "
        "that nobody tested count as wrong, so the shares are too low; the order of the models is not."
    ) + table(pd.DataFrame(rows), f"Hidden pairs among the first {n_hidden} candidates")
