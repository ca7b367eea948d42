"""Seconds of an epoch of the published GNEEmbedder through skorch against a loop written by hand.

    python benchmarks/bench_gne_training.py [--genes 4511] [--interactions 59000] [--epochs 2] [--rounds 3]

The same module, loss, optimiser and batches; CPU seconds, the smallest of the rounds, both in one process by turns.
"""

import argparse
import time

import numpy as np
import torch

from skperturb._pairs import symmetric_graph
from skperturb._training import TensorBatches, fit_net
from skperturb.interactions._edge_training import EdgeBatches, PairLoss
from skperturb.interactions._gne.module import GNENetwork


def build(graph, expression):
    """Return the network of the published preset."""
    return GNENetwork(
        graph.astype(np.float32),
        expression,
        encoder="lookup",
        n_components=128,
        n_layers=1,
        dropout=0.5,
        attribute_weight=1.0,
        loss="sampled_softmax",
        n_negatives=10,
        candidate_weights=np.ones(graph.shape[0]),
    )


def through_skorch(graph, expression, edges, epochs):
    """Train as `GNEEmbedder` does."""
    fit_net(
        lambda: build(graph, expression),
        EdgeBatches(edges),
        criterion=PairLoss,
        lr=0.005,
        max_epochs=epochs,
        batch_size=256,
        device="cpu",
        random_state=0,
        iterator_train=TensorBatches,
        iterator_train__shuffle=True,
        optimizer__fused=True,
    )


def by_hand(graph, expression, edges, epochs):
    """Train with nothing but torch."""
    torch.manual_seed(0)
    module, loss = build(graph, expression), PairLoss()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.005, fused=True)
    edges = torch.from_numpy(edges)
    for _ in range(epochs):
        for batch in torch.randperm(len(edges)).split(256):
            source, target = edges[batch].unbind(-1)
            optimizer.zero_grad()
            value = loss(module(source, target), None)
            value.backward()
            optimizer.step()


def main():
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=4511)
    parser.add_argument("--interactions", type=int, default=59_000)
    parser.add_argument("--samples", type=int, default=278)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rng = np.random.RandomState(0)
    pairs = rng.randint(arguments.genes, size=(arguments.interactions, 2))
    graph = symmetric_graph(pairs[pairs[:, 0] != pairs[:, 1]], arguments.genes)
    expression = rng.standard_normal((arguments.genes, arguments.samples))
    sources = np.repeat(np.arange(arguments.genes), np.diff(graph.indptr))
    edges = np.column_stack([sources, graph.indices]).astype(np.int64)
    seconds = {through_skorch: [], by_hand: []}
    for _ in range(arguments.rounds):
        for train, taken in seconds.items():
            start = time.process_time()
            train(graph, expression, edges, arguments.epochs)
            taken.append((time.process_time() - start) / arguments.epochs)
    ours, plain = min(seconds[through_skorch]), min(seconds[by_hand])
    print(f"{len(edges)} directed edges: skorch {ours:.2f} s, by hand {plain:.2f} s an epoch, ratio {ours / plain:.3f}")


if __name__ == "__main__":
    main()
