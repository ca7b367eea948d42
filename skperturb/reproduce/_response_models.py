"""The models that ``reproduce responses`` compares."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.dummy import DummyRegressor

from ..responses import (
    AdditiveRegressor,
    APPRegressor,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
)
from ._response_data import Screen, degrade_graph

__all__ = ["models_for"]

_ABLATIONS: dict[str, dict[str, Any]] = {
    "random embedding": {"embedding": "random"},
    "identity embedding": {"embedding": "identity"},
    "no attention": {"attention": False},
    "MLP decoder": {"decoder": "mlp"},
}


def models_for(
    task: str, screen: Screen, *, ablations: bool = False, degradation: bool = False
) -> dict[str, Callable[[int], Any]]:
    """Return the models by name, each a function of the seed; baselines first.

    Parameters
    ----------
    task : {"double", "single"}
    screen : Screen
    ablations : bool, default=False
        Add the four ablations of the published architecture.
    degradation : bool, default=False
        Add the published architecture on graphs with 10 to 50 % of the edges removed or added.
    """
    models: dict[str, Callable[[int], Any]] = {
        "no change": lambda seed: DummyRegressor(strategy="constant", constant=np.zeros(screen.y.shape[1])),
        "mean": lambda seed: DummyRegressor(),
    }
    known: dict[str, Any] = {"graph": screen.graph, "gene_features": screen.features or None}
    if task == "double":
        models |= {
            "additive": lambda seed: AdditiveRegressor(),
            "scaled additive": lambda seed: AdditiveRegressor(shrinkage="auto"),
            "scaled additive, intercept": lambda seed: AdditiveRegressor(shrinkage="auto", fit_intercept=True),
            "linear": lambda seed: LinearPerturbationRegressor(),
            "kernel": lambda seed: KernelPerturbationRegressor(),
            "APP": lambda seed: APPRegressor(random_state=seed),
            "APP on scaled additive": lambda seed: APPRegressor(baseline="scaled_additive", random_state=seed),
        }
    else:
        models |= _single_models(screen, known)
    published = partial(_published, screen)
    models["APP published"] = published
    if ablations:
        models |= {f"APP published, {name}": partial(published, **changes) for name, changes in _ABLATIONS.items()}
    if degradation and screen.graph is not None:
        for percent in (-50, -30, -10, 10, 30, 50):
            models[f"APP published, edges {percent:+d} %"] = partial(_published_degraded, screen, percent / 100)
    return models


def _single_models(screen: Screen, known: dict[str, Any]) -> dict[str, Callable[[int], Any]]:
    models: dict[str, Callable[[int], Any]] = {}
    networks_only: dict[str, Any] = {"graph": screen.graph, "gene_features": _first(screen.features)}
    first = next(iter(screen.features), "GO terms")
    short = first.removesuffix(" terms")
    if screen.features:
        embedding = _embedding(next(iter(screen.features.values())))
        models[f"linear, {short} embedding"] = lambda seed: LinearPerturbationRegressor(
            perturbation_embedding=embedding
        )
        models[f"kernel, {first}"] = lambda seed: KernelPerturbationRegressor(gene_features=_first(screen.features))
    models[f"kernel, networks and {short}"] = lambda seed: KernelPerturbationRegressor(**networks_only)
    if len(screen.features) > 1:
        models["kernel, and other screen"] = lambda seed: KernelPerturbationRegressor(**known)
    models["APP"] = lambda seed: APPRegressor(**known, random_state=seed)
    return models


def _first(features: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame] | None:
    return dict(list(features.items())[:1]) or None


def _embedding(table: pd.DataFrame) -> pd.DataFrame:
    # A table of a user's own may have fewer columns.
    n_components = min(32, min(table.shape) - 1) or 1
    values = TruncatedSVD(n_components, random_state=0).fit_transform(table.to_numpy(dtype=float))
    return pd.DataFrame(values, index=table.index)


def _published(screen: Screen, seed: int, **changes: Any) -> APPRegressor:
    return APPRegressor.published(screen.graph, _first(screen.features), random_state=seed, **changes)


def _published_degraded(screen: Screen, fraction: float, seed: int) -> APPRegressor:
    assert screen.graph is not None
    graph = degrade_graph(screen.graph, fraction, seed)
    return APPRegressor.published(graph, _first(screen.features), random_state=seed)
