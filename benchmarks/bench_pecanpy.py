"""CPU seconds and AUROC of PecanPy's node2vec beside the default GNEEmbedder, on one split of a network.

    python -m venv pecan && pecan/bin/pip install pecanpy "numpy<2"
    python benchmarks/bench_pecanpy.py --pecanpy pecan/bin/python [--edges FILE] [--seed 0] [--skip-gne]

PecanPy asks for NumPy below 2, so it runs in an environment of its own: it reads the training graph as an edge list and
writes vectors. Its pairs are Hadamard products behind a logistic regression, as in the paper. Both use one thread.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperturb.interactions import GNEEmbedder
from skperturb.model_selection import link_prediction_split, sample_negative_pairs
from skperturb.reproduce._interaction_data import load_data

PECANPY = """
import resource, sys, time
import numpy as np
from pecanpy import pecanpy

# Compiled once before the clock starts.
for path in sys.argv[1:3]:
    start = time.process_time()
    graph = pecanpy.SparseOTF(p=1, q=1, workers=1, verbose=False)
    graph.read_edg(path, weighted=False, directed=False)
    vectors = graph.embed(dim=128, num_walks=10, walk_length=80, window_size=10, epochs=1)
    seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
np.savez(sys.argv[3], names=np.array(graph.nodes), vectors=vectors, seconds=seconds, peak=peak)
"""

SCIKIT_NETWORK = """
import resource, sys, time
import numpy as np
import scipy.sparse as sp
from sknetwork.embedding import GSVD

start = time.process_time()
pairs = np.loadtxt(sys.argv[2], dtype=int, delimiter="\\t")
names, position = np.unique(pairs, return_inverse=True)
row, column = position.reshape(-1, 2).T
graph = sp.csr_matrix((np.ones(2 * len(row)), (np.r_[row, column], np.r_[column, row])))
vectors = GSVD(16).fit_transform(graph)
seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
np.savez(sys.argv[3], names=names, vectors=vectors, seconds=seconds, peak=peak)
"""


def peer_vectors(python, script, pairs, n_genes):
    """Return a peer's vectors of the genes (zeros where a gene has no interaction), its CPU seconds and gigabytes."""
    with tempfile.TemporaryDirectory() as folder:
        small, edges, result = (Path(folder) / name for name in ("small.edg", "train.edg", "vectors.npz"))
        np.savetxt(small, [[0, 1], [1, 2]], fmt="%d", delimiter="\t")
        np.savetxt(edges, pairs, fmt="%d", delimiter="\t")
        subprocess.run([python, "-c", script, small, edges, result], check=True)
        found = np.load(result)
        vectors = np.zeros((n_genes, found["vectors"].shape[1]))
        vectors[found["names"].astype(int)] = found["vectors"]
        return vectors, float(found["seconds"]), float(found["peak"])


def show(name, scores, tests, seconds):
    """Print AUROC and average precision against each kind of negatives."""
    cells = []
    for kind, (pairs, labels) in tests.items():
        values = scores(pairs)
        cells.append(f"{kind} {roc_auc_score(labels, values):.4f} / {average_precision_score(labels, values):.4f}")
    print(f"{name}: {', '.join(cells)}; fit {seconds:.1f} CPU s", flush=True)


def main():
    """Print one line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pecanpy", required=True, help="python of the environment that has PecanPy")
    parser.add_argument("--edges", help="edge list; by default E. coli")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-gne", action="store_true")
    arguments = parser.parse_args()
    data = load_data(arguments.edges)
    split = link_prediction_split(data.pairs, genes=data.genes, random_state=arguments.seed)
    positives = split.X_test[split.y_test == 1]
    matched = sample_negative_pairs(
        data.pairs, len(positives), strategy="degree", genes=data.genes, ends=positives, random_state=arguments.seed
    )
    labels = np.repeat([1, 0], [len(positives), len(matched)])
    tests = {"uniform": (split.X_test, split.y_test), "degree": (np.concatenate([positives, matched]), labels)}
    number = {gene: k for k, gene in enumerate(data.genes)}

    def locate(pairs):
        return np.array([[number[a], number[b]] for a, b in pairs])

    train = locate(split.X_train)
    vectors, seconds, _ = peer_vectors(arguments.pecanpy, PECANPY, train[split.y_train == 1], len(data.genes))

    def products(positions):
        return vectors[positions[:, 0]] * vectors[positions[:, 1]]

    start = time.process_time()
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(products(train), split.y_train)
    seconds += time.process_time() - start
    show("PecanPy", lambda pairs: head.decision_function(products(locate(pairs))), tests, seconds)
    if not arguments.skip_gne:
        start = time.process_time()
        model = GNEEmbedder(genes=data.genes, unknown="zero", random_state=arguments.seed)
        model.fit(split.X_train, split.y_train)
        show("GNEEmbedder", model.decision_function, tests, time.process_time() - start)


if __name__ == "__main__":
    main()
