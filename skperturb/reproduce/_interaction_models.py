"""The models of the interactions table, by the names that the command line takes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from skperturb.interactions import (
    AdamicAdar,
    CommonNeighbors,
    DegreeProduct,
    ExpressionCorrelation,
    GNEEmbedder,
    IsomapGeneEmbedder,
    JaccardIndex,
    L3Paths,
    LINEGeneEmbedder,
    Node2VecGeneEmbedder,
    ResourceAllocation,
    SpectralGeneEmbedder,
)

from ._expression_neighbors import ExpressionNeighbors
from ._options import check_names

__all__ = ["MODELS", "QUICK_MODELS", "build_model", "model_names", "needs_expression"]

_BASELINES: dict[str, Callable[..., Any]] = {
    "degree": DegreeProduct,
    "common": CommonNeighbors,
    "adamic-adar": AdamicAdar,
    "resource": ResourceAllocation,
    "jaccard": JaccardIndex,
    "l3": L3Paths,
    "l3-degree": lambda expression=None, **common: L3Paths(expression, normalization="degree", **common),
    "l3-symmetric": lambda expression=None, **common: L3Paths(expression, normalization="symmetric", **common),
    "svd": SpectralGeneEmbedder,
    "isomap": IsomapGeneEmbedder,
    "line": LINEGeneEmbedder,
    "node2vec": Node2VecGeneEmbedder,
}


def _with_expression(build: Callable[..., Any]) -> Callable[..., Any]:
    return lambda expression, **common: build(expression, **common)


def _without_expression(build: Callable[..., Any]) -> Callable[..., Any]:
    return lambda expression, **common: build(None, **common)


def _permuted(expression: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Give each gene the expression of another one."""
    order = np.random.RandomState(seed).permutation(len(expression))
    return pd.DataFrame(expression.to_numpy()[order], index=expression.index, columns=expression.columns)


def _noise(expression: pd.DataFrame, seed: int) -> pd.DataFrame:
    values = np.random.RandomState(seed).standard_normal(expression.shape)
    return pd.DataFrame(values, index=expression.index, columns=expression.columns)


def _control(build: Callable[..., Any], change: Callable[[pd.DataFrame, int], pd.DataFrame]) -> Callable[..., Any]:
    return lambda expression, **common: build(change(expression, common["random_state"]), **common)


def _published(expression: Any = None, **common: Any) -> GNEEmbedder:
    return GNEEmbedder.published(expression, **{key: value for key, value in common.items() if key != "negatives"})


def _lookup(expression: Any = None, **common: Any) -> GNEEmbedder:
    return GNEEmbedder(expression, encoder="lookup", pair_features="native", **common)


def _default(expression: Any = None, **common: Any) -> GNEEmbedder:
    return GNEEmbedder(expression, **common)


#: Name -> function of (expression, **common parameters). Names that end with "+" and the controls use expression.
MODELS: dict[str, Callable[..., Any]] = {
    **{name: _without_expression(build) for name, build in _BASELINES.items()},
    **{f"{name}+": _with_expression(build) for name, build in _BASELINES.items()},
    "correlation+": ExpressionCorrelation,
    "neighbors+": ExpressionNeighbors,
    "gne-published": _without_expression(_published),
    "gne-published+": _with_expression(_published),
    "gne-published-permuted": _control(_published, _permuted),
    "gne-published-noise": _control(_published, _noise),
    "gne-lookup": _without_expression(_lookup),
    "gne-lookup+": _with_expression(_lookup),
    "gne-lookup-permuted": _control(_lookup, _permuted),
    "gne-lookup-noise": _control(_lookup, _noise),
    "gne": _without_expression(_default),
    "gne+": _with_expression(_default),
    "gne-permuted": _control(_default, _permuted),
    "gne-noise": _control(_default, _noise),
}

#: What runs by default besides our model and the paper's: the baselines that each table has to show.
QUICK_MODELS = (
    "degree",
    "common",
    "adamic-adar",
    "resource",
    "jaccard",
    "l3",
    "l3-degree",
    "l3-symmetric",
    "svd",
    "correlation+",
    "gne-published",
    "gne-published+",
    "gne-published-permuted",
    "gne-published-noise",
    "gne",
)


def needs_expression(name: str) -> bool:
    """Tell whether a model uses expression."""
    return name.endswith(("+", "-permuted", "-noise"))


def model_names(models: Any, has_expression: bool) -> list[str]:
    """Return the models to run: those asked for, or the default ones that the data allow.

    Parameters
    ----------
    models : sequence of str or None
    has_expression : bool

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name is unknown, or needs expression that is not there.
    """
    if models is None:
        return [name for name in QUICK_MODELS if has_expression or not needs_expression(name)]
    check_names(list(models), MODELS, "models")
    for name in models:
        if needs_expression(name) and not has_expression:
            raise ValueError(f"models names {name!r}, which needs expression; pass expression, or leave it out.")
    return list(models)


def build_model(name: str, expression: pd.DataFrame | None, genes: Any, seed: int, device: str = "auto") -> Any:
    """Return an unfitted model of the table."""
    common = {"genes": genes, "unknown": "zero", "random_state": seed}
    model = MODELS[name](expression, **common)
    return model.set_params(device=device) if isinstance(model, GNEEmbedder | LINEGeneEmbedder) else model
