"""One epoch of GCNEnhancer through skorch against a hand-written loop on the same module and batches.

Run ``python benchmarks/bench_enhancer_training.py``. The two take turns, so that a change in the load of the machine
meets both; the ratio of the CPU time of the fastest epochs is printed, and is to stay below 1.15.
"""

import argparse
import time

import numpy as np
import torch

from skperturb._training import seeded_torch
from skperturb._validation import ensure_networks
from skperturb.networks import DynamoDistance, GCNEnhancer
from skperturb.networks._enhancer import rank_model
from skperturb.networks._enhancer.examples import make_examples


def simulated(n_networks: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return random sparse networks of 15 to 60 nodes and their sensitivities."""
    rng = np.random.default_rng(seed)
    networks = []
    for n_nodes in rng.integers(15, 60, size=n_networks):
        matrix = np.where(rng.random((n_nodes, n_nodes)) < 3 / n_nodes, rng.normal(size=(n_nodes, n_nodes)), 0.0)
        np.fill_diagonal(matrix, -3.0)
        networks.append(matrix)
    return networks, [np.abs(np.linalg.inv(np.eye(len(A)) - A)) for A in networks]


def main() -> None:
    """Print CPU seconds per epoch and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    X, y = simulated(arguments.networks)
    records = ensure_networks(X)
    params = GCNEnhancer(max_epochs=arguments.epochs, device="cpu").get_params()
    samples = make_examples(X, records, DynamoDistance(), "sign", params["kind"], y)
    seconds: dict[str, list[float]] = {"skorch": [], "loop": []}
    for _ in range(arguments.repeats):
        for name, train in (("skorch", through_skorch), ("loop", hand_written)):
            start = time.process_time()
            train(samples, params)
            seconds[name].append((time.process_time() - start) / arguments.epochs)
    best = {name: min(times) for name, times in seconds.items()}
    print(
        f"skorch {best['skorch']:.3f} s, loop {best['loop']:.3f} s per epoch, ratio {best['skorch'] / best['loop']:.3f}"
    )


def through_skorch(samples: list, params: dict) -> None:
    """Train as the estimator does."""
    rank_model.fit_rank_model(samples, None, params, 0)


def hand_written(samples: list, params: dict) -> None:
    """Train with the same module, batches, optimizer, schedule and gradient clipping."""
    dataset = rank_model._Networks(samples)
    with seeded_torch(0):
        module = rank_model.PairGCN(
            rank_model.NODE_FEATURES,
            rank_model.EDGE_FEATURES,
            rank_model.PAIR_FEATURES,
            params["hidden_dim"],
            params["n_layers"],
            params["dropout"],
        )
        loader = torch.utils.data.DataLoader(
            dataset, batch_size=params["batch_size"], shuffle=True, collate_fn=rank_model._collate
        )
        optimizer = torch.optim.Adam(module.parameters(), lr=params["lr"])
        n_steps = params["max_epochs"] * len(loader) + 1
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, params["lr"], total_steps=n_steps, pct_start=0.15)
        loss_of = rank_model.CorrelationLoss()
        for _ in range(params["max_epochs"]):
            for batch, target in loader:
                optimizer.zero_grad()
                loss = loss_of(module(**batch.inputs), target)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimizer.step()
                schedule.step()


if __name__ == "__main__":
    main()
