"""Every public estimator with inputs that fit it: to put one under the contract, add one line to `REGISTRY`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.utils.estimator_checks import estimator_checks_generator

from skperturb import interactions, networks, responses, sbml
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
from skperturb.networks import (
    DynamoDistance,
    DynamoFirstNeighbor,
    DynamoPropagation,
    GCNEnhancer,
    InfluenceNetwork,
    StructuralSensitivity,
)
from skperturb.responses import (
    AdditiveRegressor,
    APPRegressor,
    ContextMean,
    KernelPerturbationRegressor,
    LinearPerturbationRegressor,
    OtherContextsMean,
    PerturbationEncoder,
)
from skperturb.sbml import Intervention, InterventionTransformer, JacobianExtractor
from skperturb.testing import check_name, contract_checks

__all__ = [
    "ARRAYS",
    "BATCHES",
    "MODELS",
    "NETWORKS",
    "REGISTRY",
    "Inputs",
    "cases",
    "need_optional",
    "public_estimators",
]


@dataclass(frozen=True)
class Inputs:
    """What an estimator is fitted to, and the checks that ask for something else, each with the reason.

    Without samples, the estimator takes two-dimensional arrays and undergoes scikit-learn's own checks, less those that
    are exempt.
    """

    X: Any = None
    y: Any = None
    exempt: Mapping[str, str] = field(default_factory=dict)

    def checks(self, estimator: Any) -> Iterator[Any]:
        """Yield every check, each a function of the estimator alone."""
        if self.X is None:
            checks = [check for _, check in estimator_checks_generator(estimator)]
            yield from (check for check in checks if check_name(check) not in self.exempt)
        else:
            checks = contract_checks(estimator, self.X, self.y)
            yield from (check for check in checks if check_name(check) not in self.exempt)


def _networks() -> Inputs:
    rng = np.random.RandomState(0)
    values = [rng.choice([-1.0, 0.0, 0.5], size=(n, n)) for n in (3, 5, 4, 5)]
    X = [values[0], InfluenceNetwork(values[1], model_id="m"), sp.csr_array(values[2]), values[3]]
    return Inputs(X, [rng.normal(size=(n, n)) for n in (3, 5, 4, 5)])


def _pathway(n_species: int) -> str:
    """A linear pathway with constant influx: dx_0/dt = 1 - x_0, dx_k/dt = x_(k-1) - x_k."""
    species = [f"s{k}" for k in range(n_species)]
    head = '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core"'
    head += f' level="3" version="1"><model id="pathway{n_species}"><listOfCompartments>'
    head += '<compartment id="cell" size="1" constant="true" spatialDimensions="3"/></listOfCompartments>'
    listed = "".join(
        f'<species id="{s}" compartment="cell" initialConcentration="0.5" boundaryCondition="false"'
        ' constant="false" hasOnlySubstanceUnits="false"/>'
        for s in species
    )
    reactions = _reaction("influx", None, species[0])
    for source, target in zip(species, [*species[1:], None], strict=True):
        reactions += _reaction(f"from_{source}", source, target)
    return f"{head}<listOfSpecies>{listed}</listOfSpecies><listOfReactions>{reactions}</listOfReactions></model></sbml>"


def _reaction(name: str, source: str | None, target: str | None) -> str:
    def side(kind: str, species: str | None) -> str:
        reference = f'<speciesReference species="{species}" stoichiometry="1" constant="true"/>'
        return f"<listOf{kind}>{reference}</listOf{kind}>" if species else ""

    factors = "<apply><times/><ci> cell </ci>" + (f"<ci> {source} </ci>" if source else "<cn> 1 </cn>") + "</apply>"
    law = f'<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">{factors}</math></kineticLaw>'
    sides = side("Reactants", source) + side("Products", target)
    return f'<reaction id="{name}" reversible="false" fast="false">{sides}{law}</reaction>'


_ROWS = {"check_returns_object_array": "the result for a sample is a row of numbers, not a matrix"}


def _pairs() -> tuple[Inputs, pd.DataFrame]:
    """Pairs of genes with labels, and expression of these genes."""
    rng = np.random.RandomState(0)
    X = [(f"g{i}", f"g{j}") for i in range(12) for j in range(i) if rng.rand() < 0.6]
    y = (rng.rand(len(X)) < 0.6).astype(int).tolist()
    genes = sorted({gene for pair in X for gene in pair})
    return Inputs(X, y, _ROWS), pd.DataFrame(rng.normal(size=(len(genes), 4)), index=pd.Index(genes))


NETWORKS = _networks()
MODELS = Inputs([_pathway(n) for n in (2, 4, 3)])
MODEL_ROWS = Inputs(MODELS.X, exempt=_ROWS)
PAIRS, EXPRESSION = _pairs()
CONDITIONS = Inputs(["a", "b", "control", "a+b", "c"], exempt=_ROWS)
ARRAYS = Inputs()
# A repeated row stands in other batches than a row of twice the weight, and rounding in float32 is 1e-7 at best.
BATCHES = Inputs(
    exempt={
        f"check_sample_weight_equivalence_on_{kind}_data": "networks draw batches, in float32"
        for kind in ("dense", "sparse")
    }
)

_QUICK = {"max_epochs": 2, "device": "cpu", "random_state": 0}
_GNE = _QUICK | {"n_components": 3, "n_folds": 2}
_APP = {"max_epochs": 2, "hidden_dim": 4}

REGISTRY: list[tuple[Any, Inputs]] = [
    (JacobianExtractor(), MODELS),
    (InterventionTransformer([Intervention(scale={"influx": 2.0})], species=["s0", "s1"]), MODEL_ROWS),
    (DynamoDistance(), NETWORKS),
    (DynamoDistance(directed=False, sources=[0, 2]), NETWORKS),
    (DynamoPropagation(), NETWORKS),
    (DynamoPropagation(directed=False), NETWORKS),
    (DynamoFirstNeighbor(), NETWORKS),
    (DynamoFirstNeighbor(signed=False), NETWORKS),
    (StructuralSensitivity(n_draws=5), NETWORKS),
    (GCNEnhancer(hidden_dim=4, n_layers=1, max_epochs=1, n_models=1, random_state=0), NETWORKS),
    (GCNEnhancer.published(graph="full", max_epochs=2, random_state=0), NETWORKS),
    (AdamicAdar(random_state=0), PAIRS),
    (CommonNeighbors(random_state=0), PAIRS),
    (DegreeProduct(random_state=0), PAIRS),
    (JaccardIndex(random_state=0), PAIRS),
    (L3Paths(random_state=0), PAIRS),
    (ResourceAllocation(random_state=0), PAIRS),
    (ExpressionCorrelation(EXPRESSION, random_state=0), PAIRS),
    (SpectralGeneEmbedder(n_components=2, random_state=0), PAIRS),
    (IsomapGeneEmbedder(n_components=2, random_state=0), PAIRS),
    (LINEGeneEmbedder(n_components=4, **_QUICK), PAIRS),
    (Node2VecGeneEmbedder(n_components=2, n_walks=2, walk_length=5, random_state=0), PAIRS),
    (GNEEmbedder(**_GNE), PAIRS),
    (GNEEmbedder(**_GNE, pair_features="hadamard", encoder="lookup", loss="sampled_softmax"), PAIRS),
    (PerturbationEncoder(), CONDITIONS),
    (AdditiveRegressor(), ARRAYS),
    (AdditiveRegressor(shrinkage="auto", fit_intercept=True), ARRAYS),
    (AdditiveRegressor(dose_response="saturating"), ARRAYS),
    (LinearPerturbationRegressor(), ARRAYS),
    (ContextMean(), ARRAYS),
    (OtherContextsMean(), ARRAYS),
    (KernelPerturbationRegressor(max_iter=3), ARRAYS),
    (KernelPerturbationRegressor(baseline=AdditiveRegressor(), max_iter=2, robust=False), ARRAYS),
    (APPRegressor(**_APP, baseline=KernelPerturbationRegressor(max_iter=3), n_models=2), ARRAYS),
    (APPRegressor(**_APP, baseline="additive", embedding="random", decoder="mlp", n_models=1), BATCHES),
]

# What an estimator needs that the package does not require; its checks are skipped, by name, without it.
_OPTIONAL = {"Node2VecGeneEmbedder": "gensim"}


def cases() -> list[Any]:
    """Return one parameter ``(estimator, check)`` for each check of each estimator of the registry."""
    return [
        pytest.param(estimator, check, id=f"{k:02d}-{type(estimator).__name__}-{check_name(check)}")
        for k, (estimator, inputs) in enumerate(REGISTRY)
        for check in inputs.checks(estimator)
    ]


def need_optional(estimator: Any) -> None:
    """Skip the test if the estimator needs a package that is not installed."""
    if type(estimator).__name__ in _OPTIONAL:
        pytest.importorskip(_OPTIONAL[type(estimator).__name__])


def public_estimators() -> dict[str, type]:
    """Return the estimator classes that the domain packages name in ``__all__``."""
    found = {}
    for module in (sbml, networks, interactions, responses):
        for name in module.__all__:
            public = getattr(module, name)
            if isinstance(public, type) and hasattr(public, "fit") and hasattr(public, "get_params"):
                found[name] = public
    return found
