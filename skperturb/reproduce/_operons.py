"""Do genes of one operon lie close together? The paper's map of embedded genes, as a test."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from ._interaction_data import InteractionData
from ._interaction_models import build_model
from ._tables import format_table

__all__ = ["operon_distances", "operon_report"]


def operon_distances(
    data: InteractionData, model: str = "gne-published+", *, device: str = "auto", random_state: int = 0
) -> dict[str, Any]:
    """Compare distances within operons with distances of random gene pairs, in a t-SNE map of the embedding.

    Parameters
    ----------
    data : InteractionData
        With operons.
    model : str, default="gne-published+"
        A model with vectors of genes.
    device : str, default="auto"
    random_state : int, default=0

    Returns
    -------
    dict
        ``model``; ``map``: DataFrame with the columns ``x, y, operon``, one row for each gene of an operon; ``within``
        and ``random``: distances; ``statistic`` and ``p_value`` of the two-sample Kolmogorov-Smirnov test.

    Raises
    ------
    ValueError
        If there are no operons or no two embedded genes share one.
    """
    from sklearn.manifold import TSNE

    if data.operons is None:
        raise ValueError("The operon test needs operons, which an edge list does not have; run it on E. coli.")
    fitted = build_model(model, data.expression, data.genes, random_state, device).fit(data.pairs)
    if not hasattr(fitted, "embed"):
        raise ValueError(f"models names {model!r}, which has no vectors of genes; expected an embedding.")
    connected = pd.unique(data.pairs.ravel())
    members = data.operons[data.operons["gene"].isin(connected)].drop_duplicates("gene")
    members = members[members.groupby("operon")["gene"].transform("size") > 1].reset_index(drop=True)
    if members.empty:
        raise ValueError("No two embedded genes share an operon, so there is no distance to compare.")
    vectors = fitted.embed(members["gene"].to_numpy())
    perplexity = min(30.0, (len(members) - 1) / 3)
    places = TSNE(perplexity=perplexity, random_state=random_state, init="pca").fit_transform(vectors)
    first, second = np.triu_indices(len(members), k=1)
    distances = np.linalg.norm(places[first] - places[second], axis=1)
    operon = members["operon"].to_numpy()
    same = operon[first] == operon[second]
    rng = np.random.RandomState(random_state)
    random = rng.choice(distances[~same], size=min(10_000, int((~same).sum())), replace=False)
    test = ks_2samp(distances[same], random)
    return {
        "model": model,
        "map": pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "operon": operon}, index=members["gene"]),
        "within": distances[same],
        "random": random,
        "statistic": float(test.statistic),
        "p_value": float(test.pvalue),
    }


def operon_report(data: InteractionData, models: Any = None, *, device: str = "auto") -> str:
    """Format the test for some models."""
    rows = []
    for name in models or ["svd", "gne-published", "gne-published+", "gne"]:
        result = operon_distances(data, name, device=device)
        medians = float(np.median(result["within"])), float(np.median(result["random"]))
        rows.append([name, len(result["map"]), *medians, result["statistic"], f"{result['p_value']:.1e}"])
    header = ["model", "genes", "median within operons", "median otherwise", "Kolmogorov-Smirnov", "p"]
    return format_table(header, rows)
