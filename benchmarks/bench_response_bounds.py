"""How far the kernel model could get on the mirrored screens: noise, more conditions, weights chosen on the answers.

    python benchmarks/bench_response_bounds.py [--data-home DIR] [--partitions 1] [--screens replogle nadig pairs ...]

Noise: the error of the model beside that of the truth itself, measured once with the noise of the screen. Curves: the
error on the same test conditions with a share of the training conditions. Weights: those of the kernels (genes, without
groups of responses) or the hyperparameters of the process (pairs), chosen on the errors of the tested conditions
themselves, which no method may do: what a better choice could gain at most. Genes are cut into five parts and pairs
into halves as in ``reproduce responses``, with the seeds 0, 1, …; curves of pairs draw 20 times with the seeds 0 to 19.
"""

from __future__ import annotations

import argparse
import warnings
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from skperturb.datasets import fetch_gene_graph, fetch_gene_terms, fetch_nadig2025, fetch_norman2019, fetch_replogle2022
from skperturb.model_selection import CombinationSplit, UnseenPerturbationSplit
from skperturb.responses import KernelPerturbationRegressor, PerturbationEncoder
from skperturb.responses._gene_tables import gene_edges
from skperturb.responses._kernels import gaussian_process as process
from skperturb.responses._kernels.gene_effects import _scaled
from skperturb.responses._kernels.gene_kernels import gene_kernels
from skperturb.responses._kernels.multiple_kernels import fit_with_squared_sum

_SHARES = (0.25, 0.4, 0.6, 0.8, 1.0)
_PAIRS = (20, 30, 40, 65, 80, 95, 118)
_GENES = {"replogle": fetch_replogle2022, "nadig": fetch_nadig2025, "norman": fetch_norman2019}


def norms(values: np.ndarray) -> np.ndarray:
    """Return the length of each row."""
    return np.linalg.norm(values, axis=1)


class Errors:
    """Mean errors by name, over the parts of all partitions."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, errors: np.ndarray) -> None:
        """Note the errors of one part."""
        self.values[name].append(float(np.mean(errors)))

    def show(self, title: str, baseline: str) -> None:
        """Print means, ratios to the baseline with the standard error over the parts, and scaled scores."""
        base, ceiling = (np.mean(self.values[name]) for name in (baseline, "a second measurement"))
        print(f"\n{title}; baseline: {baseline}, L2 {base:.3f}")
        for name, values in self.values.items():
            error, ratios = np.mean(values), 100 * (np.array(values) / self.values[baseline] - 1)
            change = f"{ratios.mean():+6.1f} % ± {ratios.std(ddof=1) / np.sqrt(len(ratios)):.1f}"
            print(f"  {name:42s} {error:6.3f} {change}  scaled {(base - error) / (base - ceiling):+.3f}")


def add_noise(found: Errors, variance: np.ndarray) -> None:
    """Note the error that the truth has, and that of a second measurement."""
    found.add("the truth, measured once", np.sqrt(variance))
    found.add("a second measurement", np.sqrt(2.0 * variance))


class Screen:
    """Doses, changes and noise of a mirrored screen."""

    def __init__(self, bunch: object) -> None:
        encoder = PerturbationEncoder().set_output(transform="pandas")
        self.X = encoder.fit_transform(bunch.data)
        self.y = bunch.target.set_axis(self.X.index)
        self.noise = bunch.noise_variance.to_numpy()


def best_weights(kernels: np.ndarray, target: np.ndarray, start: np.ndarray, rows: int) -> float:
    """Return the mean error of the last rows with the weights (and noise, the last) that make it smallest."""
    train, test = slice(0, rows), slice(rows, None)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.exp(x)
        kernel = np.tensordot(weights[:-1], kernels, axes=1)
        inverse = np.linalg.inv(kernel[train, train] + weights[-1] * np.eye(rows))
        dual = inverse @ target[train]
        missed = kernel[test, train] @ dual - target[test]
        size = norms(missed)
        outer = missed / size[:, None] / len(size)
        back = inverse @ (kernel[train, test] @ outer)
        by_cross, by_matrix = outer @ dual.T, -back @ dual.T
        slopes = [np.sum(k[test, train] * by_cross) + np.sum(k[train, train] * by_matrix) for k in kernels]
        return float(size.mean()), weights * np.array([*slopes, np.trace(by_matrix)])

    bounds = [(-9.0, 5.0)] * len(kernels) + [(-6.0, 3.0)]
    return float(minimize(loss, np.clip(start, -6.0, 3.0), jac=True, method="L-BFGS-B", bounds=bounds).fun)


def genes(name: str, screen: Screen, graph: pd.DataFrame, terms: pd.DataFrame, partitions: int) -> None:
    """Print the bounds of genes that were never perturbed."""
    found, curve = Errors(), defaultdict(list)
    single = (screen.X != 0).sum(axis=1).to_numpy() == 1
    X = screen.X[single].loc[:, lambda table: (table != 0).any()]
    y, noise = screen.y[single], screen.noise[single]
    source = gene_kernels({"GO terms": terms}, gene_edges(graph, "use"), X.columns)
    gene = X.to_numpy().argmax(axis=1)
    for seed in range(partitions):
        for train, test in UnseenPerturbationSplit(5, random_state=seed).split(X):
            truth, mean = y.to_numpy()[test], y.to_numpy()[train].mean(axis=0)
            found.add("mean", norms(truth - mean))
            order = np.random.default_rng(seed).permutation(train)
            for share in _SHARES:
                rows = np.sort(order[: round(share * len(train))])
                model = KernelPerturbationRegressor(graph=graph, gene_features={"GO terms": terms})
                model.fit(X.iloc[rows], y.iloc[rows])
                error = norms(truth - model.predict(X.iloc[test]))
                curve[len(rows)].append(error.mean() / norms(truth - mean).mean())
            found.add("model", error)
            named = _scaled(source, gene[train], X.shape[1])
            squared, fit = fit_with_squared_sum(named, y.to_numpy()[train], items=gene[train], alone=("constant",))
            found.add("kernels alone", norms(truth - fit.predict(_cross(squared, fit, gene[test]))))
            items = gene[np.r_[train, test]]
            start = np.log(np.r_[fit.weights, fit.noise])
            kernels = np.stack(list(squared.blocks(items, items)))
            best = best_weights(kernels, y.to_numpy()[np.r_[train, test]], start, len(train))
            found.add("kernels alone, weights chosen on the test", np.array([best]))
            add_noise(found, noise[test])
    found.show(f"{name}, new genes", "mean")
    print(
        "  training genes, against the mean:",
        "  ".join(f"{n} {100 * np.mean(v) - 100:+.1f} %" for n, v in curve.items()),
    )


def _cross(squared: object, fit: object, genes_: np.ndarray) -> np.ndarray:
    return np.tensordot(fit.weights, np.stack(list(squared.blocks(genes_, fit.items))), axes=1)


def best_hyperparameters(X: np.ndarray, target: np.ndarray, effects: np.ndarray, missed: Callable) -> float:
    """Return the smallest error on the test that any hyperparameters of the process have."""
    model = process.best_gaussian_process(X, target, effects)

    def loss(theta: np.ndarray) -> float:
        model._theta = theta
        model._finish(target)
        return float(missed(model).mean())

    bounds = [process._BOUNDS] * len(model._theta)
    return float(minimize(loss, model._theta, method="L-BFGS-B", bounds=bounds, options={"maxiter": 20}).fun)


def pairs(screen: Screen, partitions: int) -> None:
    """Print the bounds of pairs whose genes were perturbed alone."""
    found, curve = Errors(), defaultdict(list)
    X, y = screen.X.to_numpy(), screen.y.to_numpy()
    double = (X != 0).sum(axis=1) == 2
    effects = np.zeros((X.shape[1], y.shape[1]))
    effects[X[~double].argmax(axis=1)] = y[~double]
    rest = y - X @ effects

    def fitted(rows: np.ndarray) -> process.InteractionGaussianProcess:
        return process.best_gaussian_process(X[rows], rest[rows], effects)

    for seed in range(partitions):
        for rows, test in CombinationSplit(5, random_state=seed).split(screen.X):
            train = rows[double[rows]]
            found.add("addition", norms(rest[test]))
            found.add("model", norms(rest[test] - fitted(train).predict(X[test])))
            best = best_hyperparameters(
                X[train], rest[train], effects, lambda model, test=test: norms(rest[test] - model.predict(X[test]))
            )
            found.add("hyperparameters chosen on the test", np.array([best]))
            add_noise(found, screen.noise[test])
    found.show("Norman, new pairs", "addition")
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(np.flatnonzero(double))
        test, train = order[:13], order[13:]
        for n_pairs in _PAIRS:
            curve[n_pairs].append(norms(rest[test] - fitted(train[:n_pairs]).predict(X[test])).mean())
    print("  training pairs, L2:", "  ".join(f"{n} {np.mean(v):.3f}" for n, v in curve.items()))


def main() -> None:
    """Print the bounds of the chosen screens."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", metavar="DIR", help="default: SKPERTURB_DATA, else ~/skperturb_data")
    parser.add_argument("--partitions", type=int, default=1, metavar="N")
    parser.add_argument("--screens", nargs="+", choices=[*_GENES, "pairs"], default=[*_GENES, "pairs"])
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "[0-9]+ of [0-9]+ perturbed genes are not in", UserWarning)
    home = arguments.data_home
    graph, terms = fetch_gene_graph(home), fetch_gene_terms(home)
    for name in arguments.screens:
        if name == "pairs":
            pairs(Screen(fetch_norman2019(home)), arguments.partitions)
        else:
            genes(name.capitalize(), Screen(_GENES[name](home)), graph, terms, arguments.partitions)


if __name__ == "__main__":
    main()
