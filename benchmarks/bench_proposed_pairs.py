"""AUROC on pairs that other methods proposed, half of which interact: the default beside paths of length three.

    python benchmarks/bench_proposed_pairs.py [--seeds 0 1] [--genes 2500] [--interactions 30000] [--top 3000]

A laboratory tests what methods propose, not random pairs. Networks are simulated with modules, where triangles tell,
and with complementary interfaces, where paths of length three do; with and without hubs. Half of the interactions are
learned from. The `top` best unknown pairs of each of seven methods (two kinds of paths of length three, common
neighbors, Adamic-Adar, degree product, singular vectors, similarity to partners) make the test, with as many proposals
that interact as proposals that do not. Lead: over the better kind of paths of length three, with its 95 % interval
(DeLong).
"""

import argparse
import time

import numpy as np

NETWORKS = {
    "modules": {"structure": "modules", "within": 0.6, "degree_exponent": 0.0},
    "modules, hubs": {"structure": "modules", "within": 0.6, "degree_exponent": 0.7},
    "interfaces": {"structure": "interfaces", "within": 0.6, "degree_exponent": 0.0},
    "interfaces, hubs": {"structure": "interfaces", "within": 0.7, "degree_exponent": 0.7},
}


def proposing_scores(train, n_genes):
    """Return one score of all pairs for each method, shape (n_genes, n_genes)."""
    from scipy.sparse.linalg import svds

    from skperturb._pairs import symmetric_graph
    from skperturb.interactions._neighborhood_rows import NeighborhoodRows
    from skperturb.interactions._neighborhoods import Neighborhoods, path_weights

    near, genes = Neighborhoods(symmetric_graph(train, n_genes)), np.arange(n_genes)
    rows, degrees = NeighborhoodRows(near), np.maximum(near.degrees, 1.0)
    common = rows.common(genes)
    similar = common / np.maximum(degrees[:, None] + degrees - common, 1.0)
    np.fill_diagonal(similar, 0.0)
    closest = np.zeros_like(similar)
    for gene in genes:
        partners = near.graph.indices[near.graph.indptr[gene] : near.graph.indptr[gene + 1]]
        if len(partners):
            closest[:, gene] = similar[:, partners].max(axis=1)
    scaled = near.graph.multiply(degrees[:, None] ** -0.5).multiply(degrees[None, :] ** -0.5).tocsr()
    left, values, right = svds(scaled, 32, random_state=0)
    return {
        "l3": rows.paths_of_three(genes, path_weights(degrees, "sqrt")),
        "l3-symmetric": rows.paths_of_three(genes, path_weights(degrees, "degree"))
        / np.sqrt(np.outer(degrees, degrees)),
        "common": common,
        "adamic-adar": rows.common(genes, 1.0 / np.log(np.maximum(degrees, 2.0))),
        "degree": np.log1p(near.degrees)[:, None] + np.log1p(near.degrees),
        "singular vectors": (left * values) @ right,
        "similarity to partners": np.log(np.maximum(closest, closest.T) + 1e-3),
    }


def proposals(scores, known, top, rng):
    """Return the pairs that are among the best unknown ones of a method."""
    first, second = np.triu_indices(len(known), 1)
    free = ~known[first, second]
    first, second = first[free], second[free]
    found = []
    for score in scores.values():
        # Ties are broken at random.
        values = score[first, second] + 1e-9 * rng.random_sample(len(first))
        found.append(np.argpartition(-values, top)[:top])
    chosen = np.unique(np.concatenate(found))
    return np.column_stack([first[chosen], second[chosen]])


def lead(labels, ours, theirs):
    """Return both AUROCs and half of the 95 % interval of their difference (DeLong et al. 1988)."""
    from scipy.stats import rankdata

    def shares(scores):
        positive, negative = scores[labels == 1], scores[labels == 0]
        ranks = rankdata(np.concatenate([positive, negative]))
        above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
        below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
        return above, below

    (a, b), (c, d) = shares(ours), shares(theirs)
    variance = (a - c).var(ddof=1) / len(a) + (b - d).var(ddof=1) / len(b)
    return a.mean(), c.mean(), 1.96 * np.sqrt(variance)


def measure(name, seed, arguments):
    """Print one line."""
    from skperturb.datasets import make_gene_network
    from skperturb.interactions import GNEEmbedder

    n_genes, n_pairs = arguments.genes, arguments.interactions
    data = make_gene_network(
        n_genes, n_genes // 41, n_interactions=n_pairs, n_samples=2, random_state=seed, **NETWORKS[name]
    )
    position = {gene: k for k, gene in enumerate(data.genes)}
    pairs = np.array([[position[a], position[b]] for a, b in data.pairs])
    train, rng = pairs[: n_pairs // 2], np.random.RandomState(seed)
    known, truth = (np.zeros((n_genes, n_genes), dtype=bool) for _ in range(2))
    for table, listed in ((known, train), (truth, pairs)):
        table[listed[:, 0], listed[:, 1]] = table[listed[:, 1], listed[:, 0]] = True
    scores = proposing_scores(train, n_genes)
    tested = rng.permutation(proposals(scores, known, arguments.top, rng))
    labels = truth[tested[:, 0], tested[:, 1]]
    n_each = min(labels.sum(), (~labels).sum())
    chosen = np.concatenate([np.flatnonzero(labels)[:n_each], np.flatnonzero(~labels)[:n_each]])
    tested, labels = tested[chosen], labels[chosen].astype(int)
    start = time.process_time()
    model = GNEEmbedder(genes=np.arange(n_genes), random_state=0).fit(train)
    seconds = time.process_time() - start
    ours = model.decision_function(tested)
    both = [lead(labels, ours, scores[kind][tested[:, 0], tested[:, 1]]) for kind in ("l3", "l3-symmetric")]
    own, theirs, half = max(both, key=lambda row: row[1])
    print(
        f"{name}, seed {seed}: {len(tested)} pairs, GNEEmbedder {own:.4f}, paths of three {theirs:.4f}, "
        f"lead {own - theirs:+.4f} ± {half:.4f}; fit {seconds:.1f} CPU s",
        flush=True,
    )


def main():
    """Print one line for each network and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--networks", nargs="+", choices=[*NETWORKS], default=[*NETWORKS])
    parser.add_argument("--genes", type=int, default=2500)
    parser.add_argument("--interactions", type=int, default=30_000)
    parser.add_argument("--top", type=int, default=3000, help="proposals of each method")
    arguments = parser.parse_args()
    for name in arguments.networks:
        for seed in arguments.seeds:
            measure(name, seed, arguments)


if __name__ == "__main__":
    main()
